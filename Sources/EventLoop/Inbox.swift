import CLinux
import Glibc
import Synchronization

/// How other threads reach a loop: closures that run on its thread, with the loop's owner as argument.
///
/// The owner is never captured, so that nothing which belongs to one loop crosses a thread.
public final class Inbox<Owner: AnyObject>: Sendable {
    public typealias Message = @Sendable (Owner) -> Void

    private struct Waiting: ~Copyable {
        var messages: [Message] = []
        var signalled = false
    }

    private let waiting = Mutex(Waiting())
    private let event: Descriptor

    public init() throws(SystemFault) {
        let flags = Int32(EFD_NONBLOCK | EFD_CLOEXEC)
        event = Descriptor(owning: try SystemCall.checked("eventfd") { eventfd(0, flags) })
    }

    /// Runs `message` on the loop's thread, in the order of posting. Callable from any thread.
    public func post(_ message: @escaping Message) {
        let signal = waiting.withLock { waiting in
            waiting.messages.append(message)
            defer { waiting.signalled = true }
            return !waiting.signalled
        }
        if signal {
            var one: UInt64 = 1
            _ = SystemCall.retrying { write(event.number, &one, 8) }
        }
    }

    /// Begins delivery on `loop`. The owner must outlive the loop's run.
    public func attach(to loop: EventLoop, owner: Owner) throws(SystemFault) {
        _ = try loop.register(event.number, Reader(self, owner))
    }

    fileprivate func deliver(to owner: Owner) {
        var value: UInt64 = 0
        _ = SystemCall.retrying { read(event.number, &value, 8) }
        let messages = waiting.withLock { waiting in
            waiting.signalled = false
            var taken: [Message] = []
            swap(&taken, &waiting.messages)
            return taken
        }
        for message in messages { message(owner) }
    }

    private final class Reader: EventHandler {
        private let inbox: Inbox
        private unowned let owner: Owner

        init(_ inbox: Inbox, _ owner: Owner) {
            self.inbox = inbox
            self.owner = owner
        }

        override func ready(_ events: Readiness) {
            if events.contains(.readable) { inbox.deliver(to: owner) }
        }
    }
}
