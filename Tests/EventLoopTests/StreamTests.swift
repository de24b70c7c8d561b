import CLinux
import COpenSSL
import Glibc
import Testing

@testable import EventLoop

/// A stream that tests can ask and drop: `#expect` takes no ~Copyable value.
private final class OpenStream {
    private var place: UnsafeMutablePointer<Stream>?

    init(_ socket: OpenSocket) {
        place = .allocate(capacity: 1)
        place!.initialize(to: Stream(socket.take()))
    }

    deinit { drop() }

    var number: Int32 { place!.pointee.descriptorNumber() }
    var isSecured: Bool { place!.pointee.isSecured() }
    var isQuiet: Bool { place!.pointee.isQuiet() }
    var hasUnsentCiphertext: Bool { place!.pointee.hasUnsentCiphertext() }
    var tlsFault: TLSFault? { place!.pointee.tlsFault }
    func secure(_ session: TLSSession) { place!.pointee.secure(session) }
    func handshake() -> Stream.Handshake { place!.pointee.handshake() }
    func flush() -> Transfer { place!.pointee.flush() }
    func close() { place!.pointee.close() }
    func finishSending() { place!.pointee.finishSending() }
    func resetOnClose() { place!.pointee.resetOnClose() }

    func drop() {
        place?.deinitialize(count: 1)
        place?.deallocate()
        place = nil
    }

    func write(_ bytes: ArraySlice<UInt8>, _ second: [UInt8] = []) -> Transfer {
        bytes.withUnsafeBytes { first in second.withUnsafeBytes { place!.pointee.write(first, $0) } }
    }

    func write(_ text: String) -> Transfer { write(Array(text.utf8)[...]) }

    func read(_ room: Int = 20_000) -> (transfer: Transfer, bytes: [UInt8]) {
        var bytes = [UInt8](repeating: 0, count: room)
        let transfer = bytes.withUnsafeMutableBytes { place!.pointee.read(into: $0) }
        if case .bytes(let count) = transfer { return (transfer, Array(bytes[..<count])) }
        return (transfer, [])
    }

    /// Reads until there is something other than `wouldBlock`, at most ten seconds.
    func readNext() -> (transfer: Transfer, bytes: [UInt8]) {
        while true {
            let step = read()
            if step.transfer != .wouldBlock { return step }
            var asked = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
            if poll(&asked, 1, 10_000) == 0 { return step }
        }
    }
}

/// A stream at each end of one loopback connection, both ends on this thread.
private struct StreamPair {
    let client: OpenStream
    let server: OpenStream

    init(_ pair: LoopbackPair) {
        client = OpenStream(pair.client)
        server = OpenStream(pair.server)
    }

    /// Until both sides are done or one fails.
    func shakeHands() -> (client: Stream.Handshake, server: Stream.Handshake) {
        for _ in 0..<10_000 {
            let ours = client.handshake()
            let theirs = server.handshake()
            if case .failed = ours { return (ours, theirs) }
            if case .complete = ours, case .complete = theirs { return (ours, theirs) }
            waitFor(POLLIN, client.number, atMostMilliseconds: 1)
        }
        return (.failed("no end"), .failed("no end"))
    }
}

@Suite struct StreamTests {
    private let authority = TLSTestCertificate(subject: "Test CA")
    private let identity: TLSTestCertificate
    private let context: TLSClientContext

    init() throws {
        identity = TLSTestCertificate(subject: "api", names: "DNS:api.test", issuer: authority)
        context = try TLSSessionTests.context(trusting: authority)
    }

    private func securedPair(
        name: String = "api.test", version: Int32 = TLS1_3_VERSION
    ) throws -> StreamPair {
        let pair = StreamPair(try LoopbackPair())
        pair.client.secure(try TLSSession(context: context, serverName: name, port: 443))
        pair.server.secure(TLSTestServer(identity, version: version).accept())
        return pair
    }

    private func establishedPair(version: Int32 = TLS1_3_VERSION) throws -> StreamPair {
        let pair = try securedPair(version: version)
        let ends = pair.shakeHands()
        guard case .complete = ends.client, case .complete = ends.server else {
            Issue.record("\(ends)")
            return pair
        }
        return pair
    }

    @Test func plainIsTheSocketItself() throws {
        let pair = StreamPair(try LoopbackPair())
        #expect(!pair.client.isSecured)
        guard case .complete = pair.client.handshake() else {
            Issue.record("a plain stream has no handshake")
            return
        }
        #expect(pair.client.write("ping") == .bytes(4))
        #expect(pair.server.readNext().bytes == Array("ping".utf8))
        #expect(pair.server.read().transfer == .wouldBlock)
        #expect(pair.client.flush() == .wouldBlock)
        #expect(!pair.client.hasUnsentCiphertext)
        #expect(pair.client.isQuiet)
        pair.server.close()
        #expect(pair.client.isQuiet)
        pair.server.finishSending()
        #expect(pair.client.readNext().transfer == .endOfStream)
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func securedSpeaksBothWays(version: Int32) throws {
        let pair = try establishedPair(version: version)
        #expect(pair.client.isSecured)
        #expect(pair.client.write("ping") == .bytes(4))
        #expect(pair.server.readNext().bytes == Array("ping".utf8))
        let both = [UInt8](repeating: 1, count: 100) + [UInt8](repeating: 2, count: 50_000)
        #expect(pair.server.write(both[..<100], Array(both[100...])) == .bytes(both.count))
        var heard: [UInt8] = []
        while heard.count < both.count {
            let step = pair.client.readNext()
            guard case .bytes = step.transfer else {
                Issue.record("\(step.transfer)")
                return
            }
            heard += step.bytes
        }
        #expect(heard == both)
        #expect(pair.client.read().transfer == .wouldBlock)
    }

    /// A room smaller than a record: the rest comes from the session without another event of the socket.
    @Test func aSmallRoomLosesNothing() throws {
        let pair = try establishedPair()
        let text = Array("a record that is longer than the room".utf8)
        #expect(pair.server.write(text[...]) == .bytes(text.count))
        var heard: [UInt8] = []
        waitFor(POLLIN, pair.client.number)
        while heard.count < text.count {
            let step = pair.client.read(5)
            if case .bytes = step.transfer { heard += step.bytes } else if step.transfer != .wouldBlock { break }
        }
        #expect(heard == text)
    }

    /// Both ends talk through someone who passes a few bytes at a time.
    @Test(arguments: [1, 3, 100])
    func handshakesInSmallPieces(piece: Int) throws {
        let near = try LoopbackPair()
        let far = try LoopbackPair()
        let middle = (near.server.number, far.client.number)
        let client = OpenStream(near.client)
        let server = OpenStream(far.server)
        client.secure(try TLSSession(context: context, serverName: "api.test", port: 443))
        server.secure(TLSTestServer(identity).accept())
        func pass(_ from: Int32, _ to: Int32) {
            var bytes = [UInt8](repeating: 0, count: piece)
            let count = recv(from, &bytes, piece, Int32(MSG_DONTWAIT))
            if count > 0 { #expect(send(to, bytes, count, Int32(MSG_NOSIGNAL)) == count) }
        }
        var clientIsDone = false
        var serverIsDone = false
        for _ in 0..<100_000 where !clientIsDone || !serverIsDone {
            switch client.handshake() {
            case .complete: clientIsDone = true
            case .wantMore: break
            case .failed(let reason):
                Issue.record("\(reason)")
                return
            }
            switch server.handshake() {
            case .complete: serverIsDone = true
            case .wantMore: break
            case .failed(let reason):
                Issue.record("\(reason)")
                return
            }
            pass(middle.0, middle.1)
            pass(middle.1, middle.0)
        }
        #expect(clientIsDone && serverIsDone)
    }

    @Test func handshakesThatFailSayWhy() throws {
        let wrongName = try securedPair(name: "other.test")
        guard case .failed(let reason) = wrongName.shakeHands().client else {
            Issue.record("a certificate of another name was taken")
            return
        }
        #expect(reason.contains("does not name other.test"), "\(reason)")

        let pair = StreamPair(try LoopbackPair())
        pair.client.secure(try TLSSession(context: context, serverName: "api.test", port: 443))
        guard case .wantMore = pair.client.handshake() else {
            Issue.record("a handshake without a peer")
            return
        }
        pair.server.drop()
        waitFor(POLLIN, pair.client.number)
        guard case .failed(let end) = pair.client.handshake() else {
            Issue.record("a handshake with nobody")
            return
        }
        #expect(!end.isEmpty)
    }

    /// More than the kernel and the session hold: what is accepted arrives, whole and in order.
    @Test func aFullSocketKeepsWhatWasAccepted() throws {
        let pair = try establishedPair()
        // The kernel is made to hold little, so that little must be sent.
        var bytes: Int32 = 64 * 1024
        setsockopt(pair.client.number, SOL_SOCKET, SO_SNDBUF, &bytes, 4)
        setsockopt(pair.server.number, SOL_SOCKET, SO_RCVBUF, &bytes, 4)
        let body = (0..<1_500_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 4) }
        var sent = 0
        var heard: [UInt8] = []
        heard.reserveCapacity(body.count)
        var wasFull = false
        var turns = 0
        while heard.count < body.count {
            while sent < body.count {
                let step = pair.client.write(body[sent...])
                if step == .wouldBlock {
                    #expect(pair.client.hasUnsentCiphertext)
                    wasFull = true
                    break
                }
                guard case .bytes(let count) = step else {
                    Issue.record("\(step)")
                    return
                }
                #expect(count > 0)
                sent += count
            }
            if case .failed(let code) = pair.client.flush() { Issue.record("\(code)") }
            let step = pair.server.read()
            if step.transfer == .wouldBlock {
                waitFor(POLLIN, pair.server.number, atMostMilliseconds: 1)
                turns += 1
                if turns < 10_000 { continue }
            }
            guard case .bytes = step.transfer else {
                Issue.record("\(step.transfer)")
                return
            }
            heard += step.bytes
        }
        #expect(wasFull)
        #expect(heard == body)
        #expect(!pair.client.hasUnsentCiphertext)
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func anOrderlyEndIsToldFromATruncation(version: Int32) throws {
        for isOrderly in [true, false] {
            let pair = try establishedPair(version: version)
            #expect(pair.server.write("last") == .bytes(4))
            if isOrderly { pair.server.close() }
            pair.server.finishSending()
            #expect(pair.client.readNext().bytes == Array("last".utf8))
            let end: Transfer = isOrderly ? .endOfStream : .failed(ECONNRESET)
            #expect(pair.client.readNext().transfer == end)
            #expect(pair.client.readNext().transfer == end)
        }
    }

    @Test func bytesThatAreNotTLSAreAFault() throws {
        let pair = try establishedPair()
        let number = pair.server.number
        let text = "HTTP/1.1 400 Bad Request\r\n\r\n"
        #expect(send(number, text, text.utf8.count, 0) == text.utf8.count)
        #expect(pair.client.readNext().transfer == .failed(EPROTO))
        #expect(pair.client.tlsFault?.kind == .protocolError)
    }

    @Test func aPeerThatResetIsAFailure() throws {
        for isSecured in [true, false] {
            let pair = isSecured ? try establishedPair() : StreamPair(try LoopbackPair())
            _ = pair.client.read()
            pair.server.resetOnClose()
            pair.server.drop()
            waitFor(POLLHUP, pair.client.number)
            let sent = pair.client.write("x")
            #expect(sent == .failed(ECONNRESET) || sent == .failed(EPIPE))
        }
    }
}
