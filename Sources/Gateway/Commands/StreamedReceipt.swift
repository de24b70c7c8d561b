import Bytes
import JSON
import MCP

/// Finds the receipt in a stream of events, whose head left before there was one: the `x402/payment-response` in the `_meta` of
/// a JSON-RPC result, or in the `data` of its error.
struct StreamedReceipt: ~Copyable {
    private var events = EventStreamReader(maximumEventBytes: ServerMessage.maximumBytes)
    private var isReadable = true
    /// In base64, as the HTTP field has it.
    private(set) var field: [UInt8]?

    mutating func feed(_ bytes: UnsafeRawBufferPointer) {
        guard isReadable else { return }
        events.feed(bytes)
        do throws(EventStreamReader.TooLarge) {
            while let event = try events.next() {
                if let data = event.data, let found = StreamedReceipt.receipt(in: data) { field = found }
            }
        } catch {
            isReadable = false
        }
    }

    private static func receipt(in data: UnsafeRawBufferPointer) -> [UInt8]? {
        guard let tape = try? JSONTape(data) else { return nil }
        let message = tape.root(over: data)
        guard message.kind == .object else { return nil }
        let holder = message["result"]?["_meta"] ?? message["error"]?["data"]
        guard let receipt = holder?["x402/payment-response"], receipt.kind == .object else { return nil }
        var field = ByteBuffer()
        Base64.encode(receipt.source, into: &field)
        return field.array
    }
}
