/// One pass over a text that lays its tape. Iterative, so that depth costs no stack; its steps are inlined, so that the
/// place in the text stays in a register.
enum JSONReader {
    static func read(_ bytes: UnsafeRawBufferPointer, _ limits: JSONLimits) throws(JSONFault) -> [JSONNode] {
        guard bytes.count <= min(limits.bytes, Int(UInt32.max) - 1) else {
            throw JSONFault(reason: .tooLarge, offset: limits.bytes)
        }
        let text = bytes.bindMemory(to: UInt8.self).span
        var nodes: [JSONNode] = []
        // A kilobyte with its header at most: what the allocator has at hand for each thread.
        nodes.reserveCapacity(min(60, bytes.count / 4 + 1))
        var open = OpenContainers()
        var at = JSONScan.space(text, from: 0)
        while true {
            let (kind, end, hasEscapes) = try JSONScan.value(text, from: at)
            nodes.append(JSONNode(from: at, to: end, next: nodes.count + 1, kind, hasEscapes: hasEscapes))
            var isFirst = kind == .array || kind == .object
            if isFirst {
                guard open.count < limits.depth else { throw JSONFault(reason: .tooDeep, offset: at) }
                open.begin(kind, in: &nodes)
            }
            at = JSONScan.space(text, from: end)
            while open.count > 0, try JSONScan.byte(text, at) == open.end {
                at += 1
                if let offset = open.close(in: &nodes, at, bytes) {
                    throw JSONFault(reason: .duplicateKey, offset: offset)
                }
                isFirst = false
                at = JSONScan.space(text, from: at)
            }
            guard open.count > 0 else { break }
            if !isFirst { at = JSONScan.space(text, from: try JSONScan.expect(0x2C, text, at)) }
            if open.isObject {
                _ = try JSONScan.expect(0x22, text, at)
                let (end, hasEscapes) = try JSONText.end(text, from: at)
                nodes.append(JSONNode(from: at, to: end, next: nodes.count + 1, .string, hasEscapes: hasEscapes))
                at = try JSONScan.expect(0x3A, text, JSONScan.space(text, from: end))
                at = JSONScan.space(text, from: at)
            }
        }
        guard at == bytes.count else { throw JSONFault(reason: .trailingBytes, offset: at) }
        return nodes
    }
}

/// The arrays and objects around the place that is read. They need no list: the `next` of one that is open is the place
/// on the tape of the one around it.
private struct OpenContainers {
    private(set) var count = 0
    /// The bracket that closes the innermost.
    private(set) var end: UInt8 = 0
    private var innermost = 0

    var isObject: Bool { end == 0x7D }

    /// Of the array or object that is the last node.
    @inline(__always)
    mutating func begin(_ kind: JSONKind, in nodes: inout [JSONNode]) {
        let place = nodes.count - 1
        nodes[place].next = UInt32(truncatingIfNeeded: innermost)
        innermost = place
        end = OpenContainers.end(of: kind)
        count += 1
    }

    /// Closes the innermost, which ends at `place` of the text. Offset of a key that it has twice, or nil.
    @inline(__always)
    mutating func close(in nodes: inout [JSONNode], _ place: Int, _ bytes: UnsafeRawBufferPointer) -> Int? {
        if isObject, let offset = JSONKeys.duplicate(in: innermost, of: nodes, over: bytes) { return offset }
        let outer = Int(nodes[innermost].next)
        nodes[innermost].end = UInt32(truncatingIfNeeded: place)
        nodes[innermost].next = UInt32(truncatingIfNeeded: nodes.count)
        innermost = outer
        end = OpenContainers.end(of: nodes[outer].kind)
        count -= 1
        return nil
    }

    private static func end(of kind: JSONKind) -> UInt8 { kind == .object ? 0x7D : 0x5D }
}
