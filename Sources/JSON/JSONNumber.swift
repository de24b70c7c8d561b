/// Numbers of JSON: what they may look like. What they mean is left to whoever reads one.
enum JSONNumber {
    /// Offset after the number that begins at `start` with a minus or a digit. RFC 8259 §6: an optional minus, no
    /// leading zero, at least one digit after a point and in an exponent.
    static func end(_ bytes: Span<UInt8>, from start: Int) throws(JSONFault) -> Int {
        var at = start
        if bytes[at] == 0x2D { at += 1 }
        if at < bytes.count && bytes[at] == 0x30 {
            at += 1
        } else {
            at = try endOfDigits(bytes, from: at)
        }
        if at < bytes.count && bytes[at] == 0x2E { at = try endOfDigits(bytes, from: at + 1) }
        if at < bytes.count && bytes[at] | 0x20 == 0x65 {
            at += 1
            if at < bytes.count && (bytes[at] == 0x2B || bytes[at] == 0x2D) { at += 1 }
            at = try endOfDigits(bytes, from: at)
        }
        if at < bytes.count && isDigit(bytes[at]) { throw JSONFault(reason: .badNumber, offset: at) }
        return at
    }

    /// At least one.
    @inline(__always)
    private static func endOfDigits(_ bytes: Span<UInt8>, from start: Int) throws(JSONFault) -> Int {
        var at = start
        while at < bytes.count && isDigit(bytes[at]) { at += 1 }
        guard at > start else { throw JSONFault(reason: .badNumber, offset: at) }
        return at
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
}
