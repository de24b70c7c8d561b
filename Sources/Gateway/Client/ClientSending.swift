import Bytes
import EventLoop

/// The request, on its way to the endpoint.
extension ClientConnection {
    var hasUnsentBytes: Bool { !outbound.isEmpty || stream?.hasUnsentCiphertext() == true }

    /// Sends two runs one after the other; what the kernel does not take is kept and sent when it does.
    func send(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) {
        guard phase == .exchanging, outbound.isEmpty else {
            if phase == .closed { return }
            outbound.append(first)
            outbound.append(second)
            return
        }
        switch stream!.write(first, second) {
        case .bytes(let count):
            hasWrittenRequest = true
            if count < first.count + second.count { keep(first, second, after: count) }
        case .wouldBlock, .endOfStream: keep(first, second, after: 0)
        case .failed(let code): sendingFailed(code)
        }
    }

    /// No more of the request comes: the wait for the answer begins.
    func requestEnded() {
        requestIsWhole = true
        if phase == .exchanging { arm(deadlines.firstByteMilliseconds) }
    }

    func keep(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, after sent: Int) {
        if sent < first.count {
            outbound.append(UnsafeRawBufferPointer(rebasing: first[sent...]))
            outbound.append(second)
        } else {
            outbound.append(UnsafeRawBufferPointer(rebasing: second[(sent - first.count)...]))
        }
    }

    func flush() {
        if stream!.hasUnsentCiphertext(), case .failed(let code) = stream!.flush() { return sendingFailed(code) }
        while phase == .exchanging, !outbound.isEmpty {
            switch stream!.write(outbound.readable, UnsafeRawBufferPointer(start: nil, count: 0)) {
            case .bytes(let count):
                hasWrittenRequest = true
                outbound.consume(count)
                arm(requestIsWhole && outbound.isEmpty ? deadlines.firstByteMilliseconds : deadlines.idleMilliseconds)
            case .wouldBlock, .endOfStream: return
            case .failed(let code): return sendingFailed(code)
            }
        }
        if phase == .exchanging, requestIsWhole == false { receiver?.requestDrained() }
    }

    /// The peer may have answered early and closed: what it said is read before the failure counts.
    private func sendingFailed(_ code: Int32) {
        outbound.clear()
        requestIsWhole = true
        reusable = false
        failSoon(ClientFault(kind: .closedEarly, detail: SystemFault("send", code: code).description))
    }
}
