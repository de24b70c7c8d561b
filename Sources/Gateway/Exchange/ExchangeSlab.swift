/// An exchange's name for other threads: a late reply never reaches the exchange that came after.
struct ExchangeHandle: Hashable, Sendable {
    let index: UInt32
    let generation: UInt32
}

/// One loop's exchanges, used again and again: as many as were ever under way at once.
///
/// Its lists are unchecked: nothing that is called while one is changed comes back here.
final class ExchangeSlab {
    @exclusivity(unchecked) private var all: [Exchange] = []
    @exclusivity(unchecked) private var free: [Exchange] = []
    private(set) var activeCount = 0

    /// An exchange of the loop's own `worker`.
    func take(for worker: Worker) -> Exchange {
        activeCount += 1
        if let exchange = free.popLast() { return exchange }
        let exchange = Exchange(worker: worker, index: UInt32(all.count))
        all.append(exchange)
        return exchange
    }

    /// Whoever still names it by handle will not find it.
    func giveBack(_ exchange: Exchange) {
        exchange.generation &+= 1
        activeCount -= 1
        free.append(exchange)
    }

    /// Exchanges at rest let go of the former revision.
    func adopt(_ prepared: PreparedRevision) {
        for exchange in free { exchange.prepared = prepared }
    }

    /// After the loop's end, when nobody will ask for one again.
    func removeAll() {
        free.removeAll()
        all.removeAll()
    }

    subscript(handle: ExchangeHandle) -> Exchange? {
        let exchange = all[Int(handle.index)]
        return exchange.generation == handle.generation ? exchange : nil
    }
}
