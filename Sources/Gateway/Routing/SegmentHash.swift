/// A fast hash of one path segment. Its keys are the operator's, so it need not resist floods: callers only look up.
enum SegmentHash {
    /// Reads `count` bytes from `start`, and none beyond.
    @inline(__always)
    static func hash(_ start: UnsafeRawPointer, _ count: Int) -> UInt64 {
        var state = UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15
        if count >= 8 {
            var at = 0
            while at + 8 <= count {
                state = mix(state ^ start.loadUnaligned(fromByteOffset: at, as: UInt64.self))
                at += 8
            }
            if at < count { state = mix(state ^ start.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)) }
        } else if count >= 4 {
            let low = UInt64(start.loadUnaligned(as: UInt32.self))
            let high = UInt64(start.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
            state = mix(state ^ (low | high << 32))
        } else if count > 0 {
            let first = UInt64(start.load(as: UInt8.self))
            let middle = UInt64(start.load(fromByteOffset: count >> 1, as: UInt8.self))
            let last = UInt64(start.load(fromByteOffset: count - 1, as: UInt8.self))
            state = mix(state ^ (first | middle << 8 | last << 16))
        }
        return state
    }

    /// Folds a 128-bit product into 64 bits.
    @inline(__always)
    static func mix(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0xA076_1D64_78BD_642F)
        return product.high ^ product.low
    }

    static func hash(_ bytes: [UInt8]) -> UInt64 {
        bytes.withUnsafeBytes {
            $0.isEmpty ? hash(UnsafeRawPointer(bitPattern: 8)!, 0) : hash($0.baseAddress!, $0.count)
        }
    }
}
