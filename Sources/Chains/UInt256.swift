import Bytes

extension UInt128 {
    /// Decimal digits. Most amounts fit a word, whose text costs a fraction.
    public var decimalText: String { UInt64(exactly: self).map { String($0) } ?? String(self) }
}

/// An unsigned 256-bit number, as the chain's words hold it. Only what payments need: reading, comparing, laying out.
public struct UInt256: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Most significant first.
    private let words: (UInt64, UInt64, UInt64, UInt64)

    private init(_ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64) { words = (a, b, c, d) }

    public init(_ value: UInt64) { self.init(0, 0, 0, value) }
    public init(_ value: UInt128) { self.init(0, 0, UInt64(value >> 64), UInt64(truncatingIfNeeded: value)) }

    /// Big-endian, as ABI encoding lays it out.
    public init(_ bytes: Bytes32) {
        self = bytes.withBytes { raw in
            func word(_ at: Int) -> UInt64 { UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)) }
            return UInt256(word(0), word(8), word(16), word(24))
        }
    }

    public static let zero = UInt256(UInt64(0))
    public static let max = UInt256(.max, .max, .max, .max)

    /// Digits of the largest value, 2²⁵⁶ − 1.
    public static let maximumDecimalDigits = 78

    /// Strict decimal: 1 to 78 digits, no sign, leading zero or exponent, and below 2²⁵⁶; nil for anything else.
    public init?(decimal text: UnsafeRawBufferPointer) {
        guard text.count >= 1 && text.count <= Self.maximumDecimalDigits else { return nil }
        if text[0] == 0x30 && text.count > 1 { return nil }
        var value = UInt256.zero
        for digit in text {
            guard digit >= 0x30 && digit <= 0x39, let next = value.timesTen(plus: UInt64(digit - 0x30)) else {
                return nil
            }
            value = next
        }
        self = value
    }

    /// Strict decimal: 1 to 78 digits, no sign, leading zero or exponent, and below 2²⁵⁶; nil for anything else.
    public init?(decimal text: String) {
        var text = text
        guard let value = text.withUTF8({ UInt256(decimal: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = value
    }

    /// Nil where it would not fit.
    private func timesTen(plus digit: UInt64) -> UInt256? {
        var carry = digit
        func step(_ word: UInt64) -> UInt64 {
            let product = word.multipliedFullWidth(by: 10)
            let (low, overflow) = product.low.addingReportingOverflow(carry)
            carry = product.high + (overflow ? 1 : 0)
            return low
        }
        let d = step(words.3)
        let c = step(words.2)
        let b = step(words.1)
        let a = step(words.0)
        return carry == 0 ? UInt256(a, b, c, d) : nil
    }

    /// The value where it fits 128 bits.
    public var uint128: UInt128? {
        words.0 == 0 && words.1 == 0 ? UInt128(words.2) << 64 | UInt128(words.3) : nil
    }

    /// The value where it fits, otherwise `Int64.max`: for moments in Unix seconds, where later than that is never.
    public var clampedToInt64: Int64 {
        words.0 == 0 && words.1 == 0 && words.2 == 0 ? Int64(clamping: words.3) : .max
    }

    /// Big-endian, as ABI encoding lays it out.
    public var bytes: Bytes32 {
        let big = (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian)
        return withUnsafeBytes(of: big) { Bytes32($0)! }
    }

    /// Decimal.
    public var description: String {
        var rest = self
        var digits: [UInt8] = []
        repeat {
            let (quotient, digit) = rest.dividedByTen
            digits.append(0x30 + UInt8(digit))
            rest = quotient
        } while rest != .zero
        return String(decoding: digits.reversed(), as: UTF8.self)
    }

    private var dividedByTen: (UInt256, UInt64) {
        let a = words.0.quotientAndRemainder(dividingBy: 10)
        let b = UInt64(10).dividingFullWidth((a.remainder, words.1))
        let c = UInt64(10).dividingFullWidth((b.remainder, words.2))
        let d = UInt64(10).dividingFullWidth((c.remainder, words.3))
        return (UInt256(a.quotient, b.quotient, c.quotient, d.quotient), d.remainder)
    }

    public static func == (left: UInt256, right: UInt256) -> Bool { left.words == right.words }
    public static func < (left: UInt256, right: UInt256) -> Bool { left.words < right.words }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}
