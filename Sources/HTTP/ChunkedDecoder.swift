/// Takes the chunked coding off a body (RFC 9112 §7.1), in pieces cut at any byte.
///
/// Sizes are 1 to 16 hex digits that fit an Int; lines end in CRLF; extensions are read by their grammar, counted and
/// dropped; trailers go through the field grammar of heads.
public struct ChunkedDecoder: ~Copyable {
    /// Bytes of extensions that one body may carry.
    public static let extensionBytes = 1024
    private static let sizeDigits = 16

    private enum State {
        case size, padding, sizeLineFeed
        case data, dataReturn, dataLineFeed
        case trailers, noTrailersLineFeed
        case end
        case refused(HTTPFault)
    }

    private var state = State.size
    private var `extension` = ChunkExtension.none
    private var digits = 0
    /// The size as far as it is read, then the data still to come.
    private var size = 0
    private var extensionCount = 0
    private let trailerLimits: HeadLimits
    private let takesPadding: Bool

    /// The trailers, if there were any, once the body has ended.
    public private(set) var trailers: TrailerSection?

    /// - Parameter takesPadding: blanks may stand between a size and its CRLF, as some old servers write them; meant for
    ///   responses only, which are framed anew on their way.
    public init(trailerLimits: HeadLimits = .trailers, takesPadding: Bool = false) {
        self.trailerLimits = trailerLimits
        self.takesPadding = takesPadding
    }

    public var isDone: Bool {
        if case .end = state { return true }
        return false
    }

    /// Goes on with the bytes behind those consumed so far; see `BodyReader`.
    public mutating func next(_ bytes: UnsafeRawBufferPointer) -> BodyStep {
        var at = 0
        while at < bytes.count {
            switch state {
            case .data:
                let count = min(size, bytes.count - at)
                size -= count
                if size == 0 { state = .dataReturn }
                return BodyStep(event: .data(at..<at + count), consumed: at + count)
            case .trailers:
                return readTrailers(bytes, from: at)
            case .end, .refused:
                return finalStep(consumed: at)
            case .size, .padding, .sizeLineFeed, .dataReturn, .dataLineFeed, .noTrailersLineFeed:
                if let fault = take(bytes[at]) {
                    state = .refused(fault)
                    return BodyStep(event: .refused(fault), consumed: at)
                }
                at += 1
            }
        }
        return finalStep(consumed: at)
    }

    private func finalStep(consumed: Int) -> BodyStep {
        switch state {
        case .end: BodyStep(event: .end, consumed: consumed)
        case .refused(let fault): BodyStep(event: .refused(fault), consumed: consumed)
        default: BodyStep(event: .needMore, consumed: consumed)
        }
    }

    /// One byte of the framing.
    private mutating func take(_ byte: UInt8) -> HTTPFault? {
        switch state {
        case .size: return takeSizeLine(byte)
        case .padding:
            if byte == 0x0D { state = .sizeLineFeed } else if !FieldGrammar.isBlank(byte) { return .badChunkSize }
        case .sizeLineFeed:
            guard byte == 0x0A else { return .bareCarriageReturn }
            state = size > 0 ? .data : .trailers
        case .dataReturn:
            guard byte == 0x0D else { return .badChunkEnd }
            state = .dataLineFeed
        case .dataLineFeed:
            guard byte == 0x0A else { return .badChunkEnd }
            state = .size
            digits = 0
            `extension` = .none
        case .noTrailersLineFeed:
            guard byte == 0x0A else { return .bareCarriageReturn }
            state = .end
        case .data, .trailers, .end, .refused: break
        }
        return nil
    }

    private mutating func takeSizeLine(_ byte: UInt8) -> HTTPFault? {
        if byte == 0x0D && digits > 0 && `extension`.mayEnd {
            state = .sizeLineFeed
            return nil
        }
        if byte == 0x0A { return .bareLineFeed }
        if case .none = `extension`, byte != 0x3B || digits == 0 {
            guard takesPadding && digits > 0 && FieldGrammar.isBlank(byte) else { return takeDigit(byte) }
            state = .padding
            return nil
        }
        extensionCount += 1
        if extensionCount > Self.extensionBytes { return .chunkExtensionsTooLarge }
        return `extension`.take(byte) ? nil : .badChunkExtension
    }

    private mutating func takeDigit(_ byte: UInt8) -> HTTPFault? {
        let value: UInt8
        switch byte {
        case 0x30...0x39: value = byte - 0x30
        case 0x41...0x46: value = byte - 0x37
        case 0x61...0x66: value = byte - 0x57
        default: return .badChunkSize
        }
        if digits == 0 { size = 0 }
        digits += 1
        guard digits <= Self.sizeDigits && size >> (Int.bitWidth - 5) == 0 else { return .badChunkSize }
        size = size << 4 | Int(value)
        return nil
    }

    /// Behind the last chunk's line: an empty line, or fields and then an empty line.
    private mutating func readTrailers(_ bytes: UnsafeRawBufferPointer, from at: Int) -> BodyStep {
        if trailers == nil && bytes[at] == 0x0D {
            state = .noTrailersLineFeed
            let rest = next(UnsafeRawBufferPointer(rebasing: bytes[(at + 1)...]))
            return BodyStep(event: rest.event, consumed: at + 1 + rest.consumed)
        }
        let section = trailers ?? TrailerSection(limits: trailerLimits)
        trailers = section
        switch section.take(UnsafeRawBufferPointer(rebasing: bytes[at...]), limits: trailerLimits) {
        case .complete(let consumed):
            state = .end
            return BodyStep(event: .end, consumed: at + consumed)
        case .incomplete:
            return BodyStep(event: .needMore, consumed: bytes.count)
        case .refused(let fault):
            state = .refused(fault)
            trailers = nil
            return BodyStep(event: .refused(fault), consumed: at)
        }
    }
}
