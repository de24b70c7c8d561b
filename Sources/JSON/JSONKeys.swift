/// Finds a key that an object has twice. Keys are the same where their texts are, however they were written.
enum JSONKeys {
    /// Up to this many members every pair is compared; beyond, a table is built, so that no text makes it quadratic.
    private static let pairwiseLimit = 12

    /// Offset of the later key of a pair, or nil.
    static func duplicate(in object: Int, of nodes: [JSONNode], over bytes: UnsafeRawBufferPointer) -> Int? {
        var keys = 0
        var at = object + 1
        while at < nodes.count {
            keys += 1
            at = Int(nodes[at + 1].next)
        }
        return keys <= pairwiseLimit
            ? duplicateByPairs(object, nodes, bytes) : duplicateByTable(object, keys, nodes, bytes)
    }

    /// An object that is being closed owns every node after its own.
    private static func duplicateByPairs(_ object: Int, _ nodes: [JSONNode], _ bytes: UnsafeRawBufferPointer) -> Int? {
        var later = object + 1
        while later < nodes.count {
            var earlier = object + 1
            while earlier < later {
                if same(nodes[earlier], nodes[later], bytes) { return Int(nodes[later].start) }
                earlier = Int(nodes[earlier + 1].next)
            }
            later = Int(nodes[later + 1].next)
        }
        return nil
    }

    private static func duplicateByTable(
        _ object: Int, _ keys: Int, _ nodes: [JSONNode], _ bytes: UnsafeRawBufferPointer
    ) -> Int? {
        var size = 32
        while size < keys * 2 { size *= 2 }
        // Zero is an empty slot: no key is node 0.
        var slots = [UInt32](repeating: 0, count: size)
        var key = object + 1
        while key < nodes.count {
            var slot = hash(nodes[key], bytes) & (size - 1)
            while slots[slot] != 0 {
                if same(nodes[Int(slots[slot])], nodes[key], bytes) { return Int(nodes[key].start) }
                slot = (slot + 1) & (size - 1)
            }
            slots[slot] = UInt32(key)
            key = Int(nodes[key + 1].next)
        }
        return nil
    }

    private static func same(_ left: JSONNode, _ right: JSONNode, _ bytes: UnsafeRawBufferPointer) -> Bool {
        if !left.hasEscapes && !right.hasEscapes {
            guard left.end - left.start == right.end - right.start else { return false }
            return content(left, bytes).elementsEqual(content(right, bytes))
        }
        return text(left, bytes) == text(right, bytes)
    }

    /// Seeded per process, so that nobody can choose keys that collide.
    private static func hash(_ node: JSONNode, _ bytes: UnsafeRawBufferPointer) -> Int {
        var hasher = Hasher()
        if node.hasEscapes {
            text(node, bytes).withUnsafeBytes { hasher.combine(bytes: $0) }
        } else {
            hasher.combine(bytes: content(node, bytes))
        }
        return hasher.finalize()
    }

    private static func content(_ node: JSONNode, _ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[Int(node.start) + 1..<Int(node.end) - 1])
    }

    private static func text(_ node: JSONNode, _ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var out: [UInt8] = []
        JSONText.unescape(content(node, bytes)) { out.append($0) }
        return out
    }
}
