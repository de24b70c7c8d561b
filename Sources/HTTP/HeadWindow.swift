import Bytes

/// Decides whether a head that drips in is worth reading again, and how much of it may be looked at.
enum HeadWindow {
    /// The bytes to parse: all of them, or as many as a head may have; nil while no end of the head can be among them.
    ///
    /// Only line feeds are looked at, and only new ones: one that ends an empty line, or that is no line end at all.
    static func bytes(
        _ bytes: UnsafeRawBufferPointer, scannedFrom: Int, limit: Int
    ) -> (base: UnsafeRawPointer, end: Int)? {
        guard let base = bytes.baseAddress else { return nil }
        let end = min(bytes.count, limit)
        if scannedFrom <= 0 || bytes.count > limit { return (base, end) }
        var at = scannedFrom
        while true {
            at = Scan.first(0x0A, base, from: min(at, end), to: end)
            if at >= end { return nil }
            let isLineEnd = at >= 1 && bytes[at - 1] == 0x0D
            let endsEmptyLine = isLineEnd && (at < 2 || bytes[at - 2] == 0x0A)
            if !isLineEnd || endsEmptyLine { return (base, end) }
            at += 1
        }
    }
}
