import Bytes
import Testing

@testable import HTTP

@Suite struct FieldTests {
    static func readField(_ line: String) -> FieldReading? {
        readRequest("GET / HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n").message?.fields.last
    }

    @Test func everyIDFitsOneWord() { #expect(FieldID.allCases.count <= 64) }

    @Test func everyNameIsKnownInAnyCase() {
        for id in FieldID.allCases where !"\(id.name)".isEmpty && id != .xFarebox && id != .host {
            let value =
                id == .contentLength ? "0" : id == .transferEncoding ? "chunked" : id == .expect ? "100-continue" : "x"
            for name in ["\(id.name)", "\(id.name)".lowercased(), "\(id.name)".uppercased()] {
                #expect(Self.readField("\(name): \(value)")?.id == id, "\(name)")
            }
        }
    }

    /// No neighbour of a known name is taken for it: one byte changed, added or left out.
    @Test func noOtherNameIsKnown() {
        let known = Set(FieldID.allCases.map { "\($0.name)".lowercased() })
        for id in FieldID.allCases where !"\(id.name)".isEmpty && id != .xFarebox {
            let name = raw("\(id.name)".lowercased())
            for at in name.indices {
                for replacement in [raw("q"), raw("!"), raw("~x"), []] {
                    var other = name
                    other.replaceSubrange(at...at, with: replacement)
                    let spelled = String(decoding: other, as: UTF8.self)
                    if other.isEmpty || known.contains(spelled) { continue }
                    #expect(Self.readField("\(spelled): x")?.id == .other, "\(spelled)")
                }
            }
        }
    }

    static let ours: [(String, FieldID)] = [
        ("X-Farebox-Payer", .xFarebox), ("x-farebox-", .xFarebox), ("X-FAREBOX-A-B", .xFarebox),
        ("X_Farebox_Payer", .xFarebox), ("X-Farebox_Payer", .xFarebox), ("x_farebox-payer", .xFarebox),
        ("X_Farebox_\(String(repeating: "a", count: 60))", .xFarebox), ("X-Farebox", .other), ("X-Fareboxer", .other),
        ("Y-Farebox-Payer", .other), ("X_Payment", .lookalike), ("PAYMENT_SIGNATURE", .lookalike),
        ("x_forwarded-for", .lookalike), ("Content_Length", .lookalike), ("Transfer_Encoding", .lookalike),
        ("Idempotency_Key", .lookalike), ("api_key", .other), ("_", .other), ("X__Payment", .other),
        ("\(String(repeating: "a_", count: 40))", .other),
    ]

    @Test(arguments: ours) func namesThatFoldToOursAreOurs(name: String, id: FieldID) {
        #expect(Self.readField("\(name): x")?.id == id)
    }

    @Test func theTableAnswersByID() throws {
        let head = RequestHead()
        let bytes = raw("GET / HTTP/1.1\r\nAccept: a\r\nHost: h\r\nCookie: b\r\nCookie: c\r\nX: d\r\nCookie: e\r\n\r\n")
        withExactBytes(bytes) { _ = RequestParser.parse($0, into: head, limits: HeadLimits()) }
        let fields = head.fields
        #expect(fields.count == 6)
        #expect(fields.contains(.cookie))
        #expect(!fields.contains(.range))
        #expect(fields.count(of: .cookie) == 3)
        #expect(fields.count(of: .accept) == 1)
        #expect(fields.count(of: .range) == 0)
        #expect(text(head.bytes(of: try #require(fields.first(.cookie)).value)) == "b")
        #expect(text(head.bytes(of: try #require(fields.first(.host)).value)) == "h")
        #expect(fields.first(.range) == nil)
        #expect(fields.present.contains(.cookie))
        #expect(fields.repeated == [.cookie])
        #expect(!fields.hasNominated)
        #expect(!fields.isNominated(.cookie))
    }

    static let forwarding: [(String, FieldIDSet, String)] = [
        ("A: 1\r\nB: 2\r\n", [], "A: 1\r\nB: 2\r\n"),
        ("TE: x\r\nA: 1\r\n", .hopByHop, "A: 1\r\n"),
        ("A: 1\r\nTE: x\r\n", .hopByHop, "A: 1\r\n"),
        ("A: 1\r\nTE: x\r\nB:2\r\nTE: y\r\nUpgrade: z\r\nC:\t3 \r\n", .hopByHop, "A: 1\r\nB:2\r\nC:\t3 \r\n"),
        ("TE: x\r\n", .hopByHop, ""),
        ("A: 1\r\nConnection: b\r\nB: 2\r\nC: 3\r\n", [], "A: 1\r\nConnection: b\r\nC: 3\r\n"),
        ("A: 1\r\nConnection: b\r\nB: 2\r\nC: 3\r\n", .hopByHop, "A: 1\r\nC: 3\r\n"),
        ("X-Farebox-A: 1\r\nX_Farebox_B: 2\r\nX_Payment: 3\r\nA: 4\r\n", .gatewayOwned, "A: 4\r\n"),
    ]

    @Test(arguments: forwarding) func forwardsKeptLinesAsTheyCame(lines: String, dropped: FieldIDSet, kept: String) {
        let head = RequestHead()
        let bytes = raw("GET / HTTP/1.1\r\nHost: h\r\n\(lines)\r\n")
        withExactBytes(bytes) { _ = RequestParser.parse($0, into: head, limits: HeadLimits()) }
        var out = ByteBuffer()
        head.appendFields(except: dropped.union([.host]), to: &out)
        let copied = out.text
        #expect(copied == kept)
    }

    @Test func noFieldsForwardNothing() {
        let head = ResponseHead()
        withExactBytes(raw("HTTP/1.1 200 OK\r\n\r\n")) {
            _ = ResponseParser.parse($0, into: head, answering: .get, limits: HeadLimits())
        }
        var out = ByteBuffer()
        head.appendFields(except: .hopByHop, to: &out)
        let copied = out.text
        #expect(copied.isEmpty)
    }
}
