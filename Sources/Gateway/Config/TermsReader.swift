import Chains
import Ledger
import Payments

/// A price with its place in the files.
struct WrittenPrice {
    var price: DollarPrice
    var place: ConfigPlace
    var path: ConfigPath
}

/// Makes terms of prices and of what their route says beside them.
struct TermsReader {
    let problems: ConfigProblems
    let payments: [PaymentMethod]
    let declaredPayments: Declared

    /// Prices that are the same share their offers, whose domain separators cost hashing.
    private var offers: [OfferKey: Offer] = [:]
    /// Pairs of payments that were warned of, once for all routes.
    private var warnedPairs: Set<[Int]> = []

    private struct OfferKey: Hashable {
        var payment: Int
        var amountAtomic: UInt128
        var maxTimeoutSeconds: Int
        var settlesFirst: Bool
    }

    /// The longest window that an authorization may be asked for.
    private static let maximumTimeoutSeconds = 30 * 86_400
    /// The largest answer that a row of the ledger is to hold.
    private static let maximumStoredBytes = 1 << 20
    /// Seconds that a payment signed now needs to be checked and sent.
    private static let signingSeconds = 6

    init(problems: ConfigProblems, payments: [PaymentMethod], declaredPayments: Declared) {
        self.problems = problems
        self.payments = payments
        self.declaredPayments = declaredPayments
    }

    /// What holds for every price of a route.
    struct Shared {
        fileprivate let map: ConfigMap
        fileprivate let upstream: UpstreamSettings?
        let order: SettleOrder
        /// Indexes of the payments that are taken.
        fileprivate let accepted: [Int]
        fileprivate let maxTimeoutSeconds: Int
        fileprivate let redeliver: Redelivery
        fileprivate let redeliverForSeconds: Int
        fileprivate let storeAnswersBytes: Int
        var description: String?
        var bind = BindMode.body
        var mimeType: String?
        var chargeWhen: ChargeWhen?
    }

    mutating func shared(_ map: ConfigMap, _ upstream: UpstreamSettings?) -> Shared {
        let redeliverFor = map.milliseconds("redeliver_for", in: 1_000...365 * 86_400_000) ?? 600_000
        let storeAnswers = map.bytesOrOff("store_answers", in: 1...Self.maximumStoredBytes) ?? 64 << 10
        return Shared(
            map: map, upstream: upstream, order: map.choice("settle") ?? .after, accepted: accepted(map),
            maxTimeoutSeconds: map.count("max_timeout_seconds", in: 1...Self.maximumTimeoutSeconds) ?? 300,
            redeliver: map.choice("redeliver") ?? .safe, redeliverForSeconds: redeliverFor / 1_000,
            storeAnswersBytes: storeAnswers ?? 0, description: map.text("description"))
    }

    /// - Parameter price: nil where it could not be read, which was reported.
    mutating func terms(_ shared: Shared, _ order: SettleOrder, _ written: WrittenPrice?) -> Terms? {
        let needed = needed(shared, order)
        guard let written else { return nil }
        let offers = shared.accepted.compactMap { offer(written, $0, shared.maxTimeoutSeconds, order) }
        guard !offers.isEmpty, offers.count == shared.accepted.count, let needed else { return nil }
        return Terms(
            order: order, bind: shared.bind, redeliver: shared.redeliver, maxTimeoutSeconds: shared.maxTimeoutSeconds,
            offers: offers, paymentIndexes: shared.accepted, description: shared.description,
            mimeType: shared.mimeType, redeliverForSeconds: shared.redeliverForSeconds,
            storeAnswersBytes: shared.storeAnswersBytes, priceText: written.price.text,
            priceOrder: written.price.order, neededSeconds: needed, chargeWhen: shared.chargeWhen)
    }

    /// Indexes of the payments that the route takes: those it names, or all in file order.
    private mutating func accepted(_ map: ConfigMap) -> [Int] {
        guard let names = map.texts("accept", expected: "names of payments") else {
            if map.has("accept") { return [] }
            if declaredPayments.names.isEmpty {
                map.missing("accept", "there is no payment to accept; declare one under payments")
            }
            checkDistinct(Array(payments.indices), map.place, map.below("accept"))
            return Array(payments.indices)
        }
        var accepted: [Int] = []
        for (name, place, path) in names {
            guard declaredPayments.check(name, "payment", place, path, problems),
                let at = declaredPayments.indexes[name]
            else { continue }
            if accepted.contains(at) {
                problems.error(place, path, "\"\(name)\" is named twice")
            } else {
                accepted.append(at)
            }
        }
        checkDistinct(accepted, map.entry("accept")?.value.place ?? map.place, map.below("accept"))
        return accepted
    }

    /// A payment names scheme, network and asset; two offers that share them could not be told apart. Those of version 1 name
    /// scheme and network alone.
    private mutating func checkDistinct(_ accepted: [Int], _ place: ConfigPlace, _ path: ConfigPath) {
        for (at, later) in accepted.enumerated() {
            for earlier in accepted[..<at] where payments[earlier].chainID == payments[later].chainID {
                let names = "\"\(payments[earlier].name)\" and \"\(payments[later].name)\""
                if payments[earlier].asset == payments[later].asset {
                    problems.error(
                        place, path, "\(names) are the same asset on the same network; accept one of them")
                } else if warnedPairs.insert([earlier, later]).inserted {
                    problems.warning(
                        place, path,
                        "\(names) share a network, which is all that clients of x402 version 1 name: they pay the first"
                    )
                }
            }
        }
    }

    /// Seconds that a payment's window must leave when it arrives; nil, with an error, where the window cannot hold them.
    private func needed(_ shared: Shared, _ order: SettleOrder) -> Int? {
        let settlement = shared.accepted.map { payments[$0].settlementSeconds }.max() ?? 0
        var needed = max(settlement, Self.signingSeconds)
        var reason = "settlement may take \(settlement) s"
        if order == .after {
            guard let upstream = shared.upstream else { return nil }
            let total = (upstream.timeouts.totalMilliseconds + 999) / 1_000
            needed = total + settlement
            reason =
                "upstream \"\(upstream.name)\" may take \(total) s (timeouts: total) and settlement \(settlement) s"
        }
        if needed < shared.maxTimeoutSeconds { return needed }
        let key = "max_timeout_seconds"
        // Every price of a menu says the same.
        problems.errorOnce(
            shared.map.entry(key)?.value.place ?? shared.map.place, shared.map.below(key),
            "a window of \(shared.maxTimeoutSeconds) s cannot hold \(needed) s: \(reason); lengthen the window"
                + (order == .after ? ", or shorten the time-out" : ""))
        return nil
    }

    private mutating func offer(
        _ written: WrittenPrice, _ payment: Int, _ maxTimeout: Int, _ order: SettleOrder
    ) -> Offer? {
        let method = payments[payment]
        let amount: UInt128
        do {
            amount = try written.price.atomic(decimals: method.assetDecimals, payment: method.name)
        } catch {
            problems.error(written.place, written.path, error.message)
            return nil
        }
        let key = OfferKey(
            payment: payment, amountAtomic: amount, maxTimeoutSeconds: maxTimeout, settlesFirst: order == .first)
        if let known = offers[key] { return known }
        let offer = Offer(
            paymentName: method.name, network: method.network, networkV1Name: method.networkV1Name,
            chainID: method.chainID,
            asset: method.asset, assetDecimals: method.assetDecimals, domainName: method.domainName,
            domainVersion: method.domainVersion, payTo: method.payTo, amountAtomic: amount,
            maxTimeoutSeconds: maxTimeout,
            settlesFirst: order == .first, facilitator: method.facilitator, factories: method.factories)
        offers[key] = offer
        return offer
    }
}
