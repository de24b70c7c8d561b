/// What a JSON value is.
public enum JSONKind: UInt8, Sendable, Hashable {
    case null, `true`, `false`, number, string, array, object
}

/// One entry of the tape: a value, or the key before a member's value. Sixteen bytes, whatever it stands for.
struct JSONNode: Sendable {
    /// Offset of the value's first byte; a string's is its opening quote.
    var start: UInt32
    /// Offset after the value's last byte.
    var end: UInt32
    /// Index of the first node after this value and all that is in it.
    var next: UInt32
    var kind: JSONKind
    /// A string with a backslash in it, so that its bytes are not yet its text.
    var hasEscapes: Bool

    /// Bytes as written.
    var count: Int { Int(end &- start) }

    /// Places of a text of less than 4 GiB.
    @inline(__always)
    init(from start: Int, to end: Int, next: Int, _ kind: JSONKind, hasEscapes: Bool) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.end = UInt32(truncatingIfNeeded: end)
        self.next = UInt32(truncatingIfNeeded: next)
        self.kind = kind
        self.hasEscapes = hasEscapes
    }
}
