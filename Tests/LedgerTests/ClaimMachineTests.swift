import Testing

@testable import Ledger

/// Every (state, event) pair of both orders. `rerun` is `running` under `after` once paid.
///
/// A cell is `column:actions` where nothing moves, `column>state:actions` where it does; what is not listed is refused.
@Suite struct ClaimMachineTests {
    static let inFlightAfter = ["claimed", "running", "rerun", "answered", "sent", "settled"]
    static let inFlightFirst = ["claimed", "running", "sent", "settled"]
    static let rest = ["delivered", "owed", "void", "failed"]

    static let columns: [SettleOrder: [String]] = [
        .after: ["waiting"] + inFlightAfter + rest + ["unknown"],
        .first: ["waiting"] + inFlightFirst + rest + ["unknown"],
    ]

    static let both: [ClaimEvent: String] = [
        .presentedForAnother:
            "waiting:refuseUsed claimed:refuseUsed running:refuseUsed sent:refuseUsed settled:refuseUsed "
            + "delivered:refuseUsed owed:refuseUsed void:refuseUsed failed:refuseUsed unknown:refuseUsed",
        .presentedAgain:
            "waiting:awaitEnd claimed:awaitEnd running:awaitEnd sent:awaitEnd settled:awaitEnd "
            + "delivered:refuseUsed owed:refuseUsed void>claimed:takeLease,countBounds failed:refuseUsed "
            + "unknown:answerPending",
        .approved: "waiting>claimed:takeLease",
        .denied: "waiting>void:giveBackBounds",
        .redeemed: "owed>running+:takeLease,askUpstream",
        .callerGone: "waiting: claimed: running: sent: settled: delivered: owed: void: failed: unknown:",
        .resolvedDelivered: "owed>delivered:",
        .resolvedOwed: "unknown>owed:watchFinality",
        .resolvedFailed: "unknown>failed:giveBackBounds,watchChain",
        .undelivered: "settled>owed:endLease",
        .settlementUnknown: "sent>unknown:answerPending,watchChain,endLease unknown:watchChain",
    ]

    static let after: [ClaimEvent: String] = [
        .presentedForAnother: "rerun:refuseUsed answered:refuseUsed",
        .presentedAgain: "rerun:awaitEnd answered:awaitEnd",
        .callerGone: "rerun: answered:",
        .forwarded: "claimed>running:askUpstream",
        .answerCharged: "running>answered:settle",
        .uncharged:
            "claimed>void:giveBackBounds,endLease running>void:giveBackBounds,endLease "
            + "answered>void:withholdAnswer,giveBackBounds,endLease",
        .windowOver:
            "waiting>void:giveBackBounds claimed>failed:giveBackBounds,watchChain,endLease "
            + "running>failed:withholdAnswer,giveBackBounds,watchChain,endLease "
            + "answered>failed:withholdAnswer,giveBackBounds,watchChain,endLease",
        .sent: "answered>sent:broadcast,watchChain",
        .settled:
            "answered>settled:releaseAnswer,watchFinality sent>settled:releaseAnswer,watchFinality rerun: settled: "
            + "delivered: owed: void>owed:watchFinality failed>owed:watchFinality unknown>owed:watchFinality",
        .settlementRefused:
            "answered>failed:withholdAnswer,giveBackBounds,watchChain,endLease "
            + "sent>failed:withholdAnswer,giveBackBounds,watchChain,endLease failed: "
            + "unknown>failed:giveBackBounds,watchChain",
        .delivered: "settled>delivered:endLease rerun>delivered:endLease",
        .undelivered: "rerun>owed:endLease",
        .exchangeLost:
            "waiting: claimed>void:giveBackBounds,endLease running>void:giveBackBounds,endLease rerun>owed:endLease "
            + "answered>void:giveBackBounds,endLease sent>unknown:broadcastAgain,watchChain,endLease "
            + "settled>owed:endLease delivered: owed: void: failed:watchChain unknown:broadcastAgain,watchChain",
        .reorganized:
            "rerun:broadcastAgain,watchChain sent:broadcastAgain,watchChain settled:broadcastAgain,watchChain "
            + "delivered:broadcastAgain,watchChain owed:broadcastAgain,watchChain unknown:broadcastAgain,watchChain",
    ]

    static let first: [ClaimEvent: String] = [
        .forwarded: "settled>running+:askUpstream",
        .uncharged: "claimed>void:giveBackBounds,endLease",
        .windowOver: "waiting>void:giveBackBounds claimed>failed:giveBackBounds,watchChain,endLease",
        .sent: "claimed>sent:broadcast,watchChain",
        .settled:
            "claimed>settled:watchFinality sent>settled:watchFinality running: settled: delivered: owed: "
            + "void>owed:watchFinality failed>owed:watchFinality unknown>owed:watchFinality",
        .settlementRefused:
            "claimed>failed:giveBackBounds,watchChain,endLease "
            + "sent>failed:withholdAnswer,giveBackBounds,watchChain,endLease failed: "
            + "unknown>failed:giveBackBounds,watchChain",
        .delivered: "running>delivered:endLease",
        .undelivered: "running>owed:endLease",
        .exchangeLost:
            "waiting: claimed>void:giveBackBounds,endLease running>owed:endLease "
            + "sent>unknown:broadcastAgain,watchChain,endLease settled>owed:endLease delivered: owed: void: "
            + "failed:watchChain unknown:broadcastAgain,watchChain",
        .reorganized:
            "running:broadcastAgain,watchChain sent:broadcastAgain,watchChain settled:broadcastAgain,watchChain "
            + "delivered:broadcastAgain,watchChain owed:broadcastAgain,watchChain unknown:broadcastAgain,watchChain",
    ]

    static func machine(_ column: String, _ order: SettleOrder) -> ClaimMachine? {
        let state = column == "rerun" ? ClaimState.running : ClaimState(rawValue: column)
        let paid =
            ["rerun", "settled", "delivered", "owed"].contains(column) || (column == "running" && order == .first)
        return state.flatMap { ClaimMachine(state: $0, order: order, isPaid: paid) }
    }

    static func outcomes(_ cells: String, _ order: SettleOrder) throws -> [String: ClaimOutcome] {
        var outcomes: [String: ClaimOutcome] = [:]
        for cell in cells.split(separator: " ") {
            let halves = cell.split(separator: ":", omittingEmptySubsequences: false)
            let actions = try halves[1].split(separator: ",").map { try #require(ClaimAction(rawValue: String($0))) }
            let move = halves[0].split(separator: ">").map(String.init)
            let column = move[0]
            #expect(outcomes[column] == nil, "\(column) twice in \(cells)")
            if move.count == 1 {
                outcomes[column] = .stayed(actions)
            } else {
                let target = move[1] == "running+" && order == .after ? "rerun" : move[1].replacing("+", with: "")
                outcomes[column] = .moved(try #require(machine(target, order)), actions)
            }
        }
        return outcomes
    }

    @Test(arguments: SettleOrder.allCases, ClaimEvent.allCases)
    func everyPair(order: SettleOrder, event: ClaimEvent) throws {
        let own = order == .after ? Self.after : Self.first
        let expected = try Self.outcomes((Self.both[event] ?? "") + " " + (own[event] ?? ""), order)
        let columns = try #require(Self.columns[order])
        #expect(Set(expected.keys).isSubset(of: columns))
        for column in columns {
            let machine = try #require(Self.machine(column, order))
            #expect(machine.on(event) == expected[column] ?? .refused, "\(order) \(column) \(event)")
        }
    }

    /// The columns above are all the values there are.
    @Test(arguments: SettleOrder.allCases) func columnsAreComplete(order: SettleOrder) throws {
        var values: Set<ClaimMachine> = []
        for state in ClaimState.allCases {
            for paid in [false, true] {
                if let machine = ClaimMachine(state: state, order: order, isPaid: paid) { values.insert(machine) }
            }
        }
        let listed = try #require(Self.columns[order]).map { try #require(Self.machine($0, order)) }
        #expect(Set(listed) == values)
    }

    @Test func birth() {
        for order in SettleOrder.allCases {
            #expect(ClaimMachine(order: order) == ClaimMachine(state: .claimed, order: order, isPaid: false))
            #expect(
                ClaimMachine(order: order, reviewed: true)
                    == ClaimMachine(state: .waiting, order: order, isPaid: false))
        }
    }

    /// Whatever happens in whatever order: paid is never unpaid again, and what leaves the lease ends it exactly then.
    @Test(arguments: SettleOrder.allCases) func noPathLosesMoney(order: SettleOrder) {
        var seen: Set<ClaimMachine> = []
        var next = [ClaimMachine(order: order), ClaimMachine(order: order, reviewed: true)]
        while let machine = next.popLast() {
            guard seen.insert(machine).inserted else { continue }
            for event in ClaimEvent.allCases {
                guard case .moved(let after, let actions) = machine.on(event) else { continue }
                #expect(after.isPaid || !machine.isPaid, "\(machine) \(event)")
                #expect(
                    actions.contains(.endLease) == (machine.state.isInFlight && !after.state.isInFlight),
                    "\(machine) \(event)")
                #expect(
                    actions.contains(.takeLease) == (!machine.state.isInFlight && after.state.isInFlight),
                    "\(machine) \(event)")
                next.append(after)
            }
        }
        #expect(seen.count == Self.columns[order]?.count)
    }
}
