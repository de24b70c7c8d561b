import Testing

@testable import HTTP

@Suite struct ResponseTests {
    @Test func readsEveryPart() throws {
        let head = "HTTP/1.1 200 All  is\twell \u{E9}\r\nServer: x\r\nX-Two:  b \r\nContent-Length: 3\r\n\r\n"
        guard case .complete(let response, let consumed) = readResponse(head + "abcHTTP/1.1") else {
            Issue.record("not read")
            return
        }
        #expect(consumed == raw(head).count)
        #expect(response.statusCode == 200)
        #expect(response.reason == "All  is\twell \u{E9}")
        #expect(response.minorVersion == 1)
        #expect(response.framing == .length(3))
        #expect(response.keepAlive)
        #expect(!response.isInterim)
        #expect(response.fields.map(\.name) == ["Server", "X-Two", "Content-Length"])
        #expect(response.fields.map(\.value) == ["x", "b", "3"])
        #expect(response.fields.map(\.id) == [.server, .other, .contentLength])
    }

    @Test(arguments: ["HTTP/1.1 200\r\n\r\n", "HTTP/1.1 200 \r\n\r\n", "HTTP/1.0 200 \r\n\r\n"])
    func takesAnEmptyReason(head: String) {
        let response = readResponse(head).message
        #expect(response?.statusCode == 200)
        #expect(response?.reason == "")
    }

    static let refused: [(String, HTTPFault)] = [
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", .badStatusLine), ("HTTP/1.1 20 OK\r\n\r\n", .badStatusLine),
        ("HTTP/1.1 2000 OK\r\n\r\n", .badStatusLine), ("HTTP/1.1  200 OK\r\n\r\n", .badStatusLine),
        ("HTTP/1.1\t200 OK\r\n\r\n", .badStatusLine), ("HTTP/1.1 200\tOK\r\n\r\n", .badStatusLine),
        ("HTTP/1.1 2x0 OK\r\n\r\n", .badStatusLine), ("HTTP/1.1 +20 OK\r\n\r\n", .badStatusLine),
        ("HTTP/1.1\r\n\r\n", .badStatusLine), ("ICY 200 OK\r\n\r\n", .badStatusLine),
        ("http/1.1 200 OK\r\n\r\n", .badStatusLine), ("<html>", .badStatusLine),
        ("HTTP/1.1 099 OK\r\n\r\n", .badStatusCode), ("HTTP/1.1 600 OK\r\n\r\n", .badStatusCode),
        ("HTTP/1.1 000 OK\r\n\r\n", .badStatusCode), ("HTTP/1.1 999 OK\r\n\r\n", .badStatusCode),
        ("HTTP/2.0 200 OK\r\n\r\n", .unsupportedVersion), ("HTTP/1.2 200 OK\r\n\r\n", .unsupportedVersion),
        ("HTTP/1.1 200 O\0K\r\n\r\n", .badStatusLine), ("HTTP/1.1 200 O\u{7F}K\r\n\r\n", .badStatusLine),
        ("HTTP/1.1 200 OK\nA: b\r\n\r\n", .bareLineFeed), ("HTTP/1.1 200 OK\rA: b\r\n\r\n", .bareCarriageReturn),
        ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", .spaceBeforeColon),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", .foldedField),
        ("HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n", .bareLineFeed), ("HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n", .badFieldValue),
        ("HTTP/1.1 200 OK\r\nConnection: a b\r\n\r\n", .badConnectionOption),
        ("HTTP/1.1 200 OK\r\nConnection: content-length\r\nContent-Length: 5\r\n\r\n", .forbiddenConnectionOption),
        ("HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n", .framingOnInterim),
        ("HTTP/1.1 103 Early\r\nTransfer-Encoding: chunked\r\n\r\n", .framingOnInterim),
        ("HTTP/1.1 101 Switching\r\nContent-Length: 0\r\n\r\n", .framingOnInterim),
    ]

    @Test(arguments: refused) func refuses(head: String, fault: HTTPFault) {
        #expect(readResponse(head) == .refused(fault))
    }

    struct Bodiless: Sendable {
        let method: Method
        let status: Int
        let lines: String
        let framing: BodyFraming
        let keepAlive: Bool
    }

    static let chunked = "Transfer-Encoding: chunked\r\n"
    static let bodiless: [Bodiless] = [
        Bodiless(method: .head, status: 200, lines: "Content-Length: 9\r\n", framing: .none, keepAlive: true),
        Bodiless(method: .head, status: 200, lines: chunked, framing: .none, keepAlive: true),
        Bodiless(method: .head, status: 200, lines: "", framing: .none, keepAlive: true),
        Bodiless(method: .get, status: 304, lines: "Content-Length: 9\r\n", framing: .none, keepAlive: true),
        Bodiless(method: .get, status: 204, lines: "", framing: .none, keepAlive: true),
        Bodiless(method: .get, status: 204, lines: "Content-Length: 0\r\n", framing: .none, keepAlive: true),
        Bodiless(method: .get, status: 204, lines: "Content-Length: 1\r\n", framing: .none, keepAlive: false),
        Bodiless(method: .get, status: 204, lines: chunked, framing: .none, keepAlive: false),
        Bodiless(method: .get, status: 100, lines: "", framing: .none, keepAlive: true),
        Bodiless(method: .get, status: 101, lines: "", framing: .none, keepAlive: true),
        Bodiless(method: .connect, status: 200, lines: "Content-Length: 9\r\n", framing: .none, keepAlive: false),
        Bodiless(method: .connect, status: 404, lines: "Content-Length: 9\r\n", framing: .length(9), keepAlive: true),
        Bodiless(method: .get, status: 205, lines: "Content-Length: 0\r\n", framing: .length(0), keepAlive: true),
        Bodiless(method: .get, status: 200, lines: "", framing: .untilClose, keepAlive: false),
        Bodiless(
            method: .get, status: 200, lines: "Connection: close\r\n" + chunked, framing: .chunked, keepAlive: false),
    ]

    @Test(arguments: bodiless) func framesByMethodAndStatus(row: Bodiless) {
        let head = "HTTP/1.1 \(row.status) X\r\n\(row.lines)\r\n"
        let response = readResponse(head, answering: row.method).message
        #expect(response?.framing == row.framing)
        #expect(response?.keepAlive == row.keepAlive)
    }

    @Test func knowsInterimResponses() {
        for (status, isInterim) in [(100, true), (101, false), (102, true), (103, true), (200, false), (404, false)] {
            #expect(readResponse("HTTP/1.1 \(status) X\r\n\r\n").message?.isInterim == isInterim)
        }
    }

    @Test func oldVersionGoesOnOnlyIfItSaysSo() {
        #expect(readResponse("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").message?.keepAlive == false)
        #expect(
            readResponse("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n").message?.keepAlive
                == true)
    }

    @Test func aHeadIsUsedAgain() {
        let head = ResponseHead()
        func read(_ text: String) -> ResponseReading {
            withExactBytes(raw(text)) {
                _ = ResponseParser.parse($0, into: head, answering: .get, limits: HeadLimits())
            }
            return ResponseReading(head)
        }
        let plain = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"
        let fresh = read(plain)
        _ = read("HTTP/1.0 404 No\r\nConnection: close, x\r\nX: y\r\n\r\n")
        #expect(read(plain) == fresh)
        head.reset()
        #expect(head.fields.count == 0)
        #expect(head.statusCode == 0)
    }
}
