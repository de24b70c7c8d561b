import Bytes
import Chains
import JSON

/// Typed reading of an x402 message's members, where every miss is a fault that names its key.
///
/// An explicit null counts as absent: SDKs write one for what they leave out.
struct Fields {
    let object: JSONValue
    /// Where the object stands, for messages: "accepted", or empty at the top.
    let path: StaticString

    /// Faults where `value` is not an object.
    init(_ value: JSONValue, path: StaticString) throws(PaymentFault) {
        guard value.kind == .object else { throw PaymentFault(code: .invalidPayload, detail: "\(path)") }
        object = value
        self.path = path
    }

    func optional(_ key: StaticString) -> JSONValue? {
        guard let value = object[key], !value.isNull else { return nil }
        return value
    }

    func required(_ key: StaticString) throws(PaymentFault) -> JSONValue {
        guard let value = optional(key) else { throw fault(key) }
        return value
    }

    func fields(_ key: StaticString) throws(PaymentFault) -> Fields {
        guard let value = optional(key), value.kind == .object else { throw fault(key) }
        return try Fields(value, path: key)
    }

    func string(_ key: StaticString) throws(PaymentFault) -> String {
        guard let text = try required(key).string else { throw fault(key) }
        return text
    }

    /// A decimal number written as a string, as amounts and times are.
    func decimal(_ key: StaticString) throws(PaymentFault) -> UInt256 {
        guard case let number?? = try required(key).withString({ UInt256(decimal: $0) }) else { throw fault(key) }
        return number
    }

    /// A whole number at or above zero.
    func count(_ key: StaticString) throws(PaymentFault) -> Int {
        guard let number = try required(key).int, number >= 0 else { throw fault(key) }
        return number
    }

    func address(_ key: StaticString) throws(PaymentFault) -> Address {
        guard case let address?? = try required(key).withString({ Address(hex: $0) }) else { throw fault(key) }
        return address
    }

    /// `0x` and 64 digits.
    func word(_ key: StaticString) throws(PaymentFault) -> Bytes32 {
        let read = try required(key).withString { text -> Bytes32? in
            guard text.count == 66 && text[0] == 0x30 && text[1] == 0x78 else { return nil }
            return withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { room in
                Hex.decode(UnsafeRawBufferPointer(rebasing: text[2...]), into: room)
                    ? Bytes32(UnsafeRawBufferPointer(room)) : nil
            }
        }
        guard case let word?? = read else { throw fault(key) }
        return word
    }

    /// `0x` and an even number of digits.
    func data(_ key: StaticString) throws(PaymentFault) -> [UInt8] {
        let read = try required(key).withString { text -> [UInt8]? in
            guard text.count >= 2 && text.count % 2 == 0 && text[0] == 0x30 && text[1] == 0x78 else { return nil }
            var isHex = false
            let bytes = [UInt8](unsafeUninitializedCapacity: text.count / 2 - 1) { room, count in
                let room = UnsafeMutableRawBufferPointer(
                    UnsafeMutableBufferPointer(rebasing: room[..<(text.count / 2 - 1)]))
                isHex = Hex.decode(UnsafeRawBufferPointer(rebasing: text[2...]), into: room)
                count = isHex ? room.count : 0
            }
            return isHex ? bytes : nil
        }
        guard case let bytes?? = read else { throw fault(key) }
        return bytes
    }

    func fault(_ key: StaticString) -> PaymentFault {
        PaymentFault(code: .invalidPayload, detail: path.utf8CodeUnitCount == 0 ? "\(key)" : "\(path).\(key)")
    }
}
