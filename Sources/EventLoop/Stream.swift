import Glibc

/// A connected stream of bytes: TCP as it is, or TLS over it.
///
/// A plain stream keeps the socket's contract: fewer bytes than asked for means that the kernel has no more for now. A
/// secured one is read until it would block.
public struct Stream: ~Copyable {
    private let socket: Socket
    private var session: TLSSession?
    /// Why TLS failed, when a transfer said `.failed(EPROTO)`.
    public private(set) var tlsFault: TLSFault?

    private static let recordBytes = 17 * 1024

    public init(_ socket: consuming Socket) { self.socket = socket }

    /// For the loop's registration, and nothing else.
    public mutating func descriptorNumber() -> Int32 { socket.number }

    public mutating func isSecured() -> Bool { session != nil }

    /// Encrypted bytes that the kernel has not taken: `flush` when it turns writable.
    public mutating func hasUnsentCiphertext() -> Bool { session.map { !$0.outbound.isEmpty } ?? false }

    /// True when the peer has neither closed nor sent anything: a kept connection that may carry a request.
    public mutating func isQuiet() -> Bool { socket.isQuiet }

    /// The error that a connection in progress came to; nil when it stands.
    public mutating func pendingFault() -> SystemFault? { socket.pendingFault() }

    /// Tells the peer that nothing more comes; reading goes on.
    public mutating func finishSending() { socket.finishSending() }

    /// Makes the coming close a reset: for a peer that must not take a cut-off answer for a whole one.
    public mutating func resetOnClose() { socket.resetOnClose() }

    /// Whether the peer has closed its sending side or the connection is over, as the kernel knows it.
    public mutating func peerHasFinished() -> Bool { socket.peerHasFinished }

    /// True when the peer's kernel has acknowledged every byte sent and has not reset the connection.
    public mutating func isAcknowledged() -> Bool { socket.isAcknowledged }

    /// Puts TLS over the socket; `handshake` until it is complete.
    public mutating func secure(_ session: TLSSession) { self.session = session }

    public enum Handshake {
        case complete
        case wantMore
        /// In words for the operator.
        case failed(String)
    }

    /// Goes as far as the socket allows; call again when it is ready for either direction.
    public mutating func handshake() -> Handshake {
        guard let session else { return .complete }
        while true {
            let step = session.handshake()
            if case .failed(let code) = flush() { return .failed(SystemFault("send", code: code).description) }
            switch step {
            case .complete: return .complete
            case .failed(let fault): return .failed(fault.description)
            case .wantMore:
                switch feedFromSocket(session) {
                case .bytes: continue
                case .wouldBlock: return .wantMore
                case .endOfStream: return .failed("the connection was closed within the TLS handshake")
                case .failed(let code): return .failed(SystemFault("recv", code: code).description)
                }
            }
        }
    }

    private func feedFromSocket(_ session: TLSSession) -> Transfer {
        withUnsafeTemporaryAllocation(byteCount: Stream.recordBytes, alignment: 16) { room in
            let transfer = socket.read(into: room)
            switch transfer {
            case .bytes(let count): session.feed(UnsafeRawBufferPointer(rebasing: room[..<count]))
            case .endOfStream: session.feedEnd()
            case .wouldBlock, .failed: break
            }
            return transfer
        }
    }

    @inline(__always)
    public mutating func read(into room: UnsafeMutableRawBufferPointer) -> Transfer {
        guard let session else { return socket.read(into: room) }
        return readSecured(session, into: room)
    }

    private mutating func readSecured(_ session: TLSSession, into room: UnsafeMutableRawBufferPointer) -> Transfer {
        var filled = 0
        while filled < room.count {
            switch session.read(into: UnsafeMutableRawBufferPointer(rebasing: room[filled...])) {
            case .bytes(let count): filled += count
            case .wantMore:
                if filled > 0 { return .bytes(filled) }
                switch feedFromSocket(session) {
                case .bytes, .endOfStream: continue
                case .wouldBlock: return .wouldBlock
                case .failed(let code): return .failed(code)
                }
            case .closed: return filled > 0 ? .bytes(filled) : .endOfStream
            case .truncated: return filled > 0 ? .bytes(filled) : .failed(ECONNRESET)
            case .failed(let fault):
                tlsFault = fault
                return filled > 0 ? .bytes(filled) : .failed(EPROTO)
            }
        }
        return .bytes(filled)
    }

    @inline(__always)
    public mutating func write(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Transfer {
        guard let session else { return socket.write(first, second) }
        return writeSecured(session, first, second)
    }

    private mutating func writeSecured(
        _ session: TLSSession, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
    ) -> Transfer {
        if case .failed(let code) = flush() { return .failed(code) }
        if !session.outbound.isEmpty { return .wouldBlock }
        var accepted = 0
        runs: for run in [first, second] where !run.isEmpty {
            switch session.write(run) {
            case .accepted(let count):
                accepted += count
                if count < run.count { break runs }
            case .failed(let fault):
                tlsFault = fault
                return .failed(EPROTO)
            }
        }
        if case .failed(let code) = flush() { return .failed(code) }
        return accepted > 0 ? .bytes(accepted) : .wouldBlock
    }

    /// Sends waiting ciphertext; nothing to do for a plain stream.
    public mutating func flush() -> Transfer {
        guard let session else { return .wouldBlock }
        while !session.outbound.isEmpty {
            let sent = socket.write(session.outbound.readable, UnsafeRawBufferPointer(start: nil, count: 0))
            guard case .bytes(let count) = sent else { return sent }
            session.outbound.consume(count)
        }
        return .wouldBlock
    }

    /// Tells a TLS peer that nothing more comes (RFC 8446 §6.1), as far as the socket takes it.
    public mutating func close() {
        session?.close()
        _ = flush()
    }
}
