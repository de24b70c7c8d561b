@testable import Gateway

extension ConfigErrorTests {
    private static func menu(_ mcp: String, beside: String = "") -> String {
        "routes:\n  - match: /mcp\n    upstream: legacy\n\(beside)    mcp: \(mcp)\n"
    }

    static let menuCases: [Case] = [
        Case(menu("{tools: {a: free, b: deny, c: $0.02, d: {price: $1, settle: first, description: D}}}"), []),
        Case(menu("{other_tools: free}"), []),
        Case(
            menu(
                "{tools: {a: $1}, methods: {resources/read: $0.001, ping: deny, $/x: free}, other_tools: {price: $2}}"),
            []),
        Case(menu(""), ["20.yaml:4:9: routes[0].mcp: expected a map, found nothing"]),
        Case(
            menu("{}"),
            [
                "20.yaml:4:10: routes[0].mcp.tools: is missing; name the tools with what each costs, or write other_tools: free"
            ]),
        Case(
            menu("{tolls: {a: $1}, chalenge: auto}"),
            [
                "20.yaml:4:11: routes[0].mcp.tolls: unknown key; did you mean \"tools\"?",
                "20.yaml:4:27: routes[0].mcp.chalenge: unknown key; did you mean \"challenge\"?",
            ]),
        Case(
            menu("{tools: [a, b], methods: {}}"),
            [
                "20.yaml:4:18: routes[0].mcp.tools: expected names with what each costs, such as create_ticket: $0.02, found a list",
                "20.yaml:4:35: routes[0].mcp.methods: expected names with what each costs, such as resources/read: $0.001, found none",
            ]),
        Case(
            menu("{tools: {a: 0.02, b: gratis, c: denied, d: , e: [x], f: $0, g: frei}}"),
            [
                "20.yaml:4:22: routes[0].mcp.tools.a: \"0.02\" is no price; prices are in US dollars: write $0.02",
                "20.yaml:4:31: routes[0].mcp.tools.b: \"gratis\" is no price; write free, deny, or a price such as $0.02",
                "20.yaml:4:42: routes[0].mcp.tools.c: \"denied\" is no price; write free, deny, or a price such as $0.02",
                "20.yaml:4:53: routes[0].mcp.tools.d: expected free, deny, or a price such as $0.02, found nothing",
                "20.yaml:4:58: routes[0].mcp.tools.e: expected free, deny, or a price such as $0.02, found a list",
                "20.yaml:4:66: routes[0].mcp.tools.f: a price is above zero; where nothing is asked write free",
                "20.yaml:4:73: routes[0].mcp.tools.g: \"frei\" is no price; did you mean free?",
            ]),
        Case(
            menu(
                "{tools: {a: {}, b: {prise: $1}, c: {price: $1, settle: never}, d: {price: free, settle: first, description: D}}}"
            ),
            [
                "20.yaml:4:22: routes[0].mcp.tools.a.price: is missing; write free, deny, or a price such as $0.02",
                "20.yaml:4:30: routes[0].mcp.tools.b.prise: unknown key; did you mean \"price\"?",
                "20.yaml:4:65: routes[0].mcp.tools.c.settle: \"never\" is none of: after, first",
                "20.yaml:4:98: routes[0].mcp.tools.d.settle: has no meaning without a price",
                "20.yaml:4:118: routes[0].mcp.tools.d.description: has no meaning without a price",
            ]),
        Case(
            menu("{tools: {\"admin_*\": deny, \"a\\tb\": free, \"\": free}}"),
            [
                "20.yaml:4:19: routes[0].mcp.tools.admin_*: tools are named whole, there are no wildcards; what the others cost is other_tools",
                "20.yaml:4:36: routes[0].mcp.tools.a\tb: is no tool's name: it has 1 to 256 bytes and no control character",
                "20.yaml:4:50: routes[0].mcp.tools.: is no tool's name: it has 1 to 256 bytes and no control character",
            ]),
        Case(
            menu(
                "{other_tools: deny, methods: {tools/call: $1, initialize: $1, notifications/x: $1, \"a b\": $1, ping: 1}}"
            ),
            [
                "20.yaml:4:40: routes[0].mcp.methods.tools/call: has its prices under tools and other_tools",
                "20.yaml:4:56: routes[0].mcp.methods.initialize: is how a client begins, before it can pay; it is free",
                "20.yaml:4:72: routes[0].mcp.methods.notifications/x: has no answer that could ask for a payment; notifications are free",
                "20.yaml:4:93: routes[0].mcp.methods.a b: is no method's name, such as resources/read",
                "20.yaml:4:110: routes[0].mcp.methods.ping: \"1\" is no price; prices are in US dollars: write $1",
            ]),
        Case(
            menu("{other_tools: deny, challenge: 402, annotate: all}"),
            [
                "20.yaml:4:41: routes[0].mcp.challenge: \"402\" is none of: auto, result, http",
                "20.yaml:4:56: routes[0].mcp.annotate: \"all\" is none of: meta, description, both, none",
            ]),
        Case(
            menu(
                "{other_tools: deny}",
                beside:
                    "    price: $1\n    free: true\n    bind: body\n    charge_when: {status: 200}\n    mime_type: a/b\n"
            ),
            [
                "20.yaml:4:5: routes[0].price: has no meaning on a route with mcp: each tool's price stands under mcp.tools",
                "20.yaml:5:5: routes[0].free: has no meaning on a route with mcp: what costs nothing stands under mcp: other_tools: free",
                "20.yaml:6:5: routes[0].bind: has no meaning on a route with mcp: a payment is bound to the call that it is for",
                "20.yaml:7:5: routes[0].charge_when: has no meaning on a route with mcp: a tool that answers with an error is not charged",
                "20.yaml:8:5: routes[0].mime_type: has no meaning on a route with mcp: every answer is JSON-RPC",
            ]),
        // What all prices share is said once.
        Case(
            menu(
                "{tools: {a: $1, b: $0.0000001, c: {price: $1, settle: first}}}",
                beside: "    max_timeout_seconds: 10\n    accept: [test-usdt]\n"),
            [
                "20.yaml:4:26: routes[0].max_timeout_seconds: a window of 10 s cannot hold 120 s: upstream \"legacy\" may take 120 s (timeouts: total) and settlement 0 s; lengthen the window, or shorten the time-out",
                "20.yaml:5:14: routes[0].accept[0]: unknown payment \"test-usdt\"; did you mean \"test-usdc\"?",
            ]),
        Case(
            menu("{tools: {b: $0.0000001}}"),
            [
                "20.yaml:4:22: routes[0].mcp.tools.b: $0.0000001 has 7 decimals; the asset of \"test-usdc\" holds 6, so it cannot be paid"
            ]),
        // A key that stands where nothing is priced is read all the same.
        Case(
            menu("{other_tools: free}", beside: "    settle: before\n    tools: {a: $1}\n"),
            [
                "20.yaml:4:13: routes[0].settle: \"before\" is none of: after, first",
                "20.yaml:5:5: routes[0].tools: unknown key; it belongs under an entry's mcp",
            ]),
        Case(
            "routes:\n  - {match: \"GET,DELETE /mcp\", upstream: legacy, mcp: {other_tools: free}}\n",
            [
                "20.yaml:2:13: routes[0].match: does not take POST, which every message to an MCP server comes by; drop the methods"
            ]),
        Case("routes: [{match: \"POST,GET,OPTIONS /mcp\", upstream: legacy, mcp: {tools: {a: $1}}}]\n", []),
        Case(
            "admin: 127.0.0.1:9402\npolicies: {p: {requires: {settled: 1}, otherwise: review}}\n"
                + "routes: [{match: /mcp, upstream: legacy, policies: p, mcp: {other_tools: free}}]\n",
            [
                "20.yaml:3:52: routes[0].policies: \"p\" has requests wait for a person, which has no meaning on a route with mcp: the call of a tool is answered at once; name policies without review"
            ]),
        Case(
            "policies: {p: {per_wallet: {spend: $1/day}}}\n"
                + "routes: [{match: /mcp, upstream: legacy, policies: p, mcp: {tools: {a: $1, b: $2}}}]\n",
            [
                "20.yaml:2:79: routes[0].mcp.tools.b: $2 is above policies.p.per_wallet.spend $1/day, so nobody could ever pay it"
            ]),
        Case(
            "routes:\n  - {match: /mcp, upstream: legacy, mcp: {other_tools: free}}\n  - {match: /MCP, upstream: legacy, mcp: {other_tools: free}}\n"
                + "  - {match: POST /mcp/, upstream: legacy, price: $9}\n  - {match: /mcp, upstream: legacy, free: true}\n",
            [
                "20.yaml:3:13: routes[1].match: \"/MCP\" and \"/mcp\" at 20.yaml:2 differ in spelling alone, and \"/MCP\" is a way round what \"/mcp\" asks for its tools",
                "20.yaml:4:13: routes[2].match: \"POST /mcp/\" and \"/mcp\" at 20.yaml:2 differ in spelling alone, and \"POST /mcp/\" is a way round what \"/mcp\" asks for its tools",
                "20.yaml:5:13: routes[3].match: \"/mcp\" takes the same requests as \"/mcp\" at 20.yaml:2",
            ]),
        Case(
            "listen: 0.0.0.0:80\nroutes: [{match: /mcp, upstream: legacy, mcp: {tools: {a: $1}}}]\n",
            [
                "DIR: public_url: is missing; 402s name it as the origin, as in https://api.example.com"
            ]),
        Case("listen: 0.0.0.0:80\nroutes: [{match: /mcp, upstream: legacy, mcp: {tools: {a: free}}}]\n", []),
    ]
}
