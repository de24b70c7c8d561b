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

    /// Whole groups and the last one are read differently: every byte at every place of both.
    @Test func base64TakesItsLettersAlone() {
        let letters = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        for at in 0..<8 {
            for byte: UInt8 in 0...255 {
                var text = Array("Zm9vYmEy".utf8)
                text[at] = byte
                // The last letter may be padding, too: the one before it ends in two zero bits.
                let isGood = letters.contains(byte) || at == 7 && byte == 0x3D
                let decoded = text.withUnsafeBytes { Base64.decode($0) }
                #expect((decoded != nil) == isGood, "\(byte) at \(at)")
                if let decoded { #expect(Array(Base64.encode(decoded).utf8) == text) }
            }
        }
    }

    @Test func hexTakesItsDigitsAlone() {
        for at in 0..<4 {
            for byte: UInt8 in 0...255 {
                var text = Array("12aF".utf8)
                text[at] = byte
                var out: [UInt8] = [0, 0]
                let isRead = text.withUnsafeBytes { text in out.withUnsafeMutableBytes { Hex.decode(text, into: $0) } }
                #expect(isRead == (Hex.value(byte) != nil), "\(byte) at \(at)")
                guard isRead, let digit = Hex.value(byte) else { continue }
                #expect(at % 2 == 0 ? out[at / 2] >> 4 == digit : out[at / 2] & 15 == digit)
            }
        }
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
        #expect(Bytes32(bytes.dropLast()) == nil)
        #expect(bytes.withUnsafeBytes { Bytes32($0) } == Bytes32(bytes))
        #expect(bytes[..<20].withUnsafeBytes { Bytes20($0) } == Bytes20(bytes.prefix(20)))
        #expect(bytes[..<20].withUnsafeBytes { Bytes32($0) } == nil)
        #expect(Bytes32(bytes)?.withBytes { Array($0) } == bytes)
        #expect(Bytes20(bytes.prefix(20))?.withBytes { Array($0) } == Array(bytes.prefix(20)))
    }
}

@Suite struct Base64URLTests {
    /// RFC 4648 §10, and the two letters that differ.
    @Test(arguments: [
        ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
        ("foobar", "Zm9vYmFy"), ("\u{FB}\u{EF}", "w7vDrw"), ("?>?>~~", "Pz4_Pn5-"),
    ])
    func vectors(_ text: String, _ encoded: String) {
        var out = ByteBuffer()
        out.append("+/=")
        out.append(base64url: Array(text.utf8))
        #expect(out.text == "+/=" + encoded, "what stood there before is left alone")
    }
}
