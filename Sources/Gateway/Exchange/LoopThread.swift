import EventLoop

/// A thread that runs one worker's loop from its making to its end.
final class LoopThread: Sendable {
    let inbox: Inbox<Worker>
    private let thread: WorkerThread
    private let ended: Handover<Void>

    /// Waits until the loop listens, so that a taken port is told at once.
    init(number: Int, prepared: PreparedRevision, services: SharedServices) throws(StartFault) {
        let started = Handover<Result<Inbox<Worker>, StartFault>>()
        let ended = Handover<Void>()
        thread = WorkerThread(name: "loop-\(number)")
        self.ended = ended
        thread.post {
            do throws(StartFault) {
                let worker = try LoopThread.worker(number, prepared, services)
                started.give(.success(worker.inbox))
                // Nobody else holds the worker while its loop runs.
                worker.loop.run()
                worker.exchanges.removeAll()
            } catch {
                started.give(.failure(error))
            }
            ended.give(())
        }
        inbox = try started.take().get()
    }

    private static func worker(
        _ number: Int, _ prepared: PreparedRevision, _ services: SharedServices
    ) throws(StartFault) -> Worker {
        let settings = prepared.revision.settings
        let worker: Worker
        do throws(SystemFault) {
            worker = try Worker(prepared: prepared, services: services)
        } catch {
            throw StartFault(description: "cannot start a loop: \(error)")
        }
        for address in settings.listen { try listen(worker, address, isAdmin: false) }
        if number == 0, let admin = settings.admin { try listen(worker, admin, isAdmin: true) }
        return worker
    }

    private static func listen(_ worker: Worker, _ address: ListenAddress, isAdmin: Bool) throws(StartFault) {
        do throws(SystemFault) {
            try worker.listen(try ListeningSocket(address.socket), isAdmin: isAdmin)
        } catch {
            throw StartFault(description: "\(isAdmin ? "admin" : "listen"): \(address.text): \(error)")
        }
    }

    /// Waits for the loop's end; false when it still runs at `untilNanoseconds` (monotonic).
    func waitForEnd(untilNanoseconds: UInt64) -> Bool { ended.take(untilNanoseconds: untilNanoseconds) != nil }
}
