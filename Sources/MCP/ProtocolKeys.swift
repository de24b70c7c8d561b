import Bytes
import JSON

/// Keys that decide what a message is. Some readers (Go's `encoding/json` among them) match keys in any letter case and
/// let the last one win, so that `"name"` beside `"Name"` would be priced as one tool and run as another.
struct ProtocolKeys {
    private let keys: [StaticString]

    /// Of a message's top.
    static let message = ProtocolKeys(keys: ["jsonrpc", "id", "method", "params", "result", "error"])
    /// Of `params`.
    static let params = ProtocolKeys(keys: ["name", "arguments", "_meta", "uri", "task"])

    /// Whether the object has a key that is one of these in other letters, and not one of these.
    func hasLookalike(in object: JSONValue) -> Bool {
        for (key, _) in object.members {
            let isLookalike = key.withString { text in keys.contains { ProtocolKeys.isLookalike(text, of: $0) } }
            if isLookalike == true { return true }
        }
        return false
    }

    /// Unicode's simple folding joins two more characters to ASCII letters: U+017F to s, and U+212A to k.
    private static func isLookalike(_ text: UnsafeRawBufferPointer, of key: StaticString) -> Bool {
        let key = key.bytes
        guard text.count >= key.count, text.count <= key.count * 3 else { return false }
        var at = 0
        var differs = false
        for letter in key {
            guard at < text.count else { return false }
            if text[at] == letter {
                at += 1
            } else if isUpperCase(text[at], of: letter) {
                differs = true
                at += 1
            } else if letter == 0x73, text.count - at >= 2, text[at] == 0xC5, text[at + 1] == 0xBF {
                differs = true
                at += 2
            } else if letter == 0x6B, text.count - at >= 3, text[at] == 0xE2, text[at + 1] == 0x84,
                text[at + 2] == 0xAA
            {
                differs = true
                at += 3
            } else {
                return false
            }
        }
        return differs && at == text.count
    }

    private static func isUpperCase(_ byte: UInt8, of letter: UInt8) -> Bool {
        letter >= 0x61 && letter <= 0x7A && byte == letter &- 0x20
    }
}
