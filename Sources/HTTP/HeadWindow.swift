import Bytes

/// Decides whether a head that drips in is worth reading again, and how much of it may be looked at.
enum HeadWindow {
    /// The bytes to parse: all of them, or as many as a head may have; nil while no end of the head can be among them.
    ///
    /// Only line feeds are looked at, and only new ones: one that ends an empty line, or that is no line end at all.
    @inline(__always)
    static func bytes(
        _ bytes: UnsafeRawBufferPointer, scannedFrom: Int, limit: Int
    ) -> (base: UnsafeRawPointer, end: Int)? {
        guard let base = bytes.baseAddress else { return nil }
        let end = min(bytes.count, limit)
        if scannedFrom <= 0 || bytes.count > limit || mayEnd(base, scannedFrom: scannedFrom, to: end) {
            return (base, end)
        }
        return nil
    }

    private static func mayEnd(_ base: UnsafeRawPointer, scannedFrom: Int, to end: Int) -> Bool {
        func byte(_ at: Int) -> UInt8 { base.load(fromByteOffset: at, as: UInt8.self) }
        var at = scannedFrom
        while true {
            at = Scan.first(0x0A, base, from: min(at, end), to: end)
            if at >= end { return false }
            let isLineEnd = at >= 1 && byte(at - 1) == 0x0D
            let endsEmptyLine = isLineEnd && (at < 2 || byte(at - 2) == 0x0A)
            if !isLineEnd || endsEmptyLine { return true }
            at += 1
        }
    }
}
