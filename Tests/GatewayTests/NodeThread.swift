import EventLoop
import Glibc
import Synchronization
import Testing

@testable import Gateway

/// A scripted node that answers on a thread of its own, for what has a loop of its own.
final class NodeThread: Sendable {
    private let isStopped = Atomic(false)
    private let thread = Mutex<pthread_t?>(nil)

    init(_ port: ServerPort, _ reply: @escaping @Sendable (ScriptedNode.Call) -> String) {
        let work = Work(port: port, reply: reply, owner: self)
        var started = pthread_t()
        pthread_create(
            &started, nil,
            { argument in
                Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(work).toOpaque())
        thread.withLock { $0 = started }
    }

    func stop() {
        isStopped.store(true, ordering: .relaxed)
        thread.withLock { thread in
            if let thread { pthread_join(thread, nil) }
            thread = nil
        }
    }

    private final class Work {
        let port: ServerPort
        let reply: @Sendable (ScriptedNode.Call) -> String
        let owner: NodeThread

        init(port: ServerPort, reply: @escaping @Sendable (ScriptedNode.Call) -> String, owner: NodeThread) {
            self.port = port
            self.reply = reply
            self.owner = owner
        }

        func run() {
            let node = ScriptedNode(at: port)
            node.chainID = nil
            node.script = { [reply] _ in .reply { reply($0) } }
            while !owner.isStopped.load(ordering: .relaxed) {
                node.serve()
                usleep(500)
            }
        }
    }
}
