/// An event that outlives its reader, as it was read there: read a second time, the bytes of one event alone could be
/// another's, or several.
public struct KeptEvent: Sendable {
    private let raw: [UInt8]
    private let prefixCount: Int
    private let data: [UInt8]?
    private let id: [UInt8]?
    private let name: [UInt8]?
    private let isWhole: Bool

    public init(_ event: StreamEvent) {
        raw = Array(event.raw)
        prefixCount = event.prefixCount
        data = event.data.map { Array($0) }
        id = event.id.map { Array($0) }
        name = event.name.map { Array($0) }
        isWhole = event.isWhole
    }

    /// The event, good within the call.
    public func withEvent<T>(_ use: (StreamEvent) -> T) -> T {
        raw.withUnsafeBytes { raw in
            KeptEvent.withBytes(data) { data in
                KeptEvent.withBytes(id) { id in
                    KeptEvent.withBytes(name) { name in
                        use(
                            StreamEvent(
                                raw: raw, prefixCount: prefixCount, data: data, id: id, name: name, isWhole: isWhole))
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
