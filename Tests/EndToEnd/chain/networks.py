"""Chains by name, with the token that official clients know on each: written down apart from the gateway's own table."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Network:
    name: str
    chain_id: int
    usdc: str
    domain_name: str
    domain_version: str = "2"

    @property
    def caip2(self) -> str:
        return f"eip155:{self.chain_id}"


NETWORKS = {
    network.name: network
    for network in (
        Network("base", 8453, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "USD Coin"),
        Network("base-sepolia", 84532, "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC"),
        Network("ethereum", 1, "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "USD Coin"),
        Network("avalanche", 43114, "0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E", "USD Coin"),
        Network("avalanche-fuji", 43113, "0x5425890298aed601595a70AB815c96711a31Bc65", "USD Coin"),
        Network("polygon", 137, "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", "USD Coin"),
        Network("polygon-amoy", 80002, "0x41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582", "USDC"),
        Network("arbitrum", 42161, "0xaf88d065e77c8cC2239327C5EDb3A432268e5831", "USD Coin"),
        Network("arbitrum-sepolia", 421614, "0x75faf114eafb1BDbe2F0316DF893fd58CE46AA4d", "USD Coin"),
        Network("sei", 1329, "0xe15fC38F6D8c56aF07bbCBe3BAf5708A2Bf42392", "USDC"),
        Network("sei-testnet", 1328, "0x4fCF1784B31630811181f670Aea7A7bEF803eaED", "USDC"),
        Network("celo", 42220, "0xcebA9300f2b948710d2653dD7B07f33A8B32118C", "USDC"),
        Network("monad", 143, "0x754704Bc059F8C67012fEd69BC8A327a5aafb603", "USDC"),
    )
}
