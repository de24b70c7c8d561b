/// Every key there is, by the map that takes it.
enum KnownKeys {
    static let top = [
        "listen", "admin", "public_url", "threads", "ledger", "keep", "access_log", "payments", "upstreams", "routes",
        "policies",
        "customers", "unmatched", "cors", "limits", "timeouts", "ready_requires", "networks", "relayer", "facilitators",
        "review", "assertion",
    ]
    static let payment = ["network", "asset", "pay_to", "facilitator", "factories"]
    static let network = ["rpc", "confirmations", "settle_timeout", "max_fee_gwei", "ca_file"]
    static let relayer = ["key", "max_fee_gwei", "low_balance", "gas_limit", "batch"]
    static let facilitator = ["url", "bearer", "coinbase", "ca_file", "timeout"]
    static let coinbase = ["key_id", "secret"]
    static let asset = ["address", "name", "version", "decimals"]
    static let upstream = ["url", "host", "headers", "ca_file", "timeouts", "keep_alive", "assertion"]
    static let assertion = ["key"]
    static let secret = ["env", "file"]
    static let timeouts = ["connect", "first_byte", "idle", "total"]
    static let route = ["match", "upstream", "free", "description", "mime_type", "policies", "mcp"] + priced
    /// Keys that only a priced route takes.
    static let priced = [
        "price", "accept", "settle", "max_timeout_seconds", "bind", "redeliver", "redeliver_for", "store_answers",
        "customers", "free_quota", "charge_when",
    ]
    /// Below `mcp` of a route.
    static let mcp = ["tools", "other_tools", "methods", "challenge", "annotate"]
    /// Of a tool or method whose price is not all that is said of it.
    static let tool = ["price", "settle", "description"]
    static let policy = [
        "in_flight_per_wallet", "lease_wait", "lease_queue", "per_wallet", "per_address", "everyone", "deny",
        "requires",
        "otherwise", "trip", "then", "for",
    ]
    static let inFlight = ["after", "first"]
    /// Below `per_wallet` and `everyone`.
    static let counted = ["rate", "spend"]
    static let address = ["unpaid", "free"]
    static let requires = ["settled", "age", "spent", "failed_ratio"]
    static let trip = ["header", "or_status", "over", "of_last"]
    static let customer = ["api_key_sha256", "header", "rate"]
    static let freeQuota = ["per_wallet_or_address"]
    static let chargeWhen = ["status", "json"]
    static let review = ["per_wallet", "total", "keep", "body"]
    static let unmatched = ["free"]
    static let limits = [
        "head_bytes", "head_fields", "target_bytes", "body_bytes", "max_priced_body", "mcp_body", "priced_body_memory",
        "held_answer",
        "held_answer_memory", "connections", "head_timeout", "body_timeout", "body_rate", "keep_alive", "drain",
        "upstream_keep_alive",
    ]

    /// Where a key that stands in the wrong map belongs; nil for a key that is known nowhere, or in more than one place.
    static func home(of key: String) -> String? {
        let homes = [
            (policy, "policies.NAME"), (["unpaid"], "policies.NAME.per_address"),
            (["spend"], "policies.NAME.per_wallet"),
            (["settled", "age", "spent", "failed_ratio"], "policies.NAME.requires"),
            (["or_status", "over", "of_last"], "policies.NAME.trip"), (["api_key_sha256"], "customers.NAME"),
            (freeQuota, "an entry's free_quota"), (limits, "limits"), (payment, "payments.NAME"),
            (["rpc", "confirmations", "settle_timeout"], "networks.NAME"),
            (["key", "low_balance", "gas_limit", "batch"], "relayer"), (["bearer", "coinbase"], "facilitators.NAME"),
            (coinbase, "facilitators.NAME.coinbase"),
            (["connect", "first_byte"], "timeouts"),
            (priced.filter { $0 != "customers" } + ["match", "mcp"], "an entry of routes"),
            (mcp, "an entry's mcp"),
            (top, "the top level"),
        ].filter { $0.0.contains(key) }
        return homes.count == 1 ? homes[0].1 : nil
    }
}
