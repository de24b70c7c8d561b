import MCP

/// What servers say of their tools, held against their menus, in words for the operator.
enum ToolSurveyText {
    /// Names that one message lists.
    private static let namesAtMost = 12

    /// A table for each menu: every tool that its server offers, with what a call costs.
    static func tables(_ findings: [ToolSurveyRound.Finding], _ revision: Revision) -> String {
        findings.map { finding in
            let target = finding.target
            let title = "\n\(target.route.matchText) at \(target.upstream), \(target.url): "
            switch finding.outcome {
            case .notAsked: return title + "not asked, since the route takes many paths\n"
            case .asked(.failed): return title + "did not tell its tools\n"
            case .asked(.listed(let audit)):
                let count = audit.offered.count
                let unnamed = Set(audit.unnamed.map(\.name))
                let rows = audit.offered.map { tool in
                    [
                        "  \(shown(tool.name))", target.menu.text(of: tool.price, in: revision.routes),
                        unnamed.contains(tool.name) ? "not on the menu" : "",
                    ]
                }
                return title + "\(count) tool\(count == 1 ? "" : "s")\n" + CheckTable.columns(rows)
            }
        }.joined()
    }

    /// What an operator should look at: tools on a menu that no server has, tools that no menu names, servers that did not say.
    static func warnings(_ findings: [ToolSurveyRound.Finding], _ revision: Revision) -> [ConfigProblem] {
        findings.flatMap { finding in
            let target = finding.target
            switch finding.outcome {
            case .notAsked: return [ConfigProblem]()
            case .asked(.failed(let reason)):
                return [problem(target.route, "\(target.upstream), \(target.url), does not tell its tools: \(reason)")]
            case .asked(.listed(let audit)): return missing(audit, target, revision) + unnamed(audit, target, revision)
            }
        }
    }

    private static func missing(
        _ audit: ToolAudit, _ target: ToolSurveyTarget, _ revision: Revision
    ) -> [ConfigProblem] {
        // A server may have any number of names, of any length.
        let candidates = audit.unnamed.lazy.map(\.name).filter { $0.utf8.count <= 128 }.prefix(1_000)
        return audit.missing.map { tool in
            let near = NearestName.among(Array(candidates), to: tool.name)
            return problem(
                target.menu.route(of: tool.price, in: revision.routes) ?? target.route,
                "\(target.upstream) has no tool \"\(shown(tool.name))\""
                    + (near.map { "; did you mean \"\(shown($0))\"?" } ?? ""))
        }
    }

    /// One line for all that cost the same.
    private static func unnamed(
        _ audit: ToolAudit, _ target: ToolSurveyTarget, _ revision: Revision
    ) -> [ConfigProblem] {
        var prices: [ToolPrice] = []
        for tool in audit.unnamed where !prices.contains(tool.price) { prices.append(tool.price) }
        return prices.map { price in
            let names = audit.unnamed.filter { $0.price == price }.map { shown($0.name) }
            let more = names.count - namesAtMost
            let list = names.prefix(namesAtMost).joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
            let tools = names.count == 1 ? "a tool" : "\(names.count) tools"
            let verb = names.count == 1 ? "is" : "are"
            let cost =
                switch price {
                case .free: "free by other_tools"
                case .denied where target.menu.prices.otherTools == .denied: "denied by other_tools"
                case .denied: "denied, since the menu has another spelling, or the name is no plain one"
                case .priced: "\(target.menu.text(of: price, in: revision.routes)) a call by other_tools"
                }
            return problem(
                target.route,
                "\(target.upstream) has \(tools) that the menu does not name, which \(verb) \(cost): \(list)")
        }
    }

    private static func problem(_ route: Route, _ message: String) -> ConfigProblem {
        ConfigProblem(place: route.place, key: route.matchText, message: message)
    }

    /// A server's word, which is anybody's: one line, with nothing that a terminal obeys.
    static func shown(_ text: String) -> String {
        let safe = text.unicodeScalars.prefix(61).map { scalar -> Unicode.Scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: "\u{FFFD}"
            default: scalar
            }
        }
        return ConfigNode.shortened(String(String.UnicodeScalarView(safe)))
    }
}
