/// A run of bytes inside one head, by offset from the head's first byte.
public struct ByteRange: Sendable, Equatable {
    public var offset: UInt32
    public var length: UInt32

    public init(offset: UInt32, length: UInt32) {
        self.offset = offset
        self.length = length
    }

    /// From `start` up to and without `end`, where `0 <= start <= end` and both fit 32 bits.
    @usableFromInline init(from start: Int, to end: Int) {
        offset = UInt32(truncatingIfNeeded: start)
        length = UInt32(truncatingIfNeeded: end &- start)
    }

    public static let empty = ByteRange(offset: 0, length: 0)

    public var isEmpty: Bool { length == 0 }
    /// The offset of the first byte behind the run.
    @inlinable public var end: UInt32 { offset &+ length }
}

extension UnsafeRawBufferPointer {
    /// A part of these bytes, which must hold it wholly.
    @inlinable @inline(__always)
    func bytes(of range: ByteRange) -> UnsafeRawBufferPointer {
        precondition(Int(range.end) <= count)
        guard let baseAddress else { return self }
        return UnsafeRawBufferPointer(start: baseAddress + Int(range.offset), count: Int(range.length))
    }
}
