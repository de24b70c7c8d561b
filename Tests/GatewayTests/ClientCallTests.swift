import Bytes
import EventLoop
import HTTP
import Testing

@testable import Gateway

@Suite struct ClientCallTests {
    private let rig: ClientRig
    private let port: ServerPort
    private let pool: EndpointPool

    init() throws {
        rig = try ClientRig()
        port = try ServerPort()
        pool = rig.pool(port)
    }

    /// What a call was told.
    private final class Told {
        var outcomes: [Result<ClientAnswer, ClientCallFault>] = []
        var isOver: Bool { !outcomes.isEmpty }
        var answer: ClientAnswer? { if case .success(let answer)? = outcomes.first { answer } else { nil } }
        var fault: ClientCallFault? { if case .failure(let fault)? = outcomes.first { fault } else { nil } }
    }

    private func request(mayRepeat: Bool = true, body: String = "{}", answerBytes: Int = 1_000) -> ClientRequest {
        ClientRequest(
            method: .post, target: "/a?b=c", authority: "node.example", fields: [("Accept", "application/json")],
            body: Array(body.utf8), mayRepeat: mayRepeat, answerBytesAtMost: answerBytes,
            answerFields: ["retry-after", "location"])
    }

    private func begin(_ request: ClientRequest, milliseconds: Int = 10_000) -> (Told, ClientCall) {
        let told = Told()
        let call = ClientCall.begin(request, over: pool, on: rig.loop, deadlineMilliseconds: milliseconds) {
            told.outcomes.append($0)
        }
        #expect(!told.isOver, "told from within")
        return (told, call)
    }

    private func exchange(_ peer: LoopbackPeer, _ text: String, _ told: Told) {
        peer.read(rig, until: "\r\n\r\n")
        peer.write(text)
        rig.run { told.isOver }
    }

    @Test func aWholeAnswer() throws {
        let (told, _) = begin(request(body: "{\"a\":1}"))
        let peer = try port.accept(rig)
        peer.read(rig, until: "{\"a\":1}")
        #expect(
            peer.text
                == "POST /a?b=c HTTP/1.1\r\nHost: node.example\r\nAccept: application/json\r\nContent-Length: 7\r\n"
                + "\r\n{\"a\":1}")
        peer.write(
            "HTTP/1.1 200 OK\r\nretry-AFTER: 7\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
        rig.run { told.isOver }
        #expect(told.answer?.status == 200)
        #expect(told.answer?.body == Array("ok".utf8))
        #expect(told.answer?.fields == ["retry-after": "7"])
        rig.settle()
        #expect(told.outcomes.count == 1)
    }

    @Test func theConnectionIsUsedAgain() throws {
        var peer: LoopbackPeer?
        for _ in 0..<3 {
            let (told, _) = begin(request())
            if peer == nil { peer = try port.accept(rig) }
            peer?.forget()
            exchange(peer!, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", told)
            #expect(told.answer?.body == Array("ok".utf8))
        }
        #expect(try port.acceptWaiting() == nil)
    }

    /// Every status is an answer, and a redirect goes nowhere.
    @Test(arguments: [301, 307, 308, 404, 429, 500, 503]) func anyStatus(status: Int) throws {
        let (told, _) = begin(request())
        let peer = try port.accept(rig)
        exchange(
            peer, "HTTP/1.1 \(status) X\r\nLocation: http://127.0.0.1:\(port.port)/\r\nContent-Length: 0\r\n\r\n", told)
        #expect(told.answer?.status == status)
        #expect(told.answer?.fields["location"] != nil)
        rig.settle()
        #expect(try port.acceptWaiting() == nil)
    }

    @Test func anAnswerAboveTheLimit() throws {
        for (bytes, isTaken) in [(10, true), (11, false)] {
            let (told, _) = begin(request(answerBytes: 10))
            let peer = try port.accept(rig)
            let body = String(repeating: "x", count: bytes)
            exchange(peer, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: \(bytes)\r\n\r\n\(body)", told)
            #expect((told.answer != nil) == isTaken)
            #expect(isTaken || told.fault?.fault.kind == .malformed)
            if !isTaken { #expect(told.fault?.wasSent == true) }
        }
    }

    // MARK: Time

    /// The deadline is of the whole: bytes that drip do not move it.
    @Test func theDeadline() throws {
        for drips in [false, true] {
            let (told, _) = begin(request(answerBytes: 10_000_000), milliseconds: 60)
            let peer = try port.accept(rig)
            peer.read(rig, until: "\r\n\r\n")
            if drips { peer.write("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n") }
            rig.run {
                if drips && !told.isOver { _ = peer.writeSome([0x78]) }
                return told.isOver
            }
            #expect(told.fault?.fault.kind == .totalTimedOut)
            #expect(told.fault?.wasSent == true)
            peer.readToEnd(rig)
        }
    }

    @Test func cancelledItTellsNothing() throws {
        let (told, call) = begin(request())
        let peer = try port.accept(rig)
        peer.read(rig, until: "\r\n\r\n")
        call.cancel()
        call.cancel()
        peer.readToEnd(rig)
        #expect(!told.isOver)
    }

    // MARK: Whether it was sent

    @Test func nobodyListens() throws {
        let closed = try ServerPort.closed()
        let pool = rig.client.pool(
            for: Endpoint(isTLS: false, host: "127.0.0.1", port: closed, caFile: nil), keptAtMost: 1)
        let told = Told()
        ClientCall.begin(request(mayRepeat: false), over: pool, on: rig.loop, deadlineMilliseconds: 5_000) {
            told.outcomes.append($0)
        }
        rig.run { told.isOver }
        #expect(told.fault?.fault.kind == .unreachable)
        #expect(told.fault?.wasSent == false)
    }

    @Test func aNewConnectionThatEndsWithoutAnAnswer() throws {
        let (told, _) = begin(request())
        let peer = try port.accept(rig)
        peer.read(rig, until: "\r\n\r\n")
        peer.close()
        rig.run { told.isOver }
        #expect(told.fault?.fault.kind == .closedEarly)
        #expect(told.fault?.wasSent == true)
        rig.settle()
        #expect(try port.acceptWaiting() == nil, "not repeated")
    }

    /// A kept connection that ends with the request on it: repeated once where that is allowed.
    @Test func anOldConnection() throws {
        for mayRepeat in [true, false] {
            let (first, _) = begin(request())
            let old = try port.accept(rig)
            exchange(old, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", first)
            old.forget()
            let (told, _) = begin(request(mayRepeat: mayRepeat))
            old.read(rig, until: "\r\n\r\n")
            old.close()
            if mayRepeat {
                let fresh = try port.accept(rig)
                fresh.read(rig, until: "\r\n\r\n")
                fresh.close()
            }
            rig.run { told.isOver }
            #expect(told.fault?.fault.kind == .closedEarly)
            #expect(told.fault?.wasSent == true)
            rig.settle()
            #expect(try port.acceptWaiting() == nil, "not repeated again")
        }
    }

    /// Closed before the request: a kept connection is looked at first where the request may not be repeated.
    @Test func anOldConnectionThatWasClosedMeanwhile() throws {
        for mayRepeat in [true, false] {
            let (first, _) = begin(request())
            let old = try port.accept(rig)
            exchange(old, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", first)
            old.close()
            let (told, _) = begin(request(mayRepeat: mayRepeat))
            let fresh = try port.accept(rig)
            exchange(fresh, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", told)
            #expect(told.answer?.status == 200)
        }
    }

    @Test(arguments: ["SSH-2.0-x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"]) func noHTTP(
        text: String
    ) throws {
        let (told, _) = begin(request())
        let peer = try port.accept(rig)
        peer.read(rig, until: "\r\n\r\n")
        peer.write(text)
        peer.finishSending()
        rig.run { told.isOver }
        #expect(told.fault != nil && told.fault?.wasSent == true)
    }
}
