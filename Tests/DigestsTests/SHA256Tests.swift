import Bytes
import Digests
import Testing

@Suite struct SHA256Tests {
    /// FIPS 180-4 examples.
    @Test(arguments: [
        ("", "0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "0x248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func examples(text: String, hex: String) {
        let bytes = Array(text.utf8)
        #expect(bytes.withUnsafeBytes { SHA256.hash($0) }.hex == hex)
        var hasher = SHA256()
        for _ in 0..<2 {
            for byte in bytes { withUnsafeBytes(of: byte) { hasher.update($0) } }
            let hash = hasher.finish()
            #expect(hash.hex == hex)
        }
    }
}
