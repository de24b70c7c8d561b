import Bytes
import Testing

@testable import HTTP

@Suite struct WritingTests {
    static func written(_ write: (inout ByteBuffer) -> Void) -> String {
        var out = ByteBuffer()
        write(&out)
        return out.text
    }

    @Test func writesLines() {
        #expect(Self.written { $0.appendStatusLine(402) } == "HTTP/1.1 402 Payment Required\r\n")
        #expect(Self.written { $0.appendStatusLine(299) } == "HTTP/1.1 299 \r\n")
        #expect(Self.written { $0.appendField("A", "b") } == "A: b\r\n")
        #expect(Self.written { $0.appendField("Content-Length", decimal: 1024) } == "Content-Length: 1024\r\n")
        #expect(Self.written { $0.appendChunkStart(count: 4096) } == "1000\r\n")
        #expect(Self.written { $0.appendLastChunk() } == "0\r\n")
        #expect(Self.written { $0.appendEmptyLine() } == "\r\n")
        let request = Self.written { out in
            withExactBytes(raw("GET")) { method in
                withExactBytes(raw("/a?b")) { out.appendRequestLine(method: method, target: $0) }
            }
        }
        #expect(request == "GET /a?b HTTP/1.1\r\n")
    }

    @Test func aValueCannotBreakItsLine() {
        for (value, isTaken) in [("a b\t\u{E9}", true), ("", true), ("a\rb", false), ("a\nb", false), ("\0", false)] {
            var out = ByteBuffer()
            let taken = withExactBytes(raw(value)) { out.appendField("X", bytes: $0) }
            #expect(taken == isTaken)
            let bytes = out.array
            #expect(bytes == (isTaken ? raw("X: \(value)\r\n") : []))
        }
    }

    static let dates: [(Int64, String)] = [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (951_868_799, "Tue, 29 Feb 2000 23:59:59 GMT"),
        (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"), (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
        (4_102_444_800, "Fri, 01 Jan 2100 00:00:00 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ]

    @Test(arguments: dates) func writesDates(seconds: Int64, wanted: String) {
        let date = Self.written { HTTPDate.append(unixSeconds: seconds, to: &$0) }
        #expect(date == wanted)
        #expect(date.utf8.count == HTTPDate.length)
    }
}
