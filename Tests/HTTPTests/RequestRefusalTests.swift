import Testing

@testable import HTTP

/// Requests with no reading or with two, each with the fault that names why.
@Suite struct RequestRefusalTests {
    static let host = "Host: a\r\n"

    static let lines: [(String, HTTPFault)] = [
        ("\r\n\r\nGET / HTTP/1.1\r\n\(host)\r\n", .leadingEmptyLines),
        ("\r\n\nGET / HTTP/1.1\r\n\(host)\r\n", .leadingEmptyLines),
        ("\nGET / HTTP/1.1\r\n\(host)\r\n", .bareLineFeed),
        ("\rGET / HTTP/1.1\r\n\(host)\r\n", .bareCarriageReturn),
        (" GET / HTTP/1.1\r\n\(host)\r\n", .badMethod),
        ("\0GET / HTTP/1.1\r\n\(host)\r\n", .badMethod),
        ("G\u{80}T / HTTP/1.1\r\n\(host)\r\n", .badMethod),
        ("G(T / HTTP/1.1\r\n\(host)\r\n", .badMethod),
        ("GET\t/ HTTP/1.1\r\n\(host)\r\n", .badMethod),
        ("GET\r\n\r\n", .badRequestLine),
        ("GET\n\n", .badRequestLine),
        ("GET  / HTTP/1.1\r\n\(host)\r\n", .badRequestLine),
        ("GET /\r\n\r\n", .badRequestLine),
        ("GET /\n\n", .badRequestLine),
        ("GET \r\n\r\n", .badRequestLine),
        ("GET /  HTTP/1.1\r\n\(host)\r\n", .badVersion),
        ("GET / HTTP/1.1 \r\n\(host)\r\n", .badRequestLine),
        ("GET / HTTP/1.1\t\r\n\(host)\r\n", .badRequestLine),
        ("GET / HTTP/1.10\r\n\(host)\r\n", .badRequestLine),
        ("GET /\tHTTP/1.1\r\n\(host)\r\n", .badTarget),
        ("GET /a b HTTP/1.1\r\n\(host)\r\n", .badVersion),
        ("GET /\0 HTTP/1.1\r\n\(host)\r\n", .badTarget),
        ("GET /\u{7F} HTTP/1.1\r\n\(host)\r\n", .badTarget),
        ("GET /\u{C3}\u{A9} HTTP/1.1\r\n\(host)\r\n", .badTarget),
        ("GET /?\u{C3}\u{A9} HTTP/1.1\r\n\(host)\r\n", .badTarget),
        ("GET /?a\u{1F}b HTTP/1.1\r\n\(host)\r\n", .badTarget),
        ("GET / http/1.1\r\n\(host)\r\n", .badVersion),
        ("GET / HTP/1.1\r\n\(host)\r\n", .badVersion),
        ("GET / HTTP/1,1\r\n\(host)\r\n", .badVersion),
        ("GET / HTTP/01.1\r\n\(host)\r\n", .badVersion),
        ("GET / HTTP/1.\r\n\(host)\r\n", .badVersion),
        ("GET / HTTP/1\r\n\(host)\r\n", .badVersion),
        ("GET / \r\n\r\n", .badVersion),
        ("GET / HTTP/2.0\r\n\(host)\r\n", .unsupportedVersion),
        ("GET / HTTP/1.2\r\n\(host)\r\n", .unsupportedVersion),
        ("GET / HTTP/0.9\r\n\(host)\r\n", .unsupportedVersion),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion),
        ("GET / HTTP/1.1\n\(host)\r\n", .bareLineFeed),
        ("GET / HTTP/1.1\r\(host)\r\n", .bareCarriageReturn),
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{FC}", .badMethod),
        ("\(String(repeating: "A", count: 33)) / HTTP/1.1\r\n\(host)\r\n", .methodTooLong),
    ]

    static let targets: [(String, HTTPFault)] = [
        ("GET * HTTP/1.1\r\n\(host)\r\n", .badTarget),
        ("OPTIONS ** HTTP/1.1\r\n\(host)\r\n", .badTarget),
        ("GET a HTTP/1.1\r\n\(host)\r\n", .badTarget),
        ("GET a:80 HTTP/1.1\r\n\(host)\r\n", .badTarget),
        ("GET ?q HTTP/1.1\r\n\(host)\r\n", .badTarget),
        ("GET #f HTTP/1.1\r\n\(host)\r\n", .badTarget),
        ("GET http:/a HTTP/1.1\r\n\(host)\r\n", .badTarget),
        ("GET http:// HTTP/1.1\r\n\(host)\r\n", .badTarget),
        ("GET http:///p HTTP/1.1\r\n\(host)\r\n", .badTarget),
        ("GET http://u@a/ HTTP/1.1\r\n\(host)\r\n", .badTarget),
        ("GET http://a:99999/ HTTP/1.1\r\n\(host)\r\n", .badTarget),
        ("GET ftp://a/ HTTP/1.1\r\n\(host)\r\n", .badScheme),
        ("GET http://b/ HTTP/1.1\r\n\(host)\r\n", .hostMismatch),
        ("GET http://a:80/ HTTP/1.1\r\n\(host)\r\n", .hostMismatch),
        ("GET http://a/ HTTP/1.1\r\n\r\n", .missingHost),
        ("CONNECT / HTTP/1.1\r\n\(host)\r\n", .badTarget),
        ("CONNECT a HTTP/1.1\r\n\(host)\r\n", .badTarget),
        ("CONNECT b:443 HTTP/1.1\r\n\(host)\r\n", .hostMismatch),
    ]

    static let fields: [(String, HTTPFault)] = [
        ("Host : a", .spaceBeforeColon), ("Host\t: a", .spaceBeforeColon), (" Host: a", .foldedField),
        ("\tHost: a", .foldedField), ("Host: a\r\n b", .foldedField), ("Host: a\r\n\tb", .foldedField),
        ("Host: a\r\n \r\nX: y", .foldedField),
        (": a", .emptyFieldName), ("Host: a\r\n:", .emptyFieldName),
        ("Host", .missingColon), ("Host: a\r\nX", .missingColon),
        ("Host: a\nX: y", .bareLineFeed), ("Host: a\r\nX\n", .bareLineFeed), ("Host: a\rX: y", .bareCarriageReturn),
        ("Host: a\r\r\n", .bareCarriageReturn), ("Host: a\r\nX\rY: z", .bareCarriageReturn),
        ("Host: a\r\nX: \rY", .bareCarriageReturn), ("Host: a\r\n\rX: y", .bareCarriageReturn),
        ("Ho\0st: a", .badFieldName), ("Ho(st: a", .badFieldName), ("Ho@st: a", .badFieldName),
        ("Ho\u{C3}st: a", .badFieldName), ("Ho,st: a", .badFieldName), ("\"Host\": a", .badFieldName),
        ("Ho/st: a", .badFieldName), ("Ho[st: a", .badFieldName), ("Ho{st: a", .badFieldName),
        ("Ho\u{7F}st: a", .badFieldName), ("X;y: z", .badFieldName), ("X=y: z", .badFieldName),
        ("Host: a\0", .badFieldValue), ("Host: a\u{1}b", .badFieldValue), ("Host: a\u{7F}", .badFieldValue),
        ("X: 0123456789abcde\0", .badFieldValue), ("X: 0123456789abcdefgh\u{B}", .badFieldValue),
        ("X: \u{8}", .badFieldValue), ("X: a\t\t\0", .badFieldValue),
    ]

    static let hosts: [(String, HTTPFault)] = [
        ("", .missingHost), ("Host:", .badHost), ("Host: ", .badHost), ("Host: a\r\nHost: a", .severalHosts),
        ("Host: a\r\nhost: b", .severalHosts), ("Host: a b", .badHost), ("Host: a, b", .badHost),
        ("Host: a,b", .badHost), ("Host: u@a", .badHost), ("Host: u:p@a", .badHost), ("Host: a/b", .badHost),
        ("Host: http://a", .badHost), ("Host: a?b", .badHost), ("Host: a#b", .badHost), ("Host: a%41", .badHost),
        ("Host: a\\b", .badHost), ("Host: \u{E9}", .badHost), ("Host: :80", .badHost), ("Host: a:", .badHost),
        ("Host: a:b", .badHost), ("Host: a:65536", .badHost), ("Host: a:000080", .badHost), ("Host: a:-1", .badHost),
        ("Host: a:8 0", .badHost), ("Host: a:80:80", .badHost), ("Host: [::1", .badHost), ("Host: ::1", .badHost),
        ("Host: []", .badHost), ("Host: [::1]x", .badHost), ("Host: [::1]:", .badHost), ("Host: [:::1]", .badHost),
        ("Host: [1::2::3]", .badHost), ("Host: [12345::]", .badHost), ("Host: [1:2:3:4:5:6:7:8:9]", .badHost),
        ("Host: [1:2:3:4:5:6:7]", .badHost), ("Host: [fe80::1%25eth0]", .badHost), ("Host: [v1.x]", .badHost),
        ("Host: [1:2:3:4:5:6:7::8]", .badHost), ("Host: [::1.2.3]", .badHost), ("Host: [::256.1.1.1]", .badHost),
        ("Host: [::01.1.1.1]", .badHost), ("Host: [1.2.3.4]", .badHost), ("Host: [::1:]", .badHost),
        ("Host: [1.2.3.4::]", .badHost),
    ]

    static let connection: [(String, HTTPFault)] = [
        ("Connection: close keep-alive", .badConnectionOption), ("Connection: close;x", .badConnectionOption),
        ("Connection: \"close\"", .badConnectionOption), ("Connection: a, b/c", .badConnectionOption),
        ("Connection: \u{E9}", .badConnectionOption),
        ("Connection: Host", .forbiddenConnectionOption), ("Connection: close, HOST", .forbiddenConnectionOption),
        ("Connection: content-length", .forbiddenConnectionOption),
        ("Connection: Content_Length", .forbiddenConnectionOption),
        ("Connection: transfer-encoding", .forbiddenConnectionOption),
        ("Connection: PAYMENT-SIGNATURE", .forbiddenConnectionOption),
        ("Connection: x-payment", .forbiddenConnectionOption),
        ("Connection: keep-alive\r\nConnection: payment-signature", .forbiddenConnectionOption),
        ("Connection: X-Farebox-Payer", .forbiddenConnectionOption),
        ("Connection: x_farebox_payer", .forbiddenConnectionOption),
        ("Connection: expect", .forbiddenConnectionOption),
        ("Connection: \(Array(repeating: "a", count: 33).joined(separator: ","))", .tooManyConnectionOptions),
        ("Expect: 100-continued", .unknownExpectation), ("Expect: 200-ok", .unknownExpectation),
        ("Expect:", .unknownExpectation), ("Expect: 100-continue, x=y", .unknownExpectation),
        ("Expect: 100-continue\r\nExpect: 100-continue", .unknownExpectation),
    ]

    @Test(arguments: lines + targets) func refusesTheRequestLine(head: String, fault: HTTPFault) {
        #expect(readRequest(head) == .refused(fault))
    }

    @Test(arguments: fields + hosts) func refusesTheFields(lines: String, fault: HTTPFault) {
        let block = lines.isEmpty ? "" : lines + "\r\n"
        #expect(readRequest("GET / HTTP/1.1\r\n\(block)\r\n") == .refused(fault))
    }

    @Test(arguments: connection) func refusesTheConnection(lines: String, fault: HTTPFault) {
        #expect(readRequest("GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n") == .refused(fault))
    }

    /// Every byte that may stand in a name, a value and a target does, and no other.
    @Test func everyByteIsTakenOrRefused() {
        let tokens = Set(raw("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))
        for byte in UInt8.min...UInt8.max {
            let name = readRequest(raw("GET / HTTP/1.1\r\nHost: a\r\nab") + [byte] + raw("c: d\r\n\r\n"))
            #expect((name.message != nil) == (tokens.contains(byte) || byte == 0x3A), "name \(byte)")
            let value = readRequest(raw("GET / HTTP/1.1\r\nHost: a\r\nX: b") + [byte] + raw("c\r\n\r\n"))
            #expect((value.message != nil) == (byte == 9 || byte >= 0x20 && byte != 0x7F), "value \(byte)")
            let target = readRequest(raw("GET /b") + [byte] + raw("c HTTP/1.1\r\nHost: a\r\n\r\n"))
            #expect((target.message != nil) == (byte > 0x20 && byte < 0x7F), "target \(byte)")
            let method = readRequest(raw("GE") + [byte] + raw("T / HTTP/1.1\r\nHost: a\r\n\r\n"))
            #expect((method.message != nil) == tokens.contains(byte), "method \(byte)")
        }
    }

    @Test func limitsAreExact() {
        let limits = HeadLimits(headBytes: 64, fieldCount: 2, targetBytes: 10)
        func head(target: Int = 1, padding: Int = 0, fields: Int = 1) -> String {
            let path = "/" + String(repeating: "a", count: target - 1)
            let host = "Host: a" + String(repeating: "b", count: padding) + "\r\n"
            return "GET \(path) HTTP/1.1\r\n\(host)" + String(repeating: "X: y\r\n", count: fields - 1) + "\r\n"
        }
        let spare = 64 - raw(head()).count
        #expect(readRequest(head(target: 10), limits: limits).message != nil)
        #expect(readRequest(head(target: 11), limits: limits) == .refused(.targetTooLong))
        #expect(readRequest(head(fields: 2), limits: limits).message != nil)
        #expect(readRequest(head(fields: 3), limits: limits) == .refused(.tooManyFields))
        #expect(readRequest(raw(head(padding: spare)), limits: limits).message != nil)
        #expect(readRequest(raw(head(padding: spare + 1)), limits: limits) == .refused(.headTooLarge))
        // An unfinished head is refused as soon as it is too long, and not before.
        #expect(
            readRequest("GET / HTTP/1.1\r\nHost: " + String(repeating: "a", count: 42), limits: limits) == .incomplete)
        #expect(
            readRequest("GET / HTTP/1.1\r\nHost: " + String(repeating: "a", count: 43), limits: limits)
                == .refused(.headTooLarge))
        #expect(readRequest("GET /" + String(repeating: "a", count: 10), limits: limits) == .incomplete)
        #expect(readRequest("GET /" + String(repeating: "a", count: 11), limits: limits) == .refused(.targetTooLong))
    }

    @Test func everyFaultHasItsOwnCodeAndAStatus() {
        let codes = Set(HTTPFault.allCases.map { "\($0.code)" })
        #expect(codes.count == HTTPFault.allCases.count)
        for fault in HTTPFault.allCases {
            #expect([400, 414, 417, 431, 501, 505].contains(fault.status))
            #expect("\(fault.code)".allSatisfy { $0.isLowercase || $0.isNumber || $0 == "_" })
            #expect("\(fault.explanation)".hasSuffix("."))
        }
        #expect(HTTPFault.targetTooLong.status == 414)
        #expect(HTTPFault.unsupportedVersion.status == 505)
        #expect(HTTPFault.unknownTransferCoding.status == 501)
        #expect(HTTPFault.headTooLarge.status == 431)
        #expect(HTTPFault.unknownExpectation.status == 417)
    }
}
