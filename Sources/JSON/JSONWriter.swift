import Bytes

/// Writes JSON into a buffer in the order of the calls, without space.
///
/// It knows only where commas belong; that the calls make one well-formed value is the caller's part. At most 63
/// levels.
public struct JSONWriter {
    /// One bit a level: set once something was written there.
    private var started: UInt64 = 0

    public init() {}

    public mutating func beginObject(_ out: inout ByteBuffer) { begin(0x7B, &out) }
    public mutating func endObject(_ out: inout ByteBuffer) { end(0x7D, &out) }
    public mutating func beginArray(_ out: inout ByteBuffer) { begin(0x5B, &out) }
    public mutating func endArray(_ out: inout ByteBuffer) { end(0x5D, &out) }

    /// A member's key; its value follows as the next call. The key must need no escaping.
    public mutating func key(_ key: StaticString, _ out: inout ByteBuffer) {
        separate(&out)
        out.append(byte: 0x22)
        out.append(key)
        out.append("\":")
        started &= ~1
    }

    public mutating func string(_ text: String, _ out: inout ByteBuffer) {
        var text = text
        text.withUTF8 { string(UnsafeRawBufferPointer($0), &out) }
    }

    /// A string from UTF-8 bytes; the caller answers for their being UTF-8.
    public mutating func string(_ text: UnsafeRawBufferPointer, _ out: inout ByteBuffer) {
        separate(&out)
        out.append(byte: 0x22)
        JSONWriter.appendEscaped(text, &out)
        out.append(byte: 0x22)
    }

    public mutating func number(_ value: Int, _ out: inout ByteBuffer) {
        separate(&out)
        out.append(decimal: value)
    }

    public mutating func bool(_ value: Bool, _ out: inout ByteBuffer) {
        separate(&out)
        out.append(value ? "true" : "false")
    }

    public mutating func null(_ out: inout ByteBuffer) {
        separate(&out)
        out.append("null")
    }

    /// A value that is JSON text already.
    public mutating func raw(_ json: UnsafeRawBufferPointer, _ out: inout ByteBuffer) {
        separate(&out)
        out.append(json)
    }

    /// What stands between a string's quotes: quotes, backslashes and controls escaped (RFC 8259 §7), the rest as it
    /// is.
    public static func appendEscaped(_ text: UnsafeRawBufferPointer, _ out: inout ByteBuffer) {
        var from = 0
        for at in 0..<text.count {
            let byte = text[at]
            if byte >= 0x20 && byte != 0x22 && byte != 0x5C { continue }
            out.append(UnsafeRawBufferPointer(rebasing: text[from..<at]))
            from = at + 1
            switch byte {
            case 0x22: out.append("\\\"")
            case 0x5C: out.append("\\\\")
            case 0x0A: out.append("\\n")
            case 0x0D: out.append("\\r")
            case 0x09: out.append("\\t")
            default:
                out.append("\\u00")
                out.append(byte: Hex.digit(byte >> 4))
                out.append(byte: Hex.digit(byte & 15))
            }
        }
        out.append(UnsafeRawBufferPointer(rebasing: text[from...]))
    }

    private mutating func begin(_ bracket: UInt8, _ out: inout ByteBuffer) {
        separate(&out)
        out.append(byte: bracket)
        precondition(started >> 63 == 0, "deeper than 63 levels")
        started <<= 1
    }

    private mutating func end(_ bracket: UInt8, _ out: inout ByteBuffer) {
        out.append(byte: bracket)
        started >>= 1
    }

    /// A comma where something stands before at this level.
    private mutating func separate(_ out: inout ByteBuffer) {
        if started & 1 == 1 { out.append(byte: 0x2C) }
        started |= 1
    }
}
