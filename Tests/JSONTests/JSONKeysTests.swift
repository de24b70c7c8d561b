import Testing

@testable import JSON

@Suite struct JSONKeysTests {
    /// What the hash of the ends says of an object with these keys, as they are written between their quotes.
    static func quickly(_ keys: [String]) throws -> JSONKeys.Found {
        try Array(object(keys).utf8).withUnsafeBytes { raw in
            // The keys of an object that a tape was laid of are distinct.
            JSONKeys.quickly(in: 0, of: try JSONTape(raw).nodes, over: raw)
        }
    }

    static func object(_ keys: [String]) -> String { "{\(keys.map { "\"\($0)\":0" }.joined(separator: ","))}" }

    /// Alike in their length and in many bytes at either end, so that the hash of their ends is one.
    static func alike(_ count: Int, length: Int = 24) -> [String] {
        (0..<count).map { number in
            let side = String(repeating: "x", count: (length - 8) / 2)
            return side + String(String(number + 10_000_000).suffix(8)) + side
        }
    }

    @Test(arguments: [0, 1, 2, 3, 4, 5, 8, 9, 40, 128, 129, 1000, 20_000])
    func ordinaryKeysTakeLittleWork(count: Int) throws {
        for keys in [
            (0..<count).map { "field\($0)" }, (0..<count).map { "\($0)" }, (0..<count).map { "\($0)_of_these" },
        ] {
            #expect(try Self.quickly(keys) == .distinct)
        }
    }

    /// The quick way gives up, and the other is right about them; it would not end in time if it compared all pairs.
    @Test func keysThatCollideAreGivenUpOn() throws {
        let keys = Self.alike(20_000)
        #expect(try Self.quickly(keys) == .tooMuchWork)
        #expect(JSONReaderTests.fault(Self.object(keys)) == nil)
        let before = Self.object(keys).utf8.count
        for twin in [0, 10_000, 19_999] {
            #expect(
                JSONReaderTests.fault(Self.object(keys + [keys[twin]]))
                    == JSONFault(reason: .duplicateKey, offset: before))
        }
        let escaped = keys[7].replacing("x", with: "\\u0078")
        #expect(JSONReaderTests.fault(Self.object(keys + [escaped]))?.reason == .duplicateKey)
        #expect(try Self.quickly(keys[..<1000].map { $0.replacing("x", with: "\\u0078") }) == .tooMuchWork)
    }

    /// The work is counted in bytes: many short keys do not pay for comparing a few long ones.
    @Test func longKeysThatCollideAreGivenUpOn() throws {
        let long = Self.alike(60, length: 1000)
        #expect(try Self.quickly(long + (0..<1000).map { "k\($0)" }) == .tooMuchWork)
        #expect(try Self.quickly(Self.alike(2, length: 1000)) == .distinct)
    }

    /// Of every length, and different in any one byte.
    @Test func everyByteOfAKeyCounts() {
        for length in 0...26 {
            let key = [UInt8](repeating: 0x61, count: length)
            func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
            let escaped = key.map { _ in "\\u0061" }.joined()
            #expect(JSONReaderTests.fault(Self.object([text(key), text(key)]))?.reason == .duplicateKey)
            #expect(JSONReaderTests.fault(Self.object(["z", text(key), escaped]))?.reason == .duplicateKey)
            #expect(JSONReaderTests.fault(Self.object([text(key), text(key + [0x61])])) == nil)
            for at in 0..<length {
                var other = key
                other[at] = 0x62
                #expect(JSONReaderTests.fault(Self.object([text(key), text(other)])) == nil)
                #expect(JSONReaderTests.fault(Self.object([escaped, text(other)])) == nil)
                let half = text(Array(key[..<at])) + "\\u0061" + text(Array(key[(at + 1)...]))
                #expect(JSONReaderTests.fault(Self.object([half, text(key)]))?.reason == .duplicateKey)
            }
        }
    }
}
