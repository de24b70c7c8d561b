/// Writes one log line into memory whose size was checked before: a cursor without bounds of its own.
///
/// The unsafe door of the access log: `AccessEntry` reserves the sum of all that it writes.
struct LineWriter {
    private(set) var end: UnsafeMutablePointer<UInt8>

    init(_ start: UnsafeMutablePointer<UInt8>) { end = start }

    @inline(__always)
    mutating func write(_ text: StaticString) {
        end.update(from: text.utf8Start, count: text.utf8CodeUnitCount)
        end += text.utf8CodeUnitCount
    }

    @inline(__always)
    mutating func write(byte: UInt8) {
        end.pointee = byte
        end += 1
    }

    /// The bytes as they are.
    @inline(__always)
    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(start: end, count: bytes.count).copyMemory(from: bytes)
        end += bytes.count
    }

    mutating func write(escaped bytes: UnsafeRawBufferPointer) { end += EscapedText.write(bytes, to: end) }

    mutating func write(escaped text: String) {
        var text = text
        text.withUTF8 { write(escaped: UnsafeRawBufferPointer($0)) }
    }

    /// At most 20 digits.
    mutating func write(decimal value: UInt) {
        var digits = 1
        var limit: UInt = 10
        while value >= limit && digits < 19 {
            limit &*= 10
            digits += 1
        }
        if value >= limit && digits == 19 { digits = 20 }
        write(value, digits: digits)
    }

    /// The last `digits` decimal digits, zeros in front.
    @inline(__always)
    mutating func write(_ value: UInt, digits: Int) {
        var rest = value
        var at = digits - 1
        while at >= 0 {
            end[at] = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
            at -= 1
        }
        end += digits
    }
}
