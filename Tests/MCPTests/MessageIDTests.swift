import JSON
import Testing

@testable import MCP

@Suite struct MessageIDTests {
    static func id(_ json: String) -> MessageID? {
        Body.with(json) { bytes in
            (try? JSONTape(bytes)).flatMap { MessageID(ofResponse: $0.root(over: bytes)) }
        }
    }

    @Test(arguments: [
        ("1", 1), ("1.0", 1), ("1.000", 1), ("10e-1", 1), ("0.1e1", 1), ("1e0", 1), ("1E+2", 100), ("100e-2", 1),
        ("0", 0), ("-0", 0), ("0.0", 0), ("0e99", 0), ("-5", -5), ("-5.0", -5), ("-50e-1", -5), ("1200", 1200),
        ("9007199254740991", 9_007_199_254_740_991), ("9007199254740991.0", 9_007_199_254_740_991),
        ("9.007199254740991e15", 9_007_199_254_740_991), ("0.001e3", 1),
    ])
    func readsNumbersByValue(text: String, expected: Int) {
        #expect(Self.id(text) == .integer(expected))
    }

    @Test(arguments: [
        "1.5", "0.1", "1e-1", "9007199254740992", "9007199254740992.0", "1e16", "1e999", "1e99999999999999999999",
        "-1e-999", "true", "null", "[]", "{}", "-9007199254740992.0",
        "1." + String(repeating: "0", count: 80),
    ])
    func readsNoOther(text: String) {
        #expect(Self.id(text) == nil)
    }

    @Test func comparesStringsByTheirBytes() {
        #expect(Self.id(#""a""#) == Self.id(#""\u0061""#))
        #expect(Self.id(#""a""#) != Self.id(#""A""#))
        #expect(Self.id(#""1""#) != Self.id("1"))
        // Composed and decomposed: one text to a reader of Unicode, two ids.
        #expect(Self.id("\"\u{e9}\"") != Self.id("\"e\u{301}\""))
    }
}
