import EventLoop
import Glibc
import HTTP
import Synchronization
import Testing

@testable import Gateway

private let smallAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

@Suite struct ClientConnectionTests {
    private let rig: ClientRig
    private let port: ServerPort
    private let pool: EndpointPool

    init() throws {
        rig = try ClientRig()
        port = try ServerPort()
        pool = rig.pool(port)
    }

    // MARK: One connection, many requests

    @Test func aConnectionIsUsedAgain() throws {
        let (first, peer) = try rig.exchange(pool, port, answered: smallAnswer)
        #expect(first.status == 200 && first.text == "ok" && first.isEnded)
        #expect(first.connection?.isReused == false)
        for _ in 0..<5 {
            peer.forget()
            let next = rig.ask(pool, mayRepeat: false)
            #expect(next.connection === first.connection)
            #expect(next.connection?.isReused == true)
            peer.read(rig, until: "\r\n\r\n")
            #expect(peer.text == "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            peer.write(smallAnswer)
            rig.run { next.isOver }
            #expect(next.text == "ok" && next.late == 0)
        }
        #expect(try port.acceptWaiting() == nil)
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        // What follows was not asked for: the peer has lost its place.
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n",
        "HTTP/1.1 204 No Content\r\n\r\nx",
    ])
    func aConnectionThatCannotBeUsedAgainIsNot(text: String) throws {
        let (first, peer) = try rig.exchange(pool, port, answered: text)
        #expect(first.isEnded)
        peer.readToEnd(rig)
        #expect(rig.ask(pool).connection !== first.connection)
    }

    @Test func noMoreAreKeptThanAllowed() throws {
        let port = try ServerPort()
        let pool = rig.pool(port, keptAtMost: 1)
        let answers = [rig.ask(pool), rig.ask(pool)]
        let peers = [try port.accept(rig), try port.accept(rig)]
        for peer in peers {
            peer.read(rig, until: "\r\n\r\n")
            peer.write(smallAnswer)
        }
        rig.run { answers.allSatisfy(\.isOver) }
        rig.run {
            for peer in peers { peer.readAvailable() }
            return peers.contains { $0.isFinished }
        }
        #expect(peers.filter(\.isFinished).count == 1)
        #expect(rig.ask(pool).connection?.isReused == true)
        #expect(rig.ask(pool).connection?.isReused == false)
    }

    @Test func aKeptConnectionThatSpeaksOrEndsIsGivenUp() throws {
        for deed in ["HTTP/1.1 408 Request Timeout\r\n\r\n", ""] {
            let (first, peer) = try rig.exchange(pool, port, answered: smallAnswer)
            if deed.isEmpty { peer.finishSending() } else { peer.write(deed) }
            peer.readToEnd(rig)
            let next = rig.ask(pool)
            #expect(next.connection !== first.connection)
            next.connection?.abandon()
            _ = try port.accept(rig)
        }
    }

    /// The answer and the end come together, and no event will tell of the end again.
    @Test func whoAnswersAndLeavesIsNotKept() throws {
        let first = rig.ask(pool)
        let peer = try port.accept(rig)
        peer.read(rig, until: "\r\n\r\n")
        peer.write(smallAnswer)
        peer.finishSending()
        rig.run { first.isOver }
        #expect(first.text == "ok")
        let next = rig.ask(pool)
        #expect(next.connection?.isReused == false)
    }

    /// Before the loop has heard of the end: who may not repeat asks the kernel first, who may learns it by trying.
    @Test func anOldConnectionIsProbedWhereTheRequestMayNotRunTwice() throws {
        for mayRepeat in [false, true] {
            let (first, peer) = try rig.exchange(pool, port, answered: smallAnswer)
            peer.close()
            let next = rig.ask(pool, mayRepeat: mayRepeat)
            #expect((next.connection === first.connection) == mayRepeat)
            if mayRepeat {
                rig.run { next.isOver }
                #expect(next.fault?.kind == .closedEarly)
                #expect(next.connection?.isReused == true)
                #expect(next.connection?.hasReceivedAnswer == false)
            } else {
                let second = try port.accept(rig)
                second.read(rig, until: "\r\n\r\n")
                second.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
                rig.run { next.isOver }
                #expect(next.text == "ok")
            }
        }
    }

    @Test func abandonedItTellsNothingMore() throws {
        let answer = rig.ask(pool)
        let peer = try port.accept(rig)
        peer.read(rig, until: "\r\n\r\n")
        peer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
        rig.run { answer.body.count == 5 }
        answer.connection?.abandon()
        answer.connection?.abandon()
        peer.readToEnd(rig)
        #expect(!answer.isOver && answer.late == 0)
        #expect(rig.ask(pool).connection?.isReused == false)
    }

    // MARK: Answers

    private static let splitAnswer =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        + "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Digest\r\n\r\n"
        + "5\r\nhello\r\n7;x=1\r\n, world\r\n0\r\nDigest: abc\r\nX-B: 2\r\n\r\n"

    @Test func anAnswerMayBeSplitAnywhere() throws {
        let bytes = Array(Self.splitAnswer.utf8)
        var peer: LoopbackPeer?
        for at in 0...bytes.count {
            let answer = rig.ask(pool)
            #expect(answer.connection?.isReused == (at > 0))
            if peer == nil { peer = try port.accept(rig) }
            peer?.forget()
            peer?.read(rig, until: "\r\n\r\n")
            if at == bytes.count {
                for byte in bytes {
                    peer?.write([byte])
                    rig.loop.turn()
                }
            } else {
                if at > 0 { peer?.write(Array(bytes[..<at])) }
                rig.loop.turn()
                peer?.write(Array(bytes[at...]))
            }
            rig.run { answer.isOver }
            #expect(answer.interim == [100, 103])
            #expect(answer.status == 200)
            #expect(answer.text == "hello, world")
            #expect(answer.trailers == "Digest: abc|X-B: 2||")
            #expect(answer.isEnded && answer.late == 0, "split at \(at): \(answer.fault.map { $0.detail } ?? "")")
        }
        #expect(try port.acceptWaiting() == nil)
    }

    @Test(arguments: [
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", HTTP.Method.get),
        ("HTTP/1.1 204 No Content\r\n\r\n", .get),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", .head),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .head),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", .get),
    ])
    func answersWithoutABodyEndAtTheirHead(text: String, method: HTTP.Method) throws {
        let answer = rig.ask(pool, method: method)
        let peer = try port.accept(rig)
        peer.read(rig, until: "\r\n\r\n")
        peer.write(text)
        rig.run { answer.isOver }
        #expect(answer.isEnded && answer.body.isEmpty)
        #expect(rig.ask(pool).connection?.isReused == true)
    }

    @Test(arguments: [0, 1, 32, 33, 5000])
    func interimAnswersAreBounded(count: Int) throws {
        let answer = rig.ask(pool)
        let peer = try port.accept(rig)
        peer.read(rig, until: "\r\n\r\n")
        for _ in 0..<count {
            if peer.writeSome(Array("HTTP/1.1 103 Early Hints\r\n\r\n".utf8)[...]) == 0 { break }
        }
        _ = peer.writeSome(Array(smallAnswer.utf8)[...])
        rig.run { answer.isOver }
        #expect(answer.isEnded == (count <= 32))
        #expect(answer.interim.count == min(count, 32))
        if count > 32 { #expect(answer.fault?.kind == .malformed) }
        // The bound is a request's, not a connection's.
        if count == 32 {
            let next = rig.ask(pool)
            #expect(next.connection?.isReused == true)
            for _ in 0..<32 { peer.write("HTTP/1.1 103 Early Hints\r\n\r\n") }
            peer.write(smallAnswer)
            rig.run { next.isOver }
            #expect(next.isEnded)
        }
    }

    @Test(arguments: [
        ("", ClientFault.Kind.closedEarly),
        ("HTTP/1.1 200 OK\r\nContent-Le", .closedEarly),
        ("HTTP/1.1 103 Early Hints\r\n\r\n", .closedEarly),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", .truncated),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", .truncated),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", .truncated),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", .malformed),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", .malformed),
        ("SSH-2.0-OpenSSH_9.2\r\n", .malformed),
    ])
    func anAnswerThatIsNotWholeIsAFault(text: String, kind: ClientFault.Kind) throws {
        for resets in [false, true] where !(resets && kind == .malformed) {
            let answer = rig.ask(pool, fresh: true)
            let peer = try port.accept(rig)
            peer.read(rig, until: "\r\n\r\n")
            if !text.isEmpty { peer.write(text) }
            // A reset may overtake nothing that was read before it.
            if resets { rig.settle() }
            if resets { peer.reset() } else { peer.close() }
            rig.run { answer.isOver }
            #expect(answer.fault?.kind == kind, "\(text) \(resets)")
            #expect(answer.connection?.hasWrittenRequest == true)
            #expect(answer.late == 0)
        }
    }

    @Test func withoutALengthTheEndIsTheEnd() throws {
        for resets in [false, true] {
            let answer = rig.ask(pool)
            let peer = try port.accept(rig)
            peer.read(rig, until: "\r\n\r\n")
            peer.write("HTTP/1.1 200 OK\r\n\r\nall there is")
            rig.run { answer.body.count == 12 }
            if resets { peer.reset() } else { peer.close() }
            rig.run { answer.isOver }
            #expect(answer.isEnded == !resets)
            #expect(answer.fault?.kind == (resets ? .truncated : nil))
            #expect(answer.text == "all there is")
        }
    }

    @Test func headsWithoutEndAreRefused() throws {
        let answer = rig.ask(pool)
        let peer = try port.accept(rig)
        peer.read(rig, until: "\r\n\r\n")
        peer.write("HTTP/1.1 200 OK\r\nX: ")
        rig.run {
            _ = peer.writeSome([UInt8](repeating: 0x61, count: 4096)[...])
            return answer.isOver
        }
        #expect(answer.fault?.kind == .malformed)
    }
}
