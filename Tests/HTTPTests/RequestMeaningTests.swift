import Testing

@testable import HTTP

/// What well-formed requests are read as.
@Suite struct RequestMeaningTests {
    @Test func readsEveryPart() throws {
        let head =
            "POST /a/b?c=d&e HTTP/1.1\r\nHost: Example.com:8080\r\nX-Odd~Name:  a \t b\t \r\nEmpty:\r\n"
            + "Content-Length: 12\r\nobs: \u{E9}\r\n\r\n"
        let reading = readRequest(head + "hello world!GET")
        guard case .complete(let request, let consumed) = reading else {
            Issue.record("\(reading)")
            return
        }
        #expect(consumed == raw(head).count)
        #expect(request.method == .post)
        #expect(request.methodText == "POST")
        #expect(request.target == "/a/b?c=d&e")
        #expect(request.form == .origin)
        #expect(request.path == "/a/b")
        #expect(request.query == "c=d&e")
        #expect(request.authority == "Example.com:8080")
        #expect(request.minorVersion == 1)
        #expect(request.framing == .length(12))
        #expect(request.keepAlive)
        #expect(request.fields.map(\.name) == ["Host", "X-Odd~Name", "Empty", "Content-Length", "obs"])
        #expect(request.fields.map(\.value) == ["Example.com:8080", "a \t b", "", "12", "\u{E9}"])
        #expect(request.fields.map(\.id) == [.host, .other, .other, .contentLength, .other])
        #expect(request.fields[1].line == "X-Odd~Name:  a \t b\t \r\n")
    }

    static let methods: [(String, Method)] = [
        ("GET", .get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("DELETE", .delete), ("PATCH", .patch),
        ("OPTIONS", .options), ("TRACE", .trace), ("get", .other), ("GETS", .other), ("PROPFIND", .other),
        ("M-SEARCH", .other), ("A", .other), (String(repeating: "A", count: 32), .other),
    ]

    @Test(arguments: methods) func knowsMethods(name: String, method: Method) {
        let request = readRequest("\(name) / HTTP/1.1\r\nHost: a\r\n\r\n").message
        #expect(request?.method == method)
        #expect(request?.methodText == name)
    }

    struct Target: Sendable {
        let line: String
        let form: TargetForm
        let path: String
        let query: String?
        let authority: String
    }

    static let targets: [Target] = [
        Target(line: "GET /", form: .origin, path: "/", query: nil, authority: "h"),
        Target(line: "GET /?", form: .origin, path: "/", query: "", authority: "h"),
        Target(line: "GET /a?b?c", form: .origin, path: "/a", query: "b?c", authority: "h"),
        Target(line: "GET //h/x", form: .origin, path: "//h/x", query: nil, authority: "h"),
        Target(line: "GET /http://x/y", form: .origin, path: "/http://x/y", query: nil, authority: "h"),
        Target(line: "GET http://h/p?q", form: .absolute, path: "/p", query: "q", authority: "h"),
        Target(line: "GET HTTPS://H", form: .absolute, path: "", query: nil, authority: "H"),
        Target(line: "GET http://h?q", form: .absolute, path: "", query: "q", authority: "h"),
        Target(line: "GET http://h/?q=http://x", form: .absolute, path: "/", query: "q=http://x", authority: "h"),
        Target(line: "OPTIONS *", form: .asterisk, path: "*", query: nil, authority: "h"),
        Target(line: "OPTIONS /x", form: .origin, path: "/x", query: nil, authority: "h"),
    ]

    @Test(arguments: targets) func readsTargets(target: Target) {
        let request = readRequest("\(target.line) HTTP/1.1\r\nHost: h\r\n\r\n").message
        #expect(request?.form == target.form)
        #expect(request?.path == target.path)
        #expect(request?.query == target.query)
        #expect(request?.authority == target.authority)
    }

    @Test func readsTheAuthorityOfConnect() {
        let request = readRequest("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n").message
        #expect(request?.form == .authority)
        #expect(request?.authority == "h:443")
        #expect(request?.path == "")
    }

    @Test(arguments: [
        "a", "a.b-c.d", "127.0.0.1", "127.0.0.1:80", "a:0", "a:65535", "a:00080", "a_b", "a~b", "x.", "[::1]", "[::]",
        "[1::]", "[::1]:8080", "[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7::]", "[::2:3:4:5:6:7:8]", "[1::8]",
        "[2001:DB8::7]", "[::ffff:1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4]", "[::1.2.3.4]",
        "a-very-long-host-name-of-more-than-sixteen.example.com:8443",
    ])
    func takesHosts(host: String) {
        #expect(readRequest("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n").message?.authority == host)
    }

    @Test func oneEmptyLineMayComeFirst() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        guard case .complete(let request, let consumed) = readRequest("\r\n" + head) else {
            Issue.record("not read")
            return
        }
        #expect(consumed == raw(head).count + 2)
        #expect(request == readRequest(head).message)
    }

    @Test func oldVersionNeedsNoHost() {
        let request = readRequest("GET / HTTP/1.0\r\n\r\n").message
        #expect(request?.minorVersion == 0)
        #expect(request?.authority == "")
        #expect(request?.keepAlive == false)
        #expect(readRequest("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n") == .refused(.severalHosts))
        #expect(readRequest("GET / HTTP/1.0\r\nHost: a b\r\n\r\n") == .refused(.badHost))
    }

    static let persistence: [(String, String, Bool)] = [
        ("1.1", "", true), ("1.1", "Connection: close\r\n", false), ("1.1", "Connection: CLOSE\r\n", false),
        ("1.1", "Connection: keep-alive\r\n", true), ("1.1", "Connection: keep-alive, close\r\n", false),
        ("1.1", "Connection: keep-alive\r\nConnection: close\r\n", false), ("1.1", "Connection: ,x,,\r\n", true),
        ("1.1", "Connection:\r\n", true), ("1.1", "Connection: x\t,\tclose\r\n", false),
        ("1.0", "", false), ("1.0", "Connection: keep-alive\r\n", true), ("1.0", "Connection: Keep-Alive\r\n", true),
        ("1.0", "Connection: x, keep-alive\r\n", true), ("1.0", "Connection: close, keep-alive\r\n", false),
        ("1.0", "Connection: close\r\n", false), ("1.1", "Proxy-Connection: close\r\n", true),
    ]

    @Test(arguments: persistence) func knowsWhetherTheConnectionGoesOn(version: String, lines: String, goesOn: Bool) {
        #expect(readRequest("GET / HTTP/\(version)\r\nHost: a\r\n\(lines)\r\n").message?.keepAlive == goesOn)
    }

    @Test func marksFieldsThatConnectionNames() throws {
        let request = try #require(
            readRequest(
                "GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nx-ONE: 2\r\nX-On: 3\r\nTE: trailers\r\nCookie: c\r\n"
                    + "Connection: x-one, TE, absent\r\n\r\n"
            ).message)
        #expect(request.fields.filter(\.nominated).map(\.name) == ["X-One", "x-ONE", "TE"])
    }

    @Test func knowsExpectationsAndUpgrades() {
        func read(_ version: String, _ lines: String) -> RequestReading? {
            readRequest("GET / HTTP/\(version)\r\nHost: a\r\n\(lines)\r\n").message
        }
        #expect(read("1.1", "Expect: 100-Continue\r\n")?.expectsContinue == true)
        #expect(read("1.0", "Expect: 100-continue\r\n")?.expectsContinue == false)
        #expect(read("1.0", "Expect: anything\r\n")?.expectsContinue == false)
        #expect(read("1.1", "")?.expectsContinue == false)
        #expect(read("1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n")?.wantsUpgrade == true)
        #expect(read("1.1", "Upgrade: websocket\r\n")?.wantsUpgrade == false)
        #expect(read("1.1", "Connection: upgrade\r\n")?.wantsUpgrade == false)
        #expect(read("1.0", "Connection: upgrade\r\nUpgrade: h2c\r\n")?.wantsUpgrade == false)
    }

    /// A pooled head must not remember the message before.
    @Test func aHeadIsUsedAgain() {
        let head = RequestHead()
        func read(_ text: String) -> RequestReading {
            withExactBytes(raw(text)) { _ = RequestParser.parse($0, into: head, limits: HeadLimits()) }
            return RequestReading(head)
        }
        let plain = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
        let fresh = read(plain)
        for other in [
            "POST http://b/y?q HTTP/1.0\r\nHost: b\r\nContent-Length: 5\r\nConnection: keep-alive, x\r\nX: 1\r\n\r\n",
            "PUT /z HTTP/1.1\r\nHost: b\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n"
                + "Upgrade: u\r\nConnection: upgrade, close\r\n\r\n",
            "CONNECT c:1 HTTP/1.1\r\nHost: c:1\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: o\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        ] {
            _ = read(other)
            #expect(read(plain) == fresh)
        }
        head.reset()
        #expect(head.fields.count == 0)
        let left = head.bytes.count
        #expect(left == 0)
    }

    @Test func aLargerLimitThanTheTableIsServed() {
        let head = RequestHead(limits: HeadLimits(fieldCount: 1))
        let many = "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: y\r\n", count: 500) + "\r\n"
        let outcome = withExactBytes(raw(many)) {
            RequestParser.parse($0, into: head, limits: HeadLimits(fieldCount: 501))
        }
        #expect(outcome == .complete(consumed: many.unicodeScalars.count))
        #expect(head.fields.count == 501)
    }
}
