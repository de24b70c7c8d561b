import Bytes
import Testing

@testable import HTTP

/// What a body reader made of some bytes.
struct BodyReading: Equatable {
    var body = ""
    var consumed = 0
    var last: BodyEvent?
    var trailers: [String] = []
    var isCutByClose = false
}

/// Reads a body whose bytes come in pieces of `size`.
func readBody(
    _ bytes: [UInt8], framing: BodyFraming = .chunked, pieces size: Int = .max, limits: HeadLimits = .trailers
) -> BodyReading {
    var reader = BodyReader(framing, trailerLimits: limits)
    var reading = BodyReading()
    reading.isCutByClose = reader.isCutByClose
    var at = 0
    while at < bytes.count {
        let piece = bytes[at..<min(bytes.count, size == .max ? bytes.count : at + size)]
        var used = 0
        while true {
            let rest = piece[(piece.startIndex + used)...]
            let step = withExactBytes(rest) { given in
                let step = reader.next(given)
                if case .data(let range) = step.event {
                    reading.body += text(UnsafeRawBufferPointer(rebasing: given[range]))
                }
                return step
            }
            used += step.consumed
            reading.last = step.event
            guard case .data = step.event else { break }
            if used == piece.count { break }
        }
        reading.consumed += used
        at += used
        reading.isCutByClose = reader.isCutByClose
        if case .refused = reading.last { break }
        if reading.last == .end || reader.isDone { break }
    }
    if reader.isDone { reading.last = .end }
    if let section = reader.trailers {
        reading.trailers = (0..<section.fields.count).map { place in
            let field = section.fields[place]
            return (section.isForbidden(field) ? "-" : "+") + text(section.bytes(of: field.name)) + "="
                + text(section.bytes(of: field.value))
        }
    }
    return reading
}

@Suite struct ChunkedTests {
    static let read: [(String, String, [String])] = [
        ("0\r\n\r\n", "", []),
        ("5\r\nhello\r\n0\r\n\r\n", "hello", []),
        ("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world", []),
        ("A\r\n0123456789\r\n000\r\n\r\n", "0123456789", []),
        ("a\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n0\r\n\r\n", []),
        ("0000000000000005\r\nhello\r\n0\r\n\r\n", "hello", []),
        ("5;a\r\nhello\r\n0;b=c;d=\"e;\\\"f\t\u{E9}\"\r\n\r\n", "hello", []),
        ("5;a=\"\"\r\nhello\r\n0\r\n\r\n", "hello", []),
        ("0\r\nX-Sum: 1\r\nEmpty:\r\n\r\n", "", ["+X-Sum=1", "+Empty="]),
        (
            "1\r\nx\r\n0\r\nContent-Length: 5\r\nX: y\r\nPAYMENT-SIGNATURE: z\r\nHost: h\r\nX-Farebox-Payer: p\r\n\r\n",
            "x", ["-Content-Length=5", "+X=y", "-PAYMENT-SIGNATURE=z", "-Host=h", "-X-Farebox-Payer=p"]
        ),
    ]

    @Test(arguments: read) func reads(bytes: String, body: String, trailers: [String]) {
        let wanted = BodyReading(body: body, consumed: raw(bytes).count, last: .end, trailers: trailers)
        #expect(readBody(raw(bytes + "GET / HTTP/1.1")) == wanted)
        for size in 1...17 { #expect(readBody(raw(bytes + "GET / HTTP/1.1"), pieces: size) == wanted, "by \(size)") }
    }

    static let refused: [(String, HTTPFault)] = [
        ("\r\n", .badChunkSize), (" 5\r\nhello\r\n", .badChunkSize), ("5 \r\nhello\r\n", .badChunkSize),
        ("5\t\r\nhello\r\n", .badChunkSize), ("+5\r\nhello\r\n", .badChunkSize), ("-5\r\nhello\r\n", .badChunkSize),
        ("0x5\r\nhello\r\n", .badChunkSize), ("5h\r\nhello\r\n", .badChunkSize), ("g\r\n", .badChunkSize),
        ("5_0\r\n", .badChunkSize), ("5,5\r\nhello\r\n", .badChunkSize), (";a\r\n", .badChunkSize),
        ("\u{35}\0\r\n", .badChunkSize), ("00000000000000005\r\nhello\r\n", .badChunkSize),
        ("8000000000000000\r\n", .badChunkSize), ("FFFFFFFFFFFFFFFF\r\n", .badChunkSize),
        ("10000000000000005\r\n", .badChunkSize),
        ("5\nhello\r\n", .bareLineFeed), ("\n", .bareLineFeed), ("5;a\nhello\r\n", .bareLineFeed),
        ("5;a=\"b\nc\"\r\nhello\r\n", .bareLineFeed), ("5\rhello\r\n", .bareCarriageReturn),
        ("5\r\r\nhello\r\n", .bareCarriageReturn), ("5;a\rhello", .bareCarriageReturn),
        ("5 ;a\r\nhello\r\n", .badChunkSize), ("5;\r\nhello\r\n", .badChunkExtension),
        ("5; a\r\nhello\r\n", .badChunkExtension), ("5;a =b\r\nhello\r\n", .badChunkExtension),
        ("5;a= b\r\nhello\r\n", .badChunkExtension), ("5;a=\r\nhello\r\n", .badChunkExtension),
        ("5;=b\r\nhello\r\n", .badChunkExtension), ("5;a;;b\r\nhello\r\n", .badChunkExtension),
        ("5;a=\"b\r\nhello\r\n", .badChunkExtension), ("5;a=\"b\"c\r\nhello\r\n", .badChunkExtension),
        ("5;a=\"b\\\r\nhello\r\n", .badChunkExtension), ("5;a\0\r\nhello\r\n", .badChunkExtension),
        ("5;a=b=c\r\nhello\r\n", .badChunkExtension), ("5;a=\"\u{7F}\"\r\nhello\r\n", .badChunkExtension),
        ("5;a=\"\\\u{1}\"\r\nhello\r\n", .badChunkExtension), ("5;\u{E9}\r\nhello\r\n", .badChunkExtension),
        ("5\r\nhello0\r\n\r\n", .badChunkEnd), ("5\r\nhello\n0\r\n\r\n", .badChunkEnd),
        ("5\r\nhello\rx", .badChunkEnd), ("5\r\nhello \r\n", .badChunkEnd), ("5\r\nhell\r\n0\r\n\r\n", .badChunkEnd),
        ("0\r\n\n", .bareLineFeed), ("0\r\n\rx", .bareCarriageReturn), ("0\r\nX: y\n\r\n", .bareLineFeed),
        ("0\r\nX : y\r\n\r\n", .spaceBeforeColon), ("0\r\n x\r\n\r\n", .foldedField), ("0\r\nX\r\n\r\n", .missingColon),
        ("0\r\n: y\r\n\r\n", .emptyFieldName), ("0\r\nX: \0\r\n\r\n", .badFieldValue),
        ("0\r\nX: y\r\n z\r\n\r\n", .foldedField), ("0\r\nGET / HTTP/1.1\r\n\r\n", .spaceBeforeColon),
    ]

    @Test(arguments: refused) func refuses(bytes: String, fault: HTTPFault) {
        for size in [Int.max] + Array(1...9) {
            let reading = readBody(raw(bytes), pieces: size)
            #expect(reading.last == .refused(fault), "by \(size)")
            #expect(reading.isCutByClose)
            #expect(reading.trailers.isEmpty)
        }
    }

    /// Old servers write sizes in a fixed width; what callers send is held to the grammar.
    @Test func responsesMayPadTheirSizes() {
        let rows: [(String, BodyStep)] = [
            ("5  \t\r\nhello", BodyStep(event: .data(6..<11), consumed: 11)),
            ("5 x\r\n", BodyStep(event: .refused(.badChunkSize), consumed: 2)),
            ("5 5\r\n", BodyStep(event: .refused(.badChunkSize), consumed: 2)),
            ("5 ;a\r\n", BodyStep(event: .refused(.badChunkSize), consumed: 2)),
            ("5 \n", BodyStep(event: .refused(.badChunkSize), consumed: 2)),
            (" 5\r\n", BodyStep(event: .refused(.badChunkSize), consumed: 0)),
            ("5;a \r\n", BodyStep(event: .refused(.badChunkExtension), consumed: 3)),
        ]
        for (bytes, wanted) in rows {
            var reader = BodyReader(.chunked, takesPadding: true)
            let step = withExactBytes(raw(bytes)) { reader.next($0) }
            #expect(step == wanted, "\(bytes)")
        }
    }

    @Test func extensionsAreBoundedForTheWholeBody() {
        func body(_ first: Int, _ second: Int) -> [UInt8] {
            raw(
                "1;\(String(repeating: "a", count: first - 1))\r\nx\r\n0;\(String(repeating: "b", count: second - 1))\r\n\r\n"
            )
        }
        #expect(readBody(body(512, 512)).last == .end)
        #expect(readBody(body(512, 513)).last == .refused(.chunkExtensionsTooLarge))
        #expect(readBody(body(1024 + 2, 2)).last == .refused(.chunkExtensionsTooLarge))
    }

    @Test func trailersAreBounded() {
        let limits = HeadLimits(headBytes: 20, fieldCount: 2)
        for size in [Int.max, 1, 7] {
            func last(_ text: String) -> BodyEvent? { readBody(raw(text), pieces: size, limits: limits).last }
            #expect(last("0\r\nX: 3456789012345\r\n\r\n") == .end)
            #expect(last("0\r\nX: 34567890123456\r\n\r\n") == .refused(.headTooLarge))
            #expect(last("0\r\nX: 3456789012345678901234567890") == .refused(.headTooLarge))
            #expect(last("0\r\nA: 1\r\nB: 2\r\n\r\n") == .end)
            #expect(last("0\r\nA: 1\r\nB: 2\r\nC:\r\n\r\n") == .refused(.tooManyFields))
        }
    }

    @Test func allowedTrailersAreForwarded() {
        var decoder = ChunkedDecoder()
        let bytes = raw("0\r\nA: 1\r\nHost: h\r\nX_Payment: z\r\nB: 2\r\n\r\n")
        let step = withExactBytes(bytes) { decoder.next($0) }
        #expect(step == BodyStep(event: .end, consumed: bytes.count))
        var out = ByteBuffer()
        decoder.trailers?.appendAllowed(to: &out)
        let copied = out.text
        #expect(copied == "A: 1\r\nB: 2\r\n")
    }

    @Test func anEndStaysTheEndAndAFaultStaysAFault() {
        var done = ChunkedDecoder()
        _ = withExactBytes(raw("0\r\n\r\n")) { done.next($0) }
        let more = withExactBytes(raw("5\r\n")) { done.next($0) }
        let nothing = withExactBytes([]) { done.next($0) }
        #expect(more == BodyStep(event: .end, consumed: 0))
        #expect(nothing == BodyStep(event: .end, consumed: 0))
        var bad = ChunkedDecoder()
        _ = withExactBytes(raw("x")) { bad.next($0) }
        let again = withExactBytes(raw("5\r\n")) { bad.next($0) }
        #expect(again == BodyStep(event: .refused(.badChunkSize), consumed: 0))
    }

    @Test func aCutBodyIsKnown() {
        let bytes = raw("5\r\nhello\r\n0;a=\"b\"\r\nX: y\r\n\r\n")
        for end in 0..<bytes.count { #expect(readBody(Array(bytes[..<end])).isCutByClose, "at \(end)") }
        #expect(!readBody(bytes).isCutByClose)
    }
}

@Suite struct BodyReaderTests {
    @Test func aLengthIsCounted() {
        let reading = readBody(raw("helloGET"), framing: .length(5))
        #expect(reading == BodyReading(body: "hello", consumed: 5, last: .end))
        #expect(readBody(raw("helloGET"), framing: .length(5), pieces: 2) == reading)
        #expect(readBody(raw("hell"), framing: .length(5)).isCutByClose)
        #expect(readBody(raw("GET"), framing: .length(0)) == BodyReading(consumed: 0, last: .end))
        #expect(readBody(raw("GET"), framing: .none) == BodyReading(consumed: 0, last: .end))
    }

    @Test func closingEndsABodyWithoutLength() {
        let reading = readBody(raw("hello"), framing: .untilClose, pieces: 2)
        #expect(reading == BodyReading(body: "hello", consumed: 5, last: .data(0..<1)))
    }

    @Test func remainingCountsDown() {
        var reader = BodyReader(.length(5))
        var counts = [reader.remaining]
        var ends = [reader.isDone]
        for piece in ["he", "", "llo!"] {
            _ = withExactBytes(raw(piece)) { reader.next($0) }
            counts.append(reader.remaining)
            ends.append(reader.isDone)
        }
        #expect(counts == [5, 3, 3, 0])
        #expect(ends == [false, false, false, true])
        let empty = [BodyReader(.none).isDone, BodyReader(.length(0)).isDone, BodyReader(.untilClose).isDone]
        #expect(empty == [true, true, false])
        let unknown = BodyReader(.chunked).remaining
        #expect(unknown == nil)
    }
}
