/// Why a payment was refused: the stable text of `error` in a 402 and of `errorReason` in a receipt.
public enum PaymentCode: String, Sendable, Hashable, CaseIterable {
    /// No payment came with the request.
    case paymentRequired = "payment_required"

    // What arrived cannot be read.
    case headerTooLarge = "payment_header_too_large"
    case headerNotBase64 = "payment_header_not_base64"
    case headerNotJSON = "payment_header_not_json"
    case invalidVersion = "invalid_x402_version"
    case invalidPayload = "invalid_payload"
    /// Both payment headers at once: the only fault that is a 400 and not a 402.
    case mixedHeaders = "payment_headers_mixed"

    // It can be read and is not for this route.
    case unsupportedScheme = "unsupported_scheme"
    case networkMismatch = "network_mismatch"
    case noMatchingRequirements = "no_matching_payment_requirements"

    // Local checks of `exact` on EVM, in their order.
    case recipientMismatch = "invalid_exact_evm_payload_recipient_mismatch"
    case valueMismatch = "invalid_exact_evm_payload_authorization_value_mismatch"
    case validBefore = "invalid_exact_evm_payload_authorization_valid_before"
    case validAfter = "invalid_exact_evm_payload_authorization_valid_after"
    case signature = "invalid_exact_evm_payload_signature"

    // What only the ledger, the chain or a facilitator can say.
    case undeployedSmartWallet = "invalid_exact_evm_payload_undeployed_smart_wallet"
    case factoryNotAllowed = "eip6492_factory_not_allowed"
    case assetNotDeployed = "asset_not_deployed_contract"
    case nonceAlreadyUsed = "invalid_exact_evm_nonce_already_used"
    case insufficientBalance = "invalid_exact_evm_insufficient_balance"
    case eip3009NotSupported = "invalid_exact_evm_eip3009_not_supported"
    case tokenNameMismatch = "invalid_exact_evm_token_name_mismatch"
    case tokenVersionMismatch = "invalid_exact_evm_token_version_mismatch"
    case simulationFailed = "invalid_exact_evm_transaction_simulation_failed"
    case eventMismatch = "invalid_exact_evm_transfer_event_mismatch"
    case transactionFailed = "transaction_failed"
    case settlementPending = "settlement_pending"
    case outcomeUnknown = "outcome_unknown"
}
