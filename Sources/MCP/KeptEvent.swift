/// An event with data that outlives its reader, as it was read there: read a second time, the bytes of one event alone
/// could be another's, or several.
public struct KeptEvent: Sendable {
    private let raw: [UInt8]
    private let prefixCount: Int
    private let data: [UInt8]
    private let id: [UInt8]?
    private let name: [UInt8]?
    private let isWhole: Bool

    /// - Parameter data: the event's.
    public init(_ event: StreamEvent, data: UnsafeRawBufferPointer) {
        raw = Array(event.raw)
        prefixCount = event.prefixCount
        self.data = Array(data)
        id = event.id.map { Array($0) }
        name = event.name.map { Array($0) }
        isWhole = event.isWhole
    }

    /// The event and its data, good within the call.
    public func withEvent<T>(_ use: (StreamEvent, _ data: UnsafeRawBufferPointer) -> T) -> T {
        raw.withUnsafeBytes { raw in
            data.withUnsafeBytes { data in
                KeptEvent.withBytes(id) { id in
                    KeptEvent.withBytes(name) { name in
                        use(
                            StreamEvent(
                                raw: raw, prefixCount: prefixCount, data: data, id: id, name: name, isWhole: isWhole),
                            data)
                    }
                }
            }
        }
    }

    private static func withBytes<T>(_ bytes: [UInt8]?, _ use: (UnsafeRawBufferPointer?) -> T) -> T {
        guard let bytes else { return use(nil) }
        return bytes.withUnsafeBytes { use($0) }
    }
}
