import Bytes
import EventLoop

/// Whom a bound in memory counts: an address (IPv6 by its /64, which is what one household or machine is given), or a wallet.
struct CallerKey: Hashable, Sendable {
    /// Which counter of which policy or route.
    var scope: UInt32
    private let first: UInt64
    private let second: UInt64
    private let third: UInt32

    /// An address alone, of no scope yet.
    init(_ address: SocketAddress) {
        let (network, family) = address.withAddressBytes { bytes -> (UInt64, UInt32) in
            if bytes.count == 4 { return (UInt64(bytes.loadUnaligned(as: UInt32.self)), 4) }
            // An IPv4 caller of an IPv6 socket (RFC 4291 §2.5.5.2).
            let isMapped =
                bytes.loadUnaligned(as: UInt64.self) == 0
                && bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self) == UInt32(bigEndian: 0xFFFF)
            if isMapped { return (UInt64(bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self)), 4) }
            return (bytes.loadUnaligned(as: UInt64.self), 6)
        }
        scope = 0
        first = network
        second = 0
        third = family
    }

    /// A payer, whatever the chain: its key is the same on all of them.
    init(payer: Bytes20) {
        (first, second, third) = payer.withBytes { bytes in
            (
                bytes.loadUnaligned(as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self)
            )
        }
        scope = 0
    }

    func within(_ scope: UInt32) -> CallerKey {
        var key = self
        key.scope = scope
        return key
    }
}
