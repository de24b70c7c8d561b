import Bytes

/// An Ethereum account or contract. Equality is by its twenty bytes; letters' case is only a checksum (EIP-55).
public struct Address: Hashable, Sendable, CustomStringConvertible {
    public let bytes: Bytes20

    public init(_ bytes: Bytes20) { self.bytes = bytes }

    /// How the letters of a written address were cased.
    public enum Casing: Sendable {
        /// Mixed case, and the EIP-55 checksum is right.
        case checksummed
        /// Mixed case, and the EIP-55 checksum is wrong: most likely a typing error.
        case wrongChecksum
        /// All letters lower, all upper, or no letters: nothing to check.
        case unchecked
    }

    /// Reads `0x` and 40 hex digits; nil for anything else. The caller decides what a wrong checksum means.
    public static func parse(_ text: UnsafeRawBufferPointer) -> (address: Address, casing: Casing)? {
        guard let address = Address(hex: text) else { return nil }
        var hasLower = false
        var hasUpper = false
        for at in 2..<text.count {
            switch text[at] {
            case 0x61...0x66: hasLower = true
            case 0x41...0x46: hasUpper = true
            default: break
            }
        }
        guard hasLower && hasUpper else { return (address, .unchecked) }
        let right = address.withChecksummedText { UnsafeRawBufferPointer($0).elementsEqual(text) }
        return (address, right ? .checksummed : .wrongChecksum)
    }

    /// Reads `0x` and 40 hex digits; nil for anything else. The caller decides what a wrong checksum means.
    public static func parse(_ text: String) -> (address: Address, casing: Casing)? {
        var text = text
        return text.withUTF8 { parse(UnsafeRawBufferPointer($0)) }
    }

    /// Reads `0x` and 40 hex digits of any case, without looking at the checksum.
    public init?(hex text: UnsafeRawBufferPointer) {
        guard text.count == 42, text[0] == 0x30, text[1] == 0x78 else { return nil }
        let digits = UnsafeRawBufferPointer(rebasing: text[2...])
        let read = withUnsafeTemporaryAllocation(byteCount: 20, alignment: 8) { room in
            Hex.decode(digits, into: room) ? Bytes20(UnsafeRawBufferPointer(room)) : nil
        }
        guard let read else { return nil }
        bytes = read
    }

    /// `0x` and 40 digits with EIP-55's case.
    public var checksummed: String {
        withChecksummedText { String(decoding: $0, as: UTF8.self) }
    }

    public var description: String { checksummed }

    /// Writes the 42 bytes of the EIP-55 text.
    public func write(into out: inout ByteBuffer) {
        withChecksummedText { out.append(UnsafeRawBufferPointer($0)) }
    }

    private func withChecksummedText<T>(_ body: (UnsafeMutableRawBufferPointer) -> T) -> T {
        withUnsafeTemporaryAllocation(byteCount: 42, alignment: 1) { room in
            room[0] = 0x30
            room[1] = 0x78
            bytes.withBytes { bytes in
                for at in 0..<20 {
                    room[2 &+ at &* 2] = Hex.digit(bytes[at] >> 4)
                    room[3 &+ at &* 2] = Hex.digit(bytes[at] & 15)
                }
            }
            Keccak256.hash(UnsafeRawBufferPointer(rebasing: room[2...])).withBytes { hash in
                for at in 0..<40 where room[2 &+ at] >= 0x61 {
                    let nibble = at & 1 == 0 ? hash[at / 2] >> 4 : hash[at / 2] & 15
                    if nibble >= 8 { room[2 &+ at] -= 0x20 }
                }
            }
            return body(room)
        }
    }
}
