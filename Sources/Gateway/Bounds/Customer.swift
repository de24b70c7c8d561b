import Bytes
import COpenSSL
import Ledger
import Synchronization

/// One customer of one revision; what it has used up is shared by all loops, and by the revisions.
final class Customer: Sendable {
    let settings: CustomerSettings
    /// The field's name, folded.
    let header: [UInt8]
    private let used: CustomerUse

    init(_ settings: CustomerSettings, _ used: CustomerUse) {
        self.settings = settings
        header = settings.header.utf8.map(Customer.folded)
        self.used = used
    }

    /// Whether a key is this customer's; takes as long whichever byte differs.
    func has(_ hash: Bytes32) -> Bool {
        var isTheirs = false
        for known in settings.keyHashes {
            let isSame =
                known.withBytes { a in hash.withBytes { b in CRYPTO_memcmp(a.baseAddress, b.baseAddress, 32) } } == 0
            isTheirs = isTheirs || isSame
        }
        return isTheirs
    }

    /// Counts one request; seconds to wait where the rate has no room for it.
    func take(now: UInt64) -> Int? {
        guard let rate = settings.rate else { return nil }
        return used.take(rate, now: now)
    }

    /// `_` is read as `-` by many servers.
    static func folded(_ byte: UInt8) -> UInt8 {
        switch byte {
        case 0x41...0x5A: byte | 0x20
        case 0x5F: 0x2D
        default: byte
        }
    }
}

/// What a customer has used of its rate.
final class CustomerUse: Sendable {
    private let count = Mutex(RollingCount())

    func take(_ rate: RateBound, now: UInt64) -> Int? {
        switch count.withLock({ $0.take(rate, now: now) }) {
        case .counted: nil
        case .full(let seconds): seconds
        }
    }
}
