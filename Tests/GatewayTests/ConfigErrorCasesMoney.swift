@testable import Gateway

extension ConfigErrorTests {
    static let paymentCases: [Case] = [
        Case(
            "payments: {a: {}}\n",
            [
                "20.yaml:1:15: payments.a.network: is missing; name one, such as base-sepolia, or write eip155:N",
                "20.yaml:1:15: payments.a.asset: is missing; write USDC, or {address, name, version, decimals}",
                "20.yaml:1:15: payments.a.pay_to: is missing; it is the address that is paid, 0x and 40 hex digits",
                "20.yaml:1:15: payments.a.facilitator: is missing; known: self, sandbox",
            ]),
        Case(
            "payments: {\"a b\": {}}\n",
            [
                "20.yaml:1:12: payments.a b: a name holds letters, digits, -, _ and ., at most 64"
            ]),
        Case(
            "payments: {a: base}\n",
            [
                "20.yaml:1:15: payments.a: expected a map, found \"base\""
            ]),
        Case(
            "payments: [a]\n",
            [
                "20.yaml:1:11: payments: expected a map, found a list"
            ]),
        Case(
            "payments: {a: {network: base-sepola, asset: usdc, pay_to: \"0x209693Bc6afc0C5328bA36FaF03C514EF312287c\", facilitator: sef}}\n",
            [
                "20.yaml:1:25: payments.a.network: unknown network \"base-sepola\" (others are written eip155:N); did you mean \"base-sepolia\"?",
                "20.yaml:1:45: payments.a.asset: unknown asset \"usdc\"; write USDC",
                "20.yaml:1:59: payments.a.pay_to: the EIP-55 checksum (the case of the letters) of 0x209693Bc6afc0C5328bA36FaF03C514EF312287c is wrong; a digit may be mistyped",
                "20.yaml:1:118: payments.a.facilitator: unknown facilitator \"sef\"; did you mean \"self\"?",
            ]),
        Case(
            "payments: {a: {network: base, asset: USDC, pay_to: \"0x209693bc6afc0c5328ba36faf03c514ef312287c\", facilitator: sandbox}}\n",
            [
                "20.yaml:1:25: payments.a.network: base holds real money, which facilitator: sandbox never moves; use a test network, such as base-sepolia"
            ]),
        Case(
            "payments: {a: {network: eip155:56, asset: USDC, pay_to: \"0x0000000000000000000000000000000000000000\", facilitator: sandbox}}\n",
            [
                "20.yaml:1:25: payments.a.network: eip155:56 holds real money, which facilitator: sandbox never moves; use a test network",
                "20.yaml:1:43: payments.a.asset: where USDC lives on eip155:56 is not known; write {address, name, version, decimals}",
                "20.yaml:1:57: payments.a.pay_to: is the zero address; what is paid to it is lost",
            ]),
        Case(
            "payments: {a: {network: eip155:8453, asset: USDC, pay_to: \"0x209693bc6afc0c5328ba36faf03c514ef312287c\", facilitator: sandbox}}\n",
            [
                "20.yaml:1:25: payments.a.network: base holds real money, which facilitator: sandbox never moves; use a test network, such as base-sepolia"
            ]),
        Case(
            "payments: {a: {network: eip155:084532, asset: DAI, pay_to: 12, facilitator: sandbox}}\n",
            [
                "20.yaml:1:25: payments.a.network: unknown network \"eip155:084532\" (others are written eip155:N); known here: base, base-sepolia, ethereum, avalanche, avalanche-fuji, polygon, polygon-amoy, arbitrum, arbitrum-sepolia, sei, sei-testnet, celo, monad",
                "20.yaml:1:47: payments.a.asset: unknown asset \"DAI\"; USDC is known; describe others by {address, name, version, decimals}",
                "20.yaml:1:60: payments.a.pay_to: \"12\" is no address; it takes 0x and 40 hex digits",
            ]),
        Case(
            "payments: {a: {network: base-sepolia, asset: {adress: x, decimals: 40}, pay_to: \"0x209693bc6afc0c5328ba36faf03c514ef312287c\", facilitator: sandbox}}\n",
            [
                "20.yaml:1:46: payments.a.asset.name: is missing; it is what the contract's name() returns",
                "20.yaml:1:46: payments.a.asset.version: is missing; it is what the contract's version() returns, often \"2\"",
                "20.yaml:1:47: payments.a.asset.adress: unknown key; did you mean \"address\"?",
                "20.yaml:1:68: payments.a.asset.decimals: 40 is out of range; 0 to 36 can be taken",
            ]),
        Case(
            "payments: {a: {network: base-sepolia, asset: USDC, pay_to: \"0x036CbD53842c5426634e7929541eC2318f3dCF7e\", facilitator: sandbox}}\n",
            [
                "20.yaml:1:60: payments.a.pay_to: is the asset's own contract, not a wallet"
            ]),
    ]

    static let upstreamCases: [Case] = [
        Case(
            "upstreams: {a: {}}\n",
            [
                "20.yaml:1:16: upstreams.a.url: is missing; write http://host:port"
            ]),
        Case(
            "upstreams: {a: \"http://h\"}\n",
            [
                "20.yaml:1:16: upstreams.a: expected a map, found \"http://h\""
            ]),
        Case(
            "upstreams: {a: {url: 127.0.0.1:9000}}\n",
            [
                "20.yaml:1:22: upstreams.a.url: \"127.0.0.1:9000\" has no scheme; write http://127.0.0.1:9000"
            ]),
        Case(
            "upstreams: {a: {url: ftp://h}}\n",
            [
                "20.yaml:1:22: upstreams.a.url: \"ftp://h\": an upstream speaks http or https, not \"ftp\""
            ]),
        Case(
            "upstreams: {a: {url: \"http://u:p@h\"}}\n",
            [
                "20.yaml:1:22: upstreams.a.url: holds credentials; set them under headers, as {Authorization: {env: NAME}}"
            ]),
        Case(
            "upstreams: {a: {url: \"http://h:0\"}}\n",
            [
                "20.yaml:1:22: upstreams.a.url: \"http://h:0\": \"h:0\" is no host, or its port is not 1 to 65535"
            ]),
        Case(
            "upstreams: {a: {url: \"http://h/a?b\"}}\n",
            [
                "20.yaml:1:22: upstreams.a.url: \"http://h/a?b\" holds a query or a fragment; an upstream takes neither"
            ]),
        Case(
            "upstreams: {a: {url: \"http://h/a/../b\"}}\n",
            [
                "20.yaml:1:22: upstreams.a.url: \"http://h/a/../b\": its path holds the dot segment \"..\""
            ]),
        Case(
            "upstreams: {a: {url: \"http://h/*\"}}\n",
            [
                "20.yaml:1:22: upstreams.a.url: \"http://h/*\": its path holds a wildcard"
            ]),
        Case(
            "upstreams: {a: {url: \"http://h\", hots: preserve, host: \"a b\"}}\n",
            [
                "20.yaml:1:34: upstreams.a.hots: unknown key; did you mean \"host\"?",
                "20.yaml:1:56: upstreams.a.host: \"a b\" is no host name; write preserve, upstream, or a name",
            ]),
        Case(
            "upstreams: {a: {url: \"http://h\", ca_file: /nonexistent.pem}}\n",
            [
                "20.yaml:1:43: upstreams.a.ca_file: has no meaning for plain http; it is for https"
            ]),
        Case(
            "upstreams: {a: {url: \"http://h\", headers: {Host: x, X-Farebox-Payer: y, Content-Length: 1, x-payment: z, \"a b\": c, X-A: 1, x-a: 2, X-B: [c], X-C: \"a\\nb\", X-D: {env: E, file: F}, X-E: {environment: E}, X-F: \" pad\"}}}\n",
            [
                "20.yaml:1:44: upstreams.a.headers.Host: is set by the upstream's key host: preserve, upstream or a name",
                "20.yaml:1:53: upstreams.a.headers.X-Farebox-Payer: is set by the gateway itself",
                "20.yaml:1:73: upstreams.a.headers.Content-Length: belongs to the connection, and is set by the gateway alone",
                "20.yaml:1:92: upstreams.a.headers.x-payment: belongs to payments, and never reaches an upstream",
                "20.yaml:1:106: upstreams.a.headers.a b: \"a b\" is no header field name (RFC 9110 §5.1)",
                "20.yaml:1:124: upstreams.a.headers.x-a: is the same field as X-A; names are without case",
                "20.yaml:1:137: upstreams.a.headers.X-B: expected a text, {env: NAME} or {file: PATH}, found a list",
                "20.yaml:1:147: upstreams.a.headers.X-C: its value holds a control character, which no header field may",
                "20.yaml:1:160: upstreams.a.headers.X-D: takes one of {env: NAME} and {file: PATH}",
                "20.yaml:1:184: upstreams.a.headers.X-E: takes one of {env: NAME} and {file: PATH}",
                "20.yaml:1:185: upstreams.a.headers.X-E.environment: unknown key; known here: env, file",
                "20.yaml:1:207: upstreams.a.headers.X-F: its value begins or ends with white space",
            ]),
        Case(
            "upstreams: {a: {url: \"http://h\", timeouts: 5s}}\n",
            [
                "20.yaml:1:44: upstreams.a.timeouts: expected a map, found \"5s\""
            ]),
        Case(
            "listen: [\"127.0.0.1:9000\", \"0.0.0.0:81\", \"[::1]:82\"]\nupstreams:\n  a: {url: \"http://localhost:9000\"}\n  b: {url: \"http://127.0.0.9:81/x\"}\n  c: {url: \"http://[::1]:82\"}\n  d: {url: \"http://10.0.0.1:81\"}\n  e: {url: \"http://127.0.0.2:9000\"}\n",
            [
                "10.yaml:4:3: upstreams.legacy: http://127.0.0.1:9000 is this gateway itself, which listens on 127.0.0.1:9000",
                "20.yaml:3:3: upstreams.a: http://localhost:9000 is this gateway itself, which listens on 127.0.0.1:9000",
                "20.yaml:4:3: upstreams.b: http://127.0.0.9:81/x is this gateway itself, which listens on 0.0.0.0:81",
                "20.yaml:5:3: upstreams.c: http://[::1]:82 is this gateway itself, which listens on [::1]:82",
            ]),
    ]
}
