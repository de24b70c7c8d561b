import Bytes
import EventLoop
import HTTP

/// `settle: after`: an answer that will be charged waits, whole, until it is.
extension Exchange {
    func hold(_ head: ResponseHead, _ purchase: Purchase) {
        let limits = worker.limits
        // What is to be kept with the claim passes through memory anyway.
        let memoryBytes = max(limits.heldAnswerMemoryBytes, storedBytesAtMost)
        purchase.hold(in: spill(memoryBytes: memoryBytes, atMost: limits.heldAnswerBytes))
        keepHead(head, purchase)
    }

    /// The head waits for its answer.
    func keepHead(_ head: ResponseHead, _ purchase: Purchase) {
        purchase.answerStatus = head.statusCode
        purchase.heldHead.append("HTTP/1.1 ")
        purchase.heldHead.append(decimal: head.statusCode)
        purchase.heldHead.append(byte: 0x20)
        purchase.heldHead.append(head.bytes(of: head.reason))
        purchase.heldHead.append("\r\n")
        purchase.heldStatusLineBytes = purchase.heldHead.count
        head.appendFields(except: Exchange.notHeld(head), to: &purchase.heldHead)
        purchase.heldHasBody = head.framing != .none
        purchase.heldIsCoded = head.fields.contains(.contentEncoding)
        purchase.heldAllowsOrigin = head.fields.contains(.accessControlAllowOrigin)
    }

    /// Fields that are of the upstream's hop, or that the gateway says itself when the answer goes out.
    static func notHeld(_ head: ResponseHead) -> FieldIDSet {
        let dropped = FieldIDSet.hopByHop.union(.payment).union([.cacheControl, .expires, .pragma])
        // To HEAD it tells of another answer's body; with 204 it means nothing (RFC 9110 §8.6).
        return head.framing == .none && head.statusCode != 204 ? dropped : dropped.union([.contentLength])
    }

    func hold(_ bytes: UnsafeRawBufferPointer, _ purchase: Purchase) {
        switch purchase.heldBody?.append(bytes) {
        case nil, .accepted: break
        case .pause: connection?.pause()
        case .overLimit:
            _ = withhold(purchase, .answerTooLarge, "the answer is larger than limits.held_answer")
            advance()
        case .failed(let fault):
            _ = withhold(purchase, .cannotHold, "\(fault)")
            advance()
        }
    }

    /// The answer cannot be held, so it cannot be charged: it is dropped, and the claim is void.
    func withhold(_ purchase: Purchase, _ answer: Answer, _ reason: String) -> Progress {
        purchase.dropHeld()
        abandonConnection()
        purchase.voidReason = reason
        timer.cancel()
        return self.answer(answer)
    }

    /// Whether the held answer is charged, by `charge_when`.
    func decideCharge(_ purchase: Purchase) -> ChargeDecision {
        let conditions = purchase.chargeConditions
        if conditions.isEmpty { return .charge }
        // Without a body there is nothing to keep from the caller either.
        guard purchase.heldHasBody, let body = purchase.heldBody else { return .free }
        guard !purchase.heldIsCoded, case .bytes(let bytes) = body.peek(atMost: body.count), bytes.count == body.count
        else { return .unreadable }
        return ChargeDecision.decide(conditions, body: bytes)
    }

    /// The money is ours, or none is asked: the head, with its receipt, then the body.
    func beginHeldAnswer(_ purchase: Purchase) {
        guard let body = purchase.heldBody else { preconditionFailure("an answer is held") }
        writeHeldHead(purchase, contentLength: purchase.heldHasBody ? body.count : nil)
        stage = .releasing
    }

    /// The head that was kept, with what the gateway says beside it.
    ///
    /// - Parameter contentLength: nil where there is no body, or `answerFraming` says where it ends.
    func writeHeldHead(_ purchase: Purchase, contentLength: Int?) {
        answerStarted = true
        purchase.answerIsUpstreams = true
        out.clear()
        out.append(purchase.heldHead.readable)
        if let contentLength { out.appendField("Content-Length", decimal: contentLength) }
        if answerFraming == .chunked { out.append("Transfer-Encoding: chunked\r\n") }
        // What the upstream said of caching was left behind for the case that it is paid for.
        if !purchase.isPaid { out.append("Cache-Control: private, no-store\r\n") }
        appendAnswerFields(hasOrigin: purchase.heldAllowsOrigin)
        out.append("\r\n")
    }

    /// Sends what is held, as fast as the caller takes it.
    func releaseHeldAnswer() -> Progress {
        guard let purchase, let body = purchase.heldBody else { preconditionFailure("an answer is held") }
        guard downstream != nil else {
            finishAnswer()
            return .ready
        }
        while true {
            if downstream?.hasUnsentBytes == true { return .pending }
            switch body.peek(atMost: Exchange.releasedBytes) {
            case .bytes(let bytes):
                record.bytesOut += out.count + bytes.count
                downstream?.send(out.readable, bytes)
                out.clear()
                body.consume(bytes.count)
            case .pending:
                flushOut()
                return .pending
            case .end:
                flushOut()
                finishAnswer()
                return .ready
            case .failed:
                // It is paid for and cannot be shown: the claim stays owed, and a rerun makes it good.
                out.clear()
                breakOff()
                return .ready
            }
        }
    }

    private static var releasedBytes: Int { 128 * 1024 }
}
