import Bytes

/// What a lax server may take two spellings of one path for (threats.md, Web): the folded form that they share.
///
/// Folding decodes escapes, lowers ASCII letters, cuts `;params`, spaces and dots off the end of each segment (some file systems
/// do), merges slashes and drops the last one. Nothing
/// is ever routed or forwarded folded; it only tells whether a path that is not priced spells one that is.
enum PathSpelling {
    /// RFC 3986 §2.3.
    static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: true
        default: false
        }
    }

    /// Whether folding would leave the path as it is. False may also be said of a path that folds to itself.
    static func isFolded(_ path: UnsafeRawBufferPointer) -> Bool {
        var former: UInt8 = 0
        for byte in path {
            switch byte {
            case 0x41...0x5A, 0x3B, 0x25: return false
            case 0x2F where former == 0x2F || former == 0x2E: return false
            default: former = byte
            }
        }
        return path.count <= 1 || former != 0x2F && former != 0x2E
    }

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
