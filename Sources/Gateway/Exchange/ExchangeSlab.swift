/// An exchange's name for other threads: a late reply never reaches the exchange that came after.
struct ExchangeHandle: Hashable, Sendable {
    let index: UInt32
    let generation: UInt32
}

/// One loop's exchanges, used again and again: as many as were ever under way at once.
///
/// It keeps every one of them to the loop's end, so that whoever names one before need not count.
final class ExchangeSlab {
    // Unchecked: nothing that is called while it is changed comes back here.
    @exclusivity(unchecked) private var all: [Exchange] = []
    /// Those at rest, linked by `Exchange.nextFree`.
    private var firstFree: Unmanaged<Exchange>?
    private(set) var activeCount = 0

    /// An exchange of the loop's own `worker`.
    func take(for worker: Worker) -> Unmanaged<Exchange> {
        activeCount += 1
        guard let first = firstFree else { return make(for: worker) }
        firstFree = first._withUnsafeGuaranteedRef { $0.nextFree }
        return first
    }

    private func make(for worker: Worker) -> Unmanaged<Exchange> {
        let exchange = Exchange(worker: worker, index: UInt32(all.count))
        all.append(exchange)
        return .passUnretained(exchange)
    }

    /// Whoever still names it by handle will not find it.
    func giveBack(_ exchange: Exchange) {
        exchange.generation &+= 1
        activeCount -= 1
        exchange.nextFree = firstFree
        firstFree = .passUnretained(exchange)
    }

    /// Exchanges at rest let go of the former revision.
    func adopt(_ prepared: PreparedRevision) {
        var next = firstFree
        while let exchange = next?.takeUnretainedValue() {
            exchange.prepared = prepared
            next = exchange.nextFree
        }
    }

    /// Those under way that nothing but their callers' patience would end.
    var listening: [Exchange] { all.filter { $0.stage == .answering && $0.listening?.isFiltered == true } }

    /// After the loop's end, when nobody will ask for one again.
    func removeAll() {
        firstFree = nil
        all.removeAll()
    }

    subscript(handle: ExchangeHandle) -> Exchange? {
        let exchange = all[Int(handle.index)]
        return exchange.generation == handle.generation ? exchange : nil
    }
}
