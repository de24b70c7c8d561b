import Bytes
import EventLoop

/// What the caller is sent, and what becomes of the connection behind it.
extension DownstreamConnection {
    /// Whether the answer about to be sent may leave the connection open. `awaitsContinue`: the caller still waits for
    /// 100 (Continue) before it sends its body, so where the body ends cannot be known.
    func keepsAlive(awaitsContinue: Bool) -> Bool {
        if closesAfterAnswer || worker.isDraining { return false }
        if bodyIsWhole { return true }
        if awaitsContinue { return false }
        return (body.remaining ?? .max) <= Self.drainedBodyBytes
    }

    /// The connection ends after this answer; its head says so.
    func closeAfterAnswer() { closesAfterAnswer = true }

    var hasUnsentBytes: Bool { !outbound.isEmpty }

    /// Sends two runs one after the other; what the kernel does not take is kept until it does.
    func send(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) {
        if phase == .closed || isBroken { return }
        if !outbound.isEmpty {
            outbound.append(first)
            outbound.append(second)
            return
        }
        let total = first.count + second.count
        if total == 0 { return }
        var sent = 0
        switch stream!.write(first, second) {
        case .bytes(let count): sent = count
        case .wouldBlock, .endOfStream: break
        case .failed:
            isBroken = true
            return loop.callAgain(self)
        }
        if sent == total { return }
        if sent < first.count {
            outbound.append(UnsafeRawBufferPointer(rebasing: first[sent...]))
            outbound.append(second)
        } else {
            outbound.append(UnsafeRawBufferPointer(rebasing: second[(sent - first.count)...]))
        }
        arm(Self.writeStallMilliseconds)
    }

    func flush() {
        while !outbound.isEmpty {
            switch stream!.write(outbound.readable, UnsafeRawBufferPointer(start: nil, count: 0)) {
            case .bytes(let count):
                outbound.consume(count)
                arm(Self.writeStallMilliseconds)
            case .wouldBlock, .endOfStream: return
            case .failed: return lost()
            }
        }
        outbound.release()
        if bodyIsWhole { timer.cancel() }
        if let exchange { exchange.downstreamDrained() } else if answerEnded { answerSent() }
    }

    /// Every byte of the answer was given to `send`: the exchange lets the connection go.
    func exchangeEnded() {
        current = nil
        answerEnded = true
        if phase != .closed && outbound.isEmpty { answerSent() }
    }

    func answerSent() {
        if closesAfterAnswer { return linger() }
        if bodyIsWhole { afterAnswer() } else { dropBody() }
    }

    /// The answer is cut off and cannot be completed: what there is of it (a receipt, perhaps) still goes out, and the missing
    /// rest tells. Where only the connection's end marks the body's, a reset keeps it from being taken for whole.
    func breakOff(withReset: Bool) {
        closesAfterAnswer = true
        if !withReset { return exchangeEnded() }
        current = nil
        if phase == .closed { return }
        stream!.resetOnClose()
        close()
    }

    private func afterAnswer() {
        if closesAfterAnswer || worker.isDraining || peerFinished && inbound.isEmpty && !mayHoldMore { return linger() }
        phase = .idle
        arm(worker.limits.keepAliveMilliseconds)
        if mayHoldMore || !inbound.isEmpty { loop.callAgain(self) }
    }

    func linger() {
        if peerFinished { return close() }
        stream!.finishSending()
        phase = .lingering
        inbound.release()
        arm(Self.lingerMilliseconds)
        loop.callAgain(self)
    }
}
