@testable import Gateway

extension ConfigErrorTests {
    static let yamlCases: [Case] = [
        Case(
            "a: b: c\n",
            [
                "20.yaml:1:5: is not YAML: mapping values are not allowed in this context (quote a text that holds \": \")"
            ]),
        Case(
            "a: [1\n",
            [
                "20.yaml:2:1: is not YAML: while parsing a flow sequence: did not find expected ',' or ']'"
            ]),
        Case(
            "\tlisten: x\n",
            [
                "20.yaml:1:1: is not YAML: while scanning for the next token: found character that cannot start any token (tabs cannot indent; quote a text that begins with @ or `)"
            ]),
        Case(
            "listen: &a 127.0.0.1:1\nadmin: *a\n",
            [
                "20.yaml:1:9: listen: anchors and aliases (&, *) are not used here; write the value out"
            ]),
        Case(
            "admin: *nowhere\n",
            [
                "20.yaml:1:8: anchors and aliases (&, *) are not used here; write the value out"
            ]),
        Case(
            "listen: !!int 5\n",
            [
                "20.yaml:1:9: listen: tags (tag:yaml.org,2002:int) are not used here"
            ]),
        Case(
            "listen: !mine 5\n",
            [
                "20.yaml:1:9: listen: tags (!mine) are not used here"
            ]),
        Case(
            "---\nlisten: 127.0.0.1:1\n---\nlisten: 127.0.0.1:2\n",
            [
                "20.yaml:3:1: holds a second YAML document; keep one a file"
            ]),
        Case(
            "- a\n",
            [
                "20.yaml:1:1: expected a map, found a list"
            ]),
        Case(
            "just text\n",
            [
                "20.yaml:1:1: expected a map, found \"just text\""
            ]),
        Case(
            "listen: \"a\u{0}b\"\n",
            [
                "20.yaml:1:11: holds a NUL byte"
            ]),
        Case(
            "? [a]\n: b\n",
            [
                "20.yaml:1:3: a key must be a plain word"
            ]),
        Case(
            "<<: {listen: 1}\n",
            [
                "20.yaml:1:1: merge keys (<<) are not used here; write the values out"
            ]),
        Case(
            "cors: on\ncors: on\ncors: off\nlimits: {drain: 1s, drain: 2s}\n",
            [
                "20.yaml:2:1: cors: is given twice; the first is at 20.yaml:1:1",
                "20.yaml:3:1: cors: is given twice; the first is at 20.yaml:1:1",
                "20.yaml:4:21: limits.drain: is given twice; the first is at 20.yaml:4:10",
            ]),
        Case(
            "\"cors\": on\n'cors': off\nroutes: [{match: /x, upstream: legacy, free: true, free: true}]\n",
            [
                "20.yaml:2:1: cors: is given twice; the first is at 20.yaml:1:1",
                "20.yaml:3:52: routes[0].free: is given twice; the first is at 20.yaml:3:40",
            ]),
        Case(
            "a: {b: {c: {d: {e: {f: {g: {h: {i: {j: {k: {l: {m: {n: {o: {p: {q: {r: 1}}}}}}}}}}}}}}}}}\n",
            [
                "20.yaml:1:1: a: unknown key; known here: listen, admin, public_url, threads, ledger, keep, access_log, payments, upstreams, routes, policies, customers, unmatched, cors, limits, timeouts, ready_requires, networks, relayer, facilitators, review, assertion",
                "20.yaml:1:68: a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q: is nested too deeply",
            ]),
        Case(
            "listen: \u{7}\n",
            [
                "20.yaml:1:9: is not YAML: control characters are not allowed"
            ]),
        Case(
            "1: 2\n",
            [
                "20.yaml:1:1: 1: unknown key; known here: listen, admin, public_url, threads, ledger, keep, access_log, payments, upstreams, routes, policies, customers, unmatched, cors, limits, timeouts, ready_requires, networks, relayer, facilitators, review, assertion"
            ]),
        Case(
            "é: \u{fffd}\n",
            [
                "20.yaml:1:1: é: unknown key; known here: listen, admin, public_url, threads, ledger, keep, access_log, payments, upstreams, routes, policies, customers, unmatched, cors, limits, timeouts, ready_requires, networks, relayer, facilitators, review, assertion"
            ]),
    ]
}
