import EventLoop

/// Takes connections from one listening socket of one loop.
final class Listener: EventHandler, TimerTarget {
    /// At most so many connections an event, so that those which are open get their turn (h2o does the same).
    private static let acceptsPerEvent = 16

    private unowned let worker: Worker
    private let socket: ListeningSocket
    let isAdmin: Bool
    private var registration: Registration?
    private lazy var rest = Timer(worker.loop.timers)
    private static let restNanoseconds: UInt64 = 100_000_000

    init(worker: Worker, socket: consuming ListeningSocket, isAdmin: Bool) throws(SystemFault) {
        self.worker = worker
        self.isAdmin = isAdmin
        self.socket = socket
        super.init()
        registration = try worker.loop.register(self.socket.number, self, acceptsInBatches: true)
    }

    override func ready(_ events: Readiness) { accept(atMost: Listener.acceptsPerEvent) }

    private func accept(atMost limit: Int) {
        var accepted = 0
        while accepted < limit {
            do throws(SystemFault) {
                guard let connection = try socket.accept() else { return }
                worker.take(connection, isAdmin: isAdmin)
                accepted += 1
            } catch {
                // Out of descriptors or memory: what is open goes on, and a little later it is tried again.
                worker.acceptFailed(error)
                return pause()
            }
        }
    }

    private func pause() {
        guard let registration else { return }
        worker.loop.forget(registration, descriptor: socket.number)
        self.registration = nil
        rest.target = self
        rest.arm(atNanoseconds: worker.loop.nowNanoseconds + Listener.restNanoseconds)
    }

    func timerFired(_ timer: Timer) {
        do throws(SystemFault) {
            registration = try worker.loop.register(socket.number, self, acceptsInBatches: true)
        } catch {
            worker.acceptFailed(error)
            timer.arm(atNanoseconds: worker.loop.nowNanoseconds + Listener.restNanoseconds)
        }
    }

    /// Takes everyone who is already in the queue, then listens no more: nobody who was let in is turned away.
    func close() {
        accept(atMost: .max)
        rest.unlink()
        if let registration { worker.loop.forget(registration, descriptor: socket.number) }
        registration = nil
    }
}
