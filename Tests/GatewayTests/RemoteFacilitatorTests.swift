import EventLoop
import Foundation
import Logging
import Payments
import Testing

@testable import Gateway

/// The driver, against peers that do what facilitators must not.
@Suite struct RemoteFacilitatorTests {
    private let rig: ClientRig
    private let port: ServerPort

    init() throws {
        rig = try ClientRig()
        port = try ServerPort()
    }

    private func facilitator(
        _ access: FacilitatorAccess = .open, path: String = "", timeout: Int = 10_000, at number: UInt16? = nil
    ) throws -> RemoteFacilitator {
        let url = try ServiceURL.parse("http://127.0.0.1:\(number ?? port.port)\(path)").get()
        let settings = FacilitatorSettings(
            name: "hosted", url: url, access: access, caFile: nil, timeoutMilliseconds: timeout,
            place: ConfigPlace(file: "f", line: 1, column: 1))
        return RemoteFacilitator(settings, client: rig.client) { 1_800_000_000 }
    }

    private static func answer(_ status: String, _ body: String, _ fields: String = "") -> String {
        "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)"
    }

    private static let success = """
        {"success":true,"transaction":"\(FacilitatorSamples.hash)","network":"eip155:84532","payer":"\(FacilitatorSamples.payer)"}
        """
    private static let pending = """
        {"success":false,"errorReason":"settlement_pending","transaction":"\(FacilitatorSamples.hash)","network":"eip155:84532"}
        """

    /// Where what was told is kept.
    private final class Told<Value> {
        var values: [Value] = []
    }

    /// One request, whole.
    private func heard(_ peer: LoopbackPeer) -> String {
        let isWhole = rig.run {
            peer.readAvailable()
            guard let end = peer.text.range(of: "\r\n\r\n") else { return false }
            let head = peer.text[..<end.lowerBound]
            guard let length = head.range(of: "Content-Length: ") else { return true }
            let count = Int(head[length.upperBound...].prefix { $0 != "\r\n" }) ?? 0
            return peer.text[end.upperBound...].utf8.count >= count
        }
        #expect(isWhole)
        defer { peer.forget() }
        return peer.text
    }

    @Test func theRequestIsWhatTheProtocolSays() throws {
        let token = Secret(source: .environment("TOKEN"), bytes: Array("t0ken".utf8))
        let facilitator = try facilitator(.bearer(token), path: "/x402")
        let request = try FacilitatorSamples.request()
        let told = Told<FacilitatorVerdict>()
        facilitator.verify(request) { told.values.append($0) }
        let peer = try port.accept(rig)
        let body = String(decoding: FacilitatorMessages.body(request), as: UTF8.self)
        #expect(
            heard(peer) == "POST /x402/verify HTTP/1.1\r\nHost: 127.0.0.1:\(port.port)\r\nAccept: application/json\r\n"
                + "User-Agent: farebox\r\nContent-Type: application/json\r\nAuthorization: Bearer t0ken\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        peer.write(Self.answer("200 OK", "{\"isValid\":true}", "EXTENSION-RESPONSES: e30=\r\n"))
        rig.run { !told.values.isEmpty }
        #expect(told.values == [.good])
    }

    @Test func aTokenIsMadeForEachCall() throws {
        let seed = Array(Data(repeating: 7, count: 32).base64EncodedString().utf8)
        let secret = Secret(source: .environment("CDP"), bytes: seed)
        let facilitator = try facilitator(.coinbase(keyID: "k", key: secret), path: "/v2")
        let told = Told<FacilitatorVerdict>()
        var tokens: [String] = []
        for _ in 0..<2 {
            facilitator.verify(try FacilitatorSamples.request()) { told.values.append($0) }
        }
        for _ in 0..<2 {
            let peer = try port.accept(rig)
            let text = heard(peer)
            let line = text.split(separator: "\r\n").first { $0.hasPrefix("Authorization: Bearer ") }
            tokens.append(String(try #require(line).dropFirst("Authorization: Bearer ".count)))
        }
        #expect(tokens[0] != tokens[1])
        let claims = tokens[0].split(separator: ".")[1]
        let data = try #require(Data(base64Encoded: claims + String(repeating: "=", count: (4 - claims.count % 4) % 4)))
        #expect(
            String(decoding: data, as: UTF8.self).contains("\"uris\":[\"POST 127.0.0.1:\(port.port)/v2/verify\"]"))
    }

    /// What a peer does with the first `/settle`, and how it ends.
    enum Peer: String, CaseIterable, CustomTestStringConvertible {
        case succeeds, refusesBy400, refusesBy200, redirects, fails, garbage, tooLarge, notHTTP, silent, dripping, cut,
            closing, lying
        var testDescription: String { rawValue }
    }

    @Test(arguments: Peer.allCases) func settling(_ kind: Peer) throws {
        let facilitator = try facilitator()
        let told = Told<FacilitatorOutcome>()
        facilitator.settle(try FacilitatorSamples.request(), withinMilliseconds: kind == .succeeds ? 20_000 : 600) {
            told.values.append($0)
        }
        let peer = try port.accept(rig)
        #expect(heard(peer).hasPrefix("POST /settle HTTP/1.1\r\n"))
        let refusal =
            "{\"success\":false,\"errorReason\":\"insufficient_funds\",\"transaction\":\"\",\"network\":\"eip155:84532\"}"
        var dripped = Self.answer("200 OK", Self.success)[...]
        switch kind {
        case .succeeds: peer.write(Self.answer("200 OK", Self.success))
        case .refusesBy400: peer.write(Self.answer("400 Bad Request", refusal))
        case .refusesBy200: peer.write(Self.answer("200 OK", refusal))
        case .redirects:
            peer.write(
                Self.answer("308 Permanent Redirect", Self.success, "Location: http://127.0.0.1:\(port.port)/x\r\n"))
        case .fails: peer.write(Self.answer("500 Internal Server Error", Self.success))
        case .garbage: peer.write(Self.answer("200 OK", "success: true"))
        case .tooLarge:
            peer.write(Self.answer("200 OK", Self.success + String(repeating: " ", count: 64 << 10)))
        case .notHTTP: peer.write("SUCCESS\r\n\r\n")
        case .silent, .dripping: break
        case .cut:
            peer.write(String(Self.answer("200 OK", Self.success).dropLast()))
            peer.close()
        case .closing: peer.close()
        case .lying: peer.write(Self.answer("200 OK", Self.success.replacing(FacilitatorSamples.hash, with: "0x1")))
        }
        rig.run {
            // All but its last byte, one at a time: each comes soon after the one before.
            if kind == .dripping, dripped.count > 1, let byte = dripped.popFirst() { peer.write(String(byte)) }
            return !told.values.isEmpty
        }
        rig.settle()
        #expect(told.values.count == 1)
        switch (kind, try #require(told.values.first)) {
        case (.succeeds, .settled(let transaction)): #expect(transaction == FacilitatorSamples.lowerHash)
        case (.refusesBy400, .refused(let code)), (.refusesBy200, .refused(let code)):
            #expect(code == "insufficient_funds")
        case (.redirects, .unknown(let transaction, _)), (.fails, .unknown(let transaction, _)):
            #expect(transaction == FacilitatorSamples.lowerHash)
        case (.garbage, .unknown(nil, _)), (.tooLarge, .unknown(nil, _)), (.notHTTP, .unknown(nil, _)),
            (.silent, .unknown(nil, _)), (.dripping, .unknown(nil, _)), (.cut, .unknown(nil, _)),
            (.closing, .unknown(nil, _)), (.lying, .unknown(nil, _)):
            break
        case (_, let outcome): Issue.record("\(outcome)")
        }
        // What was written once is not said again, and no redirect is followed.
        #expect(try port.acceptWaiting() == nil)
        if kind != .cut && kind != .closing {
            peer.readAvailable()
            #expect(peer.text.isEmpty)
        }
    }

    @Test func whatWasNeverWrittenIsNotSent() throws {
        let facilitator = try facilitator(at: ServerPort.closed())
        let told = Told<FacilitatorOutcome>()
        facilitator.settle(try FacilitatorSamples.request(), withinMilliseconds: 600) { told.values.append($0) }
        rig.run { !told.values.isEmpty }
        guard case .notSent? = told.values.first else {
            Issue.record("\(told.values)")
            return
        }
    }

    /// A kept connection that the peer closed at the same moment may have carried the request: it is not said again.
    @Test func aSettlementIsNotRepeatedOnAnotherConnection() throws {
        let facilitator = try facilitator()
        let verdicts = Told<FacilitatorVerdict>()
        facilitator.verify(try FacilitatorSamples.request()) { verdicts.values.append($0) }
        let peer = try port.accept(rig)
        _ = heard(peer)
        peer.write(Self.answer("200 OK", "{\"isValid\":true}"))
        rig.run { !verdicts.values.isEmpty }
        let told = Told<FacilitatorOutcome>()
        facilitator.settle(try FacilitatorSamples.request(), withinMilliseconds: 20_000) { told.values.append($0) }
        #expect(heard(peer).hasPrefix("POST /settle"))
        peer.reset()
        rig.run { !told.values.isEmpty }
        guard case .unknown(nil, _)? = told.values.first else {
            Issue.record("\(told.values)")
            return
        }
        #expect(try port.acceptWaiting() == nil)
    }

    @Test func pendingIsAskedAgainWithTheSameRequest() throws {
        let facilitator = try facilitator()
        let told = Told<FacilitatorOutcome>()
        facilitator.settle(try FacilitatorSamples.request(), withinMilliseconds: 20_000) { told.values.append($0) }
        let peer = try port.accept(rig)
        let first = heard(peer)
        peer.write(Self.answer("200 OK", Self.pending))
        let second = heard(peer)
        #expect(first == second)
        // That it is used now is what its own transaction did.
        peer.write(
            Self.answer(
                "200 OK", Self.pending.replacing("settlement_pending", with: "invalid_exact_evm_nonce_already_used")))
        #expect(heard(peer) == first)
        peer.write(Self.answer("200 OK", Self.success))
        rig.run { !told.values.isEmpty }
        #expect(told.values == [.settled(transaction: FacilitatorSamples.lowerHash)])
    }

    @Test func pendingWithoutEndIsUnknownWithItsHash() throws {
        let facilitator = try facilitator()
        let told = Told<FacilitatorOutcome>()
        facilitator.settle(try FacilitatorSamples.request(), withinMilliseconds: 900) { told.values.append($0) }
        let peer = try port.accept(rig)
        rig.run {
            peer.readAvailable()
            if peer.text.contains("\r\n\r\n{") && peer.text.hasSuffix("}}}") {
                peer.forget()
                peer.write(Self.answer("200 OK", Self.pending))
            }
            return !told.values.isEmpty
        }
        guard case .unknown(let transaction, _)? = told.values.first else {
            Issue.record("\(told.values)")
            return
        }
        #expect(transaction == FacilitatorSamples.lowerHash)
    }

    @Test(arguments: [
        answer("308 Permanent Redirect", "{\"isValid\":true}", "Location: /\r\n"), answer("200 OK", "yes"),
        answer("503 Busy", ""),
        "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"isValid\":true}", nil,
    ])
    func whoCannotSayVerifiesNothing(_ text: String?) throws {
        let facilitator = try facilitator(timeout: 300)
        let told = Told<FacilitatorVerdict>()
        facilitator.verify(try FacilitatorSamples.request()) { told.values.append($0) }
        let peer = try port.accept(rig)
        _ = heard(peer)
        if let text { peer.write(text) }
        rig.run { !told.values.isEmpty }
        guard case .unreachable(let detail)? = told.values.first else {
            Issue.record("\(told.values)")
            return
        }
        #expect(detail.hasPrefix("hosted: "))
    }

    @Test func verificationsAreBounded() throws {
        let facilitator = try facilitator(timeout: 100)
        let told = Told<FacilitatorVerdict>()
        let request = try FacilitatorSamples.request()
        for _ in 0..<RemoteFacilitator.verificationsAtMost { facilitator.verify(request) { told.values.append($0) } }
        #expect(told.values.isEmpty)
        facilitator.verify(request) { told.values.append($0) }
        #expect(told.values == [.unreachable("hosted: 256 payments are being verified")])
        rig.run { told.values.count == RemoteFacilitator.verificationsAtMost + 1 }
        facilitator.verify(request) { told.values.append($0) }
        #expect(told.values.count == RemoteFacilitator.verificationsAtMost + 1)
        rig.run { told.values.count == RemoteFacilitator.verificationsAtMost + 2 }
    }

    @Test func supportIsAskedForAndCompared() throws {
        let facilitator = try facilitator()
        var payment = try revision(moneyAndUpstream).payments[0]
        payment.facilitator = .remote("hosted")
        var other = payment
        other.name = "other"
        other.facilitator = .remote("elsewhere")
        let changes = Told<Int>()
        let watch = FacilitatorWatch(
            facilitator, payments: [payment, other], loop: rig.loop, logger: Logger(label: "test")
        ) { changes.values.append(1) }
        defer { watch.stop() }
        watch.begin()
        let peer = try port.accept(rig)
        #expect(heard(peer).hasPrefix("GET /supported HTTP/1.1\r\n"))
        peer.write(Self.answer("200 OK", "{\"kinds\":[]}"))
        rig.run { !changes.values.isEmpty }
        #expect(watch.troubles.mapValues(\.code) == ["test-usdc": "facilitator_mismatch"])

        // Ten minutes later.
        watch.timerFired(Timer(rig.loop.timers))
        _ = heard(peer)
        peer.write(Self.answer("502 Bad Gateway", ""))
        rig.run { changes.values.count == 2 }
        #expect(watch.troubles.mapValues(\.code) == ["test-usdc": "facilitator_unreachable"])
        watch.timerFired(Timer(rig.loop.timers))
        _ = heard(peer)
        let kinds = "{\"kinds\":[{\"x402Version\":2,\"scheme\":\"exact\",\"network\":\"eip155:84532\"}]}"
        peer.write(Self.answer("200 OK", kinds))
        rig.run { changes.values.count == 3 }
        #expect(watch.troubles.isEmpty)
    }
}
