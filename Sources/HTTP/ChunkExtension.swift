/// The grammar of chunk extensions, byte by byte (RFC 9112 §7.1.1), without the white space that it calls bad.
enum ChunkExtension {
    /// Before the first `;`.
    case none
    /// Behind `;`, and in the name.
    case nameStart, name
    /// Behind `=`, in a value of token characters, in a quoted one, behind its `\`, and behind its last quote.
    case valueStart, value, quoted, escaped, quotedEnd

    /// Whether the line may end here.
    var mayEnd: Bool {
        switch self {
        case .none, .name, .value, .quotedEnd: true
        case .nameStart, .valueStart, .quoted, .escaped: false
        }
    }

    /// False where the byte may not come here.
    mutating func take(_ byte: UInt8) -> Bool {
        let isText = byte >= 0x20 && byte != 0x7F || byte == 0x09
        switch self {
        case .quoted:
            self = byte == 0x22 ? .quotedEnd : byte == 0x5C ? .escaped : .quoted
            return isText
        case .escaped:
            self = .quoted
            return isText
        case .valueStart where byte == 0x22:
            self = .quoted
        case .none, .name, .value, .quotedEnd:
            if byte == 0x3B {
                self = .nameStart
            } else if case .name = self, byte == 0x3D {
                self = .valueStart
            } else {
                switch self {
                case .name, .value: return FieldGrammar.isToken(byte)
                default: return false
                }
            }
        case .nameStart:
            self = .name
            return FieldGrammar.isToken(byte)
        case .valueStart:
            self = .value
            return FieldGrammar.isToken(byte)
        }
        return true
    }
}
