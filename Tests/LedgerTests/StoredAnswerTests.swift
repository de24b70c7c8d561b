import Glibc
import Testing

@testable import Ledger

/// The upstream's answer is kept with its claim: what is owed is given from it, and it is erased when its time is over.
@Suite struct StoredAnswerTests {
    /// A claim that was paid and not delivered, with its answer.
    static func owe(_ desk: Desk, _ admission: Admission, _ body: String = "kept") throws {
        let ticket = try #require(desk.admit(admission).ticket)
        desk.together {
            if admission.order == .first {
                _ = desk.settle(ticket)
                desk.store(ticket, body)
            } else {
                desk.store(ticket, body)
                _ = desk.answered(ticket)
            }
        }
        desk.ended(ticket, .undelivered(noRequestByteWritten: false))
        #expect(try desk.state(admission) == .owed)
    }

    static func kept(_ desk: Desk) throws -> [String] {
        let statement = try desk.core.store.database.prepare("SELECT body FROM answers ORDER BY claim")
        var bodies: [String] = []
        while try statement.step() { bodies.append(String(decoding: statement.blob(0), as: UTF8.self)) }
        return bodies
    }

    @Test(arguments: SettleOrder.allCases, [(Redelivery.safe, false), (.never, true), (.never, false)])
    func whatIsOwedIsGivenFromIt(order: SettleOrder, route: (redeliver: Redelivery, isIdempotent: Bool)) throws {
        let desk = try Desk()
        let old = Pay.admission(nonce: 1, order: order)
        try Self.owe(desk, old)
        var retry = Pay.admission(nonce: 2, order: order)
        retry.redeliver = route.redeliver
        retry.isIdempotent = route.isIdempotent
        let answer = desk.admit(retry)
        guard case .redeemed(let ticket, _, let stored?) = try #require(answer.value) else {
            Issue.record("\(answer.text)")
            return
        }
        #expect(stored == StoredAnswer("kept"))
        #expect(try desk.claim(old)?.reruns == 0 && desk.state(old) == .running)
        desk.ended(ticket, .delivered)
        #expect(try desk.state(old) == .delivered && desk.balance(old) == 9)
        #expect(desk.admit(retry).text == Pay.used)
        #expect(desk.admit(Pay.admission(nonce: 3, order: order)).text == "claimed")
    }

    /// It costs the upstream nothing: no count of reruns ends it, and that it was not delivered says nothing of the request.
    @Test func itIsGivenUntilItArrives() throws {
        let desk = try Desk()
        let old = Pay.admission(nonce: 1)
        try Self.owe(desk, old)
        for nonce in 2...7 {
            let answer = desk.admit(Pay.admission(nonce: nonce))
            #expect(answer.text == "redeemed sandbox- kept")
            desk.ended(try #require(answer.ticket), .undelivered(noRequestByteWritten: true))
        }
        let claim = try #require(try desk.claim(old))
        #expect(claim.state == .owed && claim.reruns == 0 && claim.requestBytesWritten)
    }

    @Test func itIsGivenAfterTheLastRerun() throws {
        let desk = try Desk()
        try desk.owe(Pay.admission(nonce: 1))
        for nonce in 2...4 {
            let ticket = try #require(desk.admit(Pay.admission(nonce: nonce)).ticket)
            if nonce == 4 { desk.store(ticket, "at last") }
            desk.ended(ticket, .undelivered(noRequestByteWritten: false))
        }
        #expect(desk.admit(Pay.admission(nonce: 5)).text == "redeemed sandbox- at last")
    }

    @Test func aLaterAnswerTakesThePlaceOfAnEarlierOne() throws {
        let desk = try Desk()
        let ticket = try #require(desk.admit(Pay.admission(order: .first)).ticket)
        _ = desk.settle(ticket)
        desk.store(ticket, "one")
        desk.store(ticket, "two")
        desk.ended(ticket, .undelivered(noRequestByteWritten: false))
        desk.store(ticket, "three, of nobody")
        #expect(try Self.kept(desk) == ["two"])
    }

    /// A new attempt of a void claim asks the upstream anew: what the former one had is not its answer.
    @Test func anAttemptForgetsTheFormerOnes() throws {
        let desk = try Desk()
        let admission = Pay.admission(order: .first)
        let first = try #require(desk.admit(Pay.admission(order: .after)).ticket)
        desk.store(first, "unpaid")
        desk.ended(first, .uncharged(reason: ""))
        #expect(try desk.state(admission) == .void)
        let second = try #require(desk.admit(admission).ticket)
        _ = desk.settle(second)
        desk.ended(second, .undelivered(noRequestByteWritten: false))
        #expect(desk.admit(Pay.admission(nonce: 2, order: .first)).text == "redeemed sandbox-")
    }

    /// In the commit of the settlement under `after`; under `first` with the exchange's end.
    @Test(arguments: SettleOrder.allCases) func itOutlivesACrash(order: SettleOrder) throws {
        let desk = try Desk()
        let ticket = try #require(desk.admit(Pay.admission(order: order)).ticket)
        if order == .first {
            _ = desk.settle(ticket)
            desk.store(ticket, "kept")
            desk.pass(milliseconds: 3)
        } else {
            desk.store(ticket, "kept")
            _ = desk.answered(ticket)
        }
        desk.held.append(ticket)
        let next = try Desk(disk: desk.disk.reboot(.none))
        #expect(next.recovered.owed == 1)
        #expect(next.admit(Pay.admission(nonce: 2, order: order)).text == "redeemed sandbox- kept")
    }

    /// A payment that failed pays for no answer; if the chain says otherwise, the answer is there.
    @Test func anAnswerThatWasWithheldIsGivenOnceItIsPaidFor() throws {
        let desk = try Desk()
        let admission = Pay.admission(facilitator: .chain)
        let ticket = try desk.claimed(admission)
        desk.store(ticket, "kept")
        _ = desk.learn(.refused(code: "transaction_failed"), of: ticket.id)
        #expect(try desk.state(admission) == .failed)
        desk.release(try #require(desk.admit(Pay.admission(nonce: 2, facilitator: .chain)).hold))
        #expect(desk.admit(admission).text == Pay.used)
        _ = desk.learn(.settled(transaction: "0x1", block: 1), of: ticket.id)
        #expect(desk.admit(Pay.admission(nonce: 3, facilitator: .chain)).text == "redeemed 0x1 kept")
    }

    // MARK: Erasing

    @Test func whatWasDeliveredIsErased() throws {
        let desk = try Desk()
        var admission = Pay.admission()
        admission.redeliverForSeconds = 90
        let ticket = try #require(desk.admit(admission).ticket)
        desk.together {
            desk.store(ticket, "kept")
            _ = desk.answered(ticket)
        }
        desk.ended(ticket, .delivered)
        var last: UInt64 = 0
        for _ in 0..<10 {
            guard let deadline = desk.core.nextDeadline else { break }
            #expect(deadline > last, "the ledger's thread turns in circles")
            last = deadline
            let now = desk.clock.monotonicNanoseconds()
            let isEarly = now < 1_000_000_000_000 + 89_000_000_000
            #expect(try Self.kept(desk) == ["kept"] || !isEarly)
            desk.pass(milliseconds: Int(deadline.subtractingClamped(now) / 1_000_000) + 1)
        }
        #expect(try Self.kept(desk) == [] && desk.core.nextDeadline == nil, "erased, and nothing left to wait for")
    }

    /// What is owed is kept as long as it is honoured, and what nobody knows of for as long as that lasts.
    @Test func whatMayBeAskedForIsKept() throws {
        let desk = try Desk()
        let owed = Pay.admission(wallet: 1)
        let ticket = try #require(desk.admit(owed).ticket)
        desk.together {
            desk.store(ticket, "owed")
            _ = desk.answered(ticket)
        }
        let unknown = try desk.claimed(Pay.admission(wallet: 2, facilitator: .remote("x")))
        desk.store(unknown, "unknown")
        _ = desk.sending(unknown, nil)
        _ = desk.learn(.unknown(transaction: nil), of: unknown.id)
        desk.pass(milliseconds: 400_000)
        desk.ended(ticket, .undelivered(noRequestByteWritten: false))
        for _ in 0..<40 { desk.pass(milliseconds: 10_000) }
        #expect(try Self.kept(desk) == ["owed", "unknown"])
        for _ in 0..<24 { desk.pass(milliseconds: 10_000) }
        #expect(try Self.kept(desk) == ["unknown"])
        #expect(desk.admit(Pay.admission(wallet: 1, nonce: 2)).text == Pay.late, "an ordinary payment again")
        _ = desk.learn(.settled(transaction: "0x1", block: nil), of: unknown.id)
        for _ in 0..<40 { desk.pass(milliseconds: 10_000) }
        var retry = Pay.admission(wallet: 2, nonce: 2, facilitator: .remote("x"))
        retry.validBefore = .max
        #expect(desk.admit(retry).text == "redeemed 0x1 unknown")
    }

    @Test func erasingGoesInSteps() throws {
        let desk = try Desk()
        let count = 2 * AnswerTable.erasedAtOnce + 1
        desk.together {
            for wallet in 1...count {
                let admission = Pay.admission(wallet: wallet, order: .first)
                _ = desk.admit(admission)
            }
        }
        for row in 1...count {
            let attempt = Attempt(row: Int64(row), number: 1)
            desk.post(.store(attempt, StoredAnswer("\(row)")))
            desk.post(.ended(attempt, .uncharged(reason: "")))
        }
        desk.pass(milliseconds: 10)
        let fresh = try Desk(disk: desk.disk.reboot(.none), clock: desk.clock)
        #expect(try Self.kept(fresh).count == count)
        fresh.clock.pass(milliseconds: 700_000)
        var steps: [Int] = []
        while try !Self.kept(fresh).isEmpty, steps.count < 5 {
            fresh.pass(milliseconds: 5)
            steps.append(try Self.kept(fresh).count)
        }
        #expect(steps == [1 + AnswerTable.erasedAtOnce, 1, 0])
    }

    @Test func aStepErasesNotMuchMoreThanItMay() throws {
        let desk = try Desk()
        for nonce in 1...3 {
            let ticket = try #require(desk.admit(Pay.admission(nonce: nonce, binding: nonce)).ticket)
            desk.store(ticket, String(repeating: "x", count: Int(AnswerTable.erasedBytesAtOnce)))
            desk.ended(ticket, .uncharged(reason: ""))
        }
        desk.clock.pass(milliseconds: 700_000)
        var left: [Int] = []
        for _ in 0..<3 {
            desk.pass(milliseconds: 5)
            left.append(try Self.kept(desk).count)
        }
        #expect(left == [2, 1, 0])
    }

    /// Of what was erased the database holds no byte any more.
    @Test func nothingIsLeftInTheFile() throws {
        let folder = ScratchFolder()
        let path = folder.file("ledger.db")
        let store = try Store(path: path, now: Pay.now)
        let secrets = ["a short secret", String(repeating: "a long secret ", count: 2000)]
        try store.beginIfNeeded()
        for (nonce, secret) in secrets.enumerated() {
            var claim = ClaimRecord(Pay.admission(nonce: nonce), ledger: store.mark, now: Pay.now)
            try store.insert(&claim)
            try store.answers.put(StoredAnswer(secret), of: claim.id.row, keepSeconds: 600, now: Pay.now)
        }
        // In flight they would be kept.
        try store.database.execute("UPDATE claims SET state = 'delivered', at_rest = 1")
        try store.commit(at: Pay.now)
        #expect(try holds(store, path, "secret"))
        try store.beginIfNeeded()
        #expect(try !store.answers.eraseExpired(now: Pay.now + 599))
        #expect(try store.answers.eraseExpired(now: Pay.now + 600))
        #expect(try store.answers.earliestExpiry() == nil)
        try store.commit(at: Pay.now)
        #expect(try !holds(store, path, "secret"))
        try store.close()
    }

    private func holds(_ store: Store, _ path: String, _ text: String) throws -> Bool {
        try store.writeBack()
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        #expect(count > 4096 && count < bytes.count)
        return String(decoding: bytes[..<count], as: Unicode.ASCII.self).contains(text)
    }
}

extension UInt64 {
    fileprivate func subtractingClamped(_ other: UInt64) -> UInt64 { self > other ? self - other : 0 }
}
