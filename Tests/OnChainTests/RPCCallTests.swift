import OnChain
import Testing

@Suite struct RPCCallTests {
    @Test func equalByMethodAndParameters() {
        #expect(RPCCall("eth_chainId", params: "[]") == RPCCall("eth_chainId", params: "[]"))
        #expect(RPCCall("eth_chainId", params: "[]") != RPCCall("eth_blockNumber", params: "[]"))
    }
}
