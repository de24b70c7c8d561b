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
        for round in 0..<3_000 {
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
            let cuts = (0..<8).map { _ in Int.random(in: 0...bytes.count, using: &generator) }.sorted()
            #expect(dripRequest(bytes, cuts: cuts + [bytes.count]) == reading, "\(text(bytes)) at \(cuts)")
        }
        #expect(taken > 250)
    }

    @Test func responsesAgreeWithTheModel() {
        var generator = SeededGenerator(seed: 9110)
        var taken = 0
        for round in 0..<2_000 {
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
        #expect(taken > 150)
    }

    /// However a chunked body is cut, the same comes out; and nothing beyond its end is taken.
    @Test func chunkedBodiesDoNotDependOnTheirPieces() {
        var generator = SeededGenerator(seed: 7)
        var taken = 0
        for round in 0..<2_000 {
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
        #expect(taken > 250)
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
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        if lines.first == [0x0D] { lines.removeFirst() }
        for (place, line) in lines.enumerated() {
            guard line.last == 0x0D, place < lines.count - 1 else { return nil }
            let content = line.dropLast()
            if place == 0 {
                guard Self.isRequestLine(content) || Self.isStatusLine(content) else { return nil }
                requestLine = text(Array(content))
            } else if content.isEmpty {
                isWholeHead = true
                return
            } else {
                guard let colon = content.firstIndex(of: 0x3A), Self.isToken(content[..<colon]) else { return nil }
                let value = content[(colon + 1)...]
                guard value.allSatisfy(Self.isText) else { return nil }
                names.append(text(Array(content[..<colon])))
                let start = value.firstIndex { $0 != 0x20 && $0 != 9 } ?? value.endIndex
                let end = value.lastIndex { $0 != 0x20 && $0 != 9 }.map { $0 + 1 } ?? start
                values.append(text(Array(value[start..<end])))
            }
        }
    }

    static let tokens = Set(raw("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))

    static func isToken(_ bytes: ArraySlice<UInt8>) -> Bool { !bytes.isEmpty && bytes.allSatisfy(tokens.contains) }

    static func isText(_ byte: UInt8) -> Bool { byte == 9 || byte >= 0x20 && byte != 0x7F }

    static func isVersion(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.elementsEqual(raw("HTTP/1.1")) || bytes.elementsEqual(raw("HTTP/1.0"))
    }

    static func isRequestLine(_ bytes: ArraySlice<UInt8>) -> Bool {
        let parts = bytes.split(separator: 0x20, omittingEmptySubsequences: false)
        return parts.count == 3 && isToken(parts[0]) && isVersion(parts[2]) && !parts[1].isEmpty
            && parts[1].allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    static func isStatusLine(_ bytes: ArraySlice<UInt8>) -> Bool {
        let parts = bytes.split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, isVersion(parts[0]), parts[1].count == 3 else { return false }
        return parts[1].allSatisfy { (0x30...0x39).contains($0) } && (0x31...0x35).contains(parts[1].first ?? 0)
            && parts.dropFirst(2).allSatisfy { $0.allSatisfy(isText) }
    }
}

func text(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes { text($0) } }
