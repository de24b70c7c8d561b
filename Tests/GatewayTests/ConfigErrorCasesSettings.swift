@testable import Gateway

extension ConfigErrorTests {
    static let settingCases: [Case] = [
        Case(
            "lisen: 127.0.0.1:1\n",
            [
                "20.yaml:1:1: lisen: unknown key; did you mean \"listen\"?"
            ]),
        Case(
            "pay_to: x\nlease_wait: 10s\nmax_priced_body: 1MiB\n",
            [
                "20.yaml:1:1: pay_to: unknown key; it belongs under payments.NAME",
                "20.yaml:2:1: lease_wait: unknown key; it belongs under policies.NAME",
                "20.yaml:3:1: max_priced_body: unknown key; it belongs under limits",
            ]),
        Case(
            "listen: 8402\n",
            [
                "20.yaml:1:9: listen: \"8402\" names no address; write 127.0.0.1:8402, or 0.0.0.0:8402 for every interface"
            ]),
        Case(
            "listen: [\"127.0.0.1:1\", \":2\", \"example.com:80\", {a: b}]\n",
            [
                "20.yaml:1:25: listen[1]: \":2\" names no address; write 127.0.0.1:2, or 0.0.0.0:2 for every interface",
                "20.yaml:1:31: listen[2]: \"example.com:80\" is no address with a port; write 127.0.0.1:8402 or [::1]:8402",
                "20.yaml:1:49: listen[3]: expected a text, found a map",
            ]),
        Case(
            "listen: []\n",
            [
                "20.yaml:1:9: listen: expected an address such as 127.0.0.1:8402, or a list of them, found an empty list"
            ]),
        Case(
            "listen: [\"127.0.0.1:1\", \"127.0.0.1:1\"]\nadmin: 127.0.0.1:1\n",
            [
                "20.yaml:1:25: listen[1]: 127.0.0.1:1 is given twice",
                "20.yaml:2:8: admin: 127.0.0.1:1 is under listen too; admin needs a port of its own",
            ]),
        Case(
            "listen: 127.0.0.1:0\nadmin: none\n",
            [
                "20.yaml:1:9: listen: \"127.0.0.1:0\" is no address with a port; write 127.0.0.1:8402 or [::1]:8402",
                "20.yaml:2:8: admin: \"none\" is no address with a port; write 127.0.0.1:8402 or [::1]:8402",
            ]),
        Case(
            "public_url: api.example.com\n",
            [
                "20.yaml:1:13: public_url: expected an origin such as https://api.example.com, found \"api.example.com\""
            ]),
        Case(
            "public_url: https://h/path\n",
            [
                "20.yaml:1:13: public_url: expected an origin such as https://api.example.com, found \"https://h/path\""
            ]),
        Case(
            "threads: many\n",
            [
                "20.yaml:1:10: threads: expected auto or a whole number, found \"many\""
            ]),
        Case(
            "threads: 0\n",
            [
                "20.yaml:1:10: threads: 0 is out of range; 1 to 1024 can be taken"
            ]),
        Case(
            "threads: \"2\"\n",
            [
                "20.yaml:1:10: threads: expected auto or a whole number, found \"2\""
            ]),
        Case(
            "threads: 07\n",
            [
                "20.yaml:1:10: threads: expected auto or a whole number, found \"07\""
            ]),
        Case(
            "cors: maybe\n",
            [
                "20.yaml:1:7: cors: expected on or off, found \"maybe\""
            ]),
        Case(
            "cors: \"on\"\n",
            [
                "20.yaml:1:7: cors: expected on or off, found \"on\""
            ]),
        Case(
            "cors:\n",
            [
                "20.yaml:1:6: cors: expected on or off, found nothing"
            ]),
        Case(
            "unmatched: allow\n",
            [
                "20.yaml:1:12: unmatched: \"allow\" is none of: deny, free, {free: UPSTREAM}"
            ]),
        Case(
            "unmatched: {free: legcy}\n",
            [
                "20.yaml:1:19: unmatched.free: unknown upstream \"legcy\"; did you mean \"legacy\"?"
            ]),
        Case(
            "unmatched: {fre: legacy}\n",
            [
                "20.yaml:1:13: unmatched.fre: unknown key; did you mean \"free\"?"
            ]),
        Case(
            "unmatched: free\nupstreams: {b: {url: \"http://h\"}}\n",
            [
                "20.yaml:1:12: unmatched: there are 2 upstreams; say which, as in {free: legacy}"
            ]),
        Case(
            "limits: {head_bytes: lots}\n",
            [
                "20.yaml:1:22: limits.head_bytes: expected a size such as 64KiB, found \"lots\""
            ]),
        Case(
            "limits: {head_bytes: 10}\n",
            [
                "20.yaml:1:22: limits.head_bytes: 10 is out of range; 1KiB to 1MiB can be taken"
            ]),
        Case(
            "limits: {head_byte: 1KiB, drain: 10}\n",
            [
                "20.yaml:1:10: limits.head_byte: unknown key; did you mean \"head_bytes\"?",
                "20.yaml:1:34: limits.drain: expected a duration such as 10s, found \"10\"",
            ]),
        Case(
            "limits: {max_priced_body: off}\n",
            [
                "20.yaml:1:27: limits.max_priced_body: expected a size such as 64KiB, found \"off\""
            ]),
        Case(
            "limits: {target_bytes: 64KiB}\n",
            [
                "20.yaml:1:24: limits.target_bytes: is above head_bytes, which holds the target too"
            ]),
        Case(
            "limits: [1]\n",
            [
                "20.yaml:1:9: limits: expected a map, found a list"
            ]),
        Case(
            "timeouts: {connect: 5, totl: 3s}\n",
            [
                "20.yaml:1:21: timeouts.connect: expected a duration such as 10s, found \"5\"",
                "20.yaml:1:24: timeouts.totl: unknown key; did you mean \"total\"?",
            ]),
        Case(
            "policies: {default: {in_flight_per_wallet: {after: 0, frist: 2}, lease_wait: 20m}, other: 3}\n",
            [
                "20.yaml:1:52: policies.default.in_flight_per_wallet.after: 0 is out of range; 1 to 10000 can be taken",
                "20.yaml:1:55: policies.default.in_flight_per_wallet.frist: unknown key; did you mean \"first\"?",
                "20.yaml:1:78: policies.default.lease_wait: 20m is out of range; 0ms to 10m can be taken",
                "20.yaml:1:91: policies.other: expected a map, found \"3\"",
            ]),
        Case(
            "policies: {default: 3}\n",
            [
                "20.yaml:1:21: policies.default: expected a map, found \"3\""
            ]),
        Case(
            "ready_requires: [test-usd]\n",
            [
                "20.yaml:1:18: ready_requires[0]: unknown payment \"test-usd\"; did you mean \"test-usdc\"?"
            ]),
        Case(
            "access_log: {file: x}\n",
            [
                "20.yaml:1:13: access_log: expected stdout, stderr, off or a file, found a map"
            ]),
        Case(
            "ledger: [a]\n",
            [
                "20.yaml:1:9: ledger: expected the path of a file, found a list"
            ]),
        Case(
            "listen: 127.0.0.1:1\nlisten: 127.0.0.1:2\n",
            [
                "20.yaml:2:1: listen: is given twice; the first is at 20.yaml:1:1"
            ]),
        Case(
            "payments: {test-usdc: {}}\n",
            [
                "20.yaml:1:12: payments.test-usdc: is given twice; the first is at 10.yaml:2:3"
            ]),
        Case(
            "upstreams:\n  a: {url: \"http://h\"}\n  a: {url: \"http://i\"}\n",
            [
                "20.yaml:3:3: upstreams.a: is given twice; the first is at 20.yaml:2:3"
            ]),
    ]
}
