import Bytes
import EventLoop
import HTTP

/// What the caller sends: heads, and the bodies behind them.
extension DownstreamConnection {
    var wantsBytes: Bool {
        switch phase {
        case .idle, .readingHead, .lingering: true
        case .exchanging: !bodyIsWhole && !readingIsPaused
        case .closed: false
        }
    }

    func readAvailable() {
        mayHoldMore = false
        if !inbound.isEmpty && phase != .readingHead { receivedEarlier() }
        while wantsBytes {
            switch stream!.read(into: loop.scratch) {
            case .bytes(let count):
                let isDrained = count < loop.scratch.count && !peerFinished
                received(UnsafeRawBufferPointer(rebasing: loop.scratch[..<count]))
                if isDrained { return }
            case .wouldBlock: return
            case .endOfStream: return finishedByPeer()
            case .failed: return lost()
            }
        }
        mayHoldMore = true
    }

    /// Bytes that came while an exchange was under way.
    private func receivedEarlier() {
        var held = ByteBuffer()
        swap(&held, &inbound)
        received(held.readable)
    }

    private func finishedByPeer() {
        peerFinished = true
        switch phase {
        case .idle, .readingHead, .lingering: close()
        case .exchanging:
            if !bodyIsWhole {
                bodyIsWhole = true
                closesAfterAnswer = true
                if answerEnded { return close() }
                exchange?.requestFailed(.truncatedBody)
            }
        case .closed: break
        }
    }

    private func received(_ bytes: UnsafeRawBufferPointer) {
        switch phase {
        case .idle, .readingHead:
            if inbound.isEmpty { return receivedHead(bytes, isHeld: false) }
            inbound.append(bytes)
            var held = ByteBuffer()
            swap(&held, &inbound)
            receivedHead(held.readable, isHeld: true)
        case .exchanging: receivedBody(bytes)
        case .lingering, .closed: break
        }
    }

    private func receivedHead(_ bytes: UnsafeRawBufferPointer, isHeld: Bool) {
        exchanges.take(for: worker)._withUnsafeGuaranteedRef { receivedHead(bytes, isHeld: isHeld, for: $0) }
    }

    private func receivedHead(_ bytes: UnsafeRawBufferPointer, isHeld: Bool, for exchange: Exchange) {
        let scanned = isHeld ? scannedBytes : 0
        switch RequestParser.parse(bytes, scannedFrom: scanned, into: exchange.head, limits: worker.headLimits) {
        case .incomplete:
            scannedBytes = bytes.count
            exchanges.giveBack(exchange)
            if phase == .idle {
                phase = .readingHead
                arm(worker.limits.headTimeoutMilliseconds)
            }
            inbound.append(bytes)
        case .refused(let fault):
            scannedBytes = 0
            begin(exchange)
            bodyIsWhole = true
            closesAfterAnswer = true
            exchange.begin(self, refused: .malformed(fault))
        case .complete(let consumed):
            scannedBytes = 0
            begin(exchange)
            let framing = exchange.head.framing
            bodyIsWhole = framing == .none || framing == .length(0)
            if !bodyIsWhole { body = BodyReader(framing) }
            closesAfterAnswer = !exchange.head.keepAlive
            let rest = UnsafeRawBufferPointer(rebasing: bytes[consumed...])
            if bodyIsWhole {
                if !rest.isEmpty { inbound.append(rest) }
                exchange.begin(self)
            } else {
                bodyStartedNanoseconds = loop.nowNanoseconds
                arm(worker.limits.bodyTimeoutMilliseconds)
                exchange.begin(self)
                receivedBody(rest)
            }
        }
    }

    func begin(_ exchange: Exchange) {
        current = .passUnretained(exchange)
        phase = .exchanging
        answerEnded = false
        bodyIsDropped = false
        readingIsPaused = false
        bodyBytes = 0
        timer.cancel()
    }

    private func receivedBody(_ bytes: UnsafeRawBufferPointer) {
        // The exchange may have answered already, and the answer may have ended the connection.
        guard phase == .exchanging else { return }
        var rest = bytes
        if !rest.isEmpty && !receivedBodyInTime(rest.count) { return }
        while !bodyIsWhole && phase == .exchanging {
            let step = body.next(rest)
            defer { rest = UnsafeRawBufferPointer(rebasing: rest[step.consumed...]) }
            switch step.event {
            case .data(let range):
                if !bodyIsDropped { exchange?.requestBody(UnsafeRawBufferPointer(rebasing: rest[range])) }
            case .needMore: return
            case .end:
                bodyIsWhole = true
                if outbound.isEmpty { timer.cancel() }
                inbound.append(UnsafeRawBufferPointer(rebasing: rest[step.consumed...]))
                if !bodyIsDropped { exchange?.requestEnded(trailers: body.trailers) }
                if answerEnded && outbound.isEmpty { answerSent() }
                return
            case .refused(let fault):
                bodyIsWhole = true
                closesAfterAnswer = true
                if answerEnded { return close() }
                exchange?.requestFailed(.malformedBody(fault))
            }
        }
    }

    /// Holds a body to the limits on silence and rate; false when it was too slow.
    private func receivedBodyInTime(_ count: Int) -> Bool {
        bodyBytes += count
        if bodyIsDropped && bodyBytes > Self.drainedBodyBytes {
            closesAfterAnswer = true
            bodyIsWhole = true
            if answerEnded && outbound.isEmpty { linger() }
            return false
        }
        let elapsed = loop.nowNanoseconds &- bodyStartedNanoseconds
        let grace = UInt64(worker.limits.bodyTimeoutMilliseconds) * 1_000_000
        if elapsed > grace && !readingIsPaused {
            let seconds = Int(elapsed / 1_000_000_000)
            if bodyBytes < seconds * worker.limits.bodyBytesPerSecond {
                bodyIsSlow()
                return false
            }
        }
        arm(worker.limits.bodyTimeoutMilliseconds)
        return true
    }

    func bodyIsSlow() {
        closesAfterAnswer = true
        bodyIsWhole = true
        if answerEnded { close() } else { exchange?.requestFailed(.slowBody) }
    }

    /// Stops reading the body: who takes it is slower than the caller.
    func pauseBody() {
        readingIsPaused = true
        timer.cancel()
    }

    func resumeBody() {
        guard readingIsPaused else { return }
        readingIsPaused = false
        if phase == .exchanging && !bodyIsWhole {
            bodyStartedNanoseconds = loop.nowNanoseconds
            bodyBytes = 0
            arm(worker.limits.bodyTimeoutMilliseconds)
            loop.callAgain(self)
        }
    }

    /// The exchange is answered without the rest of the request's body.
    func dropBody() {
        bodyIsDropped = true
        readingIsPaused = false
        if bodyIsWhole { return }
        bodyBytes = 0
        bodyStartedNanoseconds = loop.nowNanoseconds
        arm(worker.limits.bodyTimeoutMilliseconds)
        loop.callAgain(self)
    }
}
