/// A chain known by name, with the token that prices are usually quoted in.
public struct Network: Sendable, Hashable {
    /// As the configuration writes it: "base-sepolia".
    public let name: String
    public let chainID: UInt64
    /// Real money. The sandbox refuses these.
    public let isMainnet: Bool
    /// The name in x402 version 1, where it has one.
    public let v1Name: String?
    /// USDC on this chain.
    public let usdc: Token

    /// CAIP-2, as in "eip155:84532".
    public var caip2: String { "eip155:\(chainID)" }

    /// An EIP-3009 token and its EIP-712 domain.
    public struct Token: Sendable, Hashable {
        public let address: Address
        /// EIP-712 domain name: what the contract's `name()` returns.
        public let name: String
        /// EIP-712 domain version: what the contract's `version()` returns.
        public let version: String
        public let decimals: Int

        public init(address: Address, name: String, version: String, decimals: Int) {
            self.address = address
            self.name = name
            self.version = version
            self.decimals = decimals
        }
    }

    /// Every network known by name, in a stable order.
    public static let all: [Network] = [
        usdc("base", 8453, mainnet: true, v1: "base", "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "USD Coin"),
        usdc(
            "base-sepolia", 84532, mainnet: false, v1: "base-sepolia", "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
            "USDC"),
        usdc("ethereum", 1, mainnet: true, v1: nil, "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "USD Coin"),
        usdc(
            "avalanche", 43114, mainnet: true, v1: "avalanche", "0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E", "USD Coin"
        ),
        usdc(
            "avalanche-fuji", 43113, mainnet: false, v1: "avalanche-fuji", "0x5425890298aed601595a70AB815c96711a31Bc65",
            "USD Coin"),
        usdc("polygon", 137, mainnet: true, v1: "polygon", "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", "USD Coin"),
        usdc(
            "polygon-amoy", 80002, mainnet: false, v1: "polygon-amoy", "0x41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582",
            "USDC"),
        usdc("arbitrum", 42161, mainnet: true, v1: nil, "0xaf88d065e77c8cC2239327C5EDb3A432268e5831", "USD Coin"),
        usdc(
            "arbitrum-sepolia", 421614, mainnet: false, v1: nil, "0x75faf114eafb1BDbe2F0316DF893fd58CE46AA4d",
            "USD Coin"),
        usdc("sei", 1329, mainnet: true, v1: "sei", "0xe15fC38F6D8c56aF07bbCBe3BAf5708A2Bf42392", "USDC"),
        usdc(
            "sei-testnet", 1328, mainnet: false, v1: "sei-testnet", "0x4fCF1784B31630811181f670Aea7A7bEF803eaED", "USDC"
        ),
        usdc("celo", 42220, mainnet: true, v1: nil, "0xcebA9300f2b948710d2653dD7B07f33A8B32118C", "USDC"),
        usdc("monad", 143, mainnet: true, v1: nil, "0x754704Bc059F8C67012fEd69BC8A327a5aafb603", "USDC"),
    ]

    public static func named(_ name: String) -> Network? { all.first { $0.name == name } }
    public static func withChainID(_ chainID: UInt64) -> Network? { all.first { $0.chainID == chainID } }

    /// The chain id of a CAIP-2 name "eip155:N"; nil for other namespaces, leading zeros and what is not a number.
    public static func chainID(caip2: String) -> UInt64? {
        var caip2 = caip2
        return caip2.withUTF8 { text in
            guard text.count > 7, text[..<7].elementsEqual("eip155:".utf8), text[7] != 0x30 else { return nil }
            var number: UInt64 = 0
            for byte in text[7...] {
                guard byte >= 0x30 && byte <= 0x39 else { return nil }
                let (product, isTooLarge) = number.multipliedReportingOverflow(by: 10)
                let (sum, isLarger) = product.addingReportingOverflow(UInt64(byte &- 0x30))
                if isTooLarge || isLarger { return nil }
                number = sum
            }
            return number
        }
    }

    private static func usdc(
        _ name: String, _ chainID: UInt64, mainnet: Bool, v1: String?, _ address: String, _ domainName: String
    ) -> Network {
        Network(
            name: name, chainID: chainID, isMainnet: mainnet, v1Name: v1,
            usdc: Token(address: Address.parse(address)!.address, name: domainName, version: "2", decimals: 6))
    }
}
