import Bytes
import HTTP

/// The upstream's answer, as it comes.
extension Exchange {
    /// The answer is over, whole or not: what becomes of the exchange.
    func judgeAnswer() -> Progress {
        if let answer = message?.answer, let purchase { return judgeCall(answer, purchase) }
        if let listening, listening.isFiltered { return judgeListening(listening) }
        if let fault = upstreamFault { return upstreamFailed(fault) }
        guard answerIsWhole else { return .pending }
        if let purchase, purchase.holdsAnswer {
            // What the disk has not taken could not be shown: it must not be charged.
            if let fault = purchase.heldBody?.fault { return withhold(purchase, .cannotHold, "\(fault)") }
            if purchase.heldBody?.awaitWritten() == false { return .pending }
            // Nobody listens: what cannot be kept would be paid for and lost.
            if case .running? = visit?.errand, !keepsHeld(purchase) {
                return withhold(purchase, .answerTooLarge, "the answer is larger than store_answers")
            }
            timer.cancel()
            switch decideCharge(purchase) {
            case .charge: stage = .settlingAfter
            case .free:
                purchase.voidReason = "the answer does not hold what charge_when asks for"
                beginHeldAnswer(purchase)
            case .unreadable: return withhold(purchase, .answerUnreadable, "the answer cannot be looked into")
            }
            return .ready
        }
        timer.cancel()
        finishAnswer()
        return .ready
    }

    private func upstreamFailed(_ fault: ClientFault) -> Progress {
        record.upstreamFault = fault
        if answerStarted {
            breakOff()
            return .ready
        }
        if let purchase { return answerUndelivered(purchase, fault) }
        timer.cancel()
        return answer(Answer(fault.status, "\(fault.code)", "\(fault.explanation)"))
    }
}

extension Exchange: AnswerReceiver {
    func interimAnswer(_ head: ResponseHead) {
        // 100 is ours to say; before a charged answer nothing leaves; HTTP/1.0 knows none (RFC 9110 §15.2).
        if head.statusCode == 100 || self.head.minorVersion == 0 || purchase.map({ !$0.isPaid }) == true { return }
        out.appendStatusLine(head.statusCode)
        head.appendFields(except: .hopByHop.union(.payment), to: &out)
        out.append("\r\n")
    }

    func answerHead(_ head: ResponseHead) {
        record.upstreamFirstByteNanoseconds = worker.loop.nowNanoseconds
        if stage == .probing { return probeAnswered(head) }
        record.status = head.statusCode
        if head.statusCode == 101 {
            abandonConnection()
            return answerFailed(ClientFault(kind: .malformed, detail: "an upgrade that nobody asked for"))
        }
        if let purchase { watch(head, purchase) }
        if let message { return answerHead(head, message) }
        if let listening { return answerHead(head, listening) }
        if let purchase, purchase.wantsToHold(head.statusCode) { return hold(head, purchase) }
        relay(head)
    }

    /// - Parameter isRewritten: its body will have another length.
    func relay(_ head: ResponseHead, isRewritten: Bool = false) {
        answerStarted = true
        var dropped = FieldIDSet.hopByHop.union(.payment)
        let hasBody = head.framing != .none
        switch head.framing {
        case .none: answerFraming = .asItIs
        case .length where !isRewritten: answerFraming = .asItIs
        case .length, .chunked, .untilClose:
            answerFraming = self.head.minorVersion == 1 ? .chunked : .untilClose
            dropped = dropped.union([.contentLength])
        }
        // RFC 9110 §8.6.
        if head.statusCode == 204 { dropped = dropped.union([.contentLength]) }
        if let purchase {
            dropped = dropped.union(purchase.replacedAnswerFields)
            purchase.answerStatus = head.statusCode
            purchase.answerIsUpstreams = true
            purchase.voidReason = "the upstream answered \(head.statusCode)"
            if !isRewritten { beginCopy(head, purchase) }
        } else if record.grant != nil {
            dropped = dropped.union([.cacheControl, .expires, .pragma, .xFarebox])
        }
        out.append("HTTP/1.1 ")
        out.append(decimal: head.statusCode)
        out.append(byte: 0x20)
        out.append(head.bytes(of: head.reason))
        out.append("\r\n")
        head.appendFields(except: dropped, to: &out)
        if hasBody && answerFraming == .chunked { out.append("Transfer-Encoding: chunked\r\n") }
        if hasBody && answerFraming == .untilClose { downstream?.closeAfterAnswer() }
        appendAnswerFields(hasOrigin: head.fields.contains(.accessControlAllowOrigin))
        out.append("\r\n")
        if !hasBody { answerFraming = .none }
    }

    /// What the gateway adds to an upstream's answer: the receipt, the privacy of what was paid for, CORS, the connection.
    func appendAnswerFields(hasOrigin: Bool) {
        if let purchase { purchase.appendAnswerFields(to: &out) }
        if let grant = record.grant { appendFields(of: grant) }
        if (purchase != nil || record.grant != nil) && prepared.revision.settings.cors && head.fields.contains(.origin)
        {
            if !hasOrigin { out.append("Access-Control-Allow-Origin: *\r\n") }
            appendExposure()
        }
        appendConnectionField()
    }

    func answerBody(_ bytes: UnsafeRawBufferPointer) {
        if stage == .probing && purchase?.holdsAnswer != true { return }
        if let answer = message?.answer { return answerBody(bytes, answer) }
        if let listening, listening.isFiltered { return answerBody(bytes, listening) }
        if let purchase {
            if purchase.holdsAnswer { return hold(bytes, purchase) }
            copy(bytes, purchase)
        }
        relayBody(bytes)
    }

    /// Body bytes go to the caller, a few at a time together with what goes before them.
    func relayBody(_ bytes: UnsafeRawBufferPointer) {
        if bytes.isEmpty { return }
        let isChunked = answerFraming == .chunked
        if isChunked { out.appendChunkStart(count: bytes.count) }
        if bytes.count <= Exchange.copiedBytes {
            out.append(bytes)
        } else {
            record.bytesOut += out.count + bytes.count
            openCaller?._withUnsafeGuaranteedRef { $0.send(out.readable, bytes) }
            out.clear()
        }
        if isChunked { out.append("\r\n") }
    }

    /// Up to here a copy into one `send` is cheaper than a second run.
    private static var copiedBytes: Int { 4096 }

    func answerSoFar() {
        if listening?.holdsHead == true { return }
        flushOut()
        if openCaller?._withUnsafeGuaranteedRef({ $0.hasUnsentBytes }) == true { connection?.pause() }
    }

    func answerEnded(trailers: TrailerSection?) {
        forgetConnection()
        answerIsWhole = true
        if let answer = message?.answer { answerEnded(answer) }
        if let listening, listening.isFiltered { answerEnded(listening) }
        if let purchase { storeCopy(purchase) }
        // Of a call it is told later: its answer may wait for its money yet.
        let isToldLater = message?.answer != nil && purchase != nil || listening?.isFiltered == true
        if answerStarted && !isToldLater { endRelay(trailers: trailers) }
        advance()
    }

    /// The body that was relayed ends here.
    func endRelay(trailers: TrailerSection?) {
        if answerFraming == .chunked {
            out.appendLastChunk()
            trailers?.appendAllowed(to: &out)
            out.append("\r\n")
        }
        flushOut()
    }

    func requestDrained() {
        if let body = purchase?.body, let connection { return sendCollected(body, to: connection) }
        if !requestIsWhole { downstream?.resumeBody() }
    }

    func answerFailed(_ fault: ClientFault) {
        if stage == .probing { return probeFailed(fault) }
        if let connection, mayTryAgain(connection, fault) {
            forgetConnection()
            triedAgain = true
            stage = .forwarding
            return advance()
        }
        forgetConnection()
        upstreamFault = fault
        advance()
    }

    /// A kept connection that ends before an answer was closed while idle; tried again once.
    func wasClosedWhileIdle(_ connection: ClientConnection, _ fault: ClientFault) -> Bool {
        fault.kind == .closedEarly && connection.isReused && !connection.hasReceivedAnswer && !triedAgain
    }

    /// The request never ran, or may run twice.
    private func mayTryAgain(_ connection: ClientConnection, _ fault: ClientFault) -> Bool {
        guard wasClosedWhileIdle(connection, fault) else { return false }
        guard purchase?.body != nil || message != nil || head.framing == .none else { return false }
        return head.method.isIdempotent || !connection.hasWrittenRequest
    }
}

/// How the end of an answer's body is marked to the caller.
enum AnswerFraming {
    case none
    /// By the upstream's own Content-Length.
    case asItIs
    case chunked
    /// By the connection's end, for HTTP/1.0.
    case untilClose
}
