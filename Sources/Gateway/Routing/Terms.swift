import Payments

/// The price of a route and how it is taken.
public struct Terms: Sendable {
    public var order: SettlementOrder
    public var bind: Binding
    public var redeliver: Redelivery
    public var maxTimeoutSeconds: Int
    /// In the order in which a 402 lists them; never empty.
    public var offers: [Offer]
    /// `Revision.payments` index of each offer.
    public var paymentIndexes: [Int]
    public var description: String?
    public var mimeType: String?
    /// How long what is owed may be redeemed by a rerun.
    public var redeliverForSeconds: Int
    /// As written: `$0.02`.
    public var priceText: String
    /// Seconds that `validBefore` must leave: the route's total time-out and the settlement under `after`, else the
    /// settlement alone.
    public var neededSeconds: Int
}

public enum SettlementOrder: String, Sendable, Equatable, CaseIterable {
    /// Run, then charge on success: the default.
    case after
    /// Charge, then run.
    case first
}

/// What ties a payment to one request (money.md, "Binding").
public enum Binding: String, Sendable, Equatable, CaseIterable {
    case body
    case head
}

/// When the upstream may be asked again for what is owed (money.md, "Owed is honoured").
public enum Redelivery: String, Sendable, Equatable, CaseIterable {
    /// Where no byte had been written, or the method is idempotent: the default.
    case safe
    case rerun
    case never
}
