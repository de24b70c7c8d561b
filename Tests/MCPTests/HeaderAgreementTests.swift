import Testing

@testable import MCP

@Suite struct HeaderAgreementTests {
    static let call = #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_ticket"}}"#
    static let read = #"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"kb://1"}}"#
    static let ping = #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#
    static let unicode = #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"größe"}}"#
    static let sentinel = #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"=?base64?literal?="}}"#
    static let batch = #"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#
    static let response = #"{"jsonrpc":"2.0","id":1,"result":{}}"#

    static func agrees(_ text: String, _ revision: String?, _ method: String?, _ name: String?) -> Bool {
        let fault = Body.with(text) { body in
            Body.with(revision ?? "") { r in
                Body.with(method ?? "") { m in
                    Body.with(name ?? "") { n in
                        HeaderAgreement.fault(
                            in: Body.read(text), of: body, revision: revision == nil ? nil : r,
                            method: method == nil ? nil : m, name: name == nil ? nil : n)
                    }
                }
            }
        }
        if let fault {
            #expect(fault.code.rawValue == -32020)
            #expect(fault.httpStatus == 400)
        }
        return fault == nil
    }

    struct Case: Sendable {
        let body: String
        let revision: String?
        let method: String?
        let name: String?
        let agrees: Bool

        init(_ body: String, _ revision: String?, _ method: String?, _ name: String?, _ agrees: Bool) {
            self.body = body
            self.revision = revision
            self.method = method
            self.name = name
            self.agrees = agrees
        }
    }

    @Test(arguments: [
        Case(call, "2026-07-28", "tools/call", "create_ticket", true),
        Case(call, "2026-07-28", "tools/call", "search_kb", false),
        Case(call, "2026-07-28", "tools/call", "Create_Ticket", false),
        Case(call, "2026-07-28", "tools/list", "create_ticket", false),
        Case(call, "2026-07-28", "Tools/Call", "create_ticket", false),
        Case(call, "2026-07-28", nil, "create_ticket", false), Case(call, "2026-07-28", "tools/call", nil, false),
        Case(call, "2027-01-01", nil, nil, false), Case(call, "DRAFT-2026-v1", nil, nil, false),
        // Before that revision they need not come, and where they come they count.
        Case(call, "2025-11-25", nil, nil, true), Case(call, nil, nil, nil, true),
        Case(call, "2025-11-25", "tools/call", "create_ticket", true),
        Case(call, nil, "tools/list", nil, false), Case(call, nil, nil, "search_kb", false),
        Case(read, "2026-07-28", "resources/read", "kb://1", true),
        Case(read, "2026-07-28", "resources/read", nil, false), Case(read, nil, nil, "kb://2", false),
        Case(ping, "2026-07-28", "ping", nil, true), Case(ping, "2026-07-28", nil, nil, false),
        Case(ping, "2026-07-28", "ping", "create_ticket", false),
        Case(unicode, "2026-07-28", "tools/call", "=?base64?Z3LDtsOfZQ==?=", true),
        Case(unicode, "2026-07-28", "tools/call", "größe", true),
        Case(unicode, "2026-07-28", "tools/call", "=?base64?Z3LDtsOfZQ?=", false),
        Case(unicode, "2026-07-28", "tools/call", "=?base64??=", false),
        Case(unicode, "2026-07-28", "tools/call", "=?BASE64?Z3LDtsOfZQ==?=", false),
        Case(sentinel, "2026-07-28", "tools/call", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=", true),
        Case(sentinel, "2026-07-28", "tools/call", "=?base64?literal?=", false),
        Case(batch, nil, nil, nil, true), Case(batch, nil, "ping", nil, false),
        Case(response, "2026-07-28", nil, nil, true), Case(response, "2026-07-28", "tools/call", nil, false),
    ])
    func bodyAndHead(_ row: Case) {
        #expect(Self.agrees(row.body, row.revision, row.method, row.name) == row.agrees)
    }
}
