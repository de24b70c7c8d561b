import Payments

/// What a payment was made for: the offer, the terms it belongs to, and what is wrong with it under them.
struct Agreement {
    let offer: Offer
    let terms: Terms
    /// Number of the revision whose terms these are.
    let revision: Int
    let fault: PaymentCode?
}
