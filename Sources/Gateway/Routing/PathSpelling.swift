import Bytes

/// What a lax server may take two spellings of one path for: the folded form that they share.
///
/// Folding decodes escapes, lowers ASCII letters, cuts `;params`, and spaces and dots at the end, off each segment (some file
/// systems do), merges slashes and drops the last one. Nothing is ever routed or forwarded folded; it only tells whether a path that is not priced spells one that is.
enum PathSpelling {
    /// RFC 3986 §2.3.
    static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: true
        default: false
        }
    }

    /// Whether folding would leave the path, which begins with `/`, as it is. False may also be said of a path that folds to itself.
    @inline(__always)
    static func isFolded(_ path: UnsafeRawBufferPointer) -> Bool {
        let count = path.count
        guard count > 1, let base = path.baseAddress else { return true }
        let end = base.load(fromByteOffset: count - 1, as: UInt8.self)
        if end == 0x2F || end == 0x2E { return false }
        guard count > 8 else {
            for at in 1..<count {
                let former = base.load(fromByteOffset: at - 1, as: UInt8.self)
                switch base.load(fromByteOffset: at, as: UInt8.self) {
                case 0x41...0x5A, 0x3B, 0x25: return false
                case 0x2F where former == 0x2F || former == 0x2E: return false
                default: break
                }
            }
            return true
        }
        // Each step looks at eight bytes and at the eight that begin one further; the last overlaps the one before.
        let last = count - 9
        var at = 0
        var found: UInt64 = 0
        while at < last {
            found |= suspects(base, at)
            at += 8
        }
        return found | suspects(base, last) == 0
    }

    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let tops: UInt64 = 0x8080_8080_8080_8080

    /// Not 0 where one of the nine bytes from `at` on is an upper-case letter, `;` or `%`, or two of them are `//` or `./`. The
    /// first byte is looked at only as the former of two: it is the `/` of the path, or was looked at by the step before.
    @inline(__always)
    private static func suspects(_ base: UnsafeRawPointer, _ at: Int) -> UInt64 {
        let word = base.loadUnaligned(fromByteOffset: at, as: UInt64.self)
        let next = base.loadUnaligned(fromByteOffset: at + 1, as: UInt64.self)
        // The top bit of each byte: at least `A`, and not above `Z`.
        let low = next & ~tops
        let upper = (low &+ ones &* (0x80 - 0x41)) & ~(low &+ ones &* (0x7F - 0x5A)) & ~next & tops
        // `.` and `/` differ in their lowest bit.
        let ended = zeros(((word | ones) ^ ones &* 0x2F) | (next ^ ones &* 0x2F))
        return upper | ended | zeros(next ^ ones &* 0x3B) | zeros(next ^ ones &* 0x25)
    }

    /// Not 0 where one of eight bytes is 0, and only there.
    @inline(__always)
    private static func zeros(_ word: UInt64) -> UInt64 { (word &- ones) & ~word & tops }

    /// Writes the folded form of a path that begins with `/` into `out`, which has room for `path.count` bytes.
    /// - Returns: the bytes written, at most `path.count`.
    static func fold(_ path: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer) -> Int {
        var to = 0
        var from = 0
        var isParameter = false
        while from < path.count {
            var byte = path[from]
            from += 1
            if byte == 0x2F {
                isParameter = false
                to = trimmed(out, to)
                if to == 0 || out[to - 1] != 0x2F {
                    out[to] = byte
                    to += 1
                }
                continue
            }
            if byte == 0x25, from + 1 < path.count, let high = Hex.value(path[from]),
                let low = Hex.value(path[from + 1])
            {
                byte = high << 4 | low
                from += 2
            }
            if byte == 0x3B { isParameter = true }
            if isParameter { continue }
            out[to] = (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
            to += 1
        }
        to = trimmed(out, to)
        if to > 1 && out[to - 1] == 0x2F { to -= 1 }
        return to
    }

    /// `count` without the spaces and dots that end the last segment.
    private static func trimmed(_ out: UnsafeMutableRawBufferPointer, _ count: Int) -> Int {
        var count = count
        while count > 0, out[count - 1] == 0x20 || out[count - 1] == 0x2E { count -= 1 }
        return count
    }

    static func fold(_ path: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: path.count) { out, count in
            count = path.withUnsafeBytes { fold($0, into: UnsafeMutableRawBufferPointer(out)) }
        }
    }
}
