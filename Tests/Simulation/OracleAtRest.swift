@testable import Ledger

/// What has to be so when everything has come to rest.
extension Oracle {
    func judgeAtRest() {
        guard let world else { return }
        guard let server = world.server, let core = server.core else { return fault("no gateway runs at the end") }
        if let shopper = world.shoppers.first(where: { !$0.isDone }) {
            fault("shopper \(shopper.number) waits for ever")
        }
        if !server.isIdle { fault("the ledger still holds leases or waiters: \(describe(core))") }
        if !server.isFinished { fault("the chain is watched for ever: \(server.money.list.count) claims") }
        do {
            if let open = try core.store.openClaims().first { fault("claim \(open.id.row) is \(open.state) for ever") }
            if let watched = try core.store.watchedClaims().first {
                fault("claim \(watched.id.row) is watched for ever")
            }
            for payment in payments.values.sorted(by: { $0.number < $1.number }) { try judge(payment, world, core) }
            try judgeBalances(world, core)
        } catch {
            fault("at the end: \(error)")
        }
    }

    private func describe(_ core: LedgerCore) -> String {
        "\(core.wallets.count) wallets, \(core.inFlight.count) in flight, \(core.waitingByToken.count) waiting, \(core.held.count) held"
    }

    private func judge(_ payment: Payment, _ world: World, _ core: LedgerCore) throws {
        let number = payment.number
        guard let claim = try core.store.claim(key(payment)) else { return fault("payment \(number) is lost") }
        if payment.paidAt != nil && !claim.machine.isPaid { fault("payment \(number) was paid and is \(claim.state)") }
        if claim.state == .delivered && !payment.isDelivered {
            fault("payment \(number) is called delivered and was not")
        }
        if payment.route.isPlay { return }
        if let transaction = world.chain.head.settled[number] {
            let isOurs = world.chain.transaction(transaction) != nil
            // One that was never sent may be used by its payer, unasked.
            let isPayersOwn = !isOurs && payment.sentAt == nil && claim.state == .void
            if claim.state != .delivered && claim.state != .owed && !isPayersOwn {
                fault("payment \(number) is settled and \(claim.state)")
            }
            // A start does not know what was told before it.
            if claim.machine.isPaid && world.epoch == 1 && claim.transaction != transaction.hex {
                fault("payment \(number) names a transaction that did not settle it")
            }
        } else if claim.machine.isPaid && !world.chain.takenBack.contains(number) {
            fault("payment \(number) is \(claim.state) and not on the chain")
        }
    }

    /// Play money is conserved.
    private func judgeBalances(_ world: World, _ core: LedgerCore) throws {
        for wallet in 1...World.wallets {
            var spent: UInt128 = 0
            var some: ClaimKey?
            for payment in payments.values where payment.route.isPlay && payment.wallet == wallet {
                some = key(payment)
                if try core.store.claim(key(payment))?.machine.isPaid == true { spent += payment.amount }
            }
            guard let some else { continue }
            let balance = try core.sandboxBalance(some, decimals: 0).balance
            if balance + spent != World.balance {
                fault("wallet \(wallet) has \(balance) of play money and spent \(spent)")
            }
        }
    }
}
