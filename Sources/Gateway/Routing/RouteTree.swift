/// The patterns of one table as a tree of segments, in flat memory that is never changed after `init`.
///
/// A search visits the nodes whose pattern agrees with the path so far, the more specific first, and stops at the first
/// that takes the method: for patterns that do not overlap that is one node a segment.
final class RouteTree: @unchecked Sendable {
    // Sendable: every pointer is written in `init` alone, read ever after, and freed by `deinit`, which runs last.

    struct Node {
        /// Child of `*`, or -1.
        var one: Int32 = -1
        /// Entries whose pattern ends here, most specific method first: `entries[ends..<ends + endCount]`.
        var ends: Int32 = 0
        var endCount: Int32 = 0
        /// Entries of `**` from here on.
        var rests: Int32 = 0
        var restCount: Int32 = 0
    }

    struct Entry {
        /// `RouteTree.anyMethod`, or one bit a method.
        var methods: UInt64
        var route: Int32
        /// For comparison alone: 0 is free, more is dearer (`DollarPrice.order`).
        var price: UInt64
    }

    struct Edge {
        var hash: UInt64 = 0
        var parent: Int32 = 0
        /// -1: the slot is free.
        var child: Int32 = -1
        var textStart: Int32 = 0
        var textCount: Int32 = 0
    }

    struct Hit {
        /// -1: none.
        var route: Int32 = -1
        /// That entry's price.
        var price: UInt64 = 0
        /// Methods of every entry whose path matched, while `route` is -1.
        var methods: UInt64 = 0
    }

    static let anyMethod: UInt64 = 0
    /// The parent of host edges, which lead to the root of that host's patterns.
    static let hostParent: Int32 = -1
    /// The root of patterns for any host.
    static let anyHostRoot = 0

    private let nodes: UnsafeMutableBufferPointer<Node>
    private let entries: UnsafeMutableBufferPointer<Entry>
    /// Open addressing, linear probes; the count is a power of two and at least twice the edges.
    private let edges: UnsafeMutableBufferPointer<Edge>
    private let texts: UnsafeMutableBufferPointer<UInt8>
    private let edgeMask: Int

    init(nodes: [Node], entries: [Entry], edges: [(edge: Edge, text: [UInt8])]) {
        self.nodes = Self.copy(nodes)
        self.entries = Self.copy(entries)
        texts = Self.copy(edges.flatMap(\.text))
        var slots = 16
        while slots < edges.count * 2 { slots *= 2 }
        self.edges = Self.copy([Edge](repeating: Edge(), count: slots))
        edgeMask = slots - 1
        var textStart: Int32 = 0
        for (edge, text) in edges {
            var edge = edge
            edge.hash = Self.slotHash(SegmentHash.hash(text), edge.parent)
            edge.textStart = textStart
            edge.textCount = Int32(text.count)
            textStart += Int32(text.count)
            var slot = Int(truncatingIfNeeded: edge.hash) & edgeMask
            while self.edges[slot].child >= 0 { slot = (slot + 1) & edgeMask }
            self.edges[slot] = edge
        }
    }

    deinit {
        nodes.deallocate()
        entries.deallocate()
        edges.deallocate()
        texts.deallocate()
    }

    private static func copy<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafeMutableBufferPointer<Element> {
        let memory = UnsafeMutableBufferPointer<Element>.allocate(capacity: max(elements.count, 1))
        _ = memory.initialize(from: elements)
        return memory
    }

    @inline(__always)
    private static func slotHash(_ hash: UInt64, _ parent: Int32) -> UInt64 {
        SegmentHash.mix(hash ^ UInt64(UInt32(bitPattern: parent)))
    }

    /// The most specific entry for a path that begins with `/`, a method's bit (0 for one that no route lists) and a host in
    /// lower case without port; a host's own patterns come before those for any host.
    func find(path: UnsafeRawBufferPointer, methodBit: UInt64, host: UnsafeRawBufferPointer) -> Hit {
        var hit = Hit()
        guard let base = path.baseAddress, path.count > 0, path[0] == 0x2F else { return hit }
        if host.count > 0 {
            let root = child(of: Self.hostParent, host.baseAddress.unsafelyUnwrapped, host.count)
            if root >= 0 && search(Int(root), 1, base, path.count, methodBit, &hit) { return hit }
        }
        _ = search(Self.anyHostRoot, 1, base, path.count, methodBit, &hit)
        return hit
    }

    /// Goes on from `node` with the segment that begins at `at`; `at` is `count + 1` when the path is used up. It calls itself only
    /// where a node leaves a choice, so no deeper than the patterns are long, at most `RoutePattern.maximumSegments`.
    private func search(
        _ node: Int, _ at: Int, _ base: UnsafeRawPointer, _ count: Int, _ methodBit: UInt64, _ hit: inout Hit
    ) -> Bool {
        var node = node
        var at = at
        while true {
            let here = nodes.baseAddress.unsafelyUnwrapped + node
            if at > count {
                if take(here.pointee.ends, here.pointee.endCount, methodBit, &hit) { return true }
                break
            }
            let end = Self.slash(base, at, count)
            let literal = Int(child(of: Int32(truncatingIfNeeded: node), base + at, end - at))
            let one = end > at ? Int(here.pointee.one) : -1
            let hasChoice = here.pointee.restCount > 0 || (literal >= 0 && one >= 0)
            at = end + 1
            if hasChoice {
                if literal >= 0 && search(literal, at, base, count, methodBit, &hit) { return true }
                if one >= 0 && search(one, at, base, count, methodBit, &hit) { return true }
                break
            }
            node = max(literal, one)
            if node < 0 { return false }
        }
        let here = nodes.baseAddress.unsafelyUnwrapped + node
        return take(here.pointee.rests, here.pointee.restCount, methodBit, &hit)
    }

    @inline(__always)
    private func take(_ start: Int32, _ count: Int32, _ methodBit: UInt64, _ hit: inout Hit) -> Bool {
        var entry = entries.baseAddress.unsafelyUnwrapped + Int(start)
        for _ in 0..<count {
            let methods = entry.pointee.methods
            if methods == Self.anyMethod || methods & methodBit != 0 {
                hit.route = entry.pointee.route
                hit.price = entry.pointee.price
                return true
            }
            hit.methods |= methods
            entry += 1
        }
        return false
    }

    @inline(__always)
    private func child(of parent: Int32, _ start: UnsafeRawPointer, _ count: Int) -> Int32 {
        let hash = Self.slotHash(SegmentHash.hash(start, count), parent)
        var slot = Int(truncatingIfNeeded: hash) & edgeMask
        while true {
            let edge = edges.baseAddress.unsafelyUnwrapped + slot
            let child = edge.pointee.child
            if child < 0 { return -1 }
            if edge.pointee.hash == hash && edge.pointee.parent == parent && Int(edge.pointee.textCount) == count
                && Self.same(
                    UnsafeRawPointer(texts.baseAddress.unsafelyUnwrapped + Int(edge.pointee.textStart)), start, count)
            {
                return child
            }
            slot = (slot + 1) & edgeMask
        }
    }

    /// Whether two runs of `count` bytes are equal; the last load overlaps the one before.
    @inline(__always)
    private static func same(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ count: Int) -> Bool {
        if count >= 8 {
            var at = 0
            while at + 8 < count {
                if word(a, at) != word(b, at) { return false }
                at += 8
            }
            return word(a, count - 8) == word(b, count - 8)
        }
        if count >= 4 { return half(a, 0) == half(b, 0) && half(a, count - 4) == half(b, count - 4) }
        for at in 0..<count
        where a.load(fromByteOffset: at, as: UInt8.self) != b.load(fromByteOffset: at, as: UInt8.self) { return false }
        return true
    }

    @inline(__always)
    private static func word(_ from: UnsafeRawPointer, _ at: Int) -> UInt64 {
        from.loadUnaligned(fromByteOffset: at, as: UInt64.self)
    }

    @inline(__always)
    private static func half(_ from: UnsafeRawPointer, _ at: Int) -> UInt32 {
        from.loadUnaligned(fromByteOffset: at, as: UInt32.self)
    }

    /// The next `/` at or after `at`, or `count`; eight bytes at a time.
    @inline(__always)
    private static func slash(_ base: UnsafeRawPointer, _ at: Int, _ count: Int) -> Int {
        var at = at
        while at + 8 <= count {
            let word =
                UInt64(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt64.self)) ^ 0x2F2F_2F2F_2F2F_2F2F
            let zeros = (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
            if zeros != 0 { return at + zeros.trailingZeroBitCount / 8 }
            at += 8
        }
        while at < count && base.load(fromByteOffset: at, as: UInt8.self) != 0x2F { at += 1 }
        return at
    }
}
