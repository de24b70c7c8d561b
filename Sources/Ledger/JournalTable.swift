/// The tables whose every change is journaled. A change names a row by its key and says what groups of its columns hold from then on.
///
/// A new kind of change is a new case: its key, its groups, and a writer that calls `Journal.begin` and appends their values in this
/// order. Numbers and orders are on disk.
enum JournalTable: UInt8, CaseIterable {
    case claims = 1
    case transactions = 2
    case redemptions = 3

    /// One bit per group.
    struct Groups: OptionSet {
        let rawValue: UInt8

        /// The row is no more.
        static let none: Groups = []
        /// Of a table that has one group only.
        static let whole = Groups(rawValue: 1)
    }

    var name: String {
        switch self {
        case .claims: "claims"
        case .transactions: "transactions"
        case .redemptions: "redemptions"
        }
    }

    var key: [String] {
        switch self {
        case .claims: ["id"]
        case .transactions: ["hash"]
        case .redemptions: ["chain", "asset", "payer", "nonce"]
        }
    }

    var groups: [[String]] {
        switch self {
        case .claims: ClaimColumns.groups
        case .transactions: [TransactionTable.journaled]
        case .redemptions: [["claim", "valid_before"]]
        }
    }
}
