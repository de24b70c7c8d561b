import Bytes

/// Text for the inside of a JSON string (RFC 8259 §7), whatever the bytes are.
///
/// Controls, DEL and the C1 controls are escaped, so that a log shown in a terminal obeys nobody; bytes that are not
/// UTF-8 become U+FFFD.
enum EscapedText {
    /// How many times longer than its bytes an escaped text is at most (`\u001b`).
    static let growth = 6

    /// Writes the escaped text and returns its length; `out` has room for `growth` times the bytes.
    static func write(_ bytes: UnsafeRawBufferPointer, to out: UnsafeMutablePointer<UInt8>) -> Int {
        let count = bytes.count
        guard count >= 8 else { return writeShort(bytes, to: out) }
        var at = 0
        var end = out
        while count - at >= 8 {
            let word = bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            if isPlain(word) {
                UnsafeMutableRawPointer(end).storeBytes(of: word, as: UInt64.self)
                end += 8
                at += 8
            } else {
                // All of the word, or up to the end of a sequence that begins in it.
                let stop = at + 8
                while at < stop { at += writeOne(bytes, at, &end) }
            }
        }
        let rest = count - at
        guard rest > 0 else { return end - out }
        let word = bytes.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
        if isPlain(word) {
            // Its first bytes, being plain, are the ones written last: they are written again as they were.
            UnsafeMutableRawPointer(end + rest - 8).storeBytes(of: word, as: UInt64.self)
            return end + rest - out
        }
        while at < count { at += writeOne(bytes, at, &end) }
        return end - out
    }

    /// Fewer than eight bytes: two overlapping halves where there are four, else one by one.
    @inline(__always)
    private static func writeShort(_ bytes: UnsafeRawBufferPointer, to out: UnsafeMutablePointer<UInt8>) -> Int {
        let count = bytes.count
        if count >= 4 {
            let first = bytes.loadUnaligned(as: UInt32.self)
            let last = bytes.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
            if isPlain(UInt64(first) | UInt64(last) << 32) {
                UnsafeMutableRawPointer(out).storeBytes(of: first, as: UInt32.self)
                UnsafeMutableRawPointer(out + count - 4).storeBytes(of: last, as: UInt32.self)
                return count
            }
        }
        var end = out
        var at = 0
        while at < count { at += writeOne(bytes, at, &end) }
        return end - out
    }

    /// Eight bytes at once: none is a control, DEL, a quote, a backslash, or beyond ASCII.
    @inline(__always)
    private static func isPlain(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        let quotes = word ^ (ones &* 0x22)
        let slashes = word ^ (ones &* 0x5C)
        // Borrows may also mark a byte above a true one, never a word without one: that only costs the slow way.
        let below = word &- (ones &* 0x20)
        let above = word &+ ones
        return (below | above | word | (quotes &- ones) | (slashes &- ones)) & tops == 0
    }

    /// Writes what stands at `at` and returns how many bytes that was.
    @inline(__always)
    private static func writeOne(
        _ bytes: UnsafeRawBufferPointer, _ at: Int, _ end: inout UnsafeMutablePointer<UInt8>
    ) -> Int {
        let byte = bytes[at]
        if byte >= 0x20 && byte < 0x7F && byte != 0x22 && byte != 0x5C {
            end.pointee = byte
            end += 1
            return 1
        }
        return writeSpecial(bytes, at, &end)
    }

    private static func writeSpecial(
        _ bytes: UnsafeRawBufferPointer, _ at: Int, _ end: inout UnsafeMutablePointer<UInt8>
    ) -> Int {
        let byte = bytes[at]
        switch byte {
        case 0x22, 0x5C: put(0x5C, byte, &end)
        case 0x0A: put(0x5C, 0x6E, &end)
        case 0x0D: put(0x5C, 0x72, &end)
        case 0x09: put(0x5C, 0x74, &end)
        case 0..<0x80: putEscape(0, byte, &end)
        default:
            let length = scalarLength(bytes, at)
            // C2 80 to C2 9F are the C1 controls.
            if length == 2 && byte == 0xC2 && bytes[at + 1] < 0xA0 {
                putEscape(0, bytes[at + 1], &end)
            } else if length > 0 {
                for offset in 0..<length { end[offset] = bytes[at + offset] }
                end += length
            } else {
                putEscape(0xFF, 0xFD, &end)
                return 1
            }
            return length
        }
        return 1
    }

    private static func put(_ first: UInt8, _ second: UInt8, _ end: inout UnsafeMutablePointer<UInt8>) {
        end[0] = first
        end[1] = second
        end += 2
    }

    private static func putEscape(_ high: UInt8, _ low: UInt8, _ end: inout UnsafeMutablePointer<UInt8>) {
        put(0x5C, 0x75, &end)
        put(Hex.digit(high >> 4), Hex.digit(high & 15), &end)
        put(Hex.digit(low >> 4), Hex.digit(low & 15), &end)
    }

    /// The length of the well-formed UTF-8 sequence at `at` (Unicode, table 3-7); 0 where there is none.
    private static func scalarLength(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Int {
        let left = bytes.count - at
        func continues(_ offset: Int) -> Bool { bytes[at + offset] & 0xC0 == 0x80 }
        switch bytes[at] {
        case 0xC2...0xDF: return left >= 2 && continues(1) ? 2 : 0
        case 0xE0...0xEF:
            guard left >= 3 && continues(1) && continues(2) else { return 0 }
            if bytes[at] == 0xE0 && bytes[at + 1] < 0xA0 { return 0 }
            if bytes[at] == 0xED && bytes[at + 1] > 0x9F { return 0 }
            return 3
        case 0xF0...0xF4:
            guard left >= 4 && continues(1) && continues(2) && continues(3) else { return 0 }
            if bytes[at] == 0xF0 && bytes[at + 1] < 0x90 { return 0 }
            if bytes[at] == 0xF4 && bytes[at + 1] > 0x8F { return 0 }
            return 4
        default: return 0
        }
    }
}

extension ByteBuffer {
    /// Appends text for the inside of a JSON string, as `EscapedText` says.
    mutating func appendEscaped(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            let room = writable(bytes.count * EscapedText.growth)
            let start = room.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
            didWrite(EscapedText.write(UnsafeRawBufferPointer(bytes), to: start))
        }
    }
}
