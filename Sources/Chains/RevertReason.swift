/// Why a call reverted, as far as its data says (Solidity: Error and custom errors).
public enum RevertReason: Hashable, Sendable {
    /// `Error(string)`, as `require` and `revert("…")` give it.
    case text(String)
    /// ERC-6093.
    case insufficientBalance
    /// Nothing, a panic, or an error that is not known here.
    case unclear

    public init(_ data: [UInt8]) {
        guard data.count >= 4 else {
            self = .unclear
            return
        }
        switch Array(data[..<4]) {
        case Self.error: self = ABIWords(data[4...]).soleString.map { .text($0) } ?? .unclear
        case Self.insufficient: self = .insufficientBalance
        default: self = .unclear
        }
    }

    private static let error = selector("Error(string)")
    private static let insufficient = selector("ERC20InsufficientBalance(address,uint256,uint256)")

    private static func selector(_ signature: String) -> [UInt8] { Array(Keccak256.hash(signature).array[..<4]) }
}
