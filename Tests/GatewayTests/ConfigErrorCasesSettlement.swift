@testable import Gateway

/// Networks, the relayer and facilitators. `check` reads them, so what is missing in the environment is only warned of.
extension ConfigErrorTests {
    private static let wallet = "\"0x209693bc6afc0c5328ba36faf03c514ef312287c\""

    /// A payment in the words of its settlement, so that columns stay readable.
    private static func payment(_ settlement: String) -> String {
        "payments: {a: {\(settlement), network: base, asset: USDC, pay_to: \(wallet)}}\n"
    }

    static let networkCases: [Case] = [
        Case(
            "networks: [base]\n",
            ["20.yaml:1:11: networks: expected a map, found a list"]),
        Case(
            "networks: {base-sepola: {}, eip155:0: {}, solana: {}}\n",
            [
                "20.yaml:1:12: networks.base-sepola: is no network that is known (others are written eip155:N); did you mean \"base-sepolia\"?",
                "20.yaml:1:29: networks.eip155:0: is no network that is known (others are written eip155:N); known here: base, base-sepolia, ethereum, avalanche, avalanche-fuji, polygon, polygon-amoy, arbitrum, arbitrum-sepolia, sei, sei-testnet, celo, monad",
                "20.yaml:1:43: networks.solana: is no network that is known (others are written eip155:N); known here: base, base-sepolia, ethereum, avalanche, avalanche-fuji, polygon, polygon-amoy, arbitrum, arbitrum-sepolia, sei, sei-testnet, celo, monad",
            ]),
        Case(
            "networks: {base: {}, eip155:8453: {}}\n",
            ["20.yaml:1:22: networks.eip155:8453: is the same chain as \"base\"; keep one of them"]),
        Case(
            "networks: {base: {rcp: x, confirmations: 0, settle_timeout: 1h, ca_file: 3, max_fee_gwei: 0.0000000001}}\n",
            [
                "20.yaml:1:19: networks.base.rcp: unknown key; did you mean \"rpc\"?",
                "20.yaml:1:42: networks.base.confirmations: 0 is out of range; 1 to 1000 can be taken",
                "20.yaml:1:61: networks.base.settle_timeout: 1h is out of range; 1s to 10m can be taken",
                "20.yaml:1:91: networks.base.max_fee_gwei: expected a decimal number with at most 9 places, found \"0.0000000001\"",
            ]),
        Case(
            "networks: {base: {rpc: []}, polygon: {rpc: 127.0.0.1}, sei: {rpc: [ftp://h, 7, [x], \"https://u:p@h\", \"https://\", \"https://h:0\", \"https://h/#x\", \"https://h/ü\"]}}\n",
            [
                "20.yaml:1:24: networks.base.rpc: expected 1 to 16 URLs, found 0",
                "20.yaml:1:44: networks.polygon.rpc: has no scheme; write https:// before it",
                "20.yaml:1:68: networks.sei.rpc[0]: speaks neither http nor https, but \"ftp\"",
                "20.yaml:1:77: networks.sei.rpc[1]: has no scheme; write https:// before it",
                "20.yaml:1:80: networks.sei.rpc[2]: expected a URL, {env: NAME} or {file: PATH}, found a list",
                "20.yaml:1:85: networks.sei.rpc[3]: holds credentials before the host, which are not sent",
                "20.yaml:1:102: networks.sei.rpc[4]: \"\" is no host, or its port is not 1 to 65535",
                "20.yaml:1:114: networks.sei.rpc[5]: \"h:0\" is no host, or its port is not 1 to 65535",
                "20.yaml:1:129: networks.sei.rpc[6]: holds a fragment, which is never sent",
                "20.yaml:1:145: networks.sei.rpc[7]: its path holds a character that no URL may (RFC 3986 §3.3)",
            ]),
        Case(
            "networks: {base: {rpc: [\"http://rpc.example.com/KEY\", \"https://h\", \"https://h/\", \"http://127.0.0.1.example.com\", \"http://10.0.0.1:8545\"]}}\n",
            [
                "20.yaml:1:25: networks.base.rpc[0]: plain http reaches no farther than this machine; write https://rpc.example.com",
                "20.yaml:1:68: networks.base.rpc[2]: is given twice",
                "20.yaml:1:82: networks.base.rpc[3]: plain http reaches no farther than this machine; write https://127.0.0.1.example.com",
                "20.yaml:1:114: networks.base.rpc[4]: plain http reaches no farther than this machine; write https://10.0.0.1:8545",
            ]),
        Case(
            "networks: {base: {rpc: \"http://[::1]:8545\", ca_file: /nowhere}}\n",
            ["20.yaml:1:54: networks.base.ca_file: has no meaning for plain http; it is for https"]),
        Case(
            "networks: {base: {confirmations: {defalt: 1, above 1: 2, above $2: x, above $9: 1, above $10: 1}}}\n",
            [
                "20.yaml:1:35: networks.base.confirmations.defalt: unknown key; did you mean \"default\"?",
                "20.yaml:1:46: networks.base.confirmations.above 1: \"1\" is no price; prices are in US dollars: write $1",
                "20.yaml:1:68: networks.base.confirmations.above $2: expected a whole number, found \"x\"",
                "20.yaml:1:81: networks.base.confirmations.above $9: 1 is no more than the 1 of \"default\"; larger amounts take more blocks",
                "20.yaml:1:95: networks.base.confirmations.above $10: 1 is no more than the 1 of \"above $9\"; larger amounts take more blocks",
            ]),
        Case(
            "networks: {base: {confirmations: {above $2: 9, above $2.0: 10, above $1: 2}}}\n",
            ["20.yaml:1:60: networks.base.confirmations.above $2.0: is as much as \"above $2\"; keep one of them"]),
        Case(
            "networks: {base: {confirmations: many}}\n",
            [
                "20.yaml:1:34: networks.base.confirmations: expected a number of blocks, or {default: 1, above $1: 3}, found \"many\""
            ]),
        Case(
            "confirmations: 3\nupstreams: {a: {url: \"http://h\", rpc: x}}\n",
            [
                "20.yaml:1:1: confirmations: unknown key; it belongs under networks.NAME",
                "20.yaml:2:34: upstreams.a.rpc: unknown key; it belongs under networks.NAME",
            ]),
    ]

    static let relayerCases: [Case] = [
        Case(
            "relayer: 5\n",
            ["20.yaml:1:10: relayer: expected a map, found \"5\""]),
        Case(
            "relayer: {max_fee_gwei: 5gwei, low_balance: -1, gas_limit: 21000, kee: x}\n",
            [
                "20.yaml:1:25: relayer.max_fee_gwei: expected a decimal number with at most 9 places, found \"5gwei\"",
                "20.yaml:1:45: relayer.low_balance: expected a decimal number with at most 18 places, found \"-1\"",
                "20.yaml:1:60: relayer.gas_limit: 21000 is out of range; 60000 to 10000000 can be taken",
                "20.yaml:1:67: relayer.kee: unknown key; did you mean \"key\"?",
            ]),
        Case(
            "relayer: {max_fee_gwei: 0, low_balance: 1001, batch: 33}\n",
            [
                "20.yaml:1:11: relayer.key: is missing; write {env: NAME}, {file: PATH}, or a list of these",
                "20.yaml:1:25: relayer.max_fee_gwei: 0 is out of range; 0.001 to 1000000 can be taken",
                "20.yaml:1:41: relayer.low_balance: 1001 is out of range; 0 to 1000 can be taken",
                "20.yaml:1:54: relayer.batch: 33 is out of range; 1 to 32 can be taken",
            ]),
        // A key that was written out is a secret in the wrong place: the message must not carry it on.
        Case(
            "relayer: {key: \"0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80\"}\n",
            ["20.yaml:1:16: relayer.key: expected {env: NAME} or {file: PATH}, found a text"]),
        Case(
            "relayer: {key: []}\n",
            ["20.yaml:1:16: relayer.key: expected 1 to 64 keys, found 0"]),
        Case(
            "relayer: {key: [{env: A, file: B}, {}, x, {environment: C}]}\n",
            [
                "20.yaml:1:17: relayer.key[0]: takes one of {env: NAME} and {file: PATH}",
                "20.yaml:1:36: relayer.key[1]: takes one of {env: NAME} and {file: PATH}",
                "20.yaml:1:40: relayer.key[2]: expected {env: NAME} or {file: PATH}, found a text",
                "20.yaml:1:43: relayer.key[3]: takes one of {env: NAME} and {file: PATH}",
                "20.yaml:1:44: relayer.key[3].environment: unknown key; known here: env, file",
            ]),
        Case(
            payment("facilitator: self"),
            [
                "20.yaml:1:29: payments.a.facilitator: self needs networks.base.rpc, by which the chain is read and paid on",
                "20.yaml:1:29: payments.a.facilitator: self needs relayer.key, which pays the gas",
            ]),
        Case(
            "networks: {eip155:8453: {confirmations: 2}}\nrelayer: {key: {env: K}}\n" + payment("facilitator: self"),
            [
                "20.yaml:3:29: payments.a.facilitator: self needs networks.eip155:8453.rpc, by which the chain is read and paid on"
            ]),
        // Of an entry that cannot be read nothing else is said.
        Case(
            "networks: {base: x}\nrelayer: {key: {env: K}}\n" + payment("facilitator: self"),
            ["20.yaml:1:18: networks.base: expected a map, found \"x\""]),
    ]

    static let facilitatorCases: [Case] = [
        Case(
            "facilitators: {self: {}, sandbox: {}, \"a b\": {}, c: 1, d: {}}\n",
            [
                "20.yaml:1:16: facilitators.self: is the gateway's own; give it another name",
                "20.yaml:1:26: facilitators.sandbox: is the gateway's own; give it another name",
                "20.yaml:1:39: facilitators.a b: a name holds letters, digits, -, _ and ., at most 64",
                "20.yaml:1:53: facilitators.c: expected a map, found \"1\"",
                "20.yaml:1:59: facilitators.d.url: is missing; write https://host, and the path that stands before /verify",
            ]),
        Case(
            "facilitators: {h: {url: \"http://hosted.example.com/x402\", baerer: x, timeout: 1ms, ca_file: /nowhere}}\n",
            [
                "20.yaml:1:25: facilitators.h.url: plain http reaches no farther than this machine; write https://hosted.example.com",
                "20.yaml:1:59: facilitators.h.baerer: unknown key; did you mean \"bearer\"?",
                "20.yaml:1:79: facilitators.h.timeout: 1ms is out of range; 100ms to 2m can be taken",
            ]),
        Case(
            "facilitators: {h: {url: \"https://h/x?key=1\", bearer: t0ken}}\n",
            [
                "20.yaml:1:25: facilitators.h.url: holds a query; /verify and /settle are put behind it",
                "20.yaml:1:54: facilitators.h.bearer: expected {env: NAME} or {file: PATH}, found a text",
            ]),
        Case(
            "facilitators: {h: {url: \"https://h\", bearer: {env: A}, coinbase: {key_id: a, secret: {env: B}}}}\n",
            ["20.yaml:1:66: facilitators.h.coinbase: stands beside bearer; a facilitator takes one of them"]),
        Case(
            "facilitators: {h: {url: \"https://h\", coinbase: {keyid: a}}, i: {url: \"https://h\", coinbase: x}}\n",
            [
                "20.yaml:1:48: facilitators.h.coinbase.secret: is missing; write {env: NAME} or {file: PATH}",
                "20.yaml:1:49: facilitators.h.coinbase.keyid: unknown key; did you mean \"key_id\"?",
                "20.yaml:1:93: facilitators.i.coinbase: expected a map, found \"x\"",
            ]),
        Case(
            "facilitators: {hosted: {url: \"https://h\"}}\n" + payment("facilitator: hostd"),
            ["20.yaml:2:29: payments.a.facilitator: unknown facilitator \"hostd\"; did you mean \"hosted\"?"]),
        Case(
            "facilitators: {hosted: {url: \"https://h\"}}\n"
                + payment(
                    "facilitator: hosted, factories: [\"0x209693bc6afc0c5328ba36faf03c514ef312287d\", 0x1, \"0x209693bc6afc0c5328ba36faf03c514ef312287d\"]"
                ),
            [
                "20.yaml:2:48: payments.a.factories: has no meaning for hosted; it is for facilitator: self",
                "20.yaml:2:95: payments.a.factories[1]: \"0x1\" is no address; it takes 0x and 40 hex digits",
                "20.yaml:2:100: payments.a.factories[2]: 0x209693Bc6Afc0C5328ba36FaF03c514Ef312287d is given twice",
            ]),
    ]
}
