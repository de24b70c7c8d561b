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
        if let message, purchase == nil, begin(message, isSold: false) != nil { return refuseUsedID(message) }
        if downstream == nil && !requestIsWhole && purchase?.body == nil { return answer(refusing: .truncatedBody) }
        let isRepeatable = head.method.isIdempotent && (purchase?.body != nil || head.framing == .none)
        record.upstreamStartedNanoseconds = worker.loop.nowNanoseconds
        // A second try has what is left of the first one's time.
        if !triedAgain { armTotal(upstream) }
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

    /// What the upstream may take for its whole answer.
    func armTotal(_ upstream: Upstream) {
        timer.arm(atNanoseconds: worker.loop.nowNanoseconds + UInt64(upstream.deadlines.totalMilliseconds) * 1_000_000)
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
    func sendCollected(_ body: SpillBuffer, to connection: ClientConnection) {
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
        downstream?.send(text.bytes, .empty)
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
