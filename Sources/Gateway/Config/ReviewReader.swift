import Ledger

extension SettingsReader {
    func review(_ entries: [ConfigNode.Entry]) -> ReviewSettings {
        let path = ConfigPath.key(.root, "review")
        let map = ConfigMap(entries, root, path, known: KnownKeys.review, problems: problems)
        var review = ReviewSettings()
        review.limits.perWallet = map.count("per_wallet", in: 1...1_000) ?? review.limits.perWallet
        review.limits.total = map.count("total", in: 1...100_000) ?? review.limits.total
        if let keep = map.milliseconds("keep", in: 1_000...90 * 86_400_000) {
            review.limits.keepSeconds = Int64(keep / 1_000)
        }
        review.bodyBytes = map.bytes("body", in: 0...16 << 20) ?? review.bodyBytes
        return review
    }

    /// Without an admin listener nobody can decide.
    func checkReviewer(_ admin: ListenAddress?, _ policies: [PolicySettings]) {
        guard admin == nil, let policy = policies.first(where: \.leadsToReview) else { return }
        problems.warning(
            root, .key(.root, "admin"),
            "is missing: the policy \"\(policy.name)\" has requests wait for a person, and farebox review approve needs it"
        )
    }
}

extension RouteDoorsReader {
    /// What waits is stored whole, and its answer is kept until it is fetched.
    func checkReview(_ doors: RouteDoors, _ terms: Terms, _ map: ConfigMap) {
        guard let policy = doors.policies.map({ policies[$0] }).first(where: \.leadsToReview) else { return }
        if terms.bind == .head {
            map.error(
                "bind",
                "head does not go with the policy \"\(policy.name)\": requests that wait for a person are bound whole")
        }
        if terms.storeAnswersBytes == 0 {
            map.error(
                "store_answers",
                "off does not go with the policy \"\(policy.name)\": what ran after a review is kept until it is fetched"
            )
        }
    }

    /// The call of a tool is answered while its caller waits.
    func checkNoReview(_ doors: RouteDoors, _ map: ConfigMap) {
        guard let policy = doors.policies.map({ policies[$0] }).first(where: \.leadsToReview) else { return }
        map.error(
            "policies",
            "\"\(policy.name)\" has requests wait for a person, which has no meaning on a route with mcp: the call of a tool is "
                + "answered at once; name policies without review"
        )
    }
}

extension PolicySettings {
    /// Some payments under it wait for a person.
    var leadsToReview: Bool { proven != nil && otherwise == .review || breaker?.then == .review }
}
