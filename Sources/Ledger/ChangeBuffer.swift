import Bytes

/// Values one after the other, each in its one spelling: a byte for its type, then an integer in zigzag LEB128, or a text's or blob's
/// length in LEB128 and its bytes. What is journaled, and what statements are bound with, without a copy.
struct ChangeBuffer: ~Copyable {
    /// How a value begins.
    enum Kind: UInt8 {
        case null = 0
        case integer = 1
        case text = 2
        case blob = 3
    }

    private var memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 8)
    private(set) var count = 0

    deinit { memory.deallocate() }

    /// Good until the next change of the buffer.
    func bytes(from start: Int = 0) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: memory[start..<count])
    }

    mutating func truncate(to count: Int) {
        precondition(count <= self.count)
        self.count = count
    }

    /// Keeps its memory up to what a busy commit needs.
    mutating func removeAll() {
        count = 0
        guard memory.count > 4 << 20 else { return }
        memory.deallocate()
        memory = .allocate(byteCount: 64 * 1024, alignment: 8)
    }

    private mutating func reserve(_ more: Int) {
        guard memory.count - count < more else { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(memory.count * 2, count + more), alignment: 8)
        larger.copyMemory(from: bytes())
        memory.deallocate()
        memory = larger
    }

    mutating func append(byte: UInt8) {
        reserve(1)
        memory[count] = byte
        count += 1
    }

    mutating func append(_ value: Int64) {
        reserve(11)
        memory[count] = Kind.integer.rawValue
        count += 1
        put(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    mutating func append(_ value: Int64?) {
        if let value { append(value) } else { appendNull() }
    }

    mutating func append(_ value: Bool) { append(value ? 1 : 0) }

    mutating func appendNull() { append(byte: Kind.null.rawValue) }

    mutating func append(_ value: String) {
        var value = value
        value.withUTF8 { append(.text, UnsafeRawBufferPointer($0)) }
    }

    mutating func append(_ value: String?) {
        if let value { append(value) } else { appendNull() }
    }

    mutating func append(_ value: [UInt8]) { value.withUnsafeBytes { append(.blob, $0) } }
    mutating func append(_ value: Bytes20) { value.withBytes { append(.blob, $0) } }
    mutating func append(_ value: Bytes32) { value.withBytes { append(.blob, $0) } }

    mutating func append(_ kind: Kind, _ bytes: UnsafeRawBufferPointer) {
        reserve(11 + bytes.count)
        memory[count] = kind.rawValue
        count += 1
        put(UInt64(bytes.count))
        guard let base = memory.baseAddress, let source = bytes.baseAddress else { return }
        (base + count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    /// LEB128, in the ten bytes that were reserved.
    private mutating func put(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            memory[count] = UInt8(truncatingIfNeeded: rest) | 0x80
            count += 1
            rest >>= 7
        }
        memory[count] = UInt8(rest)
        count += 1
    }
}

/// Reads what a `ChangeBuffer` holds. Nil stands for bytes that no buffer has written.
struct ChangeReader {
    enum Value {
        case null
        case integer(Int64)
        /// In the memory that is read.
        case text(UnsafeRawBufferPointer)
        case blob(UnsafeRawBufferPointer)
    }

    let bytes: UnsafeRawBufferPointer
    private(set) var at = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { at == bytes.count }

    mutating func byte() -> UInt8? {
        guard at < bytes.count else { return nil }
        defer { at += 1 }
        return bytes[at]
    }

    mutating func value() -> Value? {
        guard let first = byte(), let kind = ChangeBuffer.Kind(rawValue: first) else { return nil }
        if kind == .null { return .null }
        guard let number = number() else { return nil }
        if kind == .integer { return .integer(Int64(bitPattern: number >> 1) ^ -Int64(number & 1)) }
        guard number <= UInt64(bytes.count - at) else { return nil }
        let content = UnsafeRawBufferPointer(rebasing: bytes[at..<at + Int(number)])
        at += Int(number)
        return kind == .text ? .text(content) : .blob(content)
    }

    private mutating func number() -> UInt64? {
        var number: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 63, by: 7) {
            guard let next = byte() else { return nil }
            let part = UInt64(next & 0x7F)
            // One spelling alone: the tenth byte has room for one bit, and no number ends in an empty byte.
            guard shift < 63 || part <= 1, next != 0 || shift == 0 else { return nil }
            number |= part << shift
            if next < 0x80 { return number }
        }
        return nil
    }
}
