import Testing

@testable import HTTP

/// Heads changed at random, a byte or a piece at a time, held against a plain model of the grammar.
@Suite struct MutationTests {
    static let seeds =
        DripTests.requests.map(raw) + RequestRefusalTests.connection.prefix(6).map { raw($0.0) } + [
            raw("PUT /x%41/../y HTTP/1.1\r\nHost: [::1]:80\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
        ]
    static let pieces: [[UInt8]] = [
        "\r\n", "\n", "\r", " ", "\t", ":", "\0", "\u{80}", ",", "\r\n\r\n", "Host: b\r\n", "Content-Length: 1\r\n",
        "Transfer-Encoding: chunked\r\n", "Connection: x\r\n", "HTTP/1.0", "HTTP/1.1", "/", "?", "http://a",
        "X_Y: z\r\n",
    ].map(raw)

    /// Behind it no head is unfinished, so that a fault is found at the latest here.
    static let end = raw("\r\n\r\n")

    static func mutated(_ seed: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = seed
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            let at = Int.random(in: 0...bytes.count, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: bytes.insert(contentsOf: pieces.randomElement(using: &generator) ?? [], at: at)
            case 1 where at < bytes.count: bytes[at] = UInt8.random(in: 0...255, using: &generator)
            case 2 where at < bytes.count: bytes.remove(at: at)
            default:
                let end = min(bytes.count, at + Int.random(in: 0...20, using: &generator))
                bytes.insert(contentsOf: Array(bytes[at..<end]), at: at)
            }
        }
        return bytes
    }

    @Test func requestsAgreeWithTheModel() {
        var generator = SeededGenerator(seed: 9112)
        var taken = 0
        for round in 0..<6_000 {
            let bytes = Self.mutated(Self.seeds[round % Self.seeds.count], &generator) + Self.end
            let reading = readRequest(bytes)
            switch reading {
            case .complete(let request, let consumed):
                taken += 1
                let model = GrammarModel(Array(bytes[..<consumed]))
                #expect(model?.isWholeHead == true, "\(text(bytes))")
                #expect(model?.names == request.fields.map(\.name), "\(text(bytes))")
                #expect(model?.values == request.fields.map(\.value), "\(text(bytes))")
                #expect(model?.requestLine == "\(request.methodText) \(request.target) HTTP/1.\(request.minorVersion)")
                #expect(request.fields.filter { $0.id == .host }.count <= 1)
                #expect(request.fields.filter { $0.id == .contentLength || $0.id == .transferEncoding }.count <= 1)
            case .refused(let fault):
                // What the model takes is refused for its meaning only.
                if GrammarModel(bytes)?.isWholeHead == true {
                    #expect(Self.isAboutMeaning(fault), "\(fault) \(text(bytes))")
                }
            case .incomplete: Issue.record("no end in \(text(bytes))")
            }
            let cut = Int.random(in: 0...bytes.count, using: &generator)
            #expect(dripRequest(bytes, cuts: [cut, bytes.count]) == reading, "\(text(bytes)) at \(cut)")
            #expect(dripRequest(bytes, cuts: 0...bytes.count) == reading, "\(text(bytes))")
        }
        #expect(taken > 500)
    }

    @Test func responsesAgreeWithTheModel() {
        var generator = SeededGenerator(seed: 9110)
        var taken = 0
        for round in 0..<4_000 {
            let seed = raw(DripTests.responses[round % DripTests.responses.count])
            let bytes = Self.mutated(seed, &generator) + Self.end
            let reading = readResponse(text(bytes))
            if case .complete(let response, let consumed) = reading {
                taken += 1
                let model = GrammarModel(Array(bytes[..<consumed]))
                #expect(model?.isWholeHead == true, "\(text(bytes))")
                #expect(model?.names == response.fields.map(\.name), "\(text(bytes))")
                #expect(model?.values == response.fields.map(\.value), "\(text(bytes))")
            }
            let cut = Int.random(in: 0...bytes.count, using: &generator)
            #expect(dripResponse(bytes, cuts: [cut, bytes.count]) == reading, "\(text(bytes)) at \(cut)")
        }
        #expect(taken > 300)
    }

    /// However a chunked body is cut, the same comes out; and nothing beyond its end is taken.
    @Test func chunkedBodiesDoNotDependOnTheirPieces() {
        var generator = SeededGenerator(seed: 7)
        var taken = 0
        for round in 0..<4_000 {
            let seed = raw(ChunkedTests.read[round % ChunkedTests.read.count].0)
            let bytes = Self.mutated(seed, &generator)
            let whole = readBody(bytes)
            if whole.last == .end { taken += 1 }
            for size in [1, Int.random(in: 2...9, using: &generator)] {
                let pieces = readBody(bytes, pieces: size)
                #expect(pieces.body == whole.body, "\(text(bytes))")
                #expect(pieces.trailers == whole.trailers, "\(text(bytes))")
                if whole.last == .end || pieces.last == .end {
                    #expect(pieces == whole, "\(text(bytes))")
                } else if case .refused = whole.last {
                    // A trailer section that drips in may be refused when its end comes.
                    #expect(pieces.last == whole.last || pieces.last == .needMore, "\(text(bytes))")
                }
            }
        }
        #expect(taken > 500)
    }

    static func isAboutMeaning(_ fault: HTTPFault) -> Bool {
        switch fault {
        case .badTarget, .badScheme, .missingHost, .severalHosts, .badHost, .hostMismatch, .badContentLength,
            .severalContentLengths, .lengthWithTransferEncoding, .badTransferEncoding, .severalTransferEncodings,
            .unknownTransferCoding, .transferEncodingInHTTP10, .badConnectionOption, .tooManyConnectionOptions,
            .forbiddenConnectionOption, .unknownExpectation, .methodTooLong:
            true
        default: false
        }
    }
}

/// A head by its lines, said as plainly as can be; nil where some line is none.
struct GrammarModel {
    var requestLine = ""
    var names: [String] = []
    var values: [String] = []
    /// The first empty line is also the end.
    var isWholeHead = false

    init?(_ bytes: [UInt8]) {
        var lines = text(bytes).unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map {
            String(Substring($0))
        }
        if lines.first == "\r" { lines.removeFirst() }
        for (place, line) in lines.enumerated() {
            guard let last = line.unicodeScalars.last, last == "\r", place < lines.count - 1 else { return nil }
            let content = String(line.unicodeScalars.dropLast())
            if place == 0 {
                let isRequest =
                    content.wholeMatch(of: /[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [!-~]+ HTTP\/1\.[01]/) != nil
                let isResponse =
                    content.wholeMatch(of: /HTTP\/1\.[01] [1-5][0-9][0-9]( [\t -~\u{80}-\u{FF}]*)?/) != nil
                guard isRequest || isResponse else { return nil }
                requestLine = content
            } else if content.isEmpty {
                isWholeHead = true
                return
            } else {
                guard
                    let match = content.wholeMatch(
                        of: /([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t -~\u{80}-\u{FF}]*)/)
                else { return nil }
                names.append(String(match.1))
                let value = match.2.drop { $0 == " " || $0 == "\t" }
                let end = value.lastIndex { $0 != " " && $0 != "\t" }
                values.append(end.map { String(value[...$0]) } ?? "")
            }
        }
    }
}

func text(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes { text($0) } }
