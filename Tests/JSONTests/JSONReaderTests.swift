import Testing

@testable import JSON

@Suite struct JSONReaderTests {
    static func fault(_ text: String, _ limits: JSONLimits = JSONLimits()) -> JSONFault? {
        fault(Array(text.utf8), limits)
    }

    static func fault(_ bytes: [UInt8], _ limits: JSONLimits = JSONLimits()) -> JSONFault? {
        bytes.withUnsafeBytes { raw in
            do throws(JSONFault) {
                _ = try JSONTape(raw, limits: limits)
                return nil
            } catch {
                return error
            }
        }
    }

    @Test(arguments: [
        "null", "true", "false", "0", "-0", "-1", "10", "1.5", "-0.0", "1e9", "1E+9", "1.25e-30", "\"\"", "\"a\"",
        "[]", "{}", " [ ] ", "\t{\r\n}\n", "[1,2]", "[[],[[]]]", #"{"a":1}"#, #"{"":1}"#, #"{"a":{"a":{"a":1}}}"#,
        #"[{"a":1},{"a":1}]"#, #"{ "a" : [ 1 , 2 ] , "b" : null }"#, #""\"\\\/\b\f\n\r\tAé\u0000""#,
        #""\ud83d\ude00""#, "\"é漢😀\u{7f}\u{10ffff}\u{d7ff}\u{e000}\"", #"{"a":1,"A":2,"a ":3,"\u0061a":4}"#,
        "123456789012345678901234567890.000000000000000000000001e123456789",
    ])
    func accepts(text: String) {
        #expect(Self.fault(text) == nil)
    }

    @Test(
        arguments: [
            ("", .unexpectedEnd, 0), ("  ", .unexpectedEnd, 2), ("nul", .unexpectedEnd, 3),
            ("nulL", .unexpectedByte, 3),
            ("True", .unexpectedByte, 0), ("NaN", .unexpectedByte, 0), ("'a'", .unexpectedByte, 0),
            ("\u{feff}{}", .unexpectedByte, 0), ("\u{b}1", .unexpectedByte, 0), ("\u{a0}1", .unexpectedByte, 0),
            ("1 2", .trailingBytes, 2), ("{}{}", .trailingBytes, 2), ("{}\0", .trailingBytes, 2),
            ("// c\n1", .unexpectedByte, 0),
            ("01", .badNumber, 1), ("-", .badNumber, 1), ("+1", .unexpectedByte, 0), (".5", .unexpectedByte, 0),
            ("1.", .badNumber, 2), ("1.e5", .badNumber, 2), ("1e", .badNumber, 2), ("1e+", .badNumber, 3),
            ("-a", .badNumber, 1), ("-01", .badNumber, 2), ("0x10", .trailingBytes, 1), ("1_000", .trailingBytes, 1),
            ("Infinity", .unexpectedByte, 0), ("-Infinity", .badNumber, 1),
            ("[", .unexpectedEnd, 1), ("[1", .unexpectedEnd, 2), ("[1,", .unexpectedEnd, 3),
            ("[1,]", .unexpectedByte, 3),
            ("[,1]", .unexpectedByte, 1), ("[1 2]", .unexpectedByte, 3), ("[1}", .unexpectedByte, 2),
            ("]", .unexpectedByte, 0), ("{", .unexpectedEnd, 1), ("{]", .unexpectedByte, 1),
            (#"{"a"}"#, .unexpectedByte, 4),
            (#"{"a":}"#, .unexpectedByte, 5), (#"{"a":1,}"#, .unexpectedByte, 7),
            (#"{"a":1 "b":2}"#, .unexpectedByte, 7),
            (#"{a:1}"#, .unexpectedByte, 1), (#"{1:1}"#, .unexpectedByte, 1), (#"{null:1}"#, .unexpectedByte, 1),
            (#"{"a" 1}"#, .unexpectedByte, 5), (#"{,"a":1}"#, .unexpectedByte, 1), (#"{"a"::1}"#, .unexpectedByte, 5),
            ("\"", .unexpectedEnd, 1), ("\"abc", .unexpectedEnd, 4), ("\"abcdefghijk", .unexpectedEnd, 12),
            ("\"\\", .unexpectedEnd, 2), ("\"\\u00", .unexpectedEnd, 5), ("\"\\\"", .unexpectedEnd, 3),
            ("\"a\nb\"", .controlCharacter, 2), ("\"1234\u{1f}678 and more\"", .controlCharacter, 5),
            ("\"\0\"", .controlCharacter, 1),
            ("\"12345678\u{1f}\"", .controlCharacter, 9),
            (#""\a""#, .badEscape, 1), (#""\x41""#, .badEscape, 1), (#""\U0041""#, .badEscape, 1),
            (#""\u00g0""#, .badEscape, 5),
            (#""\ud800""#, .loneSurrogate, 1), (#""\udc00""#, .loneSurrogate, 1),
            (#""\ud800\ud800""#, .loneSurrogate, 1),
            (#""\ud800A""#, .loneSurrogate, 1), (#""\ud800\n23456""#, .loneSurrogate, 1),
            (#""\ud800xydc00""#, .loneSurrogate, 1),
            (#""x\udfff\ud800""#, .loneSurrogate, 2),
            (#"{"a":1,"a":2}"#, .duplicateKey, 7), (#"{"a":1,"\u0061":2}"#, .duplicateKey, 7),
            (#"{"\u0061":1,"a":2}"#, .duplicateKey, 12), (#"[[{"b":[{"a":1,"b":2,"a":3}]}]]"#, .duplicateKey, 21),
            (#"{"":1,"":2}"#, .duplicateKey, 6), (#"{"x":{"a":1,"a":1},"y":1}"#, .duplicateKey, 12),
            (#"{"\ud83d\ude00":1,"😀":2}"#, .duplicateKey, 18), (#"{"a/b":1,"a\/b":2}"#, .duplicateKey, 9),
        ] as [(String, JSONFault.Reason, Int)])
    func refuses(text: String, reason: JSONFault.Reason, offset: Int) {
        #expect(Self.fault(text) == JSONFault(reason: reason, offset: offset))
    }

    /// RFC 3629's edges: overlong forms, surrogates, beyond U+10FFFF, and sequences cut short.
    @Test(
        arguments: [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x20], [0xC2, 0xC0], [0xE0, 0x80, 0x80],
            [0xE0, 0x9F, 0xBF], [0xE1, 0x80], [0xE1, 0x80, 0x22], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
            [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF1, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xFE],
        ] as [[UInt8]])
    func refusesBadUTF8(bytes: [UInt8]) {
        for before in 0..<10 {
            let text = [0x22] + [UInt8](repeating: 0x61, count: before) + bytes + [0x22]
            #expect(Self.fault(text) == JSONFault(reason: .badUTF8, offset: before + 1))
            let cut = [0x22] + [UInt8](repeating: 0x61, count: before) + bytes
            #expect(Self.fault(cut) == JSONFault(reason: .badUTF8, offset: before + 1))
        }
        #expect(Self.fault([0x7B, 0x22] + bytes + [0x22, 0x3A, 0x31, 0x7D])?.reason == .badUTF8)
    }

    @Test func depthHasALimit() {
        let limits = JSONLimits(bytes: 1000, depth: 3)
        #expect(Self.fault("[[[1]]]", limits) == nil)
        #expect(Self.fault("[[[[1]]]]", limits) == JSONFault(reason: .tooDeep, offset: 3))
        #expect(Self.fault("[[[]],[[]]]", limits) == nil)
        #expect(Self.fault(#"{"a":[{"b":{}}]}"#, limits)?.reason == .tooDeep)
        let deep = String(repeating: "[", count: 32)
        #expect(Self.fault(deep + String(repeating: "]", count: 32)) == nil)
        #expect(Self.fault("[" + deep)?.reason == .tooDeep)
        #expect(Self.fault(String(repeating: "[", count: 500_000))?.reason == .tooDeep)
    }

    @Test func sizeHasALimit() {
        #expect(Self.fault("[1,2]", JSONLimits(bytes: 5)) == nil)
        #expect(Self.fault("[1,2] ", JSONLimits(bytes: 5)) == JSONFault(reason: .tooLarge, offset: 5))
    }

    @Test func nothingAtAllIsNoValue() {
        do throws(JSONFault) {
            _ = try JSONTape(UnsafeRawBufferPointer(start: nil, count: 0))
            Issue.record("read from nowhere")
        } catch {
            #expect(error == JSONFault(reason: .unexpectedEnd, offset: 0))
        }
    }

    @Test func duplicatesAmongManyKeys() {
        for count in [2, 3, 4, 5, 8, 9, 40, 128, 129, 1000] {
            let keys = (0..<count).map { "\"key\($0)\":\($0)" }
            #expect(Self.fault("{\(keys.joined(separator: ","))}") == nil)
            for twin in [0, count / 2, count - 1] {
                let plain = keys + ["\"key\(twin)\":0"]
                #expect(Self.fault("{\(plain.joined(separator: ","))}")?.reason == .duplicateKey)
                let escaped = keys + ["\"\\u006bey\(twin)\":0"]
                #expect(Self.fault("{\(escaped.joined(separator: ","))}")?.reason == .duplicateKey)
            }
        }
    }

    /// Strings are read eight bytes at a time: what ends or spoils one is found at every place, behind any neighbours.
    @Test func findsWhatEndsAString() {
        for count in 0...20 {
            for at in 0...count {
                for before: UInt8 in [0x20, 0x21, 0x23, 0x5B, 0x5D, 0x7F] {
                    var text = [0x22] + [UInt8](repeating: before, count: count) + [0x22]
                    #expect(Self.fault(text) == nil)
                    text.insert(0x1F, at: 1 + at)
                    #expect(Self.fault(text) == JSONFault(reason: .controlCharacter, offset: 1 + at))
                    text[1 + at] = 0x80
                    #expect(Self.fault(text) == JSONFault(reason: .badUTF8, offset: 1 + at))
                    text[1 + at] = 0x22
                    #expect(Self.fault(text)?.reason == .trailingBytes)
                    text.replaceSubrange(1 + at...1 + at, with: [0x5C, 0x6E])
                    #expect(Self.fault(text) == nil)
                }
            }
        }
    }

    /// Every prefix of a text is refused, and every change of one byte is read or refused without a trap.
    @Test func everyPrefixAndEveryChangedByte() {
        let text = Array(#"{"a":[1,-2.5e3,"x\u00e9\ud83d\ude00é",{"b":null,"c":true}],"d":{"e":false}}"#.utf8)
        #expect(Self.fault(text) == nil)
        for length in 0..<text.count { #expect(Self.fault(Array(text[..<length])) != nil) }
        for at in text.indices {
            for byte: UInt8 in [0, 0x22, 0x5C, 0x7B, 0x7D, 0x5B, 0x5D, 0x2C, 0x3A, 0x30, 0x75, 0x80, 0xE0, 0xF4, 0xFF] {
                var changed = text
                changed[at] = byte
                _ = Self.fault(changed)
            }
        }
    }
}
