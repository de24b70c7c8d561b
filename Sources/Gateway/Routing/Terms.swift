import Ledger
import Payments

/// The price of a route and how it is taken.
public struct Terms: Sendable {
    public var order: SettleOrder
    public var bind: BindMode
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
    /// Largest answer that is kept with its claim for `redeliverForSeconds`; 0: none is.
    public var storeAnswersBytes: Int
    /// As written: `$0.02`.
    public var priceText: String
    /// For comparison alone: more is dearer.
    var priceOrder: UInt64
    /// Seconds that `validBefore` must leave: the route's total time-out and the settlement under `after`, else the
    /// settlement alone.
    public var neededSeconds: Int
    /// Which answers are charged under `after`; nil: every 2xx.
    public var chargeWhen: ChargeWhen?
}

extension Terms {
    /// As the config writes it: `64KiB`, `off`.
    var storeAnswersText: String { storeAnswersBytes == 0 ? "off" : ConfigValue.text(bytes: storeAnswersBytes) }
}
