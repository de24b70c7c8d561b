import Bytes
import Foundation
import Testing

@testable import Gateway

@Suite struct TelemetryEntryTests {
    static var noBytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

    static func entry(
        client: UnsafeRawBufferPointer = noBytes, method: UnsafeRawBufferPointer = noBytes,
        target: UnsafeRawBufferPointer = noBytes, host: UnsafeRawBufferPointer = noBytes
    ) -> AccessEntry {
        AccessEntry(
            endedNanoseconds: 1_795_224_933_103_999_999, client: client, method: method, target: target, host: host,
            route: "", revision: 1, status: 400, totalNanoseconds: 0, upstreamNanoseconds: nil, bytesIn: 0, bytesOut: 0,
            upstream: "", outcome: "refused", error: "", payment: nil)
    }

    static func line(_ entry: AccessEntry) -> String {
        var out = ByteBuffer()
        var clock = WallClockText()
        entry.append(to: &out, clock: &clock)
        return out.text
    }

    static func line(
        client: String = "", method: String = "", target: [UInt8] = [], host: String = "",
        _ change: (inout AccessEntry) -> Void = { _ in }
    ) -> String {
        Array(client.utf8).withUnsafeBytes { client in
            Array(method.utf8).withUnsafeBytes { method in
                target.withUnsafeBytes { target in
                    Array(host.utf8).withUnsafeBytes { host in
                        var entry = entry(client: client, method: method, target: target, host: host)
                        change(&entry)
                        return line(entry)
                    }
                }
            }
        }
    }

    @Test func aPaidExchange() {
        let line = Self.line(client: "127.0.0.1:5000", method: "GET", target: Array("/v1/a?b=1".utf8), host: "api.test")
        {
            $0.route = "GET /v1/*"
            $0.revision = 12
            $0.status = 200
            $0.totalNanoseconds = 1_234_567
            $0.upstreamNanoseconds = 999_999
            $0.bytesIn = 123
            $0.bytesOut = 4567
            $0.upstream = "legacy"
            $0.outcome = "delivered"
            $0.payment = .init(payer: "0xAb", amountAtomic: "20000", network: "eip155:84532", transaction: "sandbox-1")
        }
        #expect(
            line == """
                {"time":"2026-11-21T01:35:33.103Z","client":"127.0.0.1:5000","method":"GET","target":"/v1/a?b=1",\
                "host":"api.test","route":"GET /v1/*","revision":12,"status":200,"duration_ms":1.234,\
                "upstream_ms":0.999,"bytes_in":123,"bytes_out":4567,"outcome":"delivered","upstream":"legacy",\
                "payer":"0xAb","amount":"20000","network":"eip155:84532","transaction":"sandbox-1"}

                """)
    }

    @Test func anExchangeWithoutAReadableHead() {
        #expect(
            Self.line(client: "::1") { $0.error = "bad_request_line" } == """
                {"time":"2026-11-21T01:35:33.103Z","client":"::1","method":"","target":"","revision":1,"status":400,"duration_ms":0.000,\
                "bytes_in":0,"bytes_out":0,"outcome":"refused","error":"bad_request_line"}

                """)
    }

    @Test(arguments: [
        ("\"", #"\""#), ("\\", #"\\"#), ("\n\r\t", #"\n\r\t"#), ("\0\u{1b}[2J\u{7f}", #"\u0000\u001b[2J\u007f"#),
        ("a\u{85}b\u{a0}", "a\\u0085b\u{a0}"), ("é€😀", "é€😀"),
    ])
    func escapes(text: String, escaped: String) {
        var out = ByteBuffer()
        out.appendEscaped(text)
        #expect(out.text == escaped)
    }

    @Test(
        arguments: [
            [0xFF], [0xC0, 0x80], [0xC2], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82],
            [0xF0, 0x80, 0x80, 0x80],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0x80], [0xE2, 0x28, 0xA1],
        ] as [[UInt8]])
    func bytesThatAreNotUTF8(bytes: [UInt8]) {
        var out = ByteBuffer()
        let room = out.writable(bytes.count * EscapedText.growth).baseAddress!.assumingMemoryBound(to: UInt8.self)
        out.didWrite(bytes.withUnsafeBytes { EscapedText.write($0, to: room) })
        let expected = bytes.map { $0 < 0x80 ? String(UnicodeScalar($0)) : "\\ufffd" }.joined()
        #expect(out.text == expected)
    }

    @Test(arguments: 0...40)
    func escapesStandAnywhere(count: Int) {
        for at in 0...count {
            for (special, escaped) in [
                ("\"", "\\\""), ("\u{7f}", "\\u007f"), ("é", "é"), ("\u{1f}", "\\u001f"), ("a", "a"),
            ] {
                let before = String(repeating: "x", count: at)
                let after = String(repeating: "~", count: count - at)
                var out = ByteBuffer()
                out.appendEscaped(before + special + after)
                #expect(out.text == before + escaped + after)
            }
        }
    }

    @Test func anyBytesMakeOneLineOfJSON() throws {
        var random = SystemRandomNumberGenerator()
        for round in 0..<500 {
            let bytes = (0..<round % 97).map { _ in
                Bool.random()
                    ? UInt8.random(in: 0...255, using: &random) : UInt8.random(in: 0x80...0xF5, using: &random)
            }
            let line = Self.line(method: "GET", target: bytes)
            #expect(line.utf8.filter { $0 < 0x20 }.count == 1, "\(bytes)")
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            if let valid = String(validating: bytes, as: UTF8.self) {
                #expect(object?["target"] as? String == valid, "\(bytes)")
            }
        }
    }

    @Test func hostileLengthsAreCut() {
        let line = Self.line(method: "GET", target: [UInt8](repeating: 0x61, count: 100_000))
        #expect(line.utf8.count < AccessEntry.textLimit + 300)
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_399_999_999_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_001_000_000, "2000-03-01T00:00:00.001Z"),
            (1_709_164_800_000_000_000, "2024-02-29T00:00:00.000Z"),
            (4_107_542_399_000_000_000, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000Z"),
            (1_798_761_599_500_000_000, "2026-12-31T23:59:59.500Z"),
        ] as [(Int64, String)])
    func times(nanoseconds: Int64, text: String) {
        var clock = WallClockText()
        for _ in 0..<2 {
            var out = ByteBuffer()
            clock.append(nanoseconds: nanoseconds, to: &out)
            #expect(out.text == text)
        }
    }
}
