import EventLoop
import Testing

@testable import Gateway

private let okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

private func get(_ path: String, _ fields: String = "") -> String { "GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n" }

@Suite struct ExchangeTests {
    private let rig: WorkerRig

    init() throws { rig = try WorkerRig() }

    @Test func connectionsAreKeptOnBothSides() throws {
        let caller = try rig.call(get("/free/1"))
        let upstream = try rig.serve(okAnswer)
        #expect(upstream.text.hasPrefix("GET /free/1 HTTP/1.1\r\nHost: 127.0.0.1:\(rig.upstream.port)\r\n"))
        #expect(upstream.text.contains("\r\nX-Forwarded-For: 127.0.0.1\r\n"))
        caller.read(rig, until: "ok")
        #expect(caller.text.hasPrefix("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"))
        for number in 2..<6 {
            caller.forget()
            upstream.forget()
            caller.write(get("/free/\(number)"))
            upstream.read(rig, until: "\r\n\r\n")
            #expect(upstream.text.hasPrefix("GET /free/\(number) HTTP/1.1\r\n"))
            upstream.write(okAnswer)
            caller.read(rig, until: "ok")
        }
        #expect(try rig.upstream.acceptWaiting() == nil)
        #expect(rig.isAtRest)
    }

    /// The upstream lets a kept connection go just as the next request comes.
    @Test(arguments: ["before", "after"])
    func anOldUpstreamConnectionIsTriedAgain(moment: String) throws {
        let caller = try rig.call(get("/free/1"))
        let old = try rig.serve(okAnswer)
        caller.read(rig, until: "ok")
        caller.forget()
        if moment == "before" {
            old.close()
            caller.write(get("/free/2"))
        } else {
            old.forget()
            caller.write(get("/free/2"))
            old.read(rig, until: "\r\n\r\n")
            old.close()
        }
        let fresh = try rig.serve("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfresh")
        caller.read(rig, until: "fresh")
        #expect(fresh.text.hasPrefix("GET /free/2 HTTP/1.1\r\n"))
        // Once: a connection that was new when it ended is the upstream's fault.
        caller.forget()
        fresh.forget()
        caller.write(get("/free/3"))
        fresh.read(rig, until: "\r\n\r\n")
        fresh.close()
        try rig.upstream.accept(rig).close()
        caller.read(rig, until: "}\n")
        #expect(caller.text.hasPrefix("HTTP/1.1 502 "))
        #expect(caller.text.contains("upstream_closed"))
        #expect(rig.isAtRest)
    }

    /// A POST may have run: it is not sent again, and is given no connection that is known to be old.
    @Test func whatMayHaveRunIsNotSentAgain() throws {
        let caller = try rig.call(get("/free/1"))
        let old = try rig.serve(okAnswer)
        caller.read(rig, until: "ok")
        caller.forget()
        old.forget()
        caller.write("POST /free/2 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody")
        old.read(rig, until: "body")
        old.close()
        caller.read(rig, until: "}\n")
        #expect(caller.text.hasPrefix("HTTP/1.1 502 "))
        #expect(try rig.upstream.acceptWaiting() == nil)
    }

    @Test func requestsSentAheadAreAnsweredInOrder() throws {
        let caller = try rig.call((1...4).map { get("/free/\($0)") }.joined() + get("/none") + get("/free/5"))
        let upstream = try rig.upstream.accept(rig)
        for number in 1...5 {
            upstream.read(rig, until: "\r\n\r\n")
            #expect(upstream.text.hasPrefix("GET /free/\(number) "))
            upstream.forget()
            upstream.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n#\(number)")
        }
        caller.read(rig, until: "#5")
        var text = caller.text[...]
        for mark in ["#1", "#2", "#3", "#4", "404 Not Found", "#5"] {
            guard let place = text.firstRange(of: mark) else {
                Issue.record("\(mark) is missing or out of place")
                return
            }
            text = text[place.upperBound...]
        }
        #expect(rig.isAtRest)
    }

    private static let chunkedRequest =
        "POST /free/up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
        + "5\r\nhello\r\n7\r\n, world\r\n0\r\nX-T: 1\r\n\r\n"

    /// What reaches the upstream is the same message, however its bytes came.
    @Test func aRequestMayBeSplitAnywhere() throws {
        let bytes = Array(Self.chunkedRequest.utf8)
        let caller = try rig.call()
        var upstream: LoopbackPeer?
        for at in 1...bytes.count {
            caller.forget()
            upstream?.forget()
            if at == bytes.count {
                for byte in bytes {
                    caller.write([byte])
                    rig.loop.turn()
                }
            } else {
                caller.write(Array(bytes[..<at]))
                rig.loop.turn()
                caller.write(Array(bytes[at...]))
            }
            if upstream == nil { upstream = try rig.upstream.accept(rig) }
            upstream!.read(rig, until: "X-T: 1\r\n\r\n")
            #expect(decoded(upstream!.text) == "hello, world", "split at \(at)")
            upstream!.write(okAnswer)
            caller.read(rig, until: "\r\n\r\nok")
        }
        #expect(try rig.upstream.acceptWaiting() == nil)
        #expect(rig.isAtRest)
    }

    /// The content of a chunked message whose chunks have no extensions.
    private func decoded(_ message: String) -> String {
        guard let head = message.firstRange(of: "\r\n\r\n") else { return "" }
        var rest = message[head.upperBound...].utf8[...]
        var content = ""
        while let line = rest.firstRange(of: "\r\n".utf8),
            let count = Int(String(rest[..<line.lowerBound])!, radix: 16),
            count > 0
        {
            let end = rest.index(line.upperBound, offsetBy: count)
            content += String(rest[line.upperBound..<end])!
            rest = rest[end...].dropFirst(2)
        }
        return content
    }

    @Test func answersPassWithInterimsChunksAndTrailers() throws {
        let caller = try rig.call(get("/free/1"))
        _ = try rig.serve(
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "5\r\nhello\r\n0\r\nDigest: x\r\n\r\n")
        caller.read(rig, until: "Digest: x\r\n\r\n")
        #expect(caller.text.hasPrefix("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n"))
        let final = caller.text.firstRange(of: "HTTP/1.1 200").map { String(caller.text[$0.lowerBound...]) }
        #expect(decoded(final ?? "") == "hello")
    }

    @Test func whoWaitsForContinueGetsIt() throws {
        let caller = try rig.call(
            "POST /free/1 HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        caller.read(rig, until: "HTTP/1.1 100 Continue\r\n\r\n")
        caller.write("body")
        let upstream = try rig.serve(okAnswer, heads: "body")
        #expect(!upstream.text.contains("Expect"))
        caller.read(rig, until: "ok")
    }

    /// The upstream refuses before it has read the body: its answer passes.
    @Test(arguments: [true, false])
    func anEarlyAnswerPasses(closes: Bool) throws {
        let caller = try rig.call("POST /free/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n")
        let upstream = try rig.serve("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")
        if closes { upstream.close() }
        let piece = [UInt8](repeating: 1, count: 50_000)
        rig.run {
            _ = caller.writeSome(piece[...])
            caller.readAvailable()
            return caller.isFinished || caller.text.contains("big")
        }
        #expect(caller.text.hasPrefix("HTTP/1.1 413 "))
        #expect(caller.text.hasSuffix("big"))
        // Too much is still to come for the connection to go on.
        #expect(caller.text.contains("\r\nConnection: close\r\n"))
        rig.run { self.rig.isAtRest }
        #expect(rig.isAtRest)
    }

    /// A cut answer does not look whole: its length or its last chunk is missing, and where only the end of the connection
    /// could tell, for HTTP/1.0, that end is a reset.
    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\nzz\r\n",
    ])
    func aCutAnswerIsBrokenOff(text: String) throws {
        for version in ["1.0", "1.1"] {
            let caller = try rig.call("GET /free/1 HTTP/\(version)\r\nHost: a\r\n\r\n")
            let upstream = try rig.serve(text)
            caller.read(rig, until: "12345")
            upstream.close()
            caller.readToEnd(rig)
            let isMarked = caller.text.contains("Content-Length: 10") || caller.text.contains("chunked")
            #expect(isMarked == (version == "1.1" || text.contains("Length")))
            #expect(caller.wasReset == !isMarked)
            #expect(!caller.text.contains("\r\n0\r\n"))
            #expect(rig.isAtRest)
        }
    }

    @Test func whenTheCallerLeavesTheUpstreamIsLeft() throws {
        let caller = try rig.call(get("/free/1"))
        let upstream = try rig.serve("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
        caller.read(rig, until: "12345")
        caller.reset()
        upstream.readToEnd(rig)
        #expect(rig.isAtRest)
    }

    @Test func whoFinishedSendingIsStillAnswered() throws {
        for text in [get("/free/1"), get("/free/1") + get("/free/2")] {
            let caller = try rig.call(text)
            caller.finishSending()
            let count = text.count(of: "GET")
            let upstream = try rig.upstream.accept(rig)
            for _ in 0..<count {
                upstream.read(rig, until: "\r\n\r\n")
                upstream.forget()
                upstream.write(okAnswer)
            }
            caller.readToEnd(rig)
            #expect(caller.text.count(of: "\r\n\r\nok") == count)
            #expect(!caller.wasReset)
            upstream.close()
            rig.settle()
        }
    }

    @Test func aSlowCallerHoldsTheUpstreamBack() throws {
        let caller = try rig.call(get("/free/1"))
        let total = 16 << 20
        let upstream = try rig.serve("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n")
        let piece = (0..<(1 << 18)).map { UInt8(truncatingIfNeeded: $0 &* 13 >> 5) }
        var sent = 0
        func push() -> Bool {
            if sent == total { return false }
            let at = sent % piece.count
            let count = upstream.writeSome(piece[at..<min(piece.count, at + total - sent)])
            sent += count
            return count > 0
        }
        var idle = 0
        rig.run {
            idle = push() ? 0 : idle + 1
            return idle > 20
        }
        // What the kernels between them take is theirs to say; what the gateway took is here.
        #expect(try #require(rig.firstRecord).bytesOut < total / 2)
        rig.run {
            caller.readAvailable(1 << 20)
            _ = push()
            return caller.heard.count >= total
        }
        rig.run { self.rig.isAtRest }
        caller.readAvailable(1 << 20)
        let body = caller.heard.suffix(total)
        var expected: [UInt8] = []
        while expected.count < total { expected += piece }
        #expect(Array(body) == expected)
    }

    @Test func aSlowUpstreamHoldsTheCallerBack() throws {
        let total = 16 << 20
        let caller = try rig.call("POST /free/1 HTTP/1.1\r\nHost: a\r\nContent-Length: \(total)\r\n\r\n")
        let upstream = try rig.upstream.accept(rig)
        upstream.read(rig, until: "\r\n\r\n")
        let head = upstream.heard.count
        let piece = (0..<(1 << 18)).map { UInt8(truncatingIfNeeded: $0 &* 13 >> 5) }
        var sent = 0
        func push() -> Bool {
            if sent == total { return false }
            let at = sent % piece.count
            let count = caller.writeSome(piece[at..<min(piece.count, at + total - sent)])
            sent += count
            return count > 0
        }
        var idle = 0
        rig.run {
            idle = push() ? 0 : idle + 1
            return idle > 20
        }
        #expect(try #require(rig.firstRecord).bytesIn < total / 2)
        rig.run {
            upstream.readAvailable(1 << 20)
            _ = push()
            return upstream.heard.count >= head + total
        }
        var expected: [UInt8] = []
        while expected.count < total { expected += piece }
        #expect(Array(upstream.heard[head...]) == expected)
        upstream.write(okAnswer)
        caller.read(rig, until: "ok")
        #expect(rig.isAtRest)
    }

    @Test func anUnpaidRequestCostsTheUpstreamNothing() throws {
        let caller = try rig.call(get("/paid") + get("/free/1"))
        let upstream = try rig.serve(okAnswer)
        #expect(upstream.text.hasPrefix("GET /free/1 "))
        caller.read(rig, until: "\r\n\r\nok")
        #expect(caller.text.hasPrefix("HTTP/1.1 402 Payment Required\r\n"))
        #expect(caller.text.contains("\r\nPAYMENT-REQUIRED: "))
    }

    /// Bodies that are answered without being read are borne for the connection's sake.
    @Test func anUnreadBodyDoesNotSpoilTheNextRequest() throws {
        let body = String(repeating: "x", count: 100_000)
        let caller = try rig.call("POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n")
        caller.read(rig, until: "}\n")
        #expect(caller.text.hasPrefix("HTTP/1.1 404 "))
        caller.forget()
        caller.write(body + get("/free/1"))
        _ = try rig.serve(okAnswer)
        caller.read(rig, until: "\r\n\r\nok")
        #expect(caller.text.hasPrefix("HTTP/1.1 200 "))
    }

    /// The answer to what is no request arrives, though more of it comes after.
    @Test func aMalformedRequestIsAnsweredAndTheConnectionEnds() throws {
        let caller = try rig.call("GET /free/1 HTTP/1.1\r\nHost: a\r\nBad Field: 1\r\n\r\n" + get("/free/2"))
        rig.settle()
        _ = caller.writeSome(Array("more that nobody reads".utf8)[...])
        caller.readToEnd(rig)
        #expect(!caller.wasReset)
        #expect(caller.text.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
        #expect(caller.text.count(of: "HTTP/1.1") == 1)
        #expect(try rig.upstream.acceptWaiting() == nil)
    }

    @Test func drainingLetsWhatIsUnderWayEnd() throws {
        let resting = try rig.call()
        let caller = try rig.call(get("/free/1"))
        let upstream = try rig.upstream.accept(rig)
        upstream.read(rig, until: "\r\n\r\n")
        rig.worker.drain()
        resting.readToEnd(rig)
        #expect(!rig.isAtRest)
        upstream.write(okAnswer)
        caller.readToEnd(rig)
        #expect(caller.text.hasSuffix("\r\n\r\nok"))
        #expect(caller.text.contains("\r\nConnection: close\r\n"))
        #expect(rig.isAtRest)
        let late = try rig.call()
        late.readAvailable()
        #expect(late.wasReset)
    }
}

extension String {
    fileprivate func count(of mark: String) -> Int { ranges(of: mark).count }
}
