import Bytes

/// Data of the calls that read a token or ask a contract wallet.
public enum ContractReads {
    private static let balanceOf = ABISelector("balanceOf(address)")
    private static let authorizationState = ABISelector("authorizationState(address,bytes32)")
    private static let isValidSignature = ABISelector("isValidSignature(bytes32,bytes)")

    /// ERC-20.
    public static func balance(of account: Address) -> [UInt8] {
        var call = ABICall(balanceOf, arguments: 1)
        call.add(account)
        return call.data
    }

    /// EIP-3009: true once the nonce was used or cancelled.
    public static func authorizationState(of authorizer: Address, nonce: Bytes32) -> [UInt8] {
        var call = ABICall(authorizationState, arguments: 2)
        call.add(authorizer)
        call.add(nonce)
        return call.data
    }

    /// EIP-1271: asks the wallet whether it takes the signature.
    public static func isValidSignature(digest: Bytes32, signature: [UInt8]) -> [UInt8] {
        var call = ABICall(isValidSignature, arguments: 2)
        call.add(digest)
        call.add(signature)
        return call.data
    }

    /// What a wallet returns for a signature that it takes: the function's selector, in a word of its own.
    public static let validSignature: [UInt8] = [0x16, 0x26, 0xBA, 0x7E] + [UInt8](repeating: 0, count: 28)

    public static let name = ABICall(ABISelector("name()"), arguments: 0).data
    public static let version = ABICall(ABISelector("version()"), arguments: 0).data
    public static let decimals = ABICall(ABISelector("decimals()"), arguments: 0).data
    /// EIP-712's, as the token itself computes it (EIP-2612, EIP-3009).
    public static let domainSeparator = ABICall(ABISelector("DOMAIN_SEPARATOR()"), arguments: 0).data
}
