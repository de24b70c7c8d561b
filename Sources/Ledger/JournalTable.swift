/// The tables whose every change is journaled. A change names a row by its key and says what groups of its columns hold from then on.
///
/// A new kind of change is a new case: its key, its groups, and a writer that calls `Journal.begin` and appends their values in this
/// order. Numbers and orders are on disk.
enum JournalTable: UInt8, CaseIterable {
    case claims = 1
    case transactions = 2
    case redemptions = 3
    /// No table: how far entries of the journal itself were dropped.
    case cuts = 4
    case batchMembers = 5
    /// Not the stored requests themselves, which their bindings prove.
    case reviews = 6
    case reviewURLs = 7

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
        case .cuts: "cuts"
        case .batchMembers: "batch_members"
        case .reviews: "reviews"
        case .reviewURLs: "review_urls"
        }
    }

    var key: [String] {
        switch self {
        case .claims: Self.claimKey
        case .transactions: Self.transactionKey
        case .redemptions: Self.redemptionKey
        case .cuts: Self.cutKey
        case .batchMembers, .reviews: Self.ofClaimKey
        case .reviewURLs: Self.reviewURLKey
        }
    }

    var groups: [[String]] {
        switch self {
        case .claims: ClaimColumns.groups
        case .transactions: Self.transactionGroups
        case .redemptions: Self.redemptionGroups
        case .cuts: Self.cutGroups
        case .batchMembers: Self.batchMemberGroups
        case .reviews: ReviewTable.journaled
        case .reviewURLs: Self.reviewURLGroups
        }
    }

    private static let claimKey = ["id"]
    private static let transactionKey = ["hash"]
    private static let transactionGroups = [TransactionTable.journaled]
    private static let redemptionKey = ["chain", "asset", "payer", "nonce"]
    private static let redemptionGroups = [["claim", "valid_before"]]
    private static let ofClaimKey = ["claim"]
    private static let batchMemberGroups = [["leader", "place"]]
    private static let reviewURLKey = ["hash"]
    private static let reviewURLGroups = [["review"]]
    private static let cutKey = ["only_row"]
    private static let cutGroups = [["cut_sequence", "cut_hash"]]
}
