import Bytes

/// Keccak-256 as Ethereum uses it: the original padding (0x01), not that of FIPS 202's SHA-3 (0x06).
///
/// Streaming: `update` any number of times, then `finish` once; `reset` starts over.
public struct Keccak256 {
    /// Bytes absorbed per permutation: 1600 bits of state less twice the 256 bits of output.
    static let rate = 136

    private var state = InlineArray<25, UInt64>(repeating: 0)
    private var filled = 0

    public init() {}

    public mutating func reset() {
        state = InlineArray(repeating: 0)
        filled = 0
    }

    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var at = 0
        let end = bytes.count
        while at < end {
            if filled == 0 && end &- at >= Self.rate {
                for lane in 0..<Self.rate / 8 {
                    state[lane] ^= UInt64(
                        littleEndian: bytes.loadUnaligned(fromByteOffset: at &+ lane &* 8, as: UInt64.self))
                }
                state.permute()
                at += Self.rate
                continue
            }
            if filled & 7 == 0 && end &- at >= 8 {
                state[filled >> 3] ^= UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
                filled += 8
                at += 8
            } else {
                state[filled >> 3] ^= UInt64(bytes[at]) << UInt64((filled & 7) * 8)
                filled += 1
                at += 1
            }
            if filled == Self.rate {
                state.permute()
                filled = 0
            }
        }
    }

    public mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    /// Absorbs a 32-byte word, as ABI encoding lays everything out.
    public mutating func update(_ word: Bytes32) { word.withBytes { update($0) } }

    /// The digest of what was absorbed. The value is spent: call `reset` before using it again.
    public mutating func finish() -> Bytes32 {
        state[filled >> 3] ^= 1 << UInt64((filled & 7) * 8)
        state[Self.rate / 8 - 1] ^= 1 << 63
        state.permute()
        let words = (state[0].littleEndian, state[1].littleEndian, state[2].littleEndian, state[3].littleEndian)
        return withUnsafeBytes(of: words) { Bytes32($0)! }
    }

    public static func hash(_ bytes: UnsafeRawBufferPointer) -> Bytes32 {
        var keccak = Keccak256()
        keccak.update(bytes)
        return keccak.finish()
    }

    public static func hash(_ bytes: [UInt8]) -> Bytes32 { bytes.withUnsafeBytes { hash($0) } }

    public static func hash(_ text: String) -> Bytes32 { hash(Array(text.utf8)) }
}

extension InlineArray where Element == UInt64, count == 25 {
    /// Keccak-f[1600] (FIPS 202 §3.3): 24 rounds of theta, rho, pi, chi and iota.
    fileprivate mutating func permute() {
        for index in roundConstants.indices {
            round(roundConstants[index])
        }
    }

    /// One round with all lanes in registers; lane (x, y) of the standard is `self[x + 5 * y]`.
    @inline(__always)
    private mutating func round(_ constant: UInt64) {
        let c0 = self[0] ^ self[5] ^ self[10] ^ self[15] ^ self[20]
        let c1 = self[1] ^ self[6] ^ self[11] ^ self[16] ^ self[21]
        let c2 = self[2] ^ self[7] ^ self[12] ^ self[17] ^ self[22]
        let c3 = self[3] ^ self[8] ^ self[13] ^ self[18] ^ self[23]
        let c4 = self[4] ^ self[9] ^ self[14] ^ self[19] ^ self[24]
        let d0 = c4 ^ rotate(c1, 1)
        let d1 = c0 ^ rotate(c2, 1)
        let d2 = c1 ^ rotate(c3, 1)
        let d3 = c2 ^ rotate(c4, 1)
        let d4 = c3 ^ rotate(c0, 1)

        let b0 = self[0] ^ d0
        let b1 = rotate(self[6] ^ d1, 44)
        let b2 = rotate(self[12] ^ d2, 43)
        let b3 = rotate(self[18] ^ d3, 21)
        let b4 = rotate(self[24] ^ d4, 14)
        let b5 = rotate(self[3] ^ d3, 28)
        let b6 = rotate(self[9] ^ d4, 20)
        let b7 = rotate(self[10] ^ d0, 3)
        let b8 = rotate(self[16] ^ d1, 45)
        let b9 = rotate(self[22] ^ d2, 61)
        let b10 = rotate(self[1] ^ d1, 1)
        let b11 = rotate(self[7] ^ d2, 6)
        let b12 = rotate(self[13] ^ d3, 25)
        let b13 = rotate(self[19] ^ d4, 8)
        let b14 = rotate(self[20] ^ d0, 18)
        let b15 = rotate(self[4] ^ d4, 27)
        let b16 = rotate(self[5] ^ d0, 36)
        let b17 = rotate(self[11] ^ d1, 10)
        let b18 = rotate(self[17] ^ d2, 15)
        let b19 = rotate(self[23] ^ d3, 56)
        let b20 = rotate(self[2] ^ d2, 62)
        let b21 = rotate(self[8] ^ d3, 55)
        let b22 = rotate(self[14] ^ d4, 39)
        let b23 = rotate(self[15] ^ d0, 41)
        let b24 = rotate(self[21] ^ d1, 2)

        self[0] = b0 ^ (~b1 & b2) ^ constant
        self[1] = b1 ^ (~b2 & b3)
        self[2] = b2 ^ (~b3 & b4)
        self[3] = b3 ^ (~b4 & b0)
        self[4] = b4 ^ (~b0 & b1)
        self[5] = b5 ^ (~b6 & b7)
        self[6] = b6 ^ (~b7 & b8)
        self[7] = b7 ^ (~b8 & b9)
        self[8] = b8 ^ (~b9 & b5)
        self[9] = b9 ^ (~b5 & b6)
        self[10] = b10 ^ (~b11 & b12)
        self[11] = b11 ^ (~b12 & b13)
        self[12] = b12 ^ (~b13 & b14)
        self[13] = b13 ^ (~b14 & b10)
        self[14] = b14 ^ (~b10 & b11)
        self[15] = b15 ^ (~b16 & b17)
        self[16] = b16 ^ (~b17 & b18)
        self[17] = b17 ^ (~b18 & b19)
        self[18] = b18 ^ (~b19 & b15)
        self[19] = b19 ^ (~b15 & b16)
        self[20] = b20 ^ (~b21 & b22)
        self[21] = b21 ^ (~b22 & b23)
        self[22] = b22 ^ (~b23 & b24)
        self[23] = b23 ^ (~b24 & b20)
        self[24] = b24 ^ (~b20 & b21)
    }
}

@inline(__always)
private func rotate(_ lane: UInt64, _ by: UInt64) -> UInt64 { lane &<< by | lane &>> (64 &- by) }

private let roundConstants: InlineArray<24, UInt64> = [
    0x0000_0000_0000_0001, 0x0000_0000_0000_8082, 0x8000_0000_0000_808A, 0x8000_0000_8000_8000,
    0x0000_0000_0000_808B, 0x0000_0000_8000_0001, 0x8000_0000_8000_8081, 0x8000_0000_0000_8009,
    0x0000_0000_0000_008A, 0x0000_0000_0000_0088, 0x0000_0000_8000_8009, 0x0000_0000_8000_000A,
    0x0000_0000_8000_808B, 0x8000_0000_0000_008B, 0x8000_0000_0000_8089, 0x8000_0000_0000_8003,
    0x8000_0000_0000_8002, 0x8000_0000_0000_0080, 0x0000_0000_0000_800A, 0x8000_0000_8000_000A,
    0x8000_0000_8000_8081, 0x8000_0000_0000_8080, 0x0000_0000_8000_0001, 0x8000_0000_8000_8008,
]
