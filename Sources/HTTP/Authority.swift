import Bytes

/// `host[:port]` as this gateway takes it (RFC 9110 §7.2, RFC 3986 §3.2.2).
///
/// Stricter than the grammar where that has two readings: no user information, no escapes, no delimiters in a name, no
/// empty host and no empty port.
public enum Authority {
    /// Whether the bytes are a name, an IPv4 address or an IPv6 address in brackets, with or without a port.
    public static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        isValid(ByteRange(from: 0, to: bytes.count), in: bytes)
    }

    /// As `isValid`, and there is a port.
    static func isValidWithPort(_ bytes: UnsafeRawBufferPointer) -> Bool {
        isValid(bytes) && bytes.last != 0x5D && bytes.contains(0x3A)
    }

    /// As `isValid`, of a part of a head that a byte follows which no host holds, as line ends and delimiters are; so the
    /// scan may go on to the head's end and needs no care for the part's.
    static func isValid(_ range: ByteRange, in head: UnsafeRawBufferPointer) -> Bool {
        let bytes = head.bytes(of: range)
        guard let base = head.baseAddress, bytes.count > 0 else { return false }
        if bytes[0] == 0x5B { return isBracketed(bytes) }
        let end = Int(range.end)
        var at = Scan.firstOutsideHostName(base, from: Int(range.offset), to: head.count)
        if at < end && isOtherMark(base.load(fromByteOffset: at, as: UInt8.self)) {
            at = firstOutsideAnyName(base, from: at, to: end)
        }
        if at >= end { return at == end }
        guard at > Int(range.offset), base.load(fromByteOffset: at, as: UInt8.self) == 0x3A else { return false }
        return isPort(head.bytes(of: ByteRange(from: at &+ 1, to: end)))
    }

    @inline(never)
    private static func firstOutsideAnyName(_ base: UnsafeRawPointer, from: Int, to end: Int) -> Int {
        var at = from
        while at < end && isOtherMark(base.load(fromByteOffset: at, as: UInt8.self)) {
            at = Scan.firstOutsideHostName(base, from: at + 1, to: end)
        }
        return at
    }

    @inline(never)
    private static func isBracketed(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let close = bytes.firstIndex(of: 0x5D), isIPv6(UnsafeRawBufferPointer(rebasing: bytes[1..<close]))
        else { return false }
        let end = close + 1
        if end == bytes.count { return true }
        return bytes[end] == 0x3A && isPort(UnsafeRawBufferPointer(rebasing: bytes[(end + 1)...]))
    }

    /// The unreserved characters that are rare in names: `_` and `~`.
    private static func isOtherMark(_ byte: UInt8) -> Bool { byte == 0x5F || byte == 0x7E }

    @inline(__always)
    private static func isPort(_ digits: UnsafeRawBufferPointer) -> Bool {
        guard let base = digits.baseAddress, digits.count &- 1 < 5, digits.count > 0 else { return false }
        var port: UInt32 = 0
        for at in 0..<digits.count {
            let digit = base.load(fromByteOffset: at, as: UInt8.self) &- 0x30
            guard digit < 10 else { return false }
            port = port &* 10 &+ UInt32(digit)
        }
        return port <= 65535
    }

    /// RFC 3986 §3.2.2 `IPv6address`: eight groups, or fewer around one `::`, the last two perhaps as an IPv4 address.
    static func isIPv6(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var groups = 0
        var isShortened = false
        var at = 0
        if bytes.count >= 2 && bytes[0] == 0x3A && bytes[1] == 0x3A {
            isShortened = true
            at = 2
        }
        while at < bytes.count {
            var end = at
            while end < bytes.count && Hex.value(bytes[end]) != nil { end += 1 }
            if end < bytes.count && bytes[end] == 0x2E {
                guard isIPv4(UnsafeRawBufferPointer(rebasing: bytes[at...])) else { return false }
                groups += 2
                break
            }
            guard end > at && end - at <= 4 else { return false }
            groups += 1
            if end == bytes.count { break }
            guard bytes[end] == 0x3A && end + 1 < bytes.count else { return false }
            at = end + 1
            if bytes[at] == 0x3A {
                if isShortened { return false }
                isShortened = true
                at += 1
            }
        }
        return isShortened ? groups <= 7 : groups == 8
    }

    /// Four numbers from 0 to 255 without leading zeros.
    static func isIPv4(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var numbers = 0
        var value = 0
        var digits = 0
        for at in 0...bytes.count {
            if at == bytes.count || bytes[at] == 0x2E {
                guard digits > 0 && value <= 255 else { return false }
                numbers += 1
                value = 0
                digits = 0
                continue
            }
            guard bytes[at] &- 0x30 < 10, digits < 3, !(digits == 1 && value == 0) else { return false }
            value = value * 10 + Int(bytes[at] &- 0x30)
            digits += 1
        }
        return numbers == 4
    }
}
