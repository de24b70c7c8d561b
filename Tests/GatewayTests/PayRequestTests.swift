import Bytes
import Chains
import Glibc
import Payments
import Testing

@testable import Gateway

@Suite struct PayRequestTests {
    static func request(
        _ url: String, method: String? = nil, headers: [String] = [], body: String? = nil
    ) throws(CommandFault) -> PayRequest {
        try PayRequest(url: url, method: method, headers: headers, body: body.map { Array($0.utf8) }, caFile: nil)
    }

    static func text(_ request: PayRequest, payment: PayRequest.Field? = nil) -> String {
        var out = ByteBuffer()
        request.write(payment: payment, into: &out)
        return out.text
    }

    @Test(arguments: [
        ("http://a.test", "http://a.test:80", "/", "a.test"),
        ("HTTPS://A.test:8443/x?y=1#z", "https://a.test:8443", "/x?y=1", "A.test:8443"),
        ("https://a.test?q", "https://a.test:443", "/?q", "a.test"),
        ("http://[::1]:8402/v1/", "http://[::1]:8402", "/v1/", "[::1]:8402"),
        ("http://a.test/%2F/../b", "http://a.test:80", "/%2F/../b", "a.test"),
    ])
    func urls(url: String, endpoint: String, target: String, host: String) throws {
        let request = try Self.request(url)
        #expect(request.endpoint.text == endpoint)
        #expect(request.target == target)
        #expect(request.fields.first == .init(name: "Host", value: host))
    }

    @Test(arguments: [
        "", "a.test/x", "ftp://a.test/", "http://", "http:///x", "http://user@a.test/", "http://a.test:0/",
        "http://a.test:65536/", "http://a.test/ x", "http://a.test/é", "http://a.test/\r\nX: y", "http://a b/", "://x",
    ])
    func wrongURLs(url: String) {
        #expect(throws: CommandFault.self) { try Self.request(url) }
    }

    @Test func theWholeMessage() throws {
        let request = try Self.request(
            "http://a.test/x", headers: ["X-Trace: 7", "user-agent: me", "Accept:", "content-type:application/json"],
            body: #"{"a":1}"#)
        #expect(
            Self.text(request, payment: .init(name: "PAYMENT-SIGNATURE", value: "abc="))
                == "POST /x HTTP/1.1\r\nHost: a.test\r\nX-Trace: 7\r\nuser-agent: me\r\ncontent-type: application/json\r\n"
                + "PAYMENT-SIGNATURE: abc=\r\nContent-Length: 7\r\n\r\n{\"a\":1}")
        #expect(
            Self.text(try Self.request("http://a.test/x", method: "PUT"))
                == "PUT /x HTTP/1.1\r\nHost: a.test\r\nUser-Agent: farebox\r\nAccept: */*\r\nContent-Length: 0\r\n\r\n")
        #expect(
            Self.text(try Self.request("http://a.test/x", headers: ["Host: b.test"]))
                == "GET /x HTTP/1.1\r\nUser-Agent: farebox\r\nAccept: */*\r\nHost: b.test\r\n\r\n")
    }

    @Test(arguments: [
        "X", "X y: z", ": z", "X: a\r\nY: b", "X: a\0", "X: a\u{7f}", "Content-Length: 3", "transfer-encoding: chunked",
        "PAYMENT-SIGNATURE: x", "x-payment: x", "Connection: close", "Host:",
    ])
    func wrongHeaders(header: String) {
        #expect(throws: CommandFault.self) { try Self.request("http://a.test/", headers: [header]) }
    }

    @Test(arguments: ["", "GET /", "G\r\n", "GÉT"])
    func wrongMethods(method: String) {
        #expect(throws: CommandFault.self) { try Self.request("http://a.test/", method: method) }
    }

    @Test func twoHosts() {
        #expect(throws: CommandFault.self) { try Self.request("http://a.test/", headers: ["Host: a", "Host: b"]) }
    }
}

@Suite struct PayMaximumTests {
    static func entry(_ amount: String, asset: String = "0x036CbD53842c5426634e7929541eC2318f3dCF7e") throws
        -> PaymentRequired
    {
        let terms = """
            {"x402Version":1,"error":"pay","accepts":[{"scheme":"exact","network":"base-sepolia","maxAmountRequired":"\(amount)",\
            "resource":"http://x/","description":"","mimeType":"","payTo":"0x209693Bc6afc0C5328bA36FaF03C514EF312287C",\
            "maxTimeoutSeconds":60,"asset":"\(asset)","extra":{"name":"USDC","version":"2"}}]}
            """
        return try Array(terms.utf8).withUnsafeBytes { try PaymentRequired.decode(v2Header: nil, v1Body: $0) }
    }

    @Test(arguments: [
        ("$0.10", "100000"), ("0.10", "100000"), ("$1", "1000000"), ("$0.000001", "1"), ("0", "0"), ("$0.00", "0"),
        ("$123456789.5", "123456789500000"),
    ])
    func atomicUnits(text: String, atomic: String) throws {
        let entry = try #require(try Self.entry("1").entries.first)
        #expect(try PayMaximum(text).atomic(for: entry)?.description == atomic)
    }

    @Test(arguments: ["", "$", "bash.10", "-1", "$-1", "1e3", "0.1234567", "$.5", "1.", "01", "∞", "0x10", " 1"])
    func refuses(text: String) {
        #expect(throws: CommandFault.self) { try PayMaximum(text) }
    }

    @Test func anUnknownAssetHasNoPrice() throws {
        let entry = try #require(
            try Self.entry("1", asset: "0x036CbD53842c5426634e7929541eC2318f3dCF70").entries.first)
        #expect(try PayMaximum("$1").atomic(for: entry) == nil)
    }

    @Test(arguments: [
        ("0", 6, "$0.00"), ("1", 6, "$0.000001"), ("20000", 6, "$0.02"), ("100000", 6, "$0.10"),
        ("1234500", 6, "$1.2345"),
        ("12000000", 6, "$12.00"), ("5", 0, "$5"), ("15", 1, "$1.5"),
    ])
    func dollars(atomic: String, decimals: Int, text: String) throws {
        #expect(PayMaximum.dollars(try #require(UInt256(decimal: atomic)), decimals: decimals) == text)
    }
}

@Suite struct PayKeyTests {
    static let hex = "0x" + String(repeating: "0", count: 63) + "1"

    private func load(_ content: String, mode: mode_t = 0o600) throws -> String? {
        var path = Array("/tmp/farebox-key-XXXXXX".utf8CString)
        let descriptor = mkstemp(&path)
        let name = path.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        defer { unlink(name) }
        _ = content.withCString { write(descriptor, $0, strlen($0)) }
        fchmod(descriptor, mode)
        close(descriptor)
        guard let key = try PayKey.load(file: name, environment: { _ in nil }) else { return nil }
        return Secp256k1.address(of: key).checksummed
    }

    @Test(arguments: [hex, String(hex.dropFirst(2)), hex + "\n", hex + "\r\n", hex + " \n"])
    func keyFiles(content: String) throws {
        #expect(try load(content) == "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf")
    }

    @Test(arguments: [mode_t(0o640), 0o604, 0o660, 0o601])
    func filesOpenToOthers(mode: mode_t) throws {
        do {
            _ = try load(Self.hex, mode: mode)
            Issue.record("read with mode \(String(mode, radix: 8))")
        } catch let fault as CommandFault {
            #expect(fault.message.contains("chmod 600"))
            #expect(!fault.message.contains("0000001"))
        }
    }

    @Test(arguments: [
        "", "\n", "0x", hex + "0", String(hex.dropLast()), hex + "\n" + hex, String(repeating: "z", count: 64),
        String(repeating: "0", count: 64), hex + "\n\n\n\n\n",
    ])
    func filesWithoutAKey(content: String) {
        #expect(throws: CommandFault.self) { try load(content) }
    }

    @Test func missingFilesAndDirectories() {
        for path in ["/nonexistent/key", "/tmp"] {
            #expect(throws: CommandFault.self) { _ = try PayKey.load(file: path, environment: { _ in nil }) == nil }
        }
    }

    @Test func theEnvironment() throws {
        guard let key = try PayKey.load(file: nil, environment: { $0 == "FAREBOX_KEY" ? Self.hex : nil }) else {
            Issue.record("the key in the environment is not seen")
            return
        }
        let address = Secp256k1.address(of: key).checksummed
        #expect(address == "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf")
        let isAbsent = try PayKey.load(file: nil, environment: { _ in nil }) == nil
        #expect(isAbsent)
        #expect(throws: CommandFault.self) { _ = try PayKey.load(file: nil, environment: { _ in "0x12" }) == nil }
    }
}
