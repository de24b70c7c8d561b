import Bytes

/// The parts of messages that the gateway writes itself.
extension ByteBuffer {
    /// `HTTP/1.1 NNN Reason` and CRLF; 100...599, the reason empty where none is registered (RFC 9110 §15).
    public mutating func appendStatusLine(_ code: Int) {
        append("HTTP/1.1 ")
        append(decimal: code)
        append(byte: 0x20)
        append(ReasonPhrase.of(code))
        appendEmptyLine()
    }

    /// `METHOD target HTTP/1.1` and CRLF, both parts taken from a parsed head or its canonical target.
    public mutating func appendRequestLine(method: UnsafeRawBufferPointer, target: UnsafeRawBufferPointer) {
        append(method)
        append(byte: 0x20)
        append(target)
        append(" HTTP/1.1\r\n")
    }

    /// `Name: value` and CRLF.
    public mutating func appendField(_ name: StaticString, _ value: StaticString) {
        append(name)
        append(": ")
        append(value)
        appendEmptyLine()
    }

    /// `Name: value` and CRLF.
    public mutating func appendField(_ name: StaticString, decimal value: Int) {
        append(name)
        append(": ")
        append(decimal: value)
        appendEmptyLine()
    }

    /// `Name: value` and CRLF; false, and nothing written, where the value holds a control character (RFC 9110 §5.5).
    public mutating func appendField(_ name: StaticString, bytes value: UnsafeRawBufferPointer) -> Bool {
        guard FieldGrammar.isValue(value) else { return false }
        append(name)
        append(": ")
        append(value)
        appendEmptyLine()
        return true
    }

    /// CRLF: the end of a line, of a head, or of a trailer section.
    public mutating func appendEmptyLine() { append("\r\n") }

    /// A chunk's size line, for 1 byte or more; the data and `appendEmptyLine` follow (RFC 9112 §7.1).
    public mutating func appendChunkStart(count: Int) {
        precondition(count > 0)
        append(hex: count)
        appendEmptyLine()
    }

    /// The last chunk's line; trailers, if any, and `appendEmptyLine` follow.
    public mutating func appendLastChunk() { append("0\r\n") }
}
