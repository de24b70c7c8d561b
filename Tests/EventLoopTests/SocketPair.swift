import CLinux
import Glibc
import Testing

@testable import EventLoop

/// One end of a pair, closed with the value.
final class SocketEnd {
    let number: Int32
    init(_ number: Int32) { self.number = number }
    deinit { close(number) }
}

/// Two connected ends, non-blocking, without a network under them.
func socketPair() -> (SocketEnd, SocketEnd) {
    var ends: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    precondition(socketpair(AF_UNIX, type, 0, &ends) == 0)
    return (SocketEnd(ends[0]), SocketEnd(ends[1]))
}

/// A socket that tests can ask and drop: `#expect` takes no ~Copyable value.
final class OpenSocket {
    private var place: UnsafeMutablePointer<Socket>?

    init(_ socket: consuming Socket) {
        place = .allocate(capacity: 1)
        place!.initialize(to: socket)
    }

    deinit { close() }

    var number: Int32 { place!.pointee.number }
    var isQuiet: Bool { place!.pointee.isQuiet }
    var isAcknowledged: Bool { place!.pointee.isAcknowledged }
    func pendingFault() -> SystemFault? { place!.pointee.pendingFault() }
    func finishSending() { place!.pointee.finishSending() }
    func resetOnClose() { place!.pointee.resetOnClose() }

    func close() {
        place?.deinitialize(count: 1)
        place?.deallocate()
        place = nil
    }

    func take() -> Socket {
        defer {
            place!.deallocate()
            place = nil
        }
        return place!.move()
    }

    func write(_ first: [UInt8], _ second: [UInt8] = []) -> Transfer {
        first.withUnsafeBytes { first in second.withUnsafeBytes { place!.pointee.write(first, $0) } }
    }

    /// What one `read` of a room of that size gives.
    func read(_ room: Int) -> (transfer: Transfer, bytes: [UInt8]) {
        var bytes = [UInt8](repeating: 0, count: room)
        let transfer = bytes.withUnsafeMutableBytes { place!.pointee.read(into: $0) }
        if case .bytes(let count) = transfer { return (transfer, Array(bytes[..<count])) }
        return (transfer, [])
    }
}

/// Both ends of one TCP connection over the loopback.
struct LoopbackPair {
    let client: OpenSocket
    /// The accepted end.
    let server: OpenSocket

    init() throws {
        let listener = try ListeningSocket(SocketAddress("127.0.0.1:0")!, shared: false)
        client = OpenSocket(try Socket.connecting(to: listener.address))
        waitFor(POLLIN, listener.number)
        guard let accepted = try listener.accept() else { throw SystemFault("accept") }
        server = OpenSocket(accepted.take())
        waitFor(POLLOUT, client.number)
    }
}

/// Waits until the kernel says so, or for that long.
func waitFor(_ events: Int32, _ descriptor: Int32, atMostMilliseconds: Int32 = 10_000) {
    var asked = pollfd(fd: descriptor, events: Int16(events), revents: 0)
    _ = SystemCall.retrying { Int(poll(&asked, 1, atMostMilliseconds)) }
}

extension UnsafeRawBufferPointer {
    static var none: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }
}
