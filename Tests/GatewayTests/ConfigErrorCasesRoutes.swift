@testable import Gateway

extension ConfigErrorTests {
    static let routeCases: [Case] = [
        Case(
            "routes: {a: b}\n",
            [
                "20.yaml:1:9: routes: expected a list of routes, found a map"
            ]),
        Case(
            "routes: [GET /x]\n",
            [
                "20.yaml:1:10: routes[0]: expected a map, found \"GET /x\""
            ]),
        Case(
            "routes: [{}]\n",
            [
                "20.yaml:1:10: routes[0].match: is missing; write \"GET /path\"",
                "20.yaml:1:10: routes[0].upstream: is missing; name one of upstreams",
                "20.yaml:1:10: routes[0].price: is missing; write price: $0.02, or free: true",
            ]),
        Case(
            "routes: [{match: GET /x, upstream: legacy}]\n",
            [
                "20.yaml:1:10: routes[0].price: is missing; write price: $0.02, or free: true"
            ]),
        Case(
            "routes: [{match: GET /x, upstream: legacy, free: false}]\n",
            [
                "20.yaml:1:10: routes[0].price: is missing; write price: $0.02, or free: true"
            ]),
        Case(
            "routes: [{match: GET /x, upstream: legasy, free: true, price: $1}]\n",
            [
                "20.yaml:1:36: routes[0].upstream: unknown upstream \"legasy\"; did you mean \"legacy\"?",
                "20.yaml:1:50: routes[0].free: is free and has a price; drop one",
            ]),
        Case(
            "routes: [{match: GET /x, upstream: legacy, free: true, settle: after, accept: [test-usdc]}]\n",
            [
                "20.yaml:1:56: routes[0].settle: has no meaning on a free route",
                "20.yaml:1:71: routes[0].accept: has no meaning on a free route",
            ]),
        Case(
            "routes:\n  - match: GET /x\n    upstream: legacy\n    prise: $0.02\n",
            [
                "20.yaml:4:5: routes[0].prise: unknown key; did you mean \"price\"?"
            ]),
        Case(
            "routes: [{match: GET /x, upstream: legacy, price: 0.02}]\n",
            [
                "20.yaml:1:51: routes[0].price: \"0.02\" is no price; prices are in US dollars: write $0.02"
            ]),
        Case(
            "routes: [{match: GET /x, upstream: legacy, price: $0.0000001}]\n",
            [
                "20.yaml:1:51: routes[0].price: $0.0000001 has 7 decimals; the asset of \"test-usdc\" holds 6, so it cannot be paid"
            ]),
        Case(
            "routes: [{match: GET /x, upstream: legacy, price: $0}]\n",
            [
                "20.yaml:1:51: routes[0].price: a price is above zero; for a route without charge write free: true"
            ]),
        Case(
            "routes: [{match: GET /x, upstream: legacy, price: \"$1,000\"}]\n",
            [
                "20.yaml:1:51: routes[0].price: \"$1,000\" is no price; write digits, and a point before cents: $0.02, $1, $1250.50"
            ]),
        Case(
            "routes: [{match: GET /x, upstream: legacy, price: $.5}]\n",
            [
                "20.yaml:1:51: routes[0].price: \"$.5\" is no price; write digits, and a point before cents: $0.02, $1, $1250.50"
            ]),
        Case(
            "routes: [{match: GET /x, upstream: legacy, price: $999999999999999999999999999999999999999}]\n",
            [
                "20.yaml:1:51: routes[0].price: $999999999999999999999999999999999999999 is more than 128 bits of atomic units hold, in the asset of \"test-usdc\""
            ]),
        Case(
            "routes: [{match: GET /x, upstream: legacy, price: free}]\n",
            [
                "20.yaml:1:51: routes[0].price: \"free\" is no price; prices are in US dollars, such as $0.02"
            ]),
        Case(
            "routes: [{match: GET /x, upstream: legacy, price: $1, settle: before, bind: bodies, redeliver: always, redeliver_for: 10, max_timeout_seconds: 5m, in_flight_per_wallet: 2}]\n",
            [
                "20.yaml:1:63: routes[0].settle: \"before\" is none of: after, first",
                "20.yaml:1:77: routes[0].bind: \"bodies\" is none of: body, head",
                "20.yaml:1:96: routes[0].redeliver: \"always\" is none of: safe, rerun, never",
                "20.yaml:1:119: routes[0].redeliver_for: expected a duration such as 10s, found \"10\"",
                "20.yaml:1:144: routes[0].max_timeout_seconds: expected a whole number, found \"5m\"",
                "20.yaml:1:148: routes[0].in_flight_per_wallet: unknown key; it belongs under policies.NAME",
            ]),
        Case(
            "routes: [{match: GET /x, upstream: legacy, price: $1, store_answers: much}, {match: GET /y, upstream: legacy, price: $1, store_answers: 2MiB}, {match: GET /z, upstream: legacy, price: $1, store_answers: 0}, {match: GET /f, upstream: legacy, free: true, store_answers: off}]\n",
            [
                "20.yaml:1:70: routes[0].store_answers: expected a size such as 64KiB, or off, found \"much\"",
                "20.yaml:1:137: routes[1].store_answers: 2MiB is out of range; 1B to 1MiB can be taken",
                "20.yaml:1:204: routes[2].store_answers: 0 is out of range; 1B to 1MiB can be taken",
                "20.yaml:1:254: routes[3].store_answers: has no meaning on a free route",
            ]),
        Case("routes: [{match: GET /x, upstream: legacy, price: $1, store_answers: \"off\"}]\n", []),
        Case(
            "routes: [{match: GET /x, upstream: legacy, price: $1, max_timeout_seconds: 126}]\n",
            [
                "20.yaml:1:76: routes[0].max_timeout_seconds: a window of 126 s cannot hold 126 s: upstream \"legacy\" may take 120 s (timeouts: total) and settlement 6 s; lengthen the window, or shorten the time-out"
            ]),
        Case("routes: [{match: GET /x, upstream: legacy, price: $1, max_timeout_seconds: 127}]\n", []),
        Case(
            "routes: [{match: GET /x, upstream: legacy, price: $1, settle: first, max_timeout_seconds: 6}]\n",
            [
                "20.yaml:1:91: routes[0].max_timeout_seconds: a window of 6 s cannot hold 6 s: settlement may take 6 s; lengthen the window"
            ]),
        Case(
            "routes: [{match: GET /x, upstream: legacy, price: $1, accept: [test-usdt, test-usdc, test-usdc]}]\n",
            [
                "20.yaml:1:64: routes[0].accept[0]: unknown payment \"test-usdt\"; did you mean \"test-usdc\"?",
                "20.yaml:1:86: routes[0].accept[2]: \"test-usdc\" is named twice",
            ]),
        Case(
            "routes: [{match: GET /x, upstream: legacy, price: $1, accept: []}]\n",
            [
                "20.yaml:1:63: routes[0].accept: expected names of payments, found an empty list"
            ]),
        Case(
            "routes: [{match: GET /x, upstream: legacy, price: $1, accept: , mime_type: json}]\n",
            [
                "20.yaml:1:63: routes[0].accept: expected names of payments, found nothing",
                "20.yaml:1:76: routes[0].mime_type: \"json\" is no media type; write one such as application/json",
            ]),
        Case(
            "routes: [{match: \"OPTIONS,GET /x\", upstream: legacy, price: $1}]\n",
            [
                "20.yaml:1:18: routes[0].match: OPTIONS is never charged; list it in a route with free: true"
            ]),
        Case(
            "routes:\n  - {match: GET /x, upstream: legacy, price: $1}\n  - {match: HEAD /x, upstream: legacy, free: true}\n  - {match: GET /X/, upstream: legacy, free: true}\n",
            [
                "20.yaml:3:13: routes[1].match: \"HEAD /x\" takes the same requests as \"GET /x\" at 20.yaml:2; GET takes HEAD along",
                "20.yaml:4:13: routes[2].match: \"GET /X/\" and \"GET /x\" at 20.yaml:2 differ in spelling alone, and \"GET /X/\" is free: a way round the price of the other",
            ]),
        Case(
            "routes: [{match: get /x, upstream: legacy, free: yep}]\n",
            [
                "20.yaml:1:18: routes[0].match: \"get\" is no method; methods are upper-case: GET",
                "20.yaml:1:50: routes[0].free: expected on or off, found \"yep\"",
            ]),
        Case(
            "payments:\n  twin: {network: eip155:84532, asset: USDC, pay_to: \"0x209693bc6afc0c5328ba36faf03c514ef312287c\", facilitator: sandbox}\nroutes: [{match: GET /x, upstream: legacy, price: $1}]\n",
            [
                "20.yaml:3:10: routes[0].accept: \"test-usdc\" and \"twin\" are the same asset on the same network; accept one of them"
            ]),
        Case(
            "listen: 0.0.0.0:80\nroutes: [{match: GET /x, upstream: legacy, price: $1}]\n",
            [
                "DIR: public_url: is missing; 402s name it as the origin, as in https://api.example.com"
            ]),
        Case(
            "upstreams: {bad: {url: x}}\nroutes: [{match: GET /x, upstream: bad, price: $1, accept: bad}]\npayments: {bad: {network: base-sepolia}}\n",
            [
                "20.yaml:1:24: upstreams.bad.url: \"x\" has no scheme; write http://x",
                "20.yaml:3:17: payments.bad.asset: is missing; write USDC, or {address, name, version, decimals}",
                "20.yaml:3:17: payments.bad.pay_to: is missing; it is the address that is paid, 0x and 40 hex digits",
                "20.yaml:3:17: payments.bad.facilitator: is missing; known: self, sandbox",
            ]),
        Case(
            "routes:\n  - {match: /x, upstream: legacy, price: $2}\n  - {match: /X, upstream: legacy, price: $1}\n  - {match: /y, upstream: legacy, price: 1}\n  - {match: /Y, upstream: legacy, price: $1}\n",
            [
                "20.yaml:3:13: routes[1].match: \"/X\" and \"/x\" at 20.yaml:2 differ in spelling alone, and \"/X\" is cheaper: a way round the price of the other",
                "20.yaml:4:42: routes[2].price: \"1\" is no price; prices are in US dollars: write $1",
            ]),
    ]
}
