import Bytes

/// Media types as `Content-Type` has them (RFC 9110 §8.3.1).
enum MediaType {
    /// Whether the value names this type, in any letter case and whatever its parameters.
    ///
    /// - Parameter type: in lower case.
    static func matches(_ value: UnsafeRawBufferPointer, _ type: StaticString) -> Bool {
        let name = UnsafeRawBufferPointer(rebasing: value.prefix { $0 != 0x3B && $0 != 0x20 && $0 != 0x09 })
        return name.equals(ignoringCaseOf: type.bytes)
    }

    /// Whether a list such as that of `Accept` names this type.
    static func isListed(_ type: StaticString, in list: UnsafeRawBufferPointer) -> Bool {
        list.split(separator: 0x2C).contains { element in
            let text = element.drop { $0 == 0x20 || $0 == 0x09 }
            return matches(UnsafeRawBufferPointer(rebasing: text), type)
        }
    }

    /// Whether the value has no `charset`, or UTF-8.
    static func isUTF8(_ value: UnsafeRawBufferPointer) -> Bool {
        for parameter in value.split(separator: 0x3B).dropFirst() {
            let text = parameter.filter { $0 != 0x22 && $0 != 0x20 && $0 != 0x09 }
            guard let equals = text.firstIndex(of: 0x3D) else { continue }
            let isUTF8 = text.withUnsafeBytes { text in
                let charset = UnsafeRawBufferPointer(rebasing: text[(equals + 1)...])
                return !UnsafeRawBufferPointer(rebasing: text[..<equals]).equals(ignoringCaseOf: "charset".utf8)
                    || charset.equals(ignoringCaseOf: "utf-8".utf8) || charset.equals(ignoringCaseOf: "us-ascii".utf8)
            }
            if !isUTF8 { return false }
        }
        return true
    }
}
