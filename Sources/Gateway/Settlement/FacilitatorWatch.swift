import EventLoop
import Logging

/// Compares what a facilitator supports with what the config asks of it: at the start, and every ten minutes.
///
/// A mismatch stops nothing: the facilitator may be behind, and refuses by itself what it cannot settle.
final class FacilitatorWatch: TimerTarget {
    private static let pauseNanoseconds: UInt64 = 600_000_000_000
    /// After a time without an answer.
    private static let retryNanoseconds: UInt64 = 30_000_000_000

    private let facilitator: RemoteFacilitator
    private let payments: [PaymentMethod]
    private let logger: Logger
    private let timer: Timer
    private let changed: () -> Void
    /// By payment, so that the same is not said every ten minutes.
    private var said: [String: [String]] = [:]
    private var isStopped = false

    /// What keeps payments from being settled, by the payment's name; empty once all is well.
    private(set) var troubles: [String: SettlerTrouble] = [:]

    /// - Parameters:
    ///   - payments: all of the revision; those of other facilitators are passed over.
    ///   - changed: told on the loop when `troubles` have become others.
    init(
        _ facilitator: RemoteFacilitator, payments: [PaymentMethod], loop: EventLoop, logger: Logger,
        changed: @escaping () -> Void
    ) {
        self.facilitator = facilitator
        let name = facilitator.settings.name
        self.payments = payments.filter { $0.facilitator == .remote(name) }
        self.logger = logger
        self.changed = changed
        timer = Timer(loop.timers)
        timer.target = self
    }

    /// Asks now. The watch must be kept until `stop`.
    func begin() { if !payments.isEmpty { timerFired(timer) } }

    /// Nothing is told any more.
    func stop() {
        isStopped = true
        timer.unlink()
    }

    func timerFired(_ timer: Timer) {
        facilitator.askSupport { [weak self] result in self?.hear(result) }
    }

    private func hear(_ result: Result<FacilitatorSupport, FileFault>) {
        guard !isStopped else { return }
        var isHeard = false
        if case .success = result { isHeard = true }
        timer.arm(atNanoseconds: monotonicNanoseconds() + (isHeard ? Self.pauseNanoseconds : Self.retryNanoseconds))
        var fresh: [String: SettlerTrouble] = [:]
        for payment in payments {
            let review = FacilitatorReview(payment, facilitator.settings.name, result)
            if let trouble = review.trouble { fresh[payment.name] = trouble }
            if said[payment.name] ?? [] == review.warnings { continue }
            for warning in review.warnings { logger.warning("\(warning)") }
            if review.warnings.isEmpty {
                logger.notice("\(payment.name): \(facilitator.settings.name) supports it now")
            }
            said[payment.name] = review.warnings
        }
        guard fresh != troubles else { return }
        troubles = fresh
        changed()
    }
}

/// What a facilitator's answer means for one payment.
struct FacilitatorReview {
    /// Why the payment cannot be settled, as far as is known; nil where current clients can pay.
    let trouble: SettlerTrouble?
    /// What the operator is to know of it.
    let warnings: [String]

    init(_ payment: PaymentMethod, _ facilitator: String, _ result: Result<FacilitatorSupport, FileFault>) {
        switch result {
        case .failure(let fault):
            let detail = "\(facilitator) does not say what it supports: \(fault.reason)"
            trouble = SettlerTrouble(code: "facilitator_unreachable", detail: detail)
            warnings = ["\(payment.name): \(detail)"]
        case .success(let support):
            let isCurrent = support.takes(.v2, network: payment.network)
            let missing = "exact on \(payment.network) is not supported by \(facilitator)"
            trouble = isCurrent ? nil : SettlerTrouble(code: "facilitator_mismatch", detail: missing)
            if !isCurrent {
                warnings = ["\(payment.name): \(missing), which supports \(support.text)"]
            } else if !support.takes(.v1, network: payment.networkV1Name) {
                warnings = [
                    "\(payment.name): exact on \(payment.networkV1Name) in version 1 is not supported by \(facilitator): "
                        + "it will refuse clients of that version; it supports \(support.text)"
                ]
            } else {
                warnings = []
            }
        }
    }
}
