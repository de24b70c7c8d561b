/// A checksum of 64 bits over a page of the database. Any change within eight aligned bytes, so any single bit, changes it for certain;
/// others pass with a chance of about 2^-64. No defence against people: that is the journal's work.
enum PageSum {
    private static let factor: UInt64 = 0x9FB2_1C65_1E98_DF25

    /// - Parameters:
    ///   - bytes: aligned to eight, a multiple of 32 long.
    ///   - number: the page's, so that a page in another's place is found.
    static func of(_ bytes: UnsafeRawBufferPointer, number: Int) -> UInt64 {
        guard let start = bytes.baseAddress?.assumingMemoryBound(to: UInt64.self) else { return 0 }
        // Four lanes, whose products do not wait for one another. Each step can be undone, so no lane forgets a difference.
        var (first, second, third, fourth) = (UInt64(truncatingIfNeeded: number), factor, ~factor, factor >> 1)
        var at = 0
        let words = bytes.count / 8
        while at < words {
            first = step(first, start[at])
            second = step(second, start[at + 1])
            third = step(third, start[at + 2])
            fourth = step(fourth, start[at + 3])
            at += 4
        }
        return step(step(step(step(factor, first), second), third), fourth)
    }

    @inline(__always)
    private static func step(_ lane: UInt64, _ word: UInt64) -> UInt64 {
        let mixed = lane ^ word
        return (mixed << 29 | mixed >> 35) &* factor
    }
}
