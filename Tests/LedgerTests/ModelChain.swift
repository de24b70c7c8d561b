import Bytes

@testable import Ledger

/// One token on one chain, as small as it can be: authorizations are used once, wallets have balances, blocks may be taken back. What it
/// holds is the truth that the ledger is compared with.
struct ModelChain {
    struct Use {
        let key: ClaimKey
        let transaction: String
        let block: UInt64
    }

    private(set) var head: UInt64 = 100
    /// Authorizations used for us, on the chain as it is now.
    private(set) var used: [ClaimKey: Use] = [:]
    private(set) var balances: [Wallet: UInt128] = [:]
    /// Every time an authorization was used, also where its block was taken back later.
    private(set) var history: [ClaimKey: Int] = [:]
    struct Payment {
        let key: ClaimKey
        let amount: UInt128
        let validBefore: Int64
    }

    /// Transactions that were broadcast and are not mined, by hash: more than one may hold one authorization, and one may hold several,
    /// each of which is used or fails by itself.
    private(set) var pool: [String: [Payment]] = [:]
    static let finalAfter: UInt64 = 12

    func balance(_ wallet: Wallet) -> UInt128 { balances[wallet] ?? 0 }

    mutating func fund(_ wallet: Wallet, _ amount: UInt128) { balances[wallet] = balance(wallet) + amount }

    mutating func broadcast(_ transaction: String, _ key: ClaimKey, amount: UInt128, validBefore: Int64) {
        broadcast(transaction, [Payment(key: key, amount: amount, validBefore: validBefore)])
    }

    mutating func broadcast(_ transaction: String, _ payments: [Payment]) { pool[transaction] = payments }

    /// Drops what is dropped from pools, and mines some of what is left in the given order.
    mutating func mine(_ transactions: [String], now: Int64) {
        head += 1
        for hash in transactions {
            for payment in pool.removeValue(forKey: hash) ?? [] { use(payment, by: hash, now: now) }
        }
    }

    private mutating func use(_ payment: Payment, by hash: String, now: Int64) {
        let key = payment.key
        // Reverted: used already, too late, or no money.
        guard used[key] == nil, now < payment.validBefore, balance(key.wallet) >= payment.amount else { return }
        balances[key.wallet] = balance(key.wallet) - payment.amount
        used[key] = Use(key: key, transaction: hash, block: head)
        history[key, default: 0] += 1
        amounts[key] = payment.amount
    }

    private var amounts: [ClaimKey: UInt128] = [:]

    /// Takes back the newest block, if it is not final; gives the payments that were in it.
    mutating func reorganize() -> [Use] {
        guard head > 100 else { return [] }
        let gone = used.values.filter { $0.block == head }
        for use in gone {
            used[use.key] = nil
            balances[use.key.wallet] = balance(use.key.wallet) + (amounts[use.key] ?? 0)
        }
        return gone
    }

    mutating func pass(blocks: UInt64) { head += blocks }
}
