/// Finding the first byte of a kind, sixteen at a time.
///
/// An unsafe door: the caller vouches that `base` is readable from 0 up to and without `end`, and `0 <= from <= end`.
/// No byte outside of that is read.
public enum Scan {
    public typealias Lanes = SIMD16<UInt8>
    /// Spelled out at every use, with vectors on both sides: an untyped mask, or a number beside a vector, picks operators
    /// that work lane by lane, eighty times slower.
    public typealias Mask = SIMDMask<SIMD16<Int8>>

    /// The first place in `from..<end` whose lane `matches`, else `end`.
    @inlinable @inline(__always)
    public static func first(
        _ base: UnsafeRawPointer, from: Int, to end: Int, where matches: (Lanes) -> Mask
    ) -> Int {
        var at = from
        while at &+ 16 <= end {
            let found = unsafeBitCast(matches(base.loadUnaligned(fromByteOffset: at, as: Lanes.self)), to: Words.self)
            if found.x != 0 { return at &+ found.x.trailingZeroBitCount &>> 3 }
            if found.y != 0 { return at &+ 8 &+ found.y.trailingZeroBitCount &>> 3 }
            at &+= 16
        }
        return at == end ? end : firstInTail(base, from: at, to: end, where: matches)
    }

    /// The same for the last 1 to 15 bytes, by one load that ends where they do.
    @inlinable @inline(__always)
    static func firstInTail(
        _ base: UnsafeRawPointer, from at: Int, to end: Int, where matches: (Lanes) -> Mask
    ) -> Int {
        let lanes: Lanes
        let read: Int
        if end >= 16 {
            lanes = base.loadUnaligned(fromByteOffset: end &- 16, as: Lanes.self)
            read = 16 &- (end &- at)
        } else {
            lanes = shortLanes(base, count: end)
            read = at
        }
        let found = unsafeBitCast(matches(lanes), to: UInt128.self) &>> UInt128(truncatingIfNeeded: read &* 8)
        return min(end, at &+ found.trailingZeroBitCount &>> 3)
    }

    /// Fewer than 16 bytes with zeros behind them.
    @usableFromInline static func shortLanes(_ base: UnsafeRawPointer, count: Int) -> Lanes {
        var lanes = Lanes(repeating: 0)
        withUnsafeMutableBytes(of: &lanes) { $0.baseAddress?.copyMemory(from: base, byteCount: count) }
        return lanes
    }

    @usableFromInline struct Words {
        @usableFromInline var x: UInt64
        @usableFromInline var y: UInt64
    }

    /// The first `byte`.
    @inlinable public static func first(_ byte: UInt8, _ base: UnsafeRawPointer, from: Int, to end: Int) -> Int {
        first(base, from: from, to: end) { lanes in
            let mask: Mask = lanes .== Lanes(repeating: byte)
            return mask
        }
    }

    /// The first control character: below 0x20, or DEL. Tabs are among them.
    @inlinable @inline(__always)
    public static func firstControl(_ base: UnsafeRawPointer, from: Int, to end: Int) -> Int {
        first(base, from: from, to: end) { lanes in
            let low: Mask = lanes .< Lanes(repeating: 0x20)
            let delete: Mask = lanes .== Lanes(repeating: 0x7F)
            let mask: Mask = low .| delete
            return mask
        }
    }

    /// The first byte that is no ASCII letter, no digit and no hyphen.
    @inlinable @inline(__always)
    public static func firstOutsideWord(_ base: UnsafeRawPointer, from: Int, to end: Int) -> Int {
        first(base, from: from, to: end) { lanes in
            let letter: Mask = ((lanes | 0x20) &- 0x61) .< Lanes(repeating: 26)
            let digit: Mask = (lanes &- 0x30) .< Lanes(repeating: 10)
            let hyphen: Mask = lanes .== Lanes(repeating: 0x2D)
            let word: Mask = letter .| digit .| hyphen
            let mask: Mask = .!word
            return mask
        }
    }

    /// The first byte that is no ASCII letter, no digit, no hyphen and no dot.
    @inlinable @inline(__always)
    public static func firstOutsideHostName(_ base: UnsafeRawPointer, from: Int, to end: Int) -> Int {
        first(base, from: from, to: end) { lanes in
            let letter: Mask = ((lanes | 0x20) &- 0x61) .< Lanes(repeating: 26)
            let digit: Mask = (lanes &- 0x30) .< Lanes(repeating: 10)
            let hyphenOrDot: Mask = (lanes &- 0x2D) .< Lanes(repeating: 2)
            let name: Mask = letter .| digit .| hyphenOrDot
            let mask: Mask = .!name
            return mask
        }
    }

    /// The first byte that is not visible ASCII (0x21 to 0x7E), or is `stop`.
    @inlinable @inline(__always)
    public static func firstInvisible(
        or stop: UInt8, _ base: UnsafeRawPointer, from: Int, to end: Int
    ) -> Int {
        first(base, from: from, to: end) { lanes in
            let invisible: Mask = (lanes &- 0x21) .> Lanes(repeating: 0x5D)
            let stopped: Mask = lanes .== Lanes(repeating: stop)
            let mask: Mask = invisible .| stopped
            return mask
        }
    }
}
