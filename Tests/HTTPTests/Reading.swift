import Bytes

@testable import HTTP

/// One byte for each scalar, so that a table can spell every byte as `\u{80}`.
func raw(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8($0.value) } }

func text(_ bytes: UnsafeRawBufferPointer) -> String {
    String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
}

/// Gives `body` the bytes in memory of exactly their size, so that a sanitizer sees a read beyond them.
func withExactBytes<Answer>(_ bytes: some Collection<UInt8>, _ body: (UnsafeRawBufferPointer) -> Answer) -> Answer {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { memory.deallocate() }
    memory.copyBytes(from: bytes)
    return body(UnsafeRawBufferPointer(memory))
}

/// Everything a parsed request says, as values that compare.
struct RequestReading: Equatable {
    var method: Method
    var methodText: String
    var target: String
    var form: TargetForm
    var path: String
    var query: String?
    var authority: String
    var minorVersion: UInt8
    var framing: BodyFraming
    var keepAlive: Bool
    var expectsContinue: Bool
    var wantsUpgrade: Bool
    var fields: [FieldReading]

    init(_ head: RequestHead) {
        method = head.method
        methodText = text(head.bytes(of: head.methodRange))
        target = text(head.bytes(of: head.target))
        form = head.form
        path = text(head.bytes(of: head.path))
        query = head.query.map { text(head.bytes(of: $0)) }
        authority = text(head.bytes(of: head.authority))
        minorVersion = head.minorVersion
        framing = head.framing
        keepAlive = head.keepAlive
        expectsContinue = head.expectsContinue
        wantsUpgrade = head.wantsUpgrade
        fields = (0..<head.fields.count).map { place in
            FieldReading(head.fields[place]) { text(head.bytes(of: $0)) }
        }
    }
}

struct FieldReading: Equatable {
    var line: String
    var name: String
    var value: String
    var id: FieldID
    var nominated: Bool

    init(_ field: Field, _ text: (ByteRange) -> String) {
        line = text(field.line)
        name = text(field.name)
        value = text(field.value)
        id = field.id
        nominated = field.nominated
    }
}

struct ResponseReading: Equatable {
    var statusCode: Int
    var reason: String
    var minorVersion: UInt8
    var framing: BodyFraming
    var keepAlive: Bool
    var isInterim: Bool
    var fields: [FieldReading]

    init(_ head: ResponseHead) {
        statusCode = head.statusCode
        reason = text(head.bytes(of: head.reason))
        minorVersion = head.minorVersion
        framing = head.framing
        keepAlive = head.keepAlive
        isInterim = head.isInterim
        fields = (0..<head.fields.count).map { place in
            FieldReading(head.fields[place]) { text(head.bytes(of: $0)) }
        }
    }
}

/// What became of some bytes: the reading and the bytes it took, the fault, or nothing yet.
enum Reading<Message: Equatable>: Equatable {
    case complete(Message, consumed: Int)
    case refused(HTTPFault)
    case incomplete

    var message: Message? {
        if case .complete(let message, _) = self { return message }
        return nil
    }

    var fault: HTTPFault? {
        if case .refused(let fault) = self { return fault }
        return nil
    }

    init(_ outcome: HeadOutcome, _ message: () -> Message) {
        switch outcome {
        case .complete(let consumed): self = .complete(message(), consumed: consumed)
        case .refused(let fault): self = .refused(fault)
        case .incomplete: self = .incomplete
        }
    }
}

func readRequest(_ bytes: [UInt8], limits: HeadLimits = HeadLimits()) -> Reading<RequestReading> {
    let head = RequestHead(limits: limits)
    let outcome = withExactBytes(bytes) { RequestParser.parse($0, into: head, limits: limits) }
    return Reading(outcome) { RequestReading(head) }
}

func readRequest(_ text: String, limits: HeadLimits = HeadLimits()) -> Reading<RequestReading> {
    readRequest(raw(text), limits: limits)
}

func readResponse(
    _ text: String, answering method: Method = .get, limits: HeadLimits = HeadLimits()
) -> Reading<ResponseReading> {
    let head = ResponseHead(limits: limits)
    let outcome = withExactBytes(raw(text)) {
        ResponseParser.parse($0, into: head, answering: method, limits: limits)
    }
    return Reading(outcome) { ResponseReading(head) }
}

/// The same bytes in pieces that end at `cuts`, as a connection would get them.
func dripRequest(
    _ bytes: [UInt8], cuts: some Sequence<Int>, limits: HeadLimits = HeadLimits()
) -> Reading<RequestReading> {
    let head = RequestHead(limits: limits)
    var scanned = 0
    for cut in cuts {
        let outcome = withExactBytes(bytes[..<cut]) {
            RequestParser.parse($0, scannedFrom: scanned, into: head, limits: limits)
        }
        guard outcome == .incomplete else { return Reading(outcome) { RequestReading(head) } }
        scanned = cut
    }
    return .incomplete
}

func dripResponse(_ bytes: [UInt8], cuts: some Sequence<Int>) -> Reading<ResponseReading> {
    let head = ResponseHead()
    var scanned = 0
    for cut in cuts {
        let outcome = withExactBytes(bytes[..<cut]) {
            ResponseParser.parse($0, scannedFrom: scanned, into: head, answering: .get, limits: HeadLimits())
        }
        guard outcome == .incomplete else { return Reading(outcome) { ResponseReading(head) } }
        scanned = cut
    }
    return .incomplete
}

/// A small generator with a seed, so that a failure comes again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
