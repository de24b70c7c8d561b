import Testing

@testable import HTTP

/// Content-Length and Transfer-Encoding, alone and together (RFC 9112 §6).
@Suite struct FramingTests {
    static let single: [(String, Result<BodyFraming, HTTPFault>)] = [
        ("", .success(.none)),
        ("Content-Length: 0", .success(.length(0))), ("Content-Length: 5", .success(.length(5))),
        ("Content-Length:5\t ", .success(.length(5))), ("content-length: 007", .success(.length(7))),
        ("Content-Length: 9223372036854775807", .success(.length(.max))),
        ("Content-Length: 9223372036854775808", .failure(.badContentLength)),
        ("Content-Length: 9999999999999999999", .failure(.badContentLength)),
        ("Content-Length: 00000000000000000005", .failure(.badContentLength)),
        ("Content-Length:", .failure(.badContentLength)), ("Content-Length: +5", .failure(.badContentLength)),
        ("Content-Length: -5", .failure(.badContentLength)), ("Content-Length: 5.0", .failure(.badContentLength)),
        ("Content-Length: 0x5", .failure(.badContentLength)), ("Content-Length: 5e1", .failure(.badContentLength)),
        ("Content-Length: 5 5", .failure(.badContentLength)), ("Content-Length: 5, 5", .failure(.badContentLength)),
        ("Content-Length: 5,6", .failure(.badContentLength)), ("Content-Length: 5,", .failure(.badContentLength)),
        ("Content-Length: \"5\"", .failure(.badContentLength)), ("Content-Length: \u{B2}", .failure(.badContentLength)),
        ("Content-Length: 5\r\nContent-Length: 5", .failure(.severalContentLengths)),
        ("Content-Length: 5\r\ncontent-length: 6", .failure(.severalContentLengths)),
        ("Content-Length: 5\r\nContent-Length: x", .failure(.severalContentLengths)),
        ("Transfer-Encoding: chunked", .success(.chunked)), ("transfer-encoding:\tChUnKeD ", .success(.chunked)),
        ("Transfer-Encoding:", .failure(.badTransferEncoding)),
        ("Transfer-Encoding: ,", .failure(.badTransferEncoding)),
        ("Transfer-Encoding: chunked,", .failure(.badTransferEncoding)),
        ("Transfer-Encoding: ,chunked", .failure(.badTransferEncoding)),
        ("Transfer-Encoding: chunked, chunked", .failure(.badTransferEncoding)),
        ("Transfer-Encoding: chunked;q=1", .failure(.badTransferEncoding)),
        ("Transfer-Encoding: \"chunked\"", .failure(.badTransferEncoding)),
        ("Transfer-Encoding: chunk ed", .failure(.badTransferEncoding)),
        ("Transfer-Encoding: \u{A0}chunked", .failure(.badTransferEncoding)),
        ("Transfer-Encoding: [chunked]", .failure(.badTransferEncoding)),
        ("Transfer-Encoding: xchunked", .failure(.unknownTransferCoding)),
        ("Transfer-Encoding: chunkedx", .failure(.unknownTransferCoding)),
        ("Transfer-Encoding: identity", .failure(.unknownTransferCoding)),
        ("Transfer-Encoding: gzip", .failure(.unknownTransferCoding)),
        ("Transfer-Encoding: gzip, chunked", .failure(.unknownTransferCoding)),
        ("Transfer-Encoding: chunked, identity", .failure(.badTransferEncoding)),
        ("Transfer-Encoding: chunked, gzip", .failure(.badTransferEncoding)),
        ("Transfer-Encoding: gzip, chunked, gzip", .failure(.badTransferEncoding)),
        ("Transfer-Encoding: gzip, br", .failure(.unknownTransferCoding)),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .failure(.severalTransferEncodings)),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", .failure(.severalTransferEncodings)),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", .failure(.lengthWithTransferEncoding)),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", .failure(.lengthWithTransferEncoding)),
        ("Content-Length: 0\r\nTransfer-Encoding: chunked", .failure(.lengthWithTransferEncoding)),
        ("Content-Length: 5\r\nTransfer-Encoding: identity", .failure(.lengthWithTransferEncoding)),
        ("Content-Length: 5\r\nContent-Length: 5\r\nTransfer-Encoding: gzip", .failure(.lengthWithTransferEncoding)),
        ("Transfer_Encoding: chunked\r\nContent-Length: 5", .success(.length(5))),
    ]

    @Test(arguments: single) func framesRequests(lines: String, wanted: Result<BodyFraming, HTTPFault>) {
        let block = lines.isEmpty ? "" : lines + "\r\n"
        let reading = readRequest("POST / HTTP/1.1\r\nHost: a\r\n\(block)\r\n")
        switch wanted {
        case .success(let framing): #expect(reading.message?.framing == framing)
        case .failure(let fault): #expect(reading == .refused(fault))
        }
    }

    /// A response is framed the same way, but without a length it goes on until the connection closes.
    @Test(arguments: single) func framesResponses(lines: String, wanted: Result<BodyFraming, HTTPFault>) {
        let block = lines.isEmpty ? "" : lines + "\r\n"
        let reading = readResponse("HTTP/1.1 200 OK\r\n\(block)\r\n")
        switch wanted {
        case .success(.none):
            #expect(reading.message?.framing == .untilClose)
            #expect(reading.message?.keepAlive == false)
        case .success(let framing): #expect(reading.message?.framing == framing)
        case .failure(let fault): #expect(reading == .refused(fault))
        }
    }

    @Test func oldVersionHasNoTransferEncoding() {
        #expect(
            readRequest("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")
                == .refused(.transferEncodingInHTTP10))
        #expect(
            readResponse("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                == .refused(.transferEncodingInHTTP10))
        #expect(readRequest("POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\n").message?.framing == .length(5))
    }
}
