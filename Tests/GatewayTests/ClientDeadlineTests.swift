import CLinux
import EventLoop
import Glibc
import HTTP
import Synchronization
import Testing

@testable import Gateway

/// Addresses that the test gives, in the order to try.
private func resolver(_ addresses: [String]) -> Resolver {
    Resolver(
        lookUp: { host, _ in
            addresses.isEmpty
                ? .failure(ResolveFault(host: host, reason: "no such name", isTemporary: false))
                : .success(addresses.map { SocketAddress($0)! })
        }, now: { 0 })
}

/// Ways to a server that cannot be gone, or take too long.
@Suite struct ClientDeadlineTests {
    private func ask(
        _ addresses: [String], deadlines: ClientDeadlines = ClientDeadlines(), port: ServerPort? = nil
    ) throws -> (ClientRig, HeardAnswer) {
        let rig = try ClientRig(resolver: resolver(addresses))
        let pool = rig.client.pool(
            for: Endpoint(isTLS: false, host: "api.test", port: 80, caFile: nil), keptAtMost: 1)
        return (rig, rig.ask(pool, deadlines: deadlines))
    }

    @Test func theNextAddressIsTriedWhereOneRefuses() throws {
        let port = try ServerPort()
        for count in 1...3 {
            let closed = try (0..<count).map { _ in "127.0.0.1:\(try ServerPort.closed())" }
            let (rig, answer) = try ask(closed + ["127.0.0.1:\(port.port)"])
            let peer = try port.accept(rig)
            peer.read(rig, until: "\r\n\r\n")
            #expect(peer.text == "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            peer.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            rig.run { answer.isOver }
            #expect(answer.text == "ok" && answer.late == 0)
        }
    }

    @Test func whereAllRefuseNothingWasWritten() throws {
        let closed = try (0..<2).map { _ in "127.0.0.1:\(try ServerPort.closed())" }
        let (rig, answer) = try ask(closed)
        rig.run { answer.isOver }
        #expect(answer.fault?.kind == .unreachable)
        #expect(answer.fault?.detail.contains("Connection refused") == true)
        #expect(answer.connection?.hasWrittenRequest == false)
        rig.settle()
        #expect(answer.late == 0)
    }

    @Test func aNameWithoutAddressIsAFault() throws {
        let (rig, answer) = try ask([])
        #expect(!answer.isOver)
        rig.run { answer.isOver }
        #expect(answer.fault?.kind == .unresolved)
        #expect(answer.fault?.detail.contains("no such name") == true)
    }

    /// The literal's fault is found within `take`, but told from the loop: nobody is called back before they have the connection.
    @Test func faultsAreToldFromTheLoop() throws {
        let rig = try ClientRig()
        let pool = rig.client.pool(
            for: Endpoint(isTLS: false, host: "255.255.255.255", port: 9, caFile: nil), keptAtMost: 1)
        let answer = rig.ask(pool)
        #expect(!answer.isOver)
        rig.run { answer.isOver }
        #expect(answer.fault?.kind == .unreachable)
    }

    @Test func aNameThatIsLookedUpForEverTimesOut() throws {
        let released = Handover<Void>()
        let resolver = Resolver(
            lookUp: { host, _ in
                released.take()
                return .success([SocketAddress("127.0.0.1:1")!])
            }, now: { 0 })
        let rig = try ClientRig(resolver: resolver)
        let pool = rig.client.pool(
            for: Endpoint(isTLS: false, host: "api.test", port: 80, caFile: nil), keptAtMost: 1)
        let answer = rig.ask(pool, deadlines: ClientDeadlines(connectMilliseconds: 20))
        rig.run { answer.isOver }
        #expect(answer.fault?.kind == .connectTimedOut)
        // The name comes too late for anybody.
        released.give(())
        rig.settle()
        #expect(answer.late == 0)
    }

    /// A listener whose queue is full: the kernel drops what comes next, as a filter would.
    @Test func aConnectionThatNeverStandsTimesOut() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        let any = SocketAddress("127.0.0.1:0")!
        #expect(any.withSockaddr { bind(listener, $0, $1) } == 0)
        #expect(listen(listener, 0) == 0)
        var storage = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &storage) { pointer in
            _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &size) }
        }
        let address = SocketAddress("127.0.0.1:\(UInt16(bigEndian: storage.sin_port))")!
        var waiting: [Int32] = []
        defer { for descriptor in waiting { close(descriptor) } }
        for _ in 0..<8 {
            waiting.append(socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0))
            _ = address.withSockaddr { connect(waiting.last!, $0, $1) }
        }
        let (rig, answer) = try ask([address.description], deadlines: ClientDeadlines(connectMilliseconds: 30))
        rig.run { answer.isOver }
        #expect(answer.fault?.kind == .connectTimedOut)
        #expect(answer.connection?.hasWrittenRequest == false)
    }

    /// What the server says, then silence, and whose deadline it meets.
    @Test(arguments: [
        ("", ClientDeadlines(firstByteMilliseconds: 25), ClientFault.Kind.answerTimedOut),
        ("HTTP/1.1 100 Continue\r\n\r\n", ClientDeadlines(idleMilliseconds: 25), .answerTimedOut),
        ("HTTP/1.1 200 OK\r\nContent-Le", ClientDeadlines(idleMilliseconds: 25), .answerTimedOut),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", ClientDeadlines(idleMilliseconds: 25), .idleTimedOut
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
            ClientDeadlines(idleMilliseconds: 25), .idleTimedOut
        ),
    ])
    func silenceMeetsItsDeadline(said: String, deadlines: ClientDeadlines, kind: ClientFault.Kind) throws {
        let rig = try ClientRig()
        let port = try ServerPort()
        let answer = rig.ask(rig.pool(port), deadlines: deadlines)
        let peer = try port.accept(rig)
        peer.read(rig, until: "\r\n\r\n")
        if !said.isEmpty { peer.write(said) }
        rig.run { answer.isOver }
        #expect(answer.fault?.kind == kind)
        peer.readToEnd(rig)
        #expect(answer.late == 0)
    }

    @Test func aRequestThatNobodyReadsMeetsTheIdleDeadline() throws {
        let rig = try ClientRig()
        let port = try ServerPort()
        let answer = rig.ask(
            rig.pool(port), "POST / HTTP/1.1\r\nHost: a\r\n\r\n", method: .post,
            deadlines: ClientDeadlines(firstByteMilliseconds: 50_000, idleMilliseconds: 40), isWhole: false)
        let peer = try port.accept(rig)
        let piece = [UInt8](repeating: 1, count: 1 << 20)
        rig.run {
            if answer.connection?.hasUnsentBytes == false {
                piece.withUnsafeBytes { answer.connection?.send($0, .empty) }
            }
            return answer.isOver
        }
        #expect(answer.fault?.kind == .idleTimedOut)
        peer.close()
    }

    /// Whoever paused it is the slow one: silence counts from there on.
    @Test func aPausedAnswerDoesNotTimeOut() throws {
        let rig = try ClientRig()
        let port = try ServerPort()
        let answer = rig.ask(rig.pool(port), deadlines: ClientDeadlines(idleMilliseconds: 20))
        let peer = try port.accept(rig)
        peer.read(rig, until: "\r\n\r\n")
        answer.whenBody = { answer.connection?.pause() }
        peer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
        rig.run { answer.body.count == 5 }
        peer.write("67890")
        rig.settle(80)
        #expect(!answer.isOver)
        answer.whenBody = nil
        answer.connection?.resume()
        rig.run { answer.isOver }
        #expect(answer.text == "1234567890")
    }
}
