import Bytes

/// What makes an authorization one of a kind: never the signature's bytes, which are malleable.
public struct ClaimKey: Hashable, Sendable {
    /// CAIP-2, for example `eip155:84532`.
    public let chain: String
    /// The token's contract.
    public let asset: Bytes20
    /// The proven signer.
    public let payer: Bytes20
    /// The EIP-3009 nonce.
    public let nonce: Bytes32

    public init(chain: String, asset: Bytes20, payer: Bytes20, nonce: Bytes32) {
        self.chain = chain
        self.asset = asset
        self.payer = payer
        self.nonce = nonce
    }

    /// The payer on its chain: the same address may have another owner on another chain.
    public var wallet: Wallet { Wallet(chain: chain, payer: payer) }
}

/// Who pays: leases and redemption are counted by it.
public struct Wallet: Hashable, Sendable {
    public let chain: String
    public let payer: Bytes20

    public init(chain: String, payer: Bytes20) {
        self.chain = chain
        self.payer = payer
    }
}

/// A claim's name within its ledger and, by the ledger's mark, among all ledgers.
public struct ClaimID: Hashable, Sendable {
    public let row: Int64
    /// Drawn at random when the ledger was made.
    public let ledger: UInt32

    public init(row: Int64, ledger: UInt32) {
        self.row = row
        self.ledger = ledger
    }

    /// `fb_<ledger, 8 hex digits>_<row>`: the same for every attempt and rerun of one claim, for `Idempotency-Key`.
    public var idempotencyKey: String {
        let mark = String(ledger, radix: 16)
        return "fb_" + String(repeating: "0", count: 8 - mark.count) + mark + "_" + String(row)
    }

    /// Reads what `idempotencyKey` writes; nil for anything else.
    public init?(idempotencyKey text: String) {
        let parts = text.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "fb", parts[1].utf8.count == 8,
            let ledger = UInt32(parts[1], radix: 16), let row = Int64(parts[2])
        else { return nil }
        self.init(row: row, ledger: ledger)
        guard idempotencyKey == text else { return nil }
    }
}
