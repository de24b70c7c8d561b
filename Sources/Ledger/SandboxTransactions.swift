import Bytes

/// Names of the sandbox's transactions: `sandbox-` and 64 hex digits, of which 48 are drawn once for the ledger's opening and 16 count,
/// so that no two are alike.
struct SandboxTransactions {
    private let prefix: String
    private var count: UInt64 = 0

    init() {
        var random = SystemRandomNumberGenerator()
        prefix = "sandbox-" + (0..<3).map { _ in Self.digits(random.next()) }.joined()
    }

    mutating func next() -> String {
        count += 1
        return prefix + Self.digits(count)
    }

    private static func digits(_ number: UInt64) -> String {
        String(unsafeUninitializedCapacity: 16) { text in
            for at in 0..<16 { text[at] = Hex.digit(UInt8(truncatingIfNeeded: number >> (60 - 4 * at) & 15)) }
            return 16
        }
    }
}
