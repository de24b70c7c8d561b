import Bytes
import COpenSSL
import Glibc
import Testing

@testable import EventLoop

@Suite struct TLSSessionTests {
    let authority = TLSTestCertificate(subject: "Test CA")
    let identity: TLSTestCertificate
    let context: TLSClientContext

    init() throws {
        identity = TLSTestCertificate(
            subject: "api", names: "DNS:api.test,DNS:*.wild.test,IP:127.0.0.1", issuer: authority)
        context = try Self.context(trusting: authority)
    }

    static func context(trusting certificate: TLSTestCertificate) throws -> TLSClientContext {
        let file = certificate.writePEM()
        defer { unlink(file) }
        return try TLSClientContext(trust: TLSTrust(caFile: file))
    }

    func pair(_ name: String = "api.test", _ identity: TLSTestCertificate? = nil, version: Int32 = TLS1_3_VERSION)
        throws
        -> TLSTestPair
    {
        let server = TLSTestServer(identity ?? self.identity, version: version)
        return TLSTestPair(
            client: try TLSSession(context: context, serverName: name, port: 443), server: server.accept())
    }

    @Test(arguments: [(TLS1_2_VERSION, "TLSv1.2"), (TLS1_3_VERSION, "TLSv1.3")], [1, 7, Int.max])
    func speaksBothWays(version: (Int32, String), piece: Int) throws {
        var pair = try pair(version: version.0)
        pair.piece = piece
        #expect(pair.shakeHands() == .complete)
        #expect(pair.client.version == version.1)
        #expect(pair.client.applicationProtocol == "http/1.1")
        #expect(String(cString: SSL_get_servername(pair.server.ssl, TLSEXT_NAMETYPE_host_name)) == "api.test")
        #expect(pair.send("ping", from: pair.client) == .accepted(4))
        #expect(pair.send("pong!", from: pair.server) == .accepted(5))
        var heard: [UInt8] = []
        var answered: [UInt8] = []
        while !pair.client.outbound.isEmpty || !pair.server.outbound.isEmpty {
            pair.carry()
            let atServer = TLSTestPair.drain(pair.server)
            let atClient = TLSTestPair.drain(pair.client)
            #expect(atServer.end == .wantMore && atClient.end == .wantMore)
            heard += atServer.text
            answered += atClient.text
        }
        #expect(heard == Array("ping".utf8))
        #expect(answered == Array("pong!".utf8))
    }

    @Test(arguments: ["api.test", "API.test", "api.test.", "a.wild.test", "127.0.0.1"])
    func namesThatTheCertificateHas(name: String) throws {
        #expect(try pair(name).shakeHands() == .complete)
    }

    @Test(arguments: ["other.test", "wild.test", "a.b.wild.test", "127.0.0.2", "::1"])
    func namesThatItHasNot(name: String) throws {
        guard case .failed(let fault) = try pair(name).shakeHands() else {
            Issue.record("\(name) was taken")
            return
        }
        #expect(fault.kind == .certificateRefused)
        #expect(fault.description.contains("does not name \(name)"), "\(fault)")
    }

    @Test(arguments: ["", ".", "a\0b"])
    func namesThatAreNone(name: String) {
        #expect(throws: TLSFault.self) { try TLSSession(context: context, serverName: name, port: 1) }
    }

    @Test func addressesAreNotSentAsServerName() throws {
        let pair = try pair("127.0.0.1")
        #expect(pair.shakeHands() == .complete)
        #expect(SSL_get_servername(pair.server.ssl, TLSEXT_NAMETYPE_host_name) == nil)
    }

    @Test func certificatesOfOthersAreRefusedWithAdvice() throws {
        let table: [(TLSTestCertificate, String)] = [
            (
                TLSTestCertificate(subject: "lone", names: "DNS:api.test"),
                "self-signed certificate (subject /CN=lone); if api.test has a CA"
            ),
            (
                TLSTestCertificate(subject: "x", names: "DNS:api.test", issuer: TLSTestCertificate(subject: "Other")),
                "unable to get local issuer certificate (subject /CN=x); if api.test has a CA"
            ),
            (
                TLSTestCertificate(subject: "old", names: "DNS:api.test", issuer: authority, expired: true),
                "certificate has expired (subject /CN=old)"
            ),
        ]
        for (identity, words) in table {
            guard case .failed(let fault) = try pair("api.test", identity).shakeHands() else {
                Issue.record("taken: \(words)")
                continue
            }
            #expect(fault.kind == .certificateRefused)
            #expect(fault.description.contains("certificate verify failed: " + words), "\(fault)")
        }
    }

    @Test func aFileMayHoldTheServersOwnCertificate() throws {
        let context = try Self.context(trusting: identity)
        let client = try TLSSession(context: context, serverName: "api.test", port: 443)
        #expect(TLSTestPair(client: client, server: TLSTestServer(identity).accept()).shakeHands() == .complete)
    }

    @Test(arguments: [(Int32(0x0301), "version"), (Int32(0x0302), "version")])
    func oldVersionsAreRefused(version: Int32, words: String) throws {
        guard case .failed(let fault) = try pair(version: version).shakeHands() else {
            Issue.record("taken")
            return
        }
        #expect(fault.kind == .protocolError)
        #expect(fault.description.contains(words), "\(fault)")
    }

    @Test func bytesThatAreNotTLS() throws {
        let client = try pair().client
        #expect(client.handshake() == .wantMore)
        Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8).withUnsafeBytes { client.feed($0) }
        guard case .failed(let fault) = client.handshake() else {
            Issue.record("taken")
            return
        }
        #expect(fault.kind == .protocolError)
        #expect(fault.description.contains("wrong version number"), "\(fault)")
    }

    @Test func aHandshakeCutOff() throws {
        let client = try pair().client
        #expect(client.handshake() == .wantMore)
        client.feedEnd()
        guard case .failed(let fault) = client.handshake() else {
            Issue.record("taken")
            return
        }
        #expect(fault.kind == .truncated)
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func orderlyEndAndTruncationDiffer(version: Int32) throws {
        for orderly in [true, false] {
            let pair = try pair(version: version)
            #expect(pair.shakeHands() == .complete)
            #expect(pair.send("last", from: pair.server) == .accepted(4))
            if orderly { pair.server.close() }
            pair.carry()
            pair.client.feedEnd()
            let heard = TLSTestPair.drain(pair.client)
            #expect(heard.text == Array("last".utf8))
            #expect(heard.end == (orderly ? .closed : .truncated))
            #expect(TLSTestPair.drain(pair.client).end == heard.end)
        }
    }

    @Test func aRecordCutInTheMiddleIsTruncation() throws {
        let pair = try pair()
        #expect(pair.shakeHands() == .complete)
        pair.carry()
        #expect(pair.send("last", from: pair.server) == .accepted(4))
        TLSTestPair.move(pair.server, to: pair.client, pair.server.outbound.count - 1)
        pair.client.feedEnd()
        #expect(TLSTestPair.drain(pair.client).end == .truncated)
    }

    @Test func aChangedRecordIsRefused() throws {
        let pair = try pair()
        #expect(pair.shakeHands() == .complete)
        pair.carry()
        _ = TLSTestPair.drain(pair.client)
        #expect(pair.send("last", from: pair.server) == .accepted(4))
        pair.server.outbound.mutableReadable[8] ^= 1
        pair.carry()
        let end = TLSTestPair.drain(pair.client).end
        guard case .failed(let fault) = end else {
            Issue.record("taken")
            return
        }
        #expect(fault.kind == .protocolError)
        #expect(TLSTestPair.drain(pair.client).end == end)
    }

    @Test func closingLeavesReadingOpen() throws {
        let pair = try pair()
        #expect(pair.shakeHands() == .complete)
        pair.client.close()
        pair.carry()
        #expect(TLSTestPair.drain(pair.server).end == .closed)
        #expect(pair.send("late", from: pair.server) == .accepted(4))
        pair.carry()
        #expect(TLSTestPair.drain(pair.client).text == Array("late".utf8))
    }

    @Test func writingStopsAtTheLimitAndGoesOn() throws {
        let pair = try pair()
        #expect(pair.shakeHands() == .complete)
        let body = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        var sent = 0
        var heard: [UInt8] = []
        var most = 0
        while sent < body.count || !pair.client.outbound.isEmpty {
            let step = body[sent...].withUnsafeBytes { pair.client.write($0) }
            guard case .accepted(let count) = step else {
                Issue.record("\(step)")
                return
            }
            most = max(most, pair.client.outbound.count)
            sent += count
            pair.carry()
            heard += TLSTestPair.drain(pair.server).text
        }
        #expect(heard == body)
        #expect(most < TLSSession.outboundLimit + 20_000)
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func ticketsResumeTheSamePeerOnly(version: Int32) throws {
        let server = TLSTestServer(identity, version: version)
        func connect(_ name: String, _ port: UInt16) throws -> Bool {
            let client = try TLSSession(context: context, serverName: name, port: port)
            let pair = TLSTestPair(client: client, server: server.accept())
            #expect(pair.shakeHands() == .complete)
            pair.carry()
            _ = TLSTestPair.drain(pair.client)
            return pair.client.isResumed
        }
        #expect(try connect("api.test", 443) == false)
        #expect(try connect("api.test", 443) == true)
        #expect(try connect("api.test", 444) == false)
        #expect(try connect("127.0.0.1", 443) == false)
        #expect(try connect("api.test", 443) == true)
    }

    @Test func trustThatCannotBeRead() throws {
        let empty = "/tmp/farebox-tls-empty-\(getpid()).pem"
        fclose(fopen(empty, "w"))
        defer { unlink(empty) }
        for (file, cause) in [
            ("/nonexistent/ca.pem", "No such file or directory"), (empty, "no certificate or crl found"),
        ] {
            do {
                _ = try TLSTrust(caFile: file)
                Issue.record("read \(file)")
            } catch {
                #expect(error == TLSFault(.local, "cannot read CA certificates from \(file): \(cause)"))
            }
        }
    }
}
