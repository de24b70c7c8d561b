import Bytes
import Chains
import OnChain

/// Replies as nodes write them.
enum Reply {
    static func json(_ text: String) -> RPCReply { .result(Array(text.utf8)) }
    static func hex(_ bytes: [UInt8]) -> RPCReply { json("\"\(Hex.encodePrefixed(bytes))\"") }
    static func number(_ value: UInt64) -> RPCReply { hex(UInt256(value).bytes.array) }

    static func string(_ text: String) -> RPCReply {
        let bytes = Array(text.utf8)
        let padding = [UInt8](repeating: 0, count: (32 - bytes.count % 32) % 32)
        return hex(word(32) + word(UInt64(bytes.count)) + bytes + padding)
    }

    static let none = hex([])
    static let code = hex([0x60, 0x80])
    static let down = RPCReply.unreachable("down")

    /// As geth says it: code 3, the text, and the data.
    static func revert(_ text: String) -> RPCReply {
        let bytes = Array(text.utf8)
        let padding = [UInt8](repeating: 0, count: (32 - bytes.count % 32) % 32)
        let data = [0x08, 0xC3, 0x79, 0xA0] + word(32) + word(UInt64(bytes.count)) + bytes + padding
        return .error(code: 3, message: "execution reverted: \(text)", data: data)
    }

    static let bareRevert = RPCReply.error(code: -32000, message: "execution reverted", data: nil)

    static func word(_ value: UInt64) -> [UInt8] { UInt256(value).bytes.array }
}

func address(_ byte: UInt8) -> Address { Address(Bytes20([UInt8](repeating: byte, count: 20))!) }
func bytes32(_ byte: UInt8) -> Bytes32 { Bytes32([UInt8](repeating: byte, count: 32))! }
