import Bytes
import HTTP

extension Exchange {
    /// Field lines of requests that never go upstream: of this hop, of the payment, and those that the gateway says itself.
    private static let keptFromUpstream = FieldIDSet.hopByHop.union(.payment).union(.gatewayOwned).union([
        .host, .contentLength, .expect, .forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost,
    ])
    private static let keptFromUpstreamWhenPaid = keptFromUpstream.union([.idempotencyKey])

    /// Takes a connection to the upstream and writes the request.
    func forward() -> Progress {
        guard let upstream else { preconditionFailure("forwarding needs an upstream") }
        // The body broke off, or its sender did, while the money was moving: what is paid for stays owed.
        if let requestFault { return answer(refusing: requestFault) }
        if let message, purchase == nil, let refused = begin(message, isSold: false) { return answer(refused) }
        if downstream == nil && !requestIsWhole && purchase?.body == nil { return answer(refusing: .truncatedBody) }
        let isRepeatable = head.method.isIdempotent && (purchase?.body != nil || head.framing == .none)
        record.upstreamStartedNanoseconds = worker.loop.nowNanoseconds
        // A second try has what is left of the first one's time.
        if !triedAgain {
            timer.arm(
                atNanoseconds: worker.loop.nowNanoseconds + UInt64(upstream.deadlines.totalMilliseconds) * 1_000_000)
        }
        var deadlines = upstream.deadlines
        // Who listens may hear nothing for long.
        if listening?.isListening == true { deadlines.idleMilliseconds = max(deadlines.idleMilliseconds, 86_400_000) }
        let connection = upstream.pool.take(
            for: self, answering: head.method, deadlines: deadlines, fresh: triedAgain,
            // What is paid for never takes a connection that was not looked at.
            mayRepeat: isRepeatable && purchase == nil
        )
        self.connection = connection
        stage = .answering
        writeRequestHead(upstream)
        if let message {
            if purchase?.isPaid == true { release(message) }
            message.withForwarded { first, second in
                connection.send(out.readable, first)
                if !second.isEmpty { connection.send(second, .empty) }
            }
            out.clear()
            connection.requestEnded()
        } else if let body = purchase?.body {
            connection.send(out.readable, .empty)
            out.clear()
            body.rewind()
            sendCollected(body, to: connection)
        } else if head.framing == .none || head.framing == .length(0) {
            connection.send(out.readable, .empty)
            out.clear()
            connection.requestEnded()
        } else {
            connection.send(out.readable, .empty)
            out.clear()
            sendWhatCame(to: connection)
        }
        return .pending
    }

    /// The body streams: what came before the upstream was known goes first.
    private func sendWhatCame(to connection: ClientConnection) {
        if !earlyBody.isEmpty {
            sendBody(earlyBody.readable, to: connection)
            earlyBody.release()
        }
        if requestIsWhole { return endBody(nil, to: connection) }
        invite()
        downstream?.resumeBody()
    }

    /// Sends the collected body as fast as the upstream takes it.
    private func sendCollected(_ body: SpillBuffer, to connection: ClientConnection) {
        while !connection.hasUnsentBytes {
            switch body.peek(atMost: Exchange.sentBytes) {
            case .bytes(let bytes):
                connection.send(bytes, .empty)
                body.consume(bytes.count)
            case .pending: return
            case .end: return connection.requestEnded()
            case .failed:
                abandonConnection()
                return answerFailed(
                    ClientFault(kind: .closedEarly, detail: "the request's body could not be read back"))
            }
        }
    }

    private static var sentBytes: Int { 128 * 1024 }

    /// Sends 100 (Continue) to a caller that waits for it (RFC 9110 §10.1.1), once the body is wanted.
    func invite() {
        if !head.expectsContinue || hasContinued || requestBodyBytes > 0 || requestIsWhole { return }
        hasContinued = true
        let text: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"
        downstream?.send(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount), .empty)
    }

    /// - Parameter probing: length of a body in place of the message's, where the server is only asked whether it answers.
    func writeRequestHead(_ upstream: Upstream, probing: Int? = nil) {
        out.clear()
        out.append(head.bytes(of: head.methodRange))
        out.append(byte: 0x20)
        if !upstream.basePath.isEmpty { out.append(upstream.basePath) }
        out.append(target)
        out.append(" HTTP/1.1\r\n")
        if let line = upstream.hostLine {
            out.append(line)
        } else {
            out.append("Host: ")
            out.append(host)
            out.append("\r\n")
        }
        var dropped = purchase == nil ? Exchange.keptFromUpstream : Exchange.keptFromUpstreamWhenPaid
        // An answer in parts or compressed could not be looked into, which the caller must not be able to bring about.
        let isLookedInto = message != nil || listening != nil
        if isLookedInto || purchase?.chargeConditions.isEmpty == false {
            dropped = dropped.union([.acceptEncoding, .range])
        }
        if probing != nil { dropped = dropped.union([.mcpMethod, .mcpName]) }
        upstream.appendFields(of: head, except: dropped, to: &out)
        out.append("X-Forwarded-For: ")
        if let address = visit?.callerAddress { out.append(address) } else { out.append(caller?.peerText ?? .empty) }
        out.append("\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: ")
        out.append(host)
        out.append("\r\n")
        if let purchase, probing == nil {
            purchase.appendUpstreamFields(to: &out)
            appendAssertion(purchase, for: upstream)
        }
        if !upstream.fieldLines.isEmpty { out.append(upstream.fieldLines) }
        // Some servers take a request without the field for one that takes any coding (RFC 9110 §12.5.3).
        if isLookedInto { out.append("Accept-Encoding: identity\r\n") }
        if let message {
            out.appendField("Content-Length", decimal: probing ?? message.forwardedCount)
        } else if let body = purchase?.body {
            if head.framing != .none { out.appendField("Content-Length", decimal: body.count) }
        } else {
            switch head.framing {
            case .none, .untilClose: break
            case .length(let length): out.appendField("Content-Length", decimal: length)
            case .chunked: out.append("Transfer-Encoding: chunked\r\n")
            }
        }
        out.append("\r\n")
    }

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
        timer.cancel()
        if let purchase { return answerUndelivered(purchase, fault) }
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

    /// A kept connection that ends before an answer was closed while idle: the request never ran, or may run twice.
    private func mayTryAgain(_ connection: ClientConnection, _ fault: ClientFault) -> Bool {
        guard fault.kind == .closedEarly, connection.isReused, !connection.hasReceivedAnswer, !triedAgain else {
            return false
        }
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

extension Exchange: SpillTarget {
    /// The disk has caught up, or has brought what was asked for.
    func spillProgressed(_ spill: SpillBuffer) {
        switch stage {
        case .collecting: downstream?.resumeBody()
        case .answering:
            guard let purchase else { return }
            guard let connection else { return advance() }
            if spill === purchase.body { sendCollected(spill, to: connection) } else { connection.resume() }
        case .releasing, .reviewing: advance()
        case .routing, .judging, .reading, .proving, .probing, .admitting, .verifying, .settlingFirst, .forwarding,
            .settlingAfter,
            .delivering,
            .ended:
            break
        }
    }
}
