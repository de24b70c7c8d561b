import Bytes
import CSecp256k1
import Glibc

/// A 65-byte Ethereum signature: r ‖ s ‖ v.
public struct Signature: Hashable, Sendable {
    public let r: Bytes32
    public let s: Bytes32
    /// The parity of the recovered point's y: 0 or 1 (v is 27 more).
    public let yParity: UInt8

    public init(r: Bytes32, s: Bytes32, yParity: UInt8) {
        precondition(yParity <= 1)
        self.r = r
        self.s = s
        self.yParity = yParity
    }

    /// r ‖ s ‖ v with v 27 or 28.
    public var bytes: [UInt8] { r.array + s.array + [27 + yParity] }
}

/// ECDSA over secp256k1 as Ethereum uses it, by libsecp256k1.
public enum Secp256k1 {
    public enum Failure: Error, Sendable, Hashable {
        /// Not 65 bytes.
        case wrongLength
        /// v is none of 0, 1, 27, 28.
        case wrongRecoveryID
        /// s is above half the group's order: the same signature in its other form (EIP-2).
        case highS
        /// No point has signed this: r or s out of range, or not on the curve.
        case unrecoverable
    }

    /// The address whose key signed `digest`.
    public static func recover(
        digest: Bytes32, signature: UnsafeRawBufferPointer
    ) throws(Failure) -> Address {
        guard signature.count == 65, let compact = signature.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
            throw .wrongLength
        }
        let id: Int32
        switch signature[64] {
        case 0, 27: id = 0
        case 1, 28: id = 1
        default: throw .wrongRecoveryID
        }
        guard !isHigh(s: compact + 32) else { throw .highS }
        var parsed = secp256k1_ecdsa_recoverable_signature()
        var key = secp256k1_pubkey()
        let recovered = digest.withBytes { message in
            secp256k1_ecdsa_recoverable_signature_parse_compact(context.pointer, &parsed, compact, id) == 1
                && secp256k1_ecdsa_recover(
                    context.pointer, &key, &parsed, message.baseAddress!.assumingMemoryBound(to: UInt8.self)) == 1
        }
        guard recovered else { throw .unrecoverable }
        return address(of: &key)
    }

    /// Signs with a deterministic nonce (RFC 6979); s is always low.
    public static func sign(digest: Bytes32, with key: borrowing PrivateKey) -> Signature {
        var signature = secp256k1_ecdsa_recoverable_signature()
        var compact = [UInt8](repeating: 0, count: 64)
        var id: Int32 = 0
        let message = digest.array
        let signed = key.withSecret { secret in
            secp256k1_ecdsa_sign_recoverable(context.pointer, &signature, message, secret, nil, nil)
        }
        precondition(signed == 1, "signing fails only for an invalid key, which PrivateKey cannot hold")
        secp256k1_ecdsa_recoverable_signature_serialize_compact(context.pointer, &compact, &id, &signature)
        return Signature(
            r: Bytes32(compact[..<32])!, s: Bytes32(compact[32...])!, yParity: UInt8(truncatingIfNeeded: id & 1))
    }

    /// The account of a key.
    public static func address(of key: borrowing PrivateKey) -> Address {
        var point = secp256k1_pubkey()
        let created = key.withSecret { secp256k1_ec_pubkey_create(context.pointer, &point, $0) }
        precondition(created == 1, "creation fails only for an invalid key, which PrivateKey cannot hold")
        return address(of: &point)
    }

    static func isValidSecret(_ secret: UnsafePointer<UInt8>) -> Bool {
        secp256k1_ec_seckey_verify(context.pointer, secret) == 1
    }

    /// The last 20 bytes of the hash of the uncompressed point without its leading 0x04.
    private static func address(of point: inout secp256k1_pubkey) -> Address {
        withUnsafeTemporaryAllocation(byteCount: 65, alignment: 8) { room in
            var length = 65
            secp256k1_ec_pubkey_serialize(
                context.pointer, room.baseAddress!.assumingMemoryBound(to: UInt8.self), &length, &point,
                UInt32(SECP256K1_EC_UNCOMPRESSED))
            let hash = Keccak256.hash(UnsafeRawBufferPointer(rebasing: room[1...]))
            return hash.withBytes { Address(Bytes20(UnsafeRawBufferPointer(rebasing: $0[12...]))!) }
        }
    }

    /// Whether the big-endian number is above half the group's order.
    private static func isHigh(s: UnsafePointer<UInt8>) -> Bool { memcmp(s, halfOrder, 32) > 0 }

    /// Half the order of the group, rounded down (EIP-2).
    private static let halfOrder: [UInt8] = Hex.decode(
        "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0")!

    private static let context = Context()

    /// Sendable because libsecp256k1 lets any number of threads use a context that nobody changes, as nobody does after
    /// `init`.
    private struct Context: @unchecked Sendable {
        let pointer: OpaquePointer

        init() {
            pointer = secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE))
            // Blinds signing against side channels; without randomness the results are the same.
            var seed = SystemRandomNumberGenerator()
            var words = (seed.next(), seed.next(), seed.next(), seed.next())
            withUnsafeBytes(of: &words) {
                _ = secp256k1_context_randomize(pointer, $0.baseAddress!.assumingMemoryBound(to: UInt8.self))
            }
        }
    }
}
