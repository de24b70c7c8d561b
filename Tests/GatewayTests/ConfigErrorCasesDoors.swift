@testable import Gateway

extension ConfigErrorTests {
    private static func route(_ keys: String) -> String {
        "routes: [{match: GET /x, upstream: legacy, price: $0.05, \(keys)}]\n"
    }

    private static let hash = "88d4266fd4e6338d13b845fcf289579d209c897823b9217da3e161936f031589"

    static let policyCases: [Case] = [
        Case(
            "policies: {default: {per_walet: {rate: 60/min}, per_address: {unpaid: 120, free: 5/fortnight}, everyone: {}}}\n",
            [
                "20.yaml:1:22: policies.default.per_walet: unknown key; did you mean \"per_wallet\"?",
                "20.yaml:1:71: policies.default.per_address.unpaid: \"120\" is no rate; write a number and its window: 60/min, 10/day, 60/30s",
                "20.yaml:1:82: policies.default.per_address.free: \"5/fortnight\" has no window that is known; write /s, /min, /h, /day, or a number of them: /30s, /7d",
                "20.yaml:1:106: policies.default.everyone: bounds nothing; write one of: rate, spend",
            ]),
        Case(
            "policies: {a: {per_wallet: {rate: -5/min, spend: 5/day}, everyone: {rate: 0/min, spend: $0/day}}}\n",
            [
                "20.yaml:1:35: policies.a.per_wallet.rate: \"-5/min\" is no rate; a rate is above zero",
                "20.yaml:1:50: policies.a.per_wallet.spend: \"5\" is no price; prices are in US dollars: write $5",
                "20.yaml:1:75: policies.a.everyone.rate: a rate of zero lets nobody pass",
                "20.yaml:1:89: policies.a.everyone.spend: a bound on money is above zero",
            ]),
        Case(
            "policies: {a: {per_wallet: {rate: 5/0s, spend: $5/401d}, everyone: {rate: 5/-1min, spend: $-5/day}}}\n",
            [
                "20.yaml:1:35: policies.a.per_wallet.rate: a window of 0s is out of range; 1s to 400d can be taken",
                "20.yaml:1:48: policies.a.per_wallet.spend: a window of 401d is out of range; 1s to 400d can be taken",
                "20.yaml:1:75: policies.a.everyone.rate: \"5/-1min\" has no window that is known; write /s, /min, /h, /day, or a number of them: /30s, /7d",
                "20.yaml:1:91: policies.a.everyone.spend: \"$-5\" is no price; write digits, and a point before cents: $0.02, $1, $1250.50",
            ]),
        Case(
            "policies: {a: {per_wallet: {rate: 5/9999999999999999999d, spend: $5}, everyone: {rate: 2000000000/s, spend: $1000000000000000000000000/day}}}\n",
            [
                "20.yaml:1:35: policies.a.per_wallet.rate: a window of 9999999999999999999d is out of range; 1s to 400d can be taken",
                "20.yaml:1:66: policies.a.per_wallet.spend: \"$5\" is no bound on money; write an amount and its window: $5/day, $0.50/h",
                "20.yaml:1:88: policies.a.everyone.rate: 2000000000 is out of range; 1 to 1000000000 can be taken",
                "20.yaml:1:109: policies.a.everyone.spend: $1000000000000000000000000 is out of range; up to $79228162514, with at most 18 decimals, can be taken",
            ]),
        Case(
            "policies: {a: {per_wallet: {rate: 1.5/min, spend: $0.0000000000000000001/day}, everyone: {rate: 5/1.5h, spend: 1/2/3}}}\n",
            [
                "20.yaml:1:35: policies.a.per_wallet.rate: \"1.5/min\" is no rate; write a whole number before the window: 60/min, 10/day, 60/30s",
                "20.yaml:1:51: policies.a.per_wallet.spend: $0.0000000000000000001 is out of range; up to $79228162514, with at most 18 decimals, can be taken",
                "20.yaml:1:97: policies.a.everyone.rate: \"5/1.5h\" has no window that is known; write /s, /min, /h, /day, or a number of them: /30s, /7d",
                "20.yaml:1:112: policies.a.everyone.spend: \"1/2/3\" is no bound on money; write an amount and its window: $5/day, $0.50/h",
            ]),
        Case(
            "policies: {a: {per_wallet: {rate: 5/ms, spend: [1]}, everyone: 3}}\n",
            [
                "20.yaml:1:35: policies.a.per_wallet.rate: \"5/ms\" has no window that is known; write /s, /min, /h, /day, or a number of them: /30s, /7d",
                "20.yaml:1:48: policies.a.per_wallet.spend: expected a bound such as $5/day, found a list",
                "20.yaml:1:64: policies.a.everyone: expected a map, found \"3\"",
            ]),
        Case(
            "policies: {a: {deny: [\"0x12\", \"0x209693Bc6afc0C5328bA36FaF03C514EF312287c\", \"0x209693bc6afc0c5328ba36faf03c514ef312287c\", \"0x209693BC6AFC0C5328BA36FAF03C514EF312287C\"]}}\n",
            [
                "20.yaml:1:23: policies.a.deny[0]: \"0x12\" is no address; it takes 0x and 40 hex digits",
                "20.yaml:1:31: policies.a.deny[1]: the EIP-55 checksum (the case of the letters) of 0x209693Bc6afc0C5328bA36FaF03C514EF312287c is wrong; a digit may be mistyped",
                "20.yaml:1:123: policies.a.deny[3]: 0x209693BC6AFC0C5328BA36FAF03C514EF312287C is denied twice",
            ]),
        Case(
            "policies: {a: {requires: {setled: 5, age: -1h, spent: 1, failed_ratio: 101%}, otherwise: denny}}\n",
            [
                "20.yaml:1:27: policies.a.requires.setled: unknown key; did you mean \"settled\"?",
                "20.yaml:1:43: policies.a.requires.age: expected a duration such as 10s, found \"-1h\"",
                "20.yaml:1:55: policies.a.requires.spent: \"1\" is no price; prices are in US dollars: write $1",
                "20.yaml:1:72: policies.a.requires.failed_ratio: 101% is out of range; 0% to 100% can be taken",
                "20.yaml:1:90: policies.a.otherwise: \"denny\" is none of: review, deny",
            ]),
        Case(
            "policies: {a: {requires: {}, then: deny, for: 1h}, b: {otherwise: deny}, c: {requires: {settled: 5}}}\n",
            [
                "20.yaml:1:15: policies.a.otherwise: is missing, and requires needs it; write review or deny",
                "20.yaml:1:26: policies.a.requires: asks for nothing; write one of: settled, age, spent, failed_ratio",
                "20.yaml:1:36: policies.a.then: has no meaning without trip",
                "20.yaml:1:47: policies.a.for: has no meaning without trip",
                "20.yaml:1:67: policies.b.otherwise: has no meaning without requires",
                "20.yaml:1:77: policies.c.otherwise: is missing, and requires needs it; write review or deny",
            ]),
        Case(
            "policies: {a: {trip: {heder: \"X: 1\", over: 5, of_last: 0}, then: review, for: 0s}, b: {trip: {or_status: [422, 99, x, 500-400], over: 100%}}}\n",
            [
                "20.yaml:1:23: policies.a.trip.heder: unknown key; did you mean \"header\"?",
                "20.yaml:1:44: policies.a.trip.over: expected a share such as 5%, found \"5\"",
                "20.yaml:1:56: policies.a.trip.of_last: 0 is out of range; 1 to 100000 can be taken",
                "20.yaml:1:79: policies.a.for: 0s is out of range; 1s to 30d can be taken",
                "20.yaml:1:87: policies.b.then: is missing, and trip needs it; write review or deny",
                "20.yaml:1:94: policies.b.trip.of_last: is missing; write how many answers are looked at, such as 200",
                "20.yaml:1:112: policies.b.trip.or_status[1]: 99 is out of range; 200 to 599 can be taken",
                "20.yaml:1:116: policies.b.trip.or_status[2]: \"x\" is no status; write one such as 422, or 200-299",
                "20.yaml:1:119: policies.b.trip.or_status[3]: \"500-400\" is no status; write one such as 422, or 200-299",
                "20.yaml:1:135: policies.b.trip.over: 100% is out of range; 0% to 99% can be taken",
            ]),
        Case(
            "policies: {a: {trip: {header: X-Bounced, over: 5%, of_last: 200}, then: deny, for: 31d}}\n",
            [
                "20.yaml:1:31: policies.a.trip.header: \"X-Bounced\" is no field line; write \"X-Bounced: 1\"",
                "20.yaml:1:84: policies.a.for: 31d is out of range; 1s to 30d can be taken",
            ]),
        Case(
            "policies: {\"a b\": {}}\npolicies: {a: {}}\n",
            [
                "20.yaml:1:12: policies.a b: a name holds letters, digits, -, _ and ., at most 64",
                "20.yaml:2:1: policies: is given twice; the first is at 20.yaml:1:1",
            ]),
        Case(
            "rate: 5/min\nunpaid: 5/min\nof_last: 3\nper_wallet_or_address: 10/day\napi_key_sha256: x\n",
            [
                "20.yaml:1:1: rate: unknown key; known here: listen, admin, public_url, threads, ledger, keep, access_log, payments, upstreams, routes, policies, customers, unmatched, cors, limits, timeouts, ready_requires, networks, relayer, facilitators, review, assertion",
                "20.yaml:2:1: unpaid: unknown key; it belongs under policies.NAME.per_address",
                "20.yaml:3:1: of_last: unknown key; it belongs under policies.NAME.trip",
                "20.yaml:4:1: per_wallet_or_address: unknown key; it belongs under an entry's free_quota",
                "20.yaml:5:1: api_key_sha256: unknown key; it belongs under customers.NAME",
            ]),
        Case(
            "customers: {a: {}, b: {api_key_sha256: secret, header: Host, rate: fast}, c: {api_key: x}}\n",
            [
                "20.yaml:1:16: customers.a.api_key_sha256: is missing; printf %s \"$KEY\" | sha256sum prints what to write, never the key itself",
                "20.yaml:1:40: customers.b.api_key_sha256: expected 64 hex digits, the SHA-256 of the key; found 6 bytes",
                "20.yaml:1:56: customers.b.header: is set by the upstream's key host: preserve, upstream or a name",
                "20.yaml:1:68: customers.b.rate: \"fast\" is no rate; write a number and its window: 60/min, 10/day, 60/30s",
                "20.yaml:1:78: customers.c.api_key_sha256: is missing; printf %s \"$KEY\" | sha256sum prints what to write, never the key itself",
                "20.yaml:1:79: customers.c.api_key: unknown key; known here: api_key_sha256, header, rate",
            ]),
        Case(
            "customers: {a: {api_key_sha256: [\(hash), \(hash)]}, b: {api_key_sha256: \(hash.uppercased()), header: x-api-key}, c: {api_key_sha256: \(hash), header: X-Other}}\n",
            [
                "20.yaml:1:100: customers.a.api_key_sha256[1]: is given twice",
                "20.yaml:1:188: customers.b.api_key_sha256: is the key of \"a\" too; each customer needs one of its own",
            ]),
        Case(
            "policies: {default: {}, prooven: {}}\ncustomers: {acme: {api_key_sha256: \(hash)}}\n"
                + route("policies: [proven, default, default], customers: [acne]"),
            [
                "20.yaml:3:69: routes[0].policies[0]: unknown policy \"proven\"; did you mean \"prooven\"?",
                "20.yaml:3:86: routes[0].policies[2]: \"default\" is named twice",
                "20.yaml:3:108: routes[0].customers[0]: unknown customer \"acne\"; did you mean \"acme\"?",
            ]),
        Case(
            route("policies: [a], customers: x, free_quota: {}"),
            [
                "20.yaml:1:69: routes[0].policies[0]: unknown policy \"a\"; none is declared",
                "20.yaml:1:84: routes[0].customers: unknown customer \"x\"; none is declared",
                "20.yaml:1:99: routes[0].free_quota.per_wallet_or_address: is missing; write how many are free, such as 10/day",
            ]),
        Case(
            route("free_quota: 10/day"),
            [
                "20.yaml:1:70: routes[0].free_quota: expected a map, found \"10/day\""
            ]),
        Case(
            route("free_quota: {per_wallet: 10/day}"),
            [
                "20.yaml:1:70: routes[0].free_quota.per_wallet_or_address: is missing; write how many are free, such as 10/day",
                "20.yaml:1:71: routes[0].free_quota.per_wallet: unknown key; it belongs under policies.NAME",
            ]),
        Case(
            route("free_quota: {per_wallet_or_address: -1/day}, policies: []"),
            [
                "20.yaml:1:94: routes[0].free_quota.per_wallet_or_address: \"-1/day\" is no rate; a rate is above zero",
                "20.yaml:1:113: routes[0].policies: expected names of policies, found an empty list",
            ]),
        Case(
            route("settle: first, charge_when: {status: 200-299}"),
            [
                "20.yaml:1:86: routes[0].charge_when: has no meaning under settle: first, which charges before the API is asked"
            ]),
        Case(
            route("charge_when: {}"),
            [
                "20.yaml:1:71: routes[0].charge_when: says nothing; write one of: status, json"
            ]),
        Case(
            route("charge_when: {status: [200, 404], jsn: {/ok: true}}"),
            [
                "20.yaml:1:86: routes[0].charge_when.status[1]: 404 is out of range; 200 to 299 can be taken",
                "20.yaml:1:92: routes[0].charge_when.jsn: unknown key; did you mean \"json\"?",
            ]),
        Case(
            route("charge_when: {status: 299-200, json: {ok: true, /a: [1], /b~2: 3}}"),
            [
                "20.yaml:1:80: routes[0].charge_when.status: \"299-200\" is no status; write one such as 422, or 200-299",
                "20.yaml:1:96: routes[0].charge_when.json.ok: is no JSON pointer (RFC 6901); it begins with a slash, as in /ok or /items/0/state",
                "20.yaml:1:110: routes[0].charge_when.json./a: expected true, false, null, a number or a text, found a list",
                "20.yaml:1:115: routes[0].charge_when.json./b~2: is no JSON pointer (RFC 6901); it begins with a slash, as in /ok or /items/0/state",
            ]),
        Case(
            route("charge_when: {json: true}"),
            [
                "20.yaml:1:78: routes[0].charge_when.json: expected conditions such as {/ok: true}, found \"true\""
            ]),
        Case(
            "routes: [{match: GET /x, upstream: legacy, free: true, customers: [a], free_quota: {}, charge_when: {}, policies: [a]}]\n",
            [
                "20.yaml:1:56: routes[0].customers: has no meaning on a free route",
                "20.yaml:1:72: routes[0].free_quota: has no meaning on a free route",
                "20.yaml:1:88: routes[0].charge_when: has no meaning on a free route",
                "20.yaml:1:116: routes[0].policies[0]: unknown policy \"a\"; none is declared",
            ]),
        Case(
            "policies: {default: {per_wallet: {spend: $0.04/day}}, b: {everyone: {spend: $0.049999/h}}, c: {everyone: {spend: $0.05/h}}}\n"
                + "routes:\n  - {match: GET /x, upstream: legacy, price: $0.05}\n  - {match: GET /y, upstream: legacy, price: $0.05, policies: [b]}\n"
                + "  - {match: GET /z, upstream: legacy, price: $0.05, policies: c}\n",
            [
                "20.yaml:3:46: routes[0].price: $0.05 is above policies.default.per_wallet.spend $0.04/day, so nobody could ever pay it",
                "20.yaml:4:46: routes[1].price: $0.05 is above policies.b.everyone.spend $0.049999/h, so nobody could ever pay it",
            ]),
        Case(
            "policies: {a: {requires: {settled: 1}, otherwise: deny}, b: {requires: {settled: 2}, otherwise: deny, trip: {or_status: 422, over: 1%, of_last: 9}, then: deny}, c: {trip: {or_status: 422, over: 1%, of_last: 9}, then: deny}}\n"
                + route("policies: [a, b, c]"),
            [
                "20.yaml:2:68: routes[0].policies: \"a\" and \"b\" both have requires; a route takes one of them",
                "20.yaml:2:68: routes[0].policies: \"b\" and \"c\" both have trip; a route takes one of them",
            ]),
        Case(
            "assertion: {}\nupstreams: {a: {url: \"http://h\", assertion: maybe}}\n",
            [
                "20.yaml:1:12: assertion.key: is missing; write {file: PATH}, {env: NAME}, or a list of these",
                "20.yaml:2:45: upstreams.a.assertion: expected on or off, found \"maybe\"",
            ]),
        Case(
            "assertion: {kye: x}\n",
            [
                "20.yaml:1:13: assertion.kye: unknown key; did you mean \"key\"?"
            ]),
        Case(
            "assertion: on\n",
            [
                "20.yaml:1:12: assertion: expected a map, found \"on\""
            ]),
        Case(
            "assertion: {key: []}\n",
            [
                "20.yaml:1:18: assertion.key: expected 1 to 16 keys, found 0"
            ]),
        Case(
            "assertion: {key: [secret, {file: /dev/null}]}\n",
            [
                "20.yaml:1:19: assertion.key[0]: expected {env: NAME} or {file: PATH}, found a text"
            ]),
    ]
}
