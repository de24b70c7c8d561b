import Bytes
import Testing

@testable import Chains

@Suite struct UInt256Tests {
    static let largest = "115792089237316195423570985008687907853269984665640564039457584007913129639935"

    @Test(arguments: [
        "0", "1", "9", "10", "18446744073709551615", "18446744073709551616", "340282366920938463463374607431768211455",
        "340282366920938463463374607431768211456", "99999999999999999999999999999999999999999999999999999999", largest,
    ])
    func decimalRoundTrip(text: String) throws {
        let value = try #require(UInt256(decimal: text))
        #expect(value.description == text)
        #expect(UInt256(value.bytes) == value)
    }

    @Test(arguments: [
        "", "00", "01", "+1", "-1", "1.0", "1e3", " 1", "1 ", "0x10", "1_000", "١",
        "115792089237316195423570985008687907853269984665640564039457584007913129639936",
        "999999999999999999999999999999999999999999999999999999999999999999999999999999",
        "1000000000000000000000000000000000000000000000000000000000000000000000000000000",
    ])
    func decimalRefuses(text: String) {
        #expect(UInt256(decimal: text) == nil)
    }

    @Test func theLargest() {
        #expect(UInt256(decimal: Self.largest) == .max)
        #expect(UInt256.max.bytes.array == [UInt8](repeating: 0xFF, count: 32))
        #expect(Self.largest.count == UInt256.maximumDecimalDigits)
    }

    @Test func comparesByWordsInOrder() throws {
        let ascending = try [
            "0", "1", "18446744073709551615", "18446744073709551616", "340282366920938463463374607431768211456",
            Self.largest,
        ].map { try #require(UInt256(decimal: $0)) }
        for (left, a) in ascending.enumerated() {
            for (right, b) in ascending.enumerated() {
                #expect((a < b) == (left < right))
                #expect((a == b) == (left == right))
            }
        }
    }

    @Test func narrows() throws {
        let beyond128 = try #require(UInt256(decimal: "340282366920938463463374607431768211456"))
        #expect(UInt256(UInt128.max).uint128 == .max)
        #expect(beyond128.uint128 == nil)
        #expect(UInt256(UInt64(5)).clampedToInt64 == 5)
        #expect(UInt256(UInt64.max).clampedToInt64 == .max)
        #expect(UInt256(UInt128(1) << 64).clampedToInt64 == .max)
        #expect(UInt256.max.clampedToInt64 == .max)
    }
}
