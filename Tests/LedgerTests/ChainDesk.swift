import Bytes
import Testing

@testable import Ledger

/// What the money loop does to a ledger, for tests.
extension Desk {
    func claim(_ hold: LeaseHold, balance: UInt128? = 10) -> Answer<Admitted> {
        hold.didEnd()
        let answer = Answer<Admitted>()
        post(.claim(hold.name, balanceAtomic: balance, answer.callback))
        return answer
    }

    func release(_ hold: LeaseHold) {
        hold.didEnd()
        post(.release(hold.name))
    }

    func sending(_ ticket: Ticket, _ transaction: SentTransaction?) -> Answer<Sending> {
        let answer = Answer<Sending>()
        post(.sending(ticket.here, transaction, answer.callback))
        return answer
    }

    func sending(_ tickets: [Ticket], together transaction: SentTransaction) -> Answer<BatchSending> {
        let answer = Answer<BatchSending>()
        post(.sendingTogether(tickets.map(\.here), transaction, answer.callback))
        return answer
    }

    func replacing(_ id: ClaimID, _ transaction: SentTransaction) -> Answer<Bool> {
        let answer = Answer<Bool>()
        post(.replacing(id, transaction, answer.callback))
        return answer
    }

    func learn(_ evidence: Evidence, of id: ClaimID) -> Answer<EvidenceOutcome> {
        let answer = Answer<EvidenceOutcome>()
        post(.evidence(id, evidence, answer.callback))
        return answer
    }

    func watched() -> [WatchedClaim] {
        let answer = Answer<[WatchedClaim]>()
        post(.watched(answer.callback))
        return answer.value ?? []
    }

    /// A claim of a chain's or a remote facilitator's that was found good.
    func claimed(_ admission: Admission, balance: UInt128? = 10) throws -> Ticket {
        try claimed(admit(admission), balance: balance)
    }

    func claimed(_ verified: Answer<Admitted>, balance: UInt128? = 10) throws -> Ticket {
        let hold = try #require(verified.hold)
        return try #require(claim(hold, balance: balance).ticket)
    }

    /// A claim that is `sent` with the relayer's nonce of the same number as its own.
    func sent(_ admission: Admission, nonce: Int) throws -> Ticket {
        let ticket = try claimed(admission)
        let transaction = admission.facilitator == .chain ? Pay.transaction(nonce) : nil
        #expect(sending(ticket, transaction).text == "go")
        return ticket
    }
}

extension Pay {
    /// The relayer's transaction with this nonce; further ones replace it.
    static func transaction(_ nonce: Int, replacement: Int = 0, relayer: Int = 500) -> SentTransaction {
        SentTransaction(
            hash: bytes32(nonce * 1000 + replacement + relayer * 1_000_000), relayer: bytes20(relayer),
            nonce: UInt64(nonce), to: bytes20(7), call: [UInt8](repeating: 0xE3, count: 292), gasLimit: 120_000,
            maxFeeWei: 2_000_000_000 + UInt128(replacement), priorityFeeWei: 100_000_000,
            raw: [UInt8](repeating: 2, count: 400 + replacement), headBlock: 100)
    }
}

extension Answer where Value == Sending {
    var text: String {
        switch value {
        case nil: "waits"
        case .go: "go"
        case .alreadyPaid(let transaction, let mayForward): "paid \(transaction)\(mayForward ? ", forward" : "")"
        case .refused(let code): "refused \(code)"
        case .unavailable: "unavailable"
        }
    }
}

extension Answer where Value == BatchSending {
    var text: String {
        switch value {
        case nil: return "waits"
        case .go: return "go"
        case .without(let refused):
            let texts = refused.sorted { $0.key < $1.key }.map { place, sending in
                let answer = Answer<Sending>()
                answer.callback(sending)
                return "\(place) \(answer.text)"
            }
            return "without " + texts.joined(separator: ", ")
        case .unavailable: return "unavailable"
        }
    }
}

extension Answer where Value == EvidenceOutcome {
    var text: String {
        switch value {
        case nil: "waits"
        case .settlement(.settled(let transaction, let mayForward)):
            "settled \(transaction)\(mayForward ? ", forward" : "")"
        case .settlement(.refused(let code)): "refused \(code)"
        case .settlement(.pending(let transaction)): "pending \(transaction)"
        case .settlement(.unavailable), .unavailable: "unavailable"
        case .recorded(let state): "recorded \(state)"
        case .refused: "unfit"
        }
    }
}
