/// The character classes of fields (RFC 9110 §5).
enum FieldGrammar {
    /// Visible characters, spaces, tabs and bytes from 0x80.
    static func isValue(_ bytes: UnsafeRawBufferPointer) -> Bool {
        for byte in bytes where (byte < 0x20 && byte != 0x09) || byte == 0x7F { return false }
        return true
    }
}
