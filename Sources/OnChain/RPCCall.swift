/// One JSON-RPC 2.0 call to a node, without its id.
public struct RPCCall: Hashable, Sendable {
    /// As in `eth_call`.
    public let method: String
    /// JSON text of the array of parameters.
    public let params: String

    public init(_ method: String, params: String) {
        self.method = method
        self.params = params
    }
}
