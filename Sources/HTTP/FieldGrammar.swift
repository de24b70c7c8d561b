/// The character classes of fields (RFC 9110 §5).
enum FieldGrammar {
    /// A `tchar` (RFC 9110 §5.6.2): letters, digits and ``!#$%&'*+-.^_`|~``.
    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        let row: UInt64 = byte < 0x40 ? 0x03FF_6CFA_0000_0000 : 0x57FF_FFFF_C7FF_FFFE
        return byte < 0x80 && row &>> UInt64(byte & 0x3F) & 1 != 0
    }

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// One or more token characters.
    static func isToken(_ bytes: UnsafeRawBufferPointer) -> Bool { !bytes.isEmpty && bytes.allSatisfy(isToken) }

    /// Visible characters, spaces, tabs and bytes from 0x80 (RFC 9110 §5.5).
    static func isValue(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }
    }

    /// Whether two runs are the same without regard to the case of ASCII letters.
    static func equalIgnoringCase(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
        guard a.count == b.count else { return false }
        for at in 0..<a.count where lowered(a[at]) != lowered(b[at]) { return false }
        return true
    }

    @inline(__always)
    private static func lowered(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

    /// Whether a field's value, or a part of it, is `word` in any case; `word` has 2 or more lower-case letters, digits
    /// and hyphens.
    @inline(__always)
    static func isWord(_ text: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
        guard text.count == word.utf8CodeUnitCount, let base = text.baseAddress else { return false }
        return folds(base, to: UnsafeRawPointer(word.utf8Start), text.count)
    }

    /// Whether `length` bytes of `text` become those of `known` where bit 5 is set in each, by two loads that overlap.
    ///
    /// That bit folds the case of letters. What it folds beside that are control characters, which neither names nor
    /// values hold; a `known` of letters, digits and hyphens is therefore met in its two cases only.
    @inline(__always)
    static func folds(_ text: UnsafeRawPointer, to known: UnsafeRawPointer, _ length: Int) -> Bool {
        if length >= 16 { return differ(text, known, length, UInt128.self, wideFold) == 0 }
        if length >= 8 { return differ(text, known, length, UInt64.self, 0x2020_2020_2020_2020) == 0 }
        if length >= 4 { return differ(text, known, length, UInt32.self, 0x2020_2020) == 0 }
        return length >= 2 && differ(text, known, length, UInt16.self, 0x2020) == 0
    }

    @inline(__always)
    private static var wideFold: UInt128 { UInt128(0x2020_2020_2020_2020) &<< 64 | 0x2020_2020_2020_2020 }

    @inline(__always)
    private static func differ<Word: FixedWidthInteger>(
        _ text: UnsafeRawPointer, _ known: UnsafeRawPointer, _ length: Int, _: Word.Type, _ fold: Word
    ) -> Word {
        let tail = length &- MemoryLayout<Word>.size
        let first = (text.loadUnaligned(as: Word.self) | fold) ^ known.loadUnaligned(as: Word.self)
        let last =
            (text.loadUnaligned(fromByteOffset: tail, as: Word.self) | fold)
            ^ known.loadUnaligned(fromByteOffset: tail, as: Word.self)
        return first | last
    }

    /// The next element of a comma-separated list, blanks around it taken off; nil behind the last (RFC 9110 §5.6.1).
    static func nextElement(_ list: inout UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard list.baseAddress != nil else { return nil }
        let comma = list.firstIndex(of: 0x2C)
        let element = trimmed(UnsafeRawBufferPointer(rebasing: list[..<(comma ?? list.endIndex)]))
        list =
            comma.map { UnsafeRawBufferPointer(rebasing: list[($0 + 1)...]) }
            ?? UnsafeRawBufferPointer(start: nil, count: 0)
        return element
    }

    private static func trimmed(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var start = 0
        var end = bytes.count
        while start < end && isBlank(bytes[start]) { start += 1 }
        while end > start && isBlank(bytes[end - 1]) { end -= 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }
}
