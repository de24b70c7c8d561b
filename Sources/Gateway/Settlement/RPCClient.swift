import EventLoop
import Logging
import OnChain

/// One network's nodes, asked over JSON-RPC on the money loop.
final class RPCClient {
    /// As in the configuration, for messages.
    let network: String
    let chainID: UInt64

    init(network: String, chainID: UInt64, endpoints: [RPCEndpoint], client: HTTPClient, logger: Logger) {
        self.network = network
        self.chainID = chainID
    }

    /// Told after each change of `health`.
    var healthChanged: (() -> Void)?

    /// In the configuration's order.
    var health: [RPCHealth] { [] }

    /// Asks the healthiest node, and the next one where it gives no answer. All calls made within one turn of the loop with
    /// the same deadline go out as one batch. `done` is told one reply a call, once, from a later call of the loop.
    func call(_ calls: [RPCCall], deadlineMilliseconds: Int, done: @escaping ([RPCReply]) -> Void) {}

    /// Asks every node the same: for what counts only if nobody says otherwise. One list a node, in the configuration's
    /// order; where a node gives no answer, it is of `.unreachable`.
    func callEach(_ calls: [RPCCall], deadlineMilliseconds: Int, done: @escaping ([[RPCReply]]) -> Void) {}

    /// Gives every node a signed transaction. `done` is told once: the first result; else, when all have spoken, the first
    /// error; else that none was reached.
    func broadcast(raw: [UInt8], deadlineMilliseconds: Int, done: @escaping (RPCReply) -> Void) {}
}
