import MCP

extension RevisionDiff {
    /// Lines of a menu that a reload changed: each tool and method by itself, listed or not.
    static func menus(_ before: Route, _ after: Route, _ old: Revision, _ new: Revision) -> [String] {
        guard let menu = after.menu else {
            return before.menu.map { prices($0, in: old.routes) { "removed, was \($0)" } } ?? []
        }
        guard let former = before.menu else { return prices(menu, in: new.routes) { "added, \($0)" } }
        var lines: [String] = []
        let subjects = menu.lines.map(\.subject)
        let known = Set(subjects)
        for line in menu.lines + former.lines.filter({ !known.contains($0.subject) }) {
            let prices = (former.price(of: line.subject), menu.price(of: line.subject))
            let routes = (former.route(of: prices.0, in: old.routes), menu.route(of: prices.1, in: new.routes))
            var changes: [String] = []
            if let from = routes.0?.terms, let to = routes.1?.terms {
                if from.offers.map(\.amountAtomic) != to.offers.map(\.amountAtomic) {
                    changes.append("price \(from.priceText) → \(to.priceText)")
                }
                changes += self.changes(from, to)
            } else {
                let texts = (former.text(of: prices.0, in: old.routes), menu.text(of: prices.1, in: new.routes))
                if texts.0 != texts.1 { changes.append("price \(texts.0) → \(texts.1)") }
            }
            if !changes.isEmpty {
                lines.append("\(after.matchText) \(line.message): \(changes.joined(separator: "; "))")
            }
        }
        return lines
    }

    /// A line for each price of a menu.
    static func prices(_ menu: ToolMenu, in routes: [Route], _ say: (String) -> String) -> [String] {
        menu.routes.map { "\(routes[$0].matchText): \(say(price(routes[$0])))" }
    }
}
