/// A growable run of bytes with a read end and a write end, owned by exactly one place.
///
/// The unsafe door of this module: every pointer handed out is valid only until the next mutating call.
/// Bounds are `readIndex <= writeIndex <= capacity`, kept by every method.
public struct ByteBuffer: ~Copyable {
    public private(set) var capacity: Int
    @usableFromInline var base: UnsafeMutableRawPointer?
    @usableFromInline var readIndex: Int
    @usableFromInline var writeIndex: Int

    /// An empty buffer; memory is taken at the first write.
    public init() {
        capacity = 0
        base = nil
        readIndex = 0
        writeIndex = 0
    }

    public init(capacity: Int) {
        self.init()
        reserve(capacity)
    }

    deinit { base?.deallocate() }

    /// Bytes written and not yet read.
    @inlinable public var count: Int { writeIndex - readIndex }
    @inlinable public var isEmpty: Bool { writeIndex == readIndex }

    /// The unread bytes. Valid until the next mutating call.
    @inlinable public var readable: UnsafeRawBufferPointer {
        guard let base else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: base + readIndex, count: writeIndex - readIndex)
    }

    /// The unread bytes, to be changed in place. Valid until the next mutating call.
    @inlinable public var mutableReadable: UnsafeMutableRawBufferPointer {
        guard let base else { return UnsafeMutableRawBufferPointer(start: nil, count: 0) }
        return UnsafeMutableRawBufferPointer(start: base + readIndex, count: writeIndex - readIndex)
    }

    /// Makes room for `extra` more bytes, moving unread bytes to the front or growing by doubling.
    @inlinable public mutating func reserve(_ extra: Int) {
        if capacity - writeIndex >= extra { return }
        makeRoom(extra)
    }

    @usableFromInline mutating func makeRoom(_ extra: Int) {
        let unread = writeIndex - readIndex
        if let base, capacity - unread >= extra, readIndex >= unread {
            if unread > 0 { base.copyMemory(from: base + readIndex, byteCount: unread) }
        } else {
            var larger = max(capacity * 2, 256)
            while larger - unread < extra { larger *= 2 }
            let fresh = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
            if let base {
                if unread > 0 { fresh.copyMemory(from: base + readIndex, byteCount: unread) }
                base.deallocate()
            }
            base = fresh
            capacity = larger
        }
        readIndex = 0
        writeIndex = unread
    }

    /// Room for at least `minimum` bytes at the write end; call `didWrite` with what was put there.
    @inlinable public mutating func writable(_ minimum: Int) -> UnsafeMutableRawBufferPointer {
        reserve(Swift.max(minimum, 1))
        return UnsafeMutableRawBufferPointer(start: base.unsafelyUnwrapped + writeIndex, count: capacity - writeIndex)
    }

    @inlinable public mutating func didWrite(_ count: Int) {
        precondition(count >= 0 && writeIndex + count <= capacity)
        writeIndex += count
    }

    /// Takes `count` bytes off the read end.
    @inlinable public mutating func consume(_ count: Int) {
        precondition(count >= 0 && readIndex + count <= writeIndex)
        readIndex += count
        if readIndex == writeIndex {
            readIndex = 0
            writeIndex = 0
        }
    }

    /// Cuts the unread bytes down to the first `count`.
    @inlinable public mutating func truncate(_ count: Int) {
        precondition(count >= 0 && count <= writeIndex - readIndex)
        writeIndex = readIndex + count
    }

    /// Forgets the content and keeps the memory.
    @inlinable public mutating func clear() {
        readIndex = 0
        writeIndex = 0
    }

    /// Gives the memory back.
    public mutating func release() {
        base?.deallocate()
        base = nil
        capacity = 0
        readIndex = 0
        writeIndex = 0
    }

    @inlinable public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count)
        (base.unsafelyUnwrapped + writeIndex).copyMemory(from: source, byteCount: bytes.count)
        writeIndex += bytes.count
    }

    @inlinable public mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inlinable public mutating func append(byte: UInt8) {
        reserve(1)
        base.unsafelyUnwrapped.storeBytes(of: byte, toByteOffset: writeIndex, as: UInt8.self)
        writeIndex += 1
    }

    @inlinable public mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    public mutating func append(string: String) {
        var string = string
        string.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// Decimal digits, no sign for values >= 0.
    public mutating func append(decimal value: Int) {
        if value < 0 {
            append(byte: 0x2D)
            append(decimal: value.magnitude)
        } else {
            append(decimal: UInt(value))
        }
    }

    public mutating func append(decimal value: UInt) {
        let room = writable(20)
        var digits = 1
        var scale = value
        while scale >= 10 {
            scale /= 10
            digits += 1
        }
        var rest = value
        var at = digits - 1
        while at >= 0 {
            room[at] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
            at -= 1
        }
        didWrite(digits)
    }

    /// Lower-case hex, no leading zeros, as in a chunk's size (RFC 9112 §7.1).
    public mutating func append(hex value: Int) {
        precondition(value >= 0)
        let room = writable(16)
        var digits = 1
        while digits < 16 && value >> (digits * 4) != 0 { digits += 1 }
        for at in 0..<digits {
            room[at] = Hex.digit(UInt8(truncatingIfNeeded: (value >> ((digits - 1 - at) * 4)) & 15))
        }
        didWrite(digits)
    }

    /// `0x` and two lower-case digits a byte, as Ethereum writes data.
    public mutating func append(hexPrefixed bytes: UnsafeRawBufferPointer) {
        append("0x")
        let room = writable(bytes.count * 2)
        Hex.write(bytes, into: room)
        didWrite(bytes.count * 2)
    }

    /// The unread bytes as text; invalid UTF-8 is repaired, so this is for logs and messages only.
    public var text: String { String(decoding: readable, as: UTF8.self) }
    public var array: [UInt8] { Array(readable) }
}
