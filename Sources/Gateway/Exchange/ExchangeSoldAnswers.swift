import Bytes
import Digests
import MCP

/// What is sold is its buyer's, on whatever stream it comes.
extension Exchange {
    /// How long a response on a stream waits for sold calls of other sessions under its id, in nanoseconds: the answer of one of
    /// them reaches its call in the same moment.
    private static var othersNanoseconds: UInt64 { 1_000_000_000 }

    /// An answer that costs something has come.
    func noteSold(_ text: UnsafeRawBufferPointer, _ answer: CallAnswer) {
        let digest = SHA256.hash(text)
        answer.digest = digest
        worker.services.toolSessions.sold(digest, paidIn: purchase?.isPaid == true ? message?.session : nil)
    }

    /// It is paid for, or costs nothing after all.
    func letHear(_ answer: CallAnswer, _ message: ToolMessage) {
        guard let digest = answer.digest, let session = message.session else { return }
        worker.services.toolSessions.sold(digest, paidIn: session)
    }

    /// Whether a response may pass on a stream that a client opened by GET.
    func verdict(
        _ response: MCP.Answer, _ text: UnsafeRawBufferPointer, _ listening: Listening
    ) -> ToolSessions.Verdict {
        guard let session = listening.session else { return response.isErrorWithoutID ? .passes : .withheld }
        let now = worker.loop.nowNanoseconds
        let since = listening.waitingSinceNanoseconds ?? now
        let verdict = worker.services.toolSessions.verdict(
            session: session, response, digest: SHA256.hash(text), isLate: now - since > Exchange.othersNanoseconds,
            isResumed: listening.isResumed)
        listening.waitingSinceNanoseconds = verdict == .underWay ? since : nil
        return verdict
    }
}
