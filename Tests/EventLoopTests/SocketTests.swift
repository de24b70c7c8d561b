import CLinux
import Glibc
import Testing

@testable import EventLoop

@Suite struct SocketTests {
    private static let anyPort = SocketAddress("127.0.0.1:0")!

    /// A port where nobody listens: one that was just given back.
    private func closedPort() throws -> SocketAddress {
        let listener = try ListeningSocket(Self.anyPort, shared: false)
        return listener.address
    }

    @Test func aRefusedConnectionIsToldOnce() throws {
        let address = try closedPort()
        do {
            let socket = OpenSocket(try Socket.connecting(to: address))
            waitFor(POLLOUT, socket.number)
            #expect(socket.pendingFault()?.code == ECONNREFUSED)
        } catch {
            // The kernel may refuse a loopback connection at once.
            #expect(error.code == ECONNREFUSED)
        }
    }

    @Test func listenersHandOutConnectionsWithTheirPeer() throws {
        for text in ["127.0.0.1:0", "[::1]:0"] {
            let listener: ListeningSocket
            do { listener = try ListeningSocket(SocketAddress(text)!, shared: false) } catch {
                // A machine without IPv6 has nothing to test here.
                #expect(text == "[::1]:0" && error.code == EADDRNOTAVAIL || error.code == EAFNOSUPPORT, "\(error)")
                continue
            }
            let address = listener.address
            #expect(address.port != 0)
            if try listener.accept() != nil { Issue.record("somebody came") }
            let client = OpenSocket(try Socket.connecting(to: listener.address))
            waitFor(POLLIN, listener.number)
            guard let accepted = try listener.accept() else {
                Issue.record("nobody came")
                continue
            }
            let peer = accepted.peer
            #expect(peer.isLoopback)
            #expect(peer.family == address.family)
            let server = OpenSocket(accepted.take())
            #expect(client.pendingFault() == nil)
            #expect(fcntl(server.number, F_GETFL) & O_NONBLOCK != 0)
            #expect(fcntl(server.number, F_GETFD) & FD_CLOEXEC != 0)
            var delay: Int32 = 0
            var size = socklen_t(4)
            getsockopt(server.number, Int32(IPPROTO_TCP), TCP_NODELAY, &delay, &size)
            #expect(delay != 0)
        }
    }

    @Test func aPortIsSharedOnlyWhereBothSaySo() throws {
        let shared = try ListeningSocket(Self.anyPort)
        let second = try ListeningSocket(shared.address)
        let addresses = [shared.address, second.address]
        #expect(addresses[0] == addresses[1])
        do {
            _ = try ListeningSocket(shared.address, shared: false)
            Issue.record("taken twice")
        } catch { #expect(error.code == EADDRINUSE) }
    }

    @Test func readsAreShortWhenTheKernelIsDrained() throws {
        let pair = try LoopbackPair()
        #expect(pair.server.read(10).transfer == .wouldBlock)
        #expect(pair.client.write(Array("hello".utf8)) == .bytes(5))
        waitFor(POLLIN, pair.server.number)
        let first = pair.server.read(3)
        #expect(first.transfer == .bytes(3) && first.bytes == Array("hel".utf8))
        let rest = pair.server.read(10)
        #expect(rest.transfer == .bytes(2) && rest.bytes == Array("lo".utf8))
        #expect(pair.server.read(10).transfer == .wouldBlock)
    }

    @Test func twoRunsGoOutAsOne() throws {
        let pair = try LoopbackPair()
        for (first, second) in [("head", "body"), ("", "body"), ("head", "")] {
            #expect(pair.client.write(Array(first.utf8), Array(second.utf8)) == .bytes(first.count + second.count))
            waitFor(POLLIN, pair.server.number)
            #expect(pair.server.read(20).bytes == Array((first + second).utf8))
        }
    }

    @Test func aFullKernelTakesPartAndThenNothing() throws {
        let pair = try LoopbackPair()
        let piece = [UInt8](repeating: 7, count: 1 << 20)
        var sent = 0
        while case .bytes(let count) = pair.client.write(piece, piece) { sent += count }
        #expect(sent > 0)
        #expect(pair.client.write(piece) == .wouldBlock)
        var heard = 0
        while heard < sent {
            waitFor(POLLIN, pair.server.number)
            guard case .bytes(let count) = pair.server.read(1 << 20).transfer else { break }
            heard += count
        }
        #expect(heard == sent)
        waitFor(POLLOUT, pair.client.number)
        #expect(pair.client.write([1]) == .bytes(1))
    }

    @Test func halfClosedAnswersStillArrive() throws {
        let pair = try LoopbackPair()
        #expect(pair.client.write([1]) == .bytes(1))
        pair.client.finishSending()
        waitFor(POLLIN, pair.server.number)
        #expect(pair.server.read(8).bytes == [1])
        waitFor(POLLIN, pair.server.number)
        #expect(pair.server.read(8).transfer == .endOfStream)
        #expect(pair.server.write([2, 3]) == .bytes(2))
        waitFor(POLLIN, pair.client.number)
        #expect(pair.client.read(8).bytes == [2, 3])
        #expect(pair.client.write([4]) == .failed(EPIPE))
    }

    @Test func quietIsWhoHasNeitherSpokenNorLeft() throws {
        let spoke = try LoopbackPair()
        #expect(spoke.client.isQuiet)
        #expect(spoke.server.write([1]) == .bytes(1))
        waitFor(POLLIN, spoke.client.number)
        #expect(!spoke.client.isQuiet)
        #expect(spoke.client.read(8).bytes == [1])
        #expect(spoke.client.isQuiet)
        spoke.server.finishSending()
        waitFor(POLLIN, spoke.client.number)
        #expect(!spoke.client.isQuiet)

        let reset = try LoopbackPair()
        reset.server.resetOnClose()
        reset.server.close()
        waitFor(POLLIN, reset.client.number)
        #expect(!reset.client.isQuiet)
    }

    @Test func aCloseIsAResetWhereItWasAskedFor() throws {
        for resets in [false, true] {
            let pair = try LoopbackPair()
            #expect(pair.server.write([1, 2]) == .bytes(2))
            if resets { pair.server.resetOnClose() }
            let client = pair.client
            pair.server.close()
            waitFor(resets ? POLLHUP : POLLIN, client.number)
            #expect(client.read(8).bytes == [1, 2])
            waitFor(POLLIN, client.number)
            #expect(client.read(8).transfer == (resets ? .failed(ECONNRESET) : .endOfStream))
        }
    }

    @Test func acknowledgedIsWhatThePeersKernelHas() throws {
        let pair = try LoopbackPair()
        #expect(pair.server.isAcknowledged)
        #expect(pair.server.write([1, 2, 3]) == .bytes(3))
        waitUntil { pair.server.isAcknowledged }
        #expect(pair.server.isAcknowledged)
        // Nobody reads at the other end: its kernel fills up, and the rest waits here.
        let piece = [UInt8](repeating: 7, count: 1 << 20)
        while case .bytes = pair.server.write(piece) {}
        #expect(!pair.server.isAcknowledged)
    }

    @Test func aResetIsNoAcknowledgement() throws {
        let pair = try LoopbackPair()
        let piece = [UInt8](repeating: 7, count: 1 << 20)
        while case .bytes = pair.server.write(piece) {}
        pair.client.resetOnClose()
        pair.client.close()
        waitFor(POLLHUP, pair.server.number)
        // However often it is asked: the kernel tells its error once.
        for _ in 0..<3 { #expect(!pair.server.isAcknowledged) }
    }

    /// At most ten seconds.
    private func waitUntil(_ condition: () -> Bool) {
        for _ in 0..<100_000 where !condition() { usleep(100) }
    }
}
