import Testing

@testable import Bytes

@Suite struct EncodingTests {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
    ])
    func base64RoundTrip(plain: String, encoded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == encoded)
        #expect(Array(encoded.utf8).withUnsafeBytes { Base64.decode($0) } == Array(plain.utf8))
    }

    @Test(arguments: ["Zg", "Zg=", "Zh==", "Zm9=", "Zm9v\n", "Zm-v", "=g==", "Z===", "Zg==Zg==", "====", "Zm9v===="])
    func base64Refuses(text: String) {
        #expect(Array(text.utf8).withUnsafeBytes { Base64.decode($0) } == nil)
    }

    @Test func bufferKeepsItsEnds() {
        var buffer = ByteBuffer()
        buffer.append("abc")
        buffer.consume(1)
        for _ in 0..<1000 { buffer.append("0123456789") }
        #expect(buffer.count == 10002)
        #expect(buffer.readable.prefix(4).elementsEqual("bc01".utf8))
        buffer.clear()
        buffer.append(decimal: 0)
        buffer.append(byte: 0x20)
        buffer.append(decimal: -1050)
        buffer.append(byte: 0x20)
        buffer.append(hex: 0)
        buffer.append(byte: 0x20)
        buffer.append(hex: 65536)
        #expect(buffer.text == "0 -1050 0 10000")
    }

    @Test func fixedBytesKeepOrder() {
        let bytes = (0..<32).map { UInt8($0) }
        #expect(Bytes32(bytes)?.array == bytes)
        #expect(Bytes20(bytes.prefix(20))?.array == Array(bytes.prefix(20)))
        #expect(Bytes20(bytes) == nil)
    }
}
