import Chains

/// Why a chain would not settle a payment.
public enum PaymentRefusal: Hashable, Sendable {
    case expired
    case notYetValid
    /// Used or cancelled.
    case nonceUsed
    case insufficientBalance
    case signature
    /// No code at the payer, and nothing that would put it there.
    case undeployedWallet
    case factoryNotAllowed
    case assetNotDeployed
    case eip3009NotSupported
    case tokenNameMismatch
    case tokenVersionMismatch
    case simulationFailed

    /// What the words of a revert mean; nil where they say nothing known. They are those of Circle's tokens and of others
    /// that follow them.
    init?(revertText text: String) {
        let said = text.lowercased()
        let meanings: [(String, PaymentRefusal)] = [
            ("authorization is expired", .expired),
            ("authorization is not yet valid", .notYetValid),
            ("authorization is used", .nonceUsed),
            ("transfer amount exceeds balance", .insufficientBalance),
            ("invalid signature", .signature),
        ]
        guard let meaning = meanings.first(where: { said.contains($0.0) }) else { return nil }
        self = meaning.1
    }
}
