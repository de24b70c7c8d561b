import EventLoop
import Glibc
import Logging

/// `farebox run`: one gateway, from its config to its last exchange.
public struct Run {
    private let loader: ConfigLoader
    private let logger: Logger

    public init(_ loader: ConfigLoader) {
        self.loader = loader
        logger = OperatorLog.logger()
    }

    /// Serves until SIGTERM or SIGINT, then drains; a second one ends the drain. SIGHUP loads the config again.
    ///
    /// - Returns: 0 after a whole drain, 1 when exchanges were cut off or the gateway could not start, 2 for a config with
    ///   errors.
    public func run() -> Int32 {
        // Before any other thread is made, so that all of them leave these signals to this one.
        var signals = sigset_t()
        sigemptyset(&signals)
        for signal in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&signals, signal) }
        pthread_sigmask(SIG_BLOCK, &signals, nil)

        switch loader.load(now: wallNanoseconds() / 1_000_000_000) {
        case .failure(let errors):
            for warning in errors.warnings { Console.error("warning: \(warning)\n") }
            Console.error("\(errors)\n")
            return 2
        case .success(let revision):
            announce(revision)
            do throws(StartFault) {
                let gateway = try Gateway(revision, loader: loader, logger: logger)
                logger.notice("listening on \(revision.settings.listen.map(\.text).joined(separator: ", "))")
                return serve(gateway, until: signals)
            } catch {
                logger.critical("\(error)")
                return 1
            }
        }
    }

    private func announce(_ revision: Revision) {
        for warning in revision.warnings { logger.warning("\(warning)") }
        for payment in revision.payments where payment.facilitator == .sandbox {
            logger.warning("payment \(payment.name) settles in the sandbox: signatures are checked, no money moves")
        }
    }

    private func serve(_ gateway: Gateway, until signals: sigset_t) -> Int32 {
        var signals = signals
        var number: Int32 = 0
        while true {
            sigwait(&signals, &number)
            if number != SIGHUP { break }
            logger.notice("SIGHUP: loading the config again")
            gateway.reload()
        }
        logger.notice("draining: no new connections, exchanges under way are finished")
        let impatience = WorkerThread(name: "signals")
        let logger = logger
        impatience.post { [signals] in
            var signals = signals
            var number: Int32 = 0
            repeat { sigwait(&signals, &number) } while number == SIGHUP
            logger.warning("ended by a second signal, in the middle of the drain")
            _exit(1)
        }
        if gateway.drain() { return 0 }
        logger.warning("exchanges were still under way at the end of the drain")
        return 1
    }
}
