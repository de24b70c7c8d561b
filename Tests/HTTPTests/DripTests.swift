import Testing

@testable import HTTP

/// However the bytes are cut on the way, the reading is the same.
@Suite struct DripTests {
    static let requests: [String] = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nPOST /some/longer/path?with=a&query=string HTTP/1.1\r\nHost: example.com:8080\r\n"
            + "User-Agent: something/1.0 (long enough for several loads)\r\nX-Tab:\ta\tb\t\r\nContent-Length: 10\r\n"
            + "Connection: keep-alive, x-tab\r\n\r\n0123456789",
        "OPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET",
        "GET http://a/b HTTP/1.1\r\nHost: a\r\nA`b|c: d\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello",
    ]

    static let responses: [String] = [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 404\r\nServer: nginx/1.22.1\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/html\r\n"
            + "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n5\r\n",
        "HTTP/1.0 204 No\tContent \r\n\r\n",
    ]

    @Test(arguments: requests) func anyTwoPiecesMakeTheSameRequest(request: String) {
        let bytes = raw(request)
        let whole = readRequest(bytes)
        #expect(whole.message != nil)
        for cut in 0...bytes.count {
            #expect(dripRequest(bytes, cuts: [cut, bytes.count]) == whole, "cut at \(cut)")
        }
        #expect(dripRequest(bytes, cuts: 0...bytes.count) == whole)
    }

    @Test(arguments: responses) func anyTwoPiecesMakeTheSameResponse(response: String) {
        let bytes = raw(response)
        let whole = readResponse(response)
        #expect(whole.message != nil)
        for cut in 0...bytes.count {
            #expect(dripResponse(bytes, cuts: [cut, bytes.count]) == whole, "cut at \(cut)")
        }
        #expect(dripResponse(bytes, cuts: 0...bytes.count) == whole)
    }

    /// A fault may be found later where the bytes drip in, but it is the same one.
    @Test(arguments: RequestRefusalTests.lines + RequestRefusalTests.targets)
    func aRefusalStaysTheSame(request: String, fault: HTTPFault) {
        let bytes = raw(request)
        for cut in 0...bytes.count {
            #expect(dripRequest(bytes, cuts: [cut, bytes.count]) == .refused(fault), "cut at \(cut)")
        }
        let dripped = dripRequest(bytes, cuts: 0...bytes.count)
        #expect(dripped == .refused(fault) || dripped == .incomplete)
    }

    @Test func anEndlessHeadIsRefusedWhateverItsPieces() {
        let limits = HeadLimits(headBytes: 100)
        let tooLong = raw("GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "y", count: 200))
        #expect(dripRequest(tooLong, cuts: 1...tooLong.count, limits: limits) == .refused(.headTooLarge))
        #expect(dripRequest(tooLong, cuts: [50, 200], limits: limits) == .refused(.headTooLarge))
        #expect(dripRequest(tooLong, cuts: 1...100, limits: limits) == .incomplete)
        // The fault inside the limit is named, not the limit.
        let bad = raw("GET / HTTP/1.1\r\nHo st: a\r\nX: " + String(repeating: "y", count: 200))
        #expect(dripRequest(bad, cuts: 1...bad.count, limits: limits) == .refused(.spaceBeforeColon))
    }

    @Test func aLineFeedAloneIsRefusedBeforeTheHeadEnds() {
        let bytes = raw("GET / HTTP/1.1\r\nHost: a\r\nX: y\n")
        #expect(dripRequest(bytes, cuts: 1...bytes.count) == .refused(.bareLineFeed))
    }
}
