import Bytes
import Testing

@testable import MCP

@Suite struct EventStreamReaderTests {
    struct Seen: Equatable, Sendable {
        var raw: String
        var data: String?
        var id: String?
        var name: String?
        var isWhole = true

        init(_ raw: String, data: String? = nil, id: String? = nil, name: String? = nil, isWhole: Bool = true) {
            self.raw = raw
            self.data = data
            self.id = id
            self.name = name
            self.isWhole = isWhole
        }

        init(_ event: StreamEvent) {
            func text(_ bytes: UnsafeRawBufferPointer?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }
            raw = text(event.raw)!
            data = text(event.data)
            id = text(event.id)
            name = text(event.name)
            isWhole = event.isWhole
        }
    }

    /// What comes out of a stream that is fed in these pieces.
    static func events(_ pieces: [[UInt8]], maximum: Int = 1 << 16) throws -> [Seen] {
        var reader = EventStreamReader(maximumEventBytes: maximum)
        var seen: [Seen] = []
        for piece in pieces {
            Body.with(piece) { reader.feed($0) }
            while let event = try reader.next() { seen.append(Seen(event)) }
        }
        if let rest = reader.finish() { seen.append(Seen(rest)) }
        return seen
    }

    static let streams: [(String, [Seen])] = [
        ("data: a\n\n", [Seen("data: a\n\n", data: "a")]),
        ("data:a\r\n\r\n", [Seen("data:a\r\n\r\n", data: "a")]),
        (
            "event: message\nid: 7\ndata: {\ndata: }\n\n",
            [Seen("event: message\nid: 7\ndata: {\ndata: }\n\n", data: "{\n}", id: "7", name: "message")]
        ),
        ("data:  a\n\n", [Seen("data:  a\n\n", data: " a")]),
        ("data\n\n", [Seen("data\n\n", data: "")]),
        ("data:\ndata\ndata: \n\n", [Seen("data:\ndata\ndata: \n\n", data: "\n\n")]),
        (": ping\n\ndata: x\n\n", [Seen(": ping\n\n"), Seen("data: x\n\n", data: "x")]),
        ("retry: 500\n\n\n", [Seen("retry: 500\n\n"), Seen("\n")]),
        ("datax: a\nDATA: b\n data: c\n\n", [Seen("datax: a\nDATA: b\n data: c\n\n")]),
        ("id: 1\nid\ndata: a:b\n\n", [Seen("id: 1\nid\ndata: a:b\n\n", data: "a:b", id: "")]),
        (
            "\u{feff}data: a\n\n\u{feff}data: b\n\n",
            [Seen("\u{feff}data: a\n\n", data: "a"), Seen("\u{feff}data: b\n\n")]
        ),
        ("\u{feff}\n", [Seen("\u{feff}\n")]),
        ("data: a\n", [Seen("data: a\n", data: "a", isWhole: false)]),
        ("\u{feff}data: a", [Seen("\u{feff}data: a", data: "a", isWhole: false)]),
        ("data: a\n\ndata: b", [Seen("data: a\n\n", data: "a"), Seen("data: b", data: "b", isWhole: false)]),
        ("data: é漢\n\n", [Seen("data: é漢\n\n", data: "é漢")]),
    ]

    @Test(arguments: streams)
    func cutsWhole(text: String, expected: [Seen]) throws {
        #expect(try Self.events([Array(text.utf8)]) == expected)
    }

    /// Pieces must not matter, but for one thing: a CR that ends an event ends it at once, and its line feed, when it
    /// comes later, is a run of its own that says nothing.
    @Test(
        arguments: streams + [
            (
                "data: a\r\rid: 4\rdata: b\r\r",
                [
                    Seen("data: a\r\r", data: "a"), Seen("id: 4\rdata: b\r\r", data: "b", id: "4"),
                ]
            ),
            (
                "data: a\r\n\r\ndata: b\r\n\r\n: c\r\n\r\n",
                [
                    Seen("data: a\r\n\r\n", data: "a"), Seen("data: b\r\n\r\n", data: "b"), Seen(": c\r\n\r\n"),
                ]
            ),
            ("data: a\n\rdata: b\r\n\n", [Seen("data: a\n\r", data: "a"), Seen("data: b\r\n\n", data: "b")]),
        ])
    func cutsAtEverySplit(text: String, expected: [Seen]) throws {
        let bytes = Array(text.utf8)
        var splits = [bytes.map { [$0] }]
        for first in 0...bytes.count {
            for second in first...bytes.count {
                splits.append([Array(bytes[..<first]), Array(bytes[first..<second]), Array(bytes[second...])])
            }
        }
        for pieces in splits {
            let seen = try Self.events(pieces)
            #expect(seen.map(\.raw).joined() == text)
            let telling = seen.filter { $0.raw != "\n" }
            let wanted = expected.filter { $0.raw != "\n" }
            #expect(telling.map(\.data) == wanted.map(\.data))
            #expect(telling.map(\.id) == wanted.map(\.id))
            #expect(telling.map(\.name) == wanted.map(\.name))
        }
    }

    @Test func handsOutAnEventWithItsLastByte() throws {
        for text in ["data: a\n\n", "data: a\r\n\r", "data: a\r\r", "id: 1\ndata: a\n\r"] {
            var reader = EventStreamReader(maximumEventBytes: 100)
            for byte in text.utf8.dropLast() {
                Body.with([byte]) { reader.feed($0) }
                #expect(try reader.next() == nil)
            }
            Body.with([text.utf8.last!]) { reader.feed($0) }
            #expect(try reader.next().map { Seen($0).data } == "a")
            // What follows a CR is its line feed, which waits for no event.
            Body.with("\n") { reader.feed($0) }
            #expect(try reader.next().map { Seen($0) } == Seen("\n"))
            Body.with("data: b\n\n") { reader.feed($0) }
            #expect(try reader.next().map { Seen($0) } == Seen("data: b\n\n", data: "b"))
        }
    }

    @Test func keepsToItsLimit() throws {
        #expect(try Self.events([Array("data: 89\n\n".utf8)], maximum: 10).count == 1)
        #expect(throws: EventStreamReader.TooLarge()) {
            try Self.events([Array("data: 890\n\n".utf8)], maximum: 10)
        }
        #expect(throws: EventStreamReader.TooLarge()) {
            try Self.events([Array("data: never ends".utf8)], maximum: 10)
        }
        // Many small ones at once are within it.
        let many = String(repeating: "data: 89\n\n", count: 500)
        #expect(try Self.events([Array(many.utf8)], maximum: 10).count == 500)
    }

    static func rewritten(_ text: String, _ data: String) throws -> String {
        var reader = EventStreamReader(maximumEventBytes: 1000)
        Body.with(text) { reader.feed($0) }
        var event = try reader.next()
        if event == nil { event = reader.finish() }
        guard let event else { return "" }
        return Body.with(data) { data in Body.written { event.write(replacingDataBy: data, into: &$0) } }
    }

    @Test(arguments: [
        ("event: message\nid: 7\ndata: old\n\n", "new", "event: message\nid: 7\ndata: new\n\n"),
        ("data:old\r\nid:7\r\n\r\n", "new", "data: new\r\nid:7\r\n\r\n"),
        ("data: o\nid: 7\ndata: ld\nretry: 3\n\n", "new", "data: new\nid: 7\nretry: 3\n\n"),
        ("data: old\n\n", "a\nb", "data: a\ndata: b\n\n"), ("data\n\n", "new", "data: new\n\n"),
        ("\u{feff}data: old\n\n", "new", "\u{feff}data: new\n\n"), ("data: old", "new", "data: new\n\n\n"),
        ("data: old\r\n\r", "new", "data: new\r\n\r\n"),
        (": c\rdata: old\r\r", "new", ": c\rdata: new\r\r"), ("data: old\n\n", "", "data: \n\n"),
    ])
    func rewritesDataAlone(text: String, data: String, expected: String) throws {
        #expect(try Self.rewritten(text, data) == expected)
    }

    @Test(arguments: ["data: a\r\r", "\u{feff}data: a\n\n"], ["\ndata: b\n\n", "\u{feff}data: x\ndata: b\n\n"])
    func aKeptEventIsWhatItWas(before: String, text: String) throws {
        var reader = EventStreamReader(maximumEventBytes: 1000)
        Body.with(before) { reader.feed($0) }
        #expect(try reader.next() != nil)
        Body.with(text) { reader.feed($0) }
        while let event = try reader.next() {
            let seen = Seen(event)
            let rewritten = Body.with("new") { data in Body.written { event.write(replacingDataBy: data, into: &$0) } }
            guard let data = event.data else { continue }
            KeptEvent(event, data: data).withEvent { kept, data in
                #expect(Seen(kept) == seen && data.elementsEqual("b".utf8))
                let again = Body.with("new") { data in Body.written { kept.write(replacingDataBy: data, into: &$0) } }
                #expect(again == rewritten)
            }
        }
    }

    @Test func givesBackWhatIsTooLarge() throws {
        var reader = EventStreamReader(maximumEventBytes: 10)
        Body.with("data: 1\n\ndata: never ends") { reader.feed($0) }
        #expect(try reader.next() != nil)
        #expect(throws: EventStreamReader.TooLarge()) { _ = try reader.next() }
        #expect(String(decoding: reader.remainder(), as: UTF8.self) == "data: never ends")
    }

    @Test func writesAnEventOfItsOwn() {
        #expect(
            Body.with("a\nb") { data in Body.written { StreamEvent.write(data: data, into: &$0) } }
                == "data: a\ndata: b\n\n")
    }
}
