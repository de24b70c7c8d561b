import Glibc
import Synchronization
import Testing

@testable import Ledger

/// The whole ledger: its thread, its lock and its files.
@Suite struct LedgerThreadTests {
    let folder = ScratchFolder()

    func admission(wallet: Int = 1, nonce: Int = 1, binding: Int = 1, order: SettleOrder = .after) -> Admission {
        var admission = Pay.admission(wallet: wallet, nonce: nonce, binding: binding, order: order)
        admission.validBefore = .max
        return admission
    }

    func admit(_ ledger: Ledger, _ admission: Admission) -> (Answer<Admitted>, AdmissionToken) {
        let answer = Answer<Admitted>()
        return (answer, ledger.admit(admission, reply: answer.callback))
    }

    func claim(_ ledger: Ledger, _ admission: Admission) throws -> Ticket {
        let (answer, _) = admit(ledger, admission)
        #expect(eventually { answer.value != nil })
        return try #require(answer.ticket, "\(answer.text)")
    }

    /// Leaves a claim `sent`.
    func send(_ ledger: Ledger, wallet: Int) throws {
        var admission = VerificationTests.chain(wallet: wallet, nonce: wallet, order: .first)
        admission.validBefore = .max
        let (verified, _) = admit(ledger, admission)
        #expect(eventually { verified.value != nil })
        let claimed = Answer<Admitted>()
        ledger.claim(try #require(verified.hold), balanceAtomic: 10, reply: claimed.callback)
        #expect(eventually { claimed.value != nil })
        let sent = Answer<Sending>()
        ledger.sending(try #require(claimed.ticket), transaction: Pay.transaction(wallet), reply: sent.callback)
        #expect(eventually { sent.text == "go" })
    }

    @Test func aPaymentFromEndToEnd() throws {
        let path = folder.file("ledger.db")
        let notices = Mutex<[LedgerNotice]>([])
        var configuration = LedgerConfiguration(path: path)
        configuration.notice = { notice in notices.withLock { $0.append(notice) } }
        let ledger = Ledger(configuration)
        let ticket = try claim(ledger, admission())
        #expect(ledger.health == .ready)
        let settlement = Answer<Settlement>()
        ledger.answered(ticket, reply: settlement.callback)
        #expect(eventually { settlement.value != nil })
        guard case .settled = settlement.value else {
            Issue.record("\(String(describing: settlement.value))")
            return
        }
        ledger.ended(ticket, .delivered)
        let held = try claim(ledger, admission(nonce: 2, binding: 2))
        ledger.stop()
        #expect(ledger.health == .stopped)
        let (late, _) = admit(ledger, admission(wallet: 9))
        #expect(late.text == "unavailable")
        let head = try LedgerReader(path: path).verify().head
        #expect(notices.withLock { $0 } == [.health(.ready), .head(head), .health(.stopped)])

        var mode = stat()
        #expect(stat(path, &mode) == 0 && mode.st_mode & 0o777 == 0o600)
        let reader = try LedgerReader(path: path)
        #expect(try reader.list(limit: 10).map(\.state) == [.running, .delivered])
        let second = Ledger(configuration)
        #expect(eventually { second.health == .ready })
        #expect(notices.withLock { $0[3] } == .recovered(void: 1, owed: 0, unknown: 0))
        #expect(try reader.claim(held.id)?.state == .void)
        second.stop()
    }

    @Test func aSecondProcessWaitsAndTakesOver() throws {
        let path = folder.file("ledger.db")
        let first = Ledger(LedgerConfiguration(path: path))
        #expect(eventually { first.health == .ready })
        // Another name of the same file is the same ledger.
        let link = folder.file("link.db")
        #expect(symlink(path, link) == 0)
        let second = Ledger(LedgerConfiguration(path: link))
        #expect(eventually { second.health == .waitingForLock })
        let (waiting, _) = admit(second, admission(wallet: 1))
        let (gone, token) = admit(second, admission(wallet: 2))
        second.callerGone(token)
        _ = try claim(first, admission(wallet: 3))
        #expect(waiting.text == "waits")
        // What the former process leaves is asked for before it has left.
        let watched = Answer<[WatchedClaim]>()
        second.watched(reply: watched.callback)
        try send(first, wallet: 4)
        #expect(watched.value == nil)
        first.stop()
        #expect(eventually { waiting.value != nil && watched.value != nil })
        #expect(watched.value?.map(\.claim.state) == [.unknown])
        #expect(waiting.text == "claimed" && second.health == .ready)
        second.stop()
        #expect(gone.text == "waits")
        #expect(try LedgerReader(path: path).list(limit: 10).count == 3)
    }

    /// What a successor has to watch is what its predecessor left, not what is known while it waits.
    @Test func whatIsWatchedIsToldWithTheLock() throws {
        let path = folder.file("ledger.db")
        let first = Ledger(LedgerConfiguration(path: path))
        #expect(eventually { first.health == .ready })
        let second = Ledger(LedgerConfiguration(path: path))
        #expect(eventually { second.health == .waitingForLock })
        let watched = Answer<[WatchedClaim]>()
        second.watched(reply: watched.callback)
        let admitted = Answer<Admitted>()
        first.admit(Pay.admission(order: .first, facilitator: .remote("hosted")), reply: admitted.callback)
        #expect(eventually { admitted.value != nil })
        guard case .verify(let hold)? = admitted.value else {
            Issue.record("\(admitted.text)")
            return
        }
        let claimed = Answer<Admitted>()
        first.claim(hold, balanceAtomic: 1_000_000_000, reply: claimed.callback)
        #expect(eventually { claimed.ticket != nil })
        let sent = Answer<Sending>()
        first.sending(try #require(claimed.ticket), transaction: nil, reply: sent.callback)
        #expect(eventually { sent.value != nil })
        #expect(watched.value == nil)
        first.stop()
        #expect(eventually { watched.value != nil })
        #expect(watched.value?.map(\.claim.state) == [.unknown])
        second.stop()
    }

    @Test func theWaitForTheLockHasAnEnd() throws {
        let path = folder.file("ledger.db")
        let first = Ledger(LedgerConfiguration(path: path))
        #expect(eventually { first.health == .ready })
        var impatient = LedgerConfiguration(path: path)
        impatient.lockWaitMilliseconds = 0
        let second = Ledger(impatient)
        let (waiting, _) = admit(second, admission())
        #expect(eventually { waiting.text == "unavailable" })
        #expect(second.health == .waitingForLock)
        second.stop()
        first.stop()
    }

    static let unusable = ["/nonexistent/ledger.db", "/proc/ledger.db", "/tmp"]

    @Test(arguments: unusable) func aLedgerThatCannotBeOpenedSaysSo(path: String) {
        let ledger = Ledger(LedgerConfiguration(path: path))
        let (answer, _) = admit(ledger, admission())
        #expect(eventually { answer.text == "unavailable" })
        guard case .unavailable(let reason) = ledger.health else {
            Issue.record("\(ledger.health)")
            return
        }
        #expect(reason.contains(path))
        ledger.stop()
    }

    @Test func anotherProgramsDatabaseIsLeftAlone() throws {
        let path = folder.file("other.db")
        let other = try Database(path: path)
        try other.execute("CREATE TABLE theirs (x)")
        let ledger = Ledger(LedgerConfiguration(path: path))
        #expect(
            eventually { ledger.health == .unavailable(reason: "the file is a database, but not a Farebox ledger") })
        ledger.stop()
        #expect(try other.value("SELECT group_concat(name) FROM sqlite_schema") == "theirs")
        #expect(try other.value("PRAGMA journal_mode") == "delete")
        other.close()
        #expect(throws: LedgerFault.self) { try LedgerReader(path: path) }
    }

    @Test func aNewerLedgerIsLeftAlone() throws {
        let path = folder.file("ledger.db")
        Ledger(LedgerConfiguration(path: path)).stop()
        let database = try Database(path: path)
        try database.execute("PRAGMA user_version = 99")
        database.close()
        // Which a newer one would have kept in step.
        #expect(unlink(Seal.path(of: path)) == 0)
        let ledger = Ledger(LedgerConfiguration(path: path))
        #expect(
            eventually {
                ledger.health
                    == .unavailable(
                        reason: "the ledger was written by a newer Farebox (version 99, this one knows 1)")
            })
        ledger.stop()
    }

    /// A program that writes to the file for a while turns payments away and spoils none.
    @Test func anotherWriterIsWaitedFor() throws {
        let path = folder.file("ledger.db")
        let ledger = Ledger(LedgerConfiguration(path: path))
        let ticket = try claim(ledger, admission())
        let other = try Database(path: path)
        #expect(
            eventually {
                do {
                    try other.execute("BEGIN IMMEDIATE")
                    return true
                } catch { return false }
            })
        let settlement = Answer<Settlement>()
        ledger.answered(ticket, reply: settlement.callback)
        let (answer, _) = admit(ledger, admission(wallet: 2, nonce: 2))
        #expect(eventually { answer.value != nil })
        #expect(answer.text == "unavailable" && ledger.health == .busy)
        #expect(settlement.value == nil)
        try other.execute("COMMIT")
        #expect(eventually { settlement.value != nil })
        guard case .settled = settlement.value else {
            Issue.record("\(String(describing: settlement.value))")
            return
        }
        #expect(eventually { ledger.health == .ready })
        other.close()
        ledger.stop()
    }

    /// Nobody says how it ended: the ticket does, when the exchange lets it go.
    @Test func aForgottenTicketFreesItsLease() throws {
        let ledger = Ledger(LedgerConfiguration(path: folder.file("ledger.db")))
        _ = try claim(ledger, admission(nonce: 1, binding: 1))
        _ = try claim(ledger, admission(nonce: 2, binding: 2))
        ledger.stop()
    }

    /// 64 copies of one payment from many threads at once: one execution, one charge.
    @Test func sixtyFourCopiesAtOnce() throws {
        let ledger = Ledger(LedgerConfiguration(path: folder.file("ledger.db")))
        let executions = Atomic(0)
        let answers = (0..<64).map { _ in Answer<Admitted>() }
        inThreads(8) { thread in
            for at in stride(from: thread, to: 64, by: 8) {
                let keep = answers[at].callback
                ledger.admit(admission()) { admitted in
                    keep(admitted)
                    guard case .claimed(let ticket) = admitted else { return }
                    executions.add(1, ordering: .relaxed)
                    ledger.answered(ticket) { settlement in
                        guard case .settled = settlement else { return }
                        ledger.ended(ticket, .delivered)
                    }
                }
            }
        }
        #expect(eventually { answers.allSatisfy { $0.value != nil } })
        #expect(executions.load(ordering: .relaxed) == 1)
        #expect(answers.filter { $0.text == Pay.used }.count == 63)
        ledger.stop()
        let reader = try LedgerReader(path: folder.file("ledger.db"))
        #expect(try reader.list(limit: 10).map(\.state) == [.delivered])
    }

    /// Many wallets from many threads: every payment is answered once, every lease comes back, the sums hold.
    @Test(arguments: SettleOrder.allCases) func manyWalletsFromManyThreads(order: SettleOrder) throws {
        let path = folder.file("ledger.db")
        let ledger = Ledger(LedgerConfiguration(path: path))
        let delivered = Atomic(0)
        let refused = Atomic(0)
        inThreads(4) { thread in
            for nonce in 0..<200 {
                var payment = admission(wallet: nonce % 16, nonce: thread * 1000 + nonce, binding: nonce, order: order)
                payment.leaseWaitMilliseconds = 60_000
                payment.leaseQueue = 1000
                ledger.admit(payment) { admitted in
                    guard case .claimed(let ticket) = admitted else {
                        refused.add(1, ordering: .relaxed)
                        return
                    }
                    let finish: @Sendable (Settlement) -> Void = { settlement in
                        guard case .settled = settlement else { return }
                        delivered.add(1, ordering: .relaxed)
                        ledger.ended(ticket, .delivered)
                    }
                    if order == .after {
                        ledger.answered(ticket, reply: finish)
                    } else {
                        ledger.settle(ticket, reply: finish)
                    }
                }
            }
        }
        #expect(eventually { delivered.load(ordering: .relaxed) + refused.load(ordering: .relaxed) == 800 })
        ledger.stop()
        // Ten units each, one a payment.
        #expect(delivered.load(ordering: .relaxed) == 160)
        let database = try Database(path: path)
        try CrashTests.expectConserved(database, "many threads")
        #expect(try database.value("SELECT count(*) FROM sandbox_balances WHERE balance = '0'") == "16")
        database.close()
    }

    func inThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let threads = (0..<count).map { index in
            var thread = pthread_t()
            let box = Unmanaged.passRetained(Work { body(index) })
            pthread_create(
                &thread, nil,
                { argument in
                    Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue().body()
                    return nil
                }, box.toOpaque())
            return thread
        }
        for thread in threads { pthread_join(thread, nil) }
    }

    final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
