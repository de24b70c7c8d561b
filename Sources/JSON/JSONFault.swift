/// Why a text is not the JSON we accept, and where.
public struct JSONFault: Error, Sendable, Hashable {
    public enum Reason: String, Sendable, Hashable {
        case tooLarge = "larger than the limit"
        case tooDeep = "nested deeper than the limit"
        case unexpectedEnd = "the text ends too early"
        case unexpectedByte = "a byte that cannot stand here"
        case badNumber = "not a JSON number"
        case badEscape = "not a JSON escape"
        case loneSurrogate = "half of a surrogate pair"
        case badUTF8 = "not UTF-8"
        case controlCharacter = "a control character in a string"
        case duplicateKey = "the same key twice in one object"
        case trailingBytes = "bytes after the value"
    }

    public let reason: Reason
    /// Bytes from the beginning of the text.
    public let offset: Int
}

/// What a reader puts up with.
public struct JSONLimits: Sendable {
    /// Bytes of the whole text; below 4 GiB.
    public var bytes: Int
    /// Arrays and objects inside each other; a scalar alone has depth 0.
    public var depth: Int

    public init(bytes: Int = 1 << 20, depth: Int = 32) {
        self.bytes = bytes
        self.depth = depth
    }
}
