import EventLoop
import HTTP
import Testing

@testable import Gateway

private let smallAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/// Requests and answers that do not fit: in the kernel's buffers, or in one another's time.
@Suite struct ClientBackPressureTests {
    private let rig: ClientRig
    private let port: ServerPort
    private let pool: EndpointPool

    init() throws {
        rig = try ClientRig()
        port = try ServerPort()
        pool = rig.pool(port)
    }

    /// More than the kernel takes: the rest is sent as it drains, and the sender is told when it may go on.
    @Test func aLargeRequestArrivesWholeAndInOrder() throws {
        let answer = rig.ask(pool, "POST / HTTP/1.1\r\nHost: a\r\n\r\n", method: .post, isWhole: false)
        let connection = try #require(answer.connection)
        let piece = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) }
        var sent = 0
        func more() {
            while sent < 60 && !connection.hasUnsentBytes {
                piece.withUnsafeBytes {
                    connection.send(UnsafeRawBufferPointer(rebasing: $0[..<10]), .init(rebasing: $0[10...]))
                }
                sent += 1
            }
            if sent == 60 { connection.requestEnded() }
        }
        answer.whenDrained = more
        let peer = try port.accept(rig)
        rig.run { connection.hasUnsentBytes }
        #expect(sent < 60)
        let whole = 60 * piece.count + "POST / HTTP/1.1\r\nHost: a\r\n\r\n".utf8.count
        rig.run {
            peer.readAvailable(1 << 20)
            return peer.heard.count >= whole
        }
        #expect(peer.heard.count == whole)
        var expected: [UInt8] = []
        for _ in 0..<60 { expected += piece }
        #expect(Array(peer.heard.suffix(60 * piece.count)) == expected)
        answer.whenDrained = nil
        peer.write(smallAnswer)
        rig.run { answer.isOver }
        #expect(answer.text == "ok")
        #expect(rig.ask(pool).connection === connection)
    }

    /// The server answers before it has read the body, and leaves or stays; its answer counts, the connection does not.
    @Test(arguments: ["close", "reset", "stay"])
    func anEarlyAnswerIsHeard(deed: String) throws {
        let answer = rig.ask(pool, "POST / HTTP/1.1\r\nHost: a\r\n\r\n", method: .post, isWhole: false)
        let connection = try #require(answer.connection)
        let peer = try port.accept(rig)
        let piece = [UInt8](repeating: 1, count: 1 << 20)
        rig.run {
            if !connection.hasUnsentBytes { piece.withUnsafeBytes { connection.send($0, .empty) } }
            return connection.hasUnsentBytes
        }
        rig.settle()
        peer.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")
        switch deed {
        case "close": peer.close()
        case "reset":
            rig.settle()
            if !answer.isOver { peer.reset() }
        default: break
        }
        rig.run { answer.isOver }
        #expect(answer.isEnded, "\(String(describing: answer.fault))")
        #expect(answer.status == 413 && answer.text == "big")
        #expect(rig.ask(pool).connection !== connection)
        #expect(answer.late == 0)
    }

    /// The body goes on after an early answer's head: the answer is read to its end, then the connection ends.
    @Test func aRequestThatIsNotWholeEndsItsConnection() throws {
        let answer = rig.ask(pool, "POST / HTTP/1.1\r\nHost: a\r\n\r\nhalf", method: .post, isWhole: false)
        let peer = try port.accept(rig)
        peer.read(rig, until: "half")
        peer.write(smallAnswer)
        peer.readToEnd(rig)
        #expect(answer.isEnded && answer.text == "ok")
        #expect(rig.ask(pool).connection?.isReused == false)
    }

    @Test func pausedItReadsNoMoreThanIsInHand() throws {
        let answer = rig.ask(pool)
        let connection = try #require(answer.connection)
        let peer = try port.accept(rig)
        peer.read(rig, until: "\r\n\r\n")
        let total = 12 << 20
        peer.write("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n")
        answer.whenBody = { connection.pause() }
        let piece = (0..<(1 << 16)).map { UInt8(truncatingIfNeeded: $0 &* 13 >> 5) }
        var sent = 0
        func push() -> Bool {
            if sent == total { return false }
            let at = sent % piece.count
            let count = peer.writeSome(piece[at..<min(piece.count, at + total - sent)])
            sent += count
            return count > 0
        }
        // Until the kernel takes no more or has it all, though the loop turns.
        var idle = 0
        rig.run {
            idle = push() ? 0 : idle + 1
            return idle > 20
        }
        #expect(!answer.body.isEmpty && answer.body.count <= EventLoop.scratchBytes)
        let before = answer.body.count
        rig.settle()
        #expect(answer.body.count == before)
        connection.resume()
        rig.run { answer.body.count > before }
        #expect(answer.body.count <= before + EventLoop.scratchBytes)
        answer.whenBody = nil
        connection.resume()
        rig.run {
            _ = push()
            return answer.isOver
        }
        #expect(answer.isEnded)
        #expect(answer.body.count == total)
        var expected: [UInt8] = []
        while expected.count < total { expected += piece }
        #expect(answer.body == expected)
    }

    /// The peer sends its last bytes and leaves while nobody reads: nothing of it is lost.
    @Test func pausedItStillHearsTheEnd() throws {
        for isCut in [false, true] {
            let answer = rig.ask(pool, fresh: true)
            let connection = try #require(answer.connection)
            let peer = try port.accept(rig)
            peer.read(rig, until: "\r\n\r\n")
            answer.whenBody = { connection.pause() }
            peer.write("HTTP/1.1 200 OK\r\nContent-Length: \(isCut ? 11 : 10)\r\n\r\n12345")
            rig.run { answer.body.count == 5 }
            peer.write("67890")
            peer.close()
            rig.settle()
            #expect(answer.body.count == 5 && !answer.isOver)
            answer.whenBody = nil
            connection.resume()
            rig.run { answer.isOver }
            #expect(answer.text == "1234567890")
            #expect(answer.fault?.kind == (isCut ? .truncated : nil))
        }
    }
}
