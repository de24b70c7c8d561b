import Bytes
import Testing

@testable import JSON

@Suite struct JSONValueTests {
    static func read<T>(_ text: String, _ body: (JSONValue) throws -> T) throws -> T {
        try Array(text.utf8).withUnsafeBytes { try body(JSONTape($0).root(over: $0)) }
    }

    @Test func findsMembersAndElements() throws {
        try Self.read(#"{"a":1,"b":[10,{"c":"x"},[],null],"k\u0065y":{"d":true},"e":null,"f":false}"#) { root in
            #expect(root.kind == .object)
            #expect(root["a"]?.int == 1)
            #expect(root["b"]?.elements.map(\.kind) == [.number, .object, .array, .null])
            #expect(root["b"]?.elements.first { $0.kind == .object }?["c"]?.string == "x")
            #expect(root["key"]?["d"]?.bool == true)
            #expect(root["e"]?.isNull == true)
            #expect(root["f"]?.bool == false)
            #expect(root["missing"] == nil)
            #expect(root["c"] == nil, "a member of a member is none of ours")
            #expect(root["a"]?["x"] == nil)
            #expect(root.members.map { $0.key.string } == ["a", "b", "key", "e", "f"])
            #expect(Array("f".utf8).withUnsafeBytes { root.member($0) }?.bool == false)
            #expect(root.elements.map(\.kind) == [])
            #expect(root["b"]?.members.map(\.key.kind) == [])
        }
    }

    @Test func rangesCoverEveryValue() throws {
        let text = #" { "a" : [ 1 , "é" ] , "b" : { } } "#
        try Self.read(text) { root in
            func source(_ value: JSONValue?) -> String? { value.map { String(decoding: $0.source, as: UTF8.self) } }
            #expect(source(root) == #"{ "a" : [ 1 , "é" ] , "b" : { } }"#)
            #expect(source(root["a"]) == #"[ 1 , "é" ]"#)
            #expect(root["a"]?.elements.map { source($0) } == ["1", "\"é\""])
            #expect(source(root["b"]) == "{ }")
            #expect(root.range == 1..<text.utf8.count - 1)
        }
    }

    /// Every container ends where it does, whatever is in it and beside it.
    @Test(arguments: [
        "[]", "{}", "[[[]]]", "[[],[]]", "[[[],1],[[2]],3]",
        #"{"a":{"b":{}},"c":[{},[{"d":[]},4]],"e":{"f":1,"g":[]}}"#,
        #"[{"a":[1,{"b":2}]},{"c":{"d":[[],{}]}},[]]"#,
        "[" + String(repeating: #"{"a":[1,{}],"b":2},"#, count: 50) + "0]",
    ])
    func walksAllThatIsNested(text: String) throws {
        func written(_ value: JSONValue) -> String {
            switch value.kind {
            case .array: "[\(value.elements.map(written).joined(separator: ","))]"
            case .object:
                "{\(value.members.map { "\(written($0.key)):\(written($0.value))" }.joined(separator: ","))}"
            default: String(decoding: value.source, as: UTF8.self)
            }
        }
        func check(_ value: JSONValue) {
            #expect(String(decoding: value.source, as: UTF8.self) == written(value))
            for element in value.elements { check(element) }
            for (_, member) in value.members { check(member) }
        }
        try Self.read(text) { root in
            #expect(written(root) == text)
            check(root)
        }
    }

    @Test(arguments: [
        (#""""#, ""), (#""plain""#, "plain"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (#""a\u0041\u00e9é""#, "aAéé"),
        (#""\uD83D\uDE00x""#, "😀x"), (#""\u0000""#, "\0"), (#""\uffff\ud7ff\ue000""#, "\u{ffff}\u{d7ff}\u{e000}"),
    ])
    func unescapes(source: String, text: String) throws {
        try Self.read(source) { value in
            #expect(value.string == text)
            #expect(value.withString { Array($0) } == Array(text.utf8))
            #expect(value.number == nil)
        }
    }

    @Test func comparesTexts() throws {
        try Self.read(#"["exact","ex\u0061ct","exac","exactly",1]"#) { root in
            #expect(root.elements.map { $0.isString("exact") } == [true, true, false, false, false])
        }
    }

    @Test(
        arguments: [
            ("0", 0), ("-0", 0), ("42", 42), ("-42", -42), ("9223372036854775807", Int.max),
            ("-9223372036854775808", Int.min),
            ("9223372036854775808", nil), ("-9223372036854775809", nil), ("1.0", nil), ("1e3", nil), ("\"1\"", nil),
            ("99999999999999999999999999", nil), ("true", nil), ("null", nil),
        ] as [(String, Int?)])
    func wholeNumbers(text: String, number: Int?) throws {
        try Self.read(text) { #expect($0.int == number) }
    }

    @Test func numbersAreKeptAsWritten() throws {
        for text in ["1.50", "1e+03", "-0.0", "123456789012345678901234567890"] {
            try Self.read(text) { #expect($0.number?.elementsEqual(text.utf8) == true) }
        }
    }
}
