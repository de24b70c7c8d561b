import EventLoop
import Glibc
import Testing

@testable import Gateway

/// A loop that the test turns by hand, so that all ends of a connection live on one thread and nothing is left to chance.
class LoopRig: TimerTarget {
    let loop: EventLoop
    private let ticker: Timer

    init(_ loop: EventLoop) {
        self.loop = loop
        ticker = Timer(loop.timers)
        ticker.target = self
        timerFired(ticker)
    }

    deinit { ticker.unlink() }

    /// No turn waits for long.
    func timerFired(_ timer: Timer) { ticker.arm(atNanoseconds: monotonicNanoseconds() + 2_000_000) }

    /// Turns the loop until it is so, for at most twenty seconds.
    @discardableResult func run(until condition: () -> Bool) -> Bool {
        let end = monotonicNanoseconds() + 20_000_000_000
        while !condition() {
            if monotonicNanoseconds() > end { return false }
            loop.turn()
        }
        return true
    }

    /// Lets everything that is on its way arrive.
    func settle(_ milliseconds: UInt64 = 5) {
        let end = monotonicNanoseconds() + milliseconds * 1_000_000
        run { monotonicNanoseconds() > end }
    }
}

/// A port of the loopback on which the test answers.
final class ServerPort {
    private let socket: ListeningSocket
    let port: UInt16

    init() throws {
        socket = try ListeningSocket(SocketAddress("127.0.0.1:0")!, shared: false)
        port = socket.address.port
    }

    /// A port where nobody listens: one that was just given back.
    static func closed() throws -> UInt16 { try ServerPort().port }

    /// Nil when nobody waits.
    func acceptWaiting() throws -> LoopbackPeer? {
        guard let accepted = try socket.accept() else { return nil }
        return LoopbackPeer(accepted.take())
    }

    func accept(_ rig: LoopRig) throws -> LoopbackPeer {
        var peer: LoopbackPeer?
        rig.run {
            peer = (try? self.acceptWaiting()) ?? nil
            return peer != nil
        }
        return try #require(peer)
    }
}

/// One end of a connection, in the test's hands.
final class LoopbackPeer {
    private var socket: Socket?
    private(set) var heard: [UInt8] = []
    private(set) var isFinished = false
    /// The end was no orderly one.
    private(set) var wasReset = false

    /// The kernel holds little of it, so that back-pressure shows before it is out of sight.
    init(_ socket: consuming Socket) {
        var bytes: Int32 = 256 * 1024
        setsockopt(socket.number, SOL_SOCKET, SO_RCVBUF, &bytes, 4)
        setsockopt(socket.number, SOL_SOCKET, SO_SNDBUF, &bytes, 4)
        self.socket = consume socket
    }

    /// A new connection to a port of the loopback.
    convenience init(to address: SocketAddress) throws {
        let socket = try Socket.connecting(to: address)
        var asked = pollfd(fd: socket.number, events: Int16(POLLOUT), revents: 0)
        poll(&asked, 1, 10_000)
        self.init(socket)
    }

    var text: String { String(decoding: heard, as: UTF8.self) }

    /// Takes what has come. False when nothing had.
    @discardableResult func readAvailable(_ room: Int = 64 * 1024) -> Bool {
        var bytes = [UInt8](repeating: 0, count: room)
        switch bytes.withUnsafeMutableBytes({ socket!.read(into: $0) }) {
        case .bytes(let count): heard += bytes[..<count]
        case .wouldBlock: return false
        case .endOfStream: isFinished = true
        case .failed:
            isFinished = true
            wasReset = true
        }
        return true
    }

    func read(_ rig: LoopRig, until end: String) {
        let found = rig.run {
            self.readAvailable()
            return self.isFinished || self.text.contains(end)
        }
        #expect(found)
    }

    func readToEnd(_ rig: LoopRig) { #expect(rig.run { self.readAvailable() && self.isFinished }) }

    func forget() { heard = [] }

    func write(_ text: String) { write(Array(text.utf8)) }

    func write(_ bytes: [UInt8]) { #expect(writeSome(bytes[...]) == bytes.count) }

    /// How much the kernel took.
    func writeSome(_ bytes: ArraySlice<UInt8>) -> Int {
        guard case .bytes(let count) = bytes.withUnsafeBytes({ socket!.write($0, .empty) }) else { return 0 }
        return count
    }

    func finishSending() { socket!.finishSending() }
    func close() { socket = nil }

    func reset() {
        socket!.resetOnClose()
        socket = nil
    }
}
