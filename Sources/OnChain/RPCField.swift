import Bytes
import Chains
import JSON

/// One value of a node's result with its name, and the few shapes that Ethereum's JSON-RPC writes values in.
struct RPCField {
    let name: StaticString
    let value: JSONValue

    init(_ name: StaticString, _ value: JSONValue) {
        self.name = name
        self.value = value
    }

    /// A member that must be there.
    init(_ object: JSONValue, _ name: StaticString) throws(RPCFault) {
        guard let value = object[name] else { throw .malformed("\(name) is missing") }
        self.init(name, value)
    }

    /// A member that may be missing or null.
    static func optional(_ object: JSONValue, _ name: StaticString) -> RPCField? {
        guard let value = object[name], !value.isNull else { return nil }
        return RPCField(name, value)
    }

    /// `0x` and 1 to 64 hex digits.
    func quantity() throws(RPCFault) -> UInt256 {
        let read = value.withString { text -> UInt256? in
            guard (3...66).contains(text.count), text[0] == 0x30, text[1] == 0x78 else { return nil }
            return withUnsafeTemporaryAllocation(byteCount: 96, alignment: 8) { room in
                let digits = UnsafeMutableRawBufferPointer(rebasing: room[..<64])
                let bytes = UnsafeMutableRawBufferPointer(rebasing: room[64...])
                let zeros = 66 - text.count
                for at in 0..<zeros { digits[at] = 0x30 }
                UnsafeMutableRawBufferPointer(rebasing: digits[zeros...])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: text[2...]))
                guard Hex.decode(UnsafeRawBufferPointer(digits), into: bytes) else { return nil }
                return Bytes32(UnsafeRawBufferPointer(bytes)).map { UInt256($0) }
            }
        }
        guard let read = read ?? nil else { throw .malformed("\(name) is no quantity") }
        return read
    }

    func uint128() throws(RPCFault) -> UInt128 {
        guard let value = try quantity().uint128 else { throw .malformed("\(name) is above 128 bits") }
        return value
    }

    func uint64() throws(RPCFault) -> UInt64 {
        guard let value = try quantity().uint128, value <= UInt128(UInt64.max) else {
            throw .malformed("\(name) is above 64 bits")
        }
        return UInt64(value)
    }

    /// `0x` and an even number of hex digits, perhaps none.
    func data() throws(RPCFault) -> [UInt8] {
        guard let read = RPCField.data(value) else { throw .malformed("\(name) is no hex data") }
        return read
    }

    static func data(_ value: JSONValue) -> [UInt8]? {
        let read = value.withString { text -> [UInt8]? in
            guard text.count >= 2, text.count % 2 == 0, text[0] == 0x30, text[1] == 0x78 else { return nil }
            var bytes = [UInt8](repeating: 0, count: text.count / 2 - 1)
            let digits = UnsafeRawBufferPointer(rebasing: text[2...])
            return bytes.withUnsafeMutableBytes { Hex.decode(digits, into: $0) } ? bytes : nil
        }
        return read ?? nil
    }

    func hash() throws(RPCFault) -> Bytes32 {
        if let hash = fixed(32, { Bytes32($0) }) { return hash }
        _ = try data()
        throw .malformed("\(name) is not 32 bytes")
    }

    func address() throws(RPCFault) -> Address {
        if let bytes = fixed(20, { Bytes20($0) }) { return Address(bytes) }
        _ = try data()
        throw .malformed("\(name) is not 20 bytes")
    }

    /// `0x` and so many bytes as hex digits; nil for anything else.
    private func fixed<Value>(_ count: Int, _ make: (UnsafeRawBufferPointer) -> Value?) -> Value? {
        let read = value.withString { text -> Value? in
            guard text.count == 2 + 2 * count, text[0] == 0x30, text[1] == 0x78 else { return nil }
            return withUnsafeTemporaryAllocation(byteCount: count, alignment: 8) { room in
                Hex.decode(UnsafeRawBufferPointer(rebasing: text[2...]), into: room)
                    ? make(UnsafeRawBufferPointer(room)) : nil
            }
        }
        return read ?? nil
    }

    func elements() throws(RPCFault) -> JSONElements {
        guard value.kind == .array else { throw .malformed("\(name) is no array") }
        return value.elements
    }
}
