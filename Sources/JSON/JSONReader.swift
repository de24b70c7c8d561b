/// One pass over a text that lays its tape. Iterative, so that depth costs no stack.
struct JSONReader {
    private let bytes: UnsafeRawBufferPointer
    private let maximumDepth: Int
    private var at = 0
    private var nodes: [JSONNode] = []
    /// Indices of the arrays and objects that are open.
    private var open: [Int] = []

    init(_ bytes: UnsafeRawBufferPointer, depth: Int) {
        self.bytes = bytes
        maximumDepth = depth
    }

    mutating func read(limit: Int) throws(JSONFault) -> [JSONNode] {
        guard bytes.count <= min(limit, Int(UInt32.max) - 1) else { throw JSONFault(reason: .tooLarge, offset: limit) }
        // A kilobyte with its header at most: what the allocator has at hand for each thread.
        nodes.reserveCapacity(min(60, bytes.count / 4 + 1))
        open.reserveCapacity(8)
        skipSpace()
        try readValue()
        while let container = open.last {
            skipSpace()
            let byte = try peek()
            let isObject = nodes[container].kind == .object
            if byte == (isObject ? 0x7D : 0x5D) {
                at += 1
                try close(container)
                continue
            }
            let isFirst = nodes.count == container + 1
            if !isFirst {
                guard byte == 0x2C else { throw fault(.unexpectedByte) }
                at += 1
                skipSpace()
            }
            if isObject { try readKey() }
            try readValue()
        }
        skipSpace()
        guard at == bytes.count else { throw fault(.trailingBytes) }
        return nodes
    }

    private mutating func close(_ container: Int) throws(JSONFault) {
        open.removeLast()
        nodes[container].end = UInt32(at)
        nodes[container].next = UInt32(nodes.count)
        guard nodes[container].kind == .object else { return }
        if let offset = JSONKeys.duplicate(in: container, of: nodes, over: bytes) {
            throw JSONFault(reason: .duplicateKey, offset: offset)
        }
    }

    /// A key, its colon, and the space after it.
    private mutating func readKey() throws(JSONFault) {
        guard try peek() == 0x22 else { throw fault(.unexpectedByte) }
        try readString()
        skipSpace()
        guard try peek() == 0x3A else { throw fault(.unexpectedByte) }
        at += 1
        skipSpace()
    }

    /// A scalar whole; of an array or an object only the beginning.
    private mutating func readValue() throws(JSONFault) {
        switch try peek() {
        case 0x22: try readString()
        case 0x7B: try begin(.object)
        case 0x5B: try begin(.array)
        case 0x74: try readWord("true", .true)
        case 0x66: try readWord("false", .false)
        case 0x6E: try readWord("null", .null)
        case 0x2D, 0x30...0x39: try readNumber()
        default: throw fault(.unexpectedByte)
        }
    }

    private mutating func begin(_ kind: JSONKind) throws(JSONFault) {
        guard open.count < maximumDepth else { throw fault(.tooDeep) }
        open.append(nodes.count)
        append(kind, from: at, to: at + 1)
        at += 1
    }

    private mutating func readWord(_ word: StaticString, _ kind: JSONKind) throws(JSONFault) {
        let start = at
        for expected in UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount) {
            guard try peek() == expected else { throw fault(.unexpectedByte) }
            at += 1
        }
        append(kind, from: start, to: at)
    }

    /// RFC 8259 §6: an optional minus, no leading zero, at least one digit after a point and in an exponent.
    private mutating func readNumber() throws(JSONFault) {
        let start = at
        if bytes[at] == 0x2D { at += 1 }
        if at < bytes.count && bytes[at] == 0x30 {
            at += 1
        } else {
            try readDigits()
        }
        if at < bytes.count && bytes[at] == 0x2E {
            at += 1
            try readDigits()
        }
        if at < bytes.count && bytes[at] | 0x20 == 0x65 {
            at += 1
            if at < bytes.count && (bytes[at] == 0x2B || bytes[at] == 0x2D) { at += 1 }
            try readDigits()
        }
        if at < bytes.count && bytes[at] >= 0x30 && bytes[at] <= 0x39 { throw fault(.badNumber) }
        append(.number, from: start, to: at)
    }

    private mutating func readDigits() throws(JSONFault) {
        let start = at
        while at < bytes.count && bytes[at] >= 0x30 && bytes[at] <= 0x39 { at += 1 }
        guard at > start else { throw fault(.badNumber) }
    }

    private mutating func readString() throws(JSONFault) {
        let start = at
        let hasEscapes = try JSONText.skipString(bytes, &at)
        append(.string, from: start, to: at, hasEscapes: hasEscapes)
    }

    private mutating func append(_ kind: JSONKind, from start: Int, to end: Int, hasEscapes: Bool = false) {
        nodes.append(
            JSONNode(
                start: UInt32(start), end: UInt32(end), next: UInt32(nodes.count + 1), kind: kind,
                hasEscapes: hasEscapes))
    }

    private mutating func skipSpace() {
        while at < bytes.count {
            switch bytes[at] {
            case 0x20, 0x09, 0x0A, 0x0D: at += 1
            default: return
            }
        }
    }

    private func peek() throws(JSONFault) -> UInt8 {
        guard at < bytes.count else { throw fault(.unexpectedEnd) }
        return bytes[at]
    }

    private func fault(_ reason: JSONFault.Reason) -> JSONFault { JSONFault(reason: reason, offset: at) }
}
