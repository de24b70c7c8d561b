import Bytes
import Testing

@testable import JSON

@Suite struct JSONWriterTests {
    @Test func writesInOrderWithCommasWhereTheyBelong() {
        var out = ByteBuffer()
        var json = JSONWriter()
        json.beginObject(&out)
        json.key("a", &out)
        json.number(-1, &out)
        json.key("b", &out)
        json.beginArray(&out)
        json.string("x", &out)
        json.beginObject(&out)
        json.endObject(&out)
        json.beginArray(&out)
        json.endArray(&out)
        json.null(&out)
        json.endArray(&out)
        json.key("c", &out)
        json.beginObject(&out)
        json.key("d", &out)
        json.bool(true, &out)
        json.key("e", &out)
        json.bool(false, &out)
        json.endObject(&out)
        json.key("f", &out)
        Array("[1, 2]".utf8).withUnsafeBytes { json.raw($0, &out) }
        json.endObject(&out)
        #expect(out.text == #"{"a":-1,"b":["x",{},[],null],"c":{"d":true,"e":false},"f":[1, 2]}"#)
    }

    @Test(arguments: [
        ("", #""""#), ("plain é 😀", "\"plain é 😀\""), ("\"\\/", #""\"\\/""#),
        ("\n\r\t\u{8}\0\u{1f}\u{7f}", "\"\\n\\r\\t\\u0008\\u0000\\u001f\u{7f}\""),
        ("a\"b", #""a\"b""#), ("</script>", "\"</script>\""),
    ])
    func escapes(text: String, written: String) throws {
        var out = ByteBuffer()
        var json = JSONWriter()
        json.string(text, &out)
        #expect(out.text == written)
        #expect(try JSONValueTests.read(out.text) { $0.string } == text)
    }
}
