import Bytes
import EventLoop
import HTTP

/// The answer, on its way from the endpoint.
extension ClientConnection {
    /// Stops reading after the bytes in hand: the receiver's own peer is slow.
    func pause() { paused = true }

    func resume() {
        guard paused else { return }
        paused = false
        if phase == .exchanging {
            arm(deadlines.idleMilliseconds)
            loop.callAgain(self)
        }
    }

    func readAvailable() {
        while phase == .exchanging && !paused {
            switch stream!.read(into: loop.scratch) {
            case .bytes(let count):
                let isDrained = count < loop.scratch.count && !stream!.isSecured() && !peerFinished
                received(UnsafeRawBufferPointer(rebasing: loop.scratch[..<count]))
                if isDrained { return }
            case .wouldBlock: return
            case .endOfStream: return ended()
            case .failed(let code):
                let kind: ClientFault.Kind = readingBody ? .truncated : .closedEarly
                return fail(ClientFault(kind: kind, detail: SystemFault("recv", code: code).description))
            }
        }
    }

    private func ended() {
        if readingBody && !body.isCutByClose {
            readingBody = false
            reusable = false
            return finish(trailers: nil)
        }
        let kind: ClientFault.Kind = readingBody ? .truncated : .closedEarly
        fail(ClientFault(kind: kind, detail: "\(pool.endpoint.text) closed the connection"))
    }

    private func received(_ bytes: UnsafeRawBufferPointer) {
        arm(deadlines.idleMilliseconds)
        if readingBody {
            receivedBody(bytes)
        } else if inbound.isEmpty {
            let used = receivedHeads(bytes)
            if used < bytes.count { inbound.append(UnsafeRawBufferPointer(rebasing: bytes[used...])) }
        } else {
            inbound.append(bytes)
            var held = ByteBuffer()
            swap(&held, &inbound)
            held.consume(receivedHeads(held.readable))
            if !held.isEmpty { swap(&held, &inbound) }
        }
        if phase == .exchanging { receiver?.answerSoFar() }
    }

    /// Reads heads off the front of `bytes`, and hands what follows the final one to the body. Returns the bytes that are
    /// done with: all of them, but for a head that is not whole.
    private func receivedHeads(_ bytes: UnsafeRawBufferPointer) -> Int {
        var at = 0
        while phase == .exchanging && at < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[at...])
            switch ResponseParser.parse(
                rest, scannedFrom: scannedBytes, into: head, answering: method, limits: ClientConnection.headLimits)
            {
            case .incomplete:
                scannedBytes = rest.count
                return at
            case .refused(let fault):
                fail(ClientFault(kind: .malformed, detail: "\(pool.endpoint.text): \(fault.explanation)"))
            case .complete(let consumed):
                at += consumed
                scannedBytes = 0
                if head.isInterim {
                    interimAnswers += 1
                    if interimAnswers > ClientConnection.interimAnswersAtMost {
                        fail(
                            ClientFault(kind: .malformed, detail: "\(pool.endpoint.text): interim answers without end"))
                        return bytes.count
                    }
                    receiver?.interimAnswer(head)
                    continue
                }
                hasReceivedAnswer = true
                reusable = head.keepAlive && fault == nil
                body = BodyReader(head.framing)
                readingBody = true
                receiver?.answerHead(head)
                if phase == .exchanging { receivedBody(UnsafeRawBufferPointer(rebasing: bytes[at...])) }
                return bytes.count
            }
        }
        return bytes.count
    }

    private func receivedBody(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        while phase == .exchanging {
            let step = body.next(rest)
            defer { rest = UnsafeRawBufferPointer(rebasing: rest[step.consumed...]) }
            switch step.event {
            case .data(let range): receiver?.answerBody(UnsafeRawBufferPointer(rebasing: rest[range]))
            case .needMore: return
            case .end:
                readingBody = false
                // Bytes after the end of an answer that nobody asked for: the peer has lost its place.
                if step.consumed < rest.count { reusable = false }
                return finish(trailers: body.trailers)
            case .refused(let fault):
                return fail(ClientFault(kind: .malformed, detail: "\(pool.endpoint.text): \(fault.explanation)"))
            }
        }
    }
}
