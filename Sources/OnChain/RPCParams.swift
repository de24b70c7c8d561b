import Bytes
import Chains

/// JSON text of a call's parameters, put together in one piece of memory.
struct RPCParams: ~Copyable {
    private var out: ByteBuffer

    /// - Parameter capacity: about how many bytes there will be.
    init(capacity: Int = 128) { out = ByteBuffer(capacity: capacity) }

    /// JSON as it is.
    mutating func add(_ json: StaticString) { out.append(json) }

    mutating func add(_ account: Address) { account.bytes.withBytes { quoted($0) } }
    mutating func add(_ word: Bytes32) { word.withBytes { quoted($0) } }
    mutating func add(_ data: [UInt8]) { data.withUnsafeBytes { quoted($0) } }

    /// A quantity: no leading zero.
    mutating func add(_ number: UInt64) {
        out.append("\"0x")
        out.append(string: String(number, radix: 16))
        out.append(byte: 0x22)
    }

    mutating func add(_ block: BlockTag) {
        switch block {
        case .latest: out.append("\"latest\"")
        case .pending: out.append("\"pending\"")
        case .finalized: out.append("\"finalized\"")
        case .number(let number): add(number)
        }
    }

    /// A list of them.
    mutating func add<Item>(listOf items: [Item], _ one: (inout RPCParams, Item) -> Void) {
        out.append(byte: 0x5B)
        var isFirst = true
        for item in items {
            if !isFirst { out.append(byte: 0x2C) }
            isFirst = false
            one(&self, item)
        }
        out.append(byte: 0x5D)
    }

    var text: String { out.text }

    private mutating func quoted(_ bytes: UnsafeRawBufferPointer) {
        out.append(byte: 0x22)
        out.append(hexPrefixed: bytes)
        out.append(byte: 0x22)
    }
}
