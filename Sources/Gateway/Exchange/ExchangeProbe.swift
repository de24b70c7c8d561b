import Bytes
import HTTP

/// `settle: first` at a server of tools: whom it does not let in, or whose session is over, must not pay to be told so.
extension Exchange {
    /// Its id is no other request's: servers keep the streams of a session by it.
    private static func ping() -> ByteBuffer {
        // Linux's generator is the kernel's getrandom.
        var random = SystemRandomNumberGenerator()
        var text = ByteBuffer(capacity: 96)
        text.append(string: #"{"jsonrpc":"2.0","id":"farebox-\#(random.next())","method":"ping"}"#)
        return text
    }

    /// Asks the upstream what costs nothing, with the caller's own fields; a refusal is the caller's answer.
    func probeUpstream() -> Progress {
        guard let message, let purchase, let upstream else { preconditionFailure("a call is probed for") }
        if let fault = upstreamFault { return answerUndelivered(purchase, fault) }
        if answerIsWhole {
            timer.cancel()
            answerIsWhole = false
            triedAgain = false
            record.upstreamStartedNanoseconds = 0
            record.upstreamFirstByteNanoseconds = 0
            // Of the call itself nothing has been written.
            purchase.requestBytesWritten = false
            guard purchase.holdsAnswer else {
                stage = .admitting
                return .ready
            }
            record.outcome = .void
            beginHeldAnswer(purchase)
            return .ready
        }
        if message.isProbed { return .pending }
        message.isProbed = true
        ask(upstream)
        return .pending
    }

    private func ask(_ upstream: Upstream) {
        record.upstreamStartedNanoseconds = worker.loop.nowNanoseconds
        if !triedAgain { armTotal(upstream) }
        let connection = upstream.pool.take(
            for: self, answering: head.method, deadlines: upstream.deadlines, fresh: triedAgain, mayRepeat: true)
        self.connection = connection
        let ping = Exchange.ping()
        writeRequestHead(upstream, probing: ping.count)
        connection.send(out.readable, ping.readable)
        out.clear()
        connection.requestEnded()
    }

    /// 401 and 403 are of authorization (RFC 9110 §15.5.2, §15.5.4); 404 says that a session is over (Model Context
    /// Protocol, Streamable HTTP, session management).
    func probeAnswered(_ head: ResponseHead) {
        let isOver = head.statusCode == 404 && message?.session != nil
        guard let purchase, head.statusCode == 401 || head.statusCode == 403 || isOver else { return }
        record.status = head.statusCode
        hold(head, purchase)
    }

    func probeFailed(_ fault: ClientFault) {
        if let connection, let upstream, wasClosedWhileIdle(connection, fault) {
            self.connection = nil
            triedAgain = true
            return ask(upstream)
        }
        connection = nil
        upstreamFault = fault
        advance()
    }
}
