import JSON

/// The id of a JSON-RPC request, by value: what makes a response its answer.
///
/// A string is its text after unescaping, compared byte by byte. A number is the integer it stands for, so that `1`,
/// `1.0` and `10e-1` are one id, and `"1"` is another.
public enum MessageID: Hashable, Sendable {
    case string([UInt8])
    case integer(Int)

    /// The id's text as a string: 5 and "5" are one, as they are to servers that keep their streams by it.
    public var asText: MessageID {
        switch self {
        case .string: self
        case .integer(let number): .string(Array("\(number)".utf8))
        }
    }

    /// Bytes of a request's string id, after unescaping.
    public static let maximumBytes = 256
    /// 2^53 − 1: a peer that reads numbers as doubles answers larger ones under another id.
    static let maximumInteger = 9_007_199_254_740_991

    /// What a request may have: a string that is not too long, or a number written as an integer that every peer reads
    /// alike. Nil for anything else (the Model Context Protocol allows neither null nor fractions).
    init?(ofRequest value: JSONValue) {
        switch value.kind {
        case .string:
            guard let text = value.withString({ $0.count <= MessageID.maximumBytes ? Array($0) : nil }) ?? nil else {
                return nil
            }
            self = .string(text)
        case .number:
            guard let number = value.int, number.magnitude <= MessageID.maximumInteger else { return nil }
            self = .integer(number)
        default: return nil
        }
    }

    /// What a response carries, where it could be the id of a request: however its peer chose to write the number.
    init?(ofResponse value: JSONValue) {
        if let id = MessageID(ofRequest: value) {
            self = id
            return
        }
        guard let text = value.number, let number = MessageID.integer(text) else { return nil }
        self = .integer(number)
    }

    /// The integer that a JSON number written with a point or an exponent stands for; nil where it stands for none of
    /// the size that ids have.
    private static func integer(_ text: UnsafeRawBufferPointer) -> Int? {
        var digits: [UInt8] = []
        var scale = 0
        var at = text.first == 0x2D ? 1 : 0
        var isFraction = false
        while at < text.count, text[at] | 0x20 != 0x65 {
            if text[at] == 0x2E {
                isFraction = true
            } else {
                // Leading zeros say nothing, and more digits than these are no id's.
                if !digits.isEmpty || text[at] != 0x30 { digits.append(text[at] - 0x30) }
                if isFraction { scale -= 1 }
                if text.count > 64 { return nil }
            }
            at += 1
        }
        if at < text.count {
            guard let exponent = Int(String(decoding: text[(at + 1)...], as: UTF8.self)), exponent.magnitude < 1000
            else { return nil }
            scale += exponent
        }
        while scale < 0, digits.last == 0 {
            digits.removeLast()
            scale += 1
        }
        if digits.isEmpty { return 0 }
        guard scale >= 0, digits.count + scale <= 16 else { return nil }
        var value = 0
        for digit in digits { value = value * 10 + Int(digit) }
        for _ in 0..<scale { value *= 10 }
        guard value <= maximumInteger else { return nil }
        return text.first == 0x2D ? -value : value
    }
}
