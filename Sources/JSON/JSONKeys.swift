/// Finds a key that an object has twice. Keys are the same where their texts are, however they were written.
///
/// All keys go into a table, by a hash that looks only at their ends. Keys that were chosen to collide there would all
/// be compared: it gives up once it has compared a few times as many bytes as the keys have, and a hash that nobody can
/// foresee begins again. So the work is linear in the bytes of the keys, whatever they are.
enum JSONKeys {
    enum Found: Equatable {
        case distinct
        /// Offset of the later key of a pair.
        case twice(Int)
        /// The keys collide too often to say.
        case tooMuchWork
    }

    /// Bytes that keys may be compared for each byte of theirs before the hash of their ends gives up.
    private static let patience = 4

    /// Offset of the later key of a pair, or nil. The object is the one that is being closed: it owns every node after
    /// its own.
    static func duplicate(in object: Int, of nodes: [JSONNode], over bytes: UnsafeRawBufferPointer) -> Int? {
        var found = quickly(in: object, of: nodes, over: bytes)
        if found == .tooMuchWork {
            found = find(in: object, of: nodes, over: bytes, patience: nil, hash: seededHash)
        }
        guard case .twice(let offset) = found else { return nil }
        return offset
    }

    /// By the hash of their ends.
    static func quickly(in object: Int, of nodes: [JSONNode], over bytes: UnsafeRawBufferPointer) -> Found {
        find(in: object, of: nodes, over: bytes, patience: patience, hash: hashOfEnds)
    }

    /// - Parameter patience: nil never gives up.
    @inline(__always)
    private static func find(
        in object: Int, of nodes: [JSONNode], over bytes: UnsafeRawBufferPointer, patience: Int?,
        hash: (UnsafeRawBufferPointer) -> UInt64
    ) -> Found {
        var keys = 0
        var written = 0
        var at = object + 1
        while at < nodes.count {
            keys += 1
            written += nodes[at].count
            at = Int(nodes[at + 1].next)
        }
        guard keys > 1 else { return .distinct }
        var work = patience.map { $0 * written } ?? .max
        var bits = 3
        while 1 << bits < keys * 2 { bits += 1 }
        // On the stack where it is small. Every slot is below 2^bits; zero is an empty one, as no key is node 0.
        return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 1 << bits) { slots in
            slots.initialize(repeating: 0)
            var later = object + 1
            while later < nodes.count {
                let key = nodes[later]
                var slot = Int(truncatingIfNeeded: withText(key, bytes, hash) &>> (64 - bits))
                while slots[slot] != 0 {
                    let earlier = nodes[Int(slots[slot])]
                    if same(earlier, key, bytes) { return .twice(Int(key.start)) }
                    work -= earlier.count + key.count
                    if work < 0 { return .tooMuchWork }
                    slot = (slot + 1) & (1 << bits - 1)
                }
                slots[slot] = UInt32(truncatingIfNeeded: later)
                later = Int(nodes[later + 1].next)
            }
            return .distinct
        }
    }

    /// Of the length, and of eight bytes at either end. The highest bits are the best.
    @inline(__always)
    static func hashOfEnds(_ text: UnsafeRawBufferPointer) -> UInt64 {
        let last = text.count - 1
        let ends: UInt64
        switch text.count {
        case 8...:
            let first = text.loadUnaligned(as: UInt64.self)
            ends = first &* spread ^ text.loadUnaligned(fromByteOffset: last - 7, as: UInt64.self)
        case 4...:
            let first = text.loadUnaligned(as: UInt32.self)
            ends = UInt64(first) << 32 | UInt64(text.loadUnaligned(fromByteOffset: last - 3, as: UInt32.self))
        case 1...: ends = UInt64(text[0]) << 16 | UInt64(text[last / 2]) << 8 | UInt64(text[last])
        default: ends = 0
        }
        return (ends ^ UInt64(truncatingIfNeeded: text.count)) &* spread
    }

    /// Odd, and without a pattern: 2^64 divided by the golden ratio.
    private static let spread: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// Seeded per process.
    private static func seededHash(_ text: UnsafeRawBufferPointer) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(bytes: text)
        return UInt64(truncatingIfNeeded: hasher.finalize())
    }

    @inline(__always)
    private static func same(_ left: JSONNode, _ right: JSONNode, _ bytes: UnsafeRawBufferPointer) -> Bool {
        if !left.hasEscapes && !right.hasEscapes && left.count != right.count { return false }
        return withText(left, bytes) { left in
            withText(right, bytes) { right in JSONText.same(left, right) }
        }
    }

    /// Calls `body` with what the key says, copied only where it has escapes.
    @inline(__always)
    private static func withText<T>(
        _ key: JSONNode, _ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> T
    ) -> T {
        let written = UnsafeRawBufferPointer(rebasing: bytes[Int(key.start) + 1..<Int(key.end) - 1])
        return key.hasEscapes ? JSONText.unescaped(written).withUnsafeBytes(body) : body(written)
    }
}
