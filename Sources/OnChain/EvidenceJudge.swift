import Bytes
import Chains

/// What makes an authorization one of a kind on its chain (EIP-3009).
public struct AuthorizationKey: Hashable, Sendable {
    public let token: Address
    public let authorizer: Address
    public let nonce: Bytes32

    public init(token: Address, authorizer: Address, nonce: Bytes32) {
        self.token = token
        self.authorizer = authorizer
        self.nonce = nonce
    }
}

/// The transfer that a claim waits for.
public struct AwaitedTransfer: Hashable, Sendable {
    public let key: AuthorizationKey
    public let to: Address
    /// Atomic units of the token.
    public let value: UInt128
    /// Unix seconds: from a block of this time on the authorization cannot be used.
    public let validBefore: UInt64

    public init(key: AuthorizationKey, to: Address, value: UInt128, validBefore: UInt64) {
        self.key = key
        self.to = to
        self.value = value
        self.validBefore = validBefore
    }
}

/// Where on the chain something was found.
public struct ChainPlace: Hashable, Sendable {
    public let transaction: Bytes32
    public let block: UInt64
    public let blockHash: Bytes32

    public init(transaction: Bytes32, block: UInt64, blockHash: Bytes32) {
        self.transaction = transaction
        self.block = block
        self.blockHash = blockHash
    }

    init(_ log: RPCLog) {
        self.init(transaction: log.transactionHash, block: log.blockNumber, blockHash: log.blockHash)
    }
}

/// What logs say of one authorization.
public enum ChainFinding: Hashable, Sendable {
    /// Used, and the token's next log is our transfer.
    case settled(ChainPlace)
    /// Used, and the token's next log is something else: the money went elsewhere.
    case usedElsewhere(ChainPlace)
    /// Withdrawn by its signer.
    case canceled(ChainPlace)
    /// Used; only the transaction's receipt can say for what.
    case unclear(ChainPlace)

    public var place: ChainPlace {
        switch self {
        case .settled(let place), .usedElsewhere(let place), .canceled(let place), .unclear(let place): place
        }
    }
}

/// Reads evidence out of logs, by the events of EIP-3009 and EIP-20.
///
/// `AuthorizationUsed(authorizer, nonce)` proves a claim where the token's next log after it is the `Transfer` that the claim
/// waits for. So one log proves one claim: a payer that signs one nonce to us and another to itself and sends both in one
/// transaction shows one transfer, which follows one of the two. A `Transfer` alone proves nothing.
public enum EvidenceJudge {
    public static let authorizationUsed = event("AuthorizationUsed(address,bytes32)")
    public static let authorizationCanceled = event("AuthorizationCanceled(address,bytes32)")
    public static let transfer = event("Transfer(address,address,uint256)")

    private static func event(_ signature: StaticString) -> Bytes32 { Keccak256.hash(signature.description) }

    /// What logs of a range of blocks say of each authorization that `awaited` knows. The logs may be filtered: a token's next
    /// log is known only where it stands at the very next position of the block.
    public static func findings(
        in logs: [RPCLog], awaited: (AuthorizationKey) -> AwaitedTransfer?
    ) -> [(key: AuthorizationKey, finding: ChainFinding)] {
        var found: [(AuthorizationKey, ChainFinding)] = []
        let logs = inOrder(logs)
        for at in logs.indices {
            let log = logs[at]
            guard let (key, isUse) = authorization(log), let transfer = awaited(key) else { continue }
            let place = ChainPlace(log)
            if !isUse {
                found.append((key, .canceled(place)))
                continue
            }
            let next = at + 1 < logs.count ? logs[at + 1] : nil
            if let next, next.blockHash == log.blockHash, next.transactionHash == log.transactionHash,
                next.logIndex == log.logIndex + 1, next.address == log.address
            {
                found.append((key, isAwaited(transfer, next) ? .settled(place) : .usedElsewhere(place)))
            } else {
                found.append((key, .unclear(place)))
            }
        }
        return found
    }

    /// What a whole receipt says of one authorization; nil where it says nothing, as a reverted one does.
    public static func finding(in receipt: RPCReceipt, for transfer: AwaitedTransfer) -> ChainFinding? {
        guard receipt.succeeded else { return nil }
        let own = receipt.logs.filter { $0.address == transfer.key.token && !$0.removed }
        for at in own.indices {
            guard let (key, isUse) = authorization(own[at]), key == transfer.key else { continue }
            let place = ChainPlace(
                transaction: receipt.transactionHash, block: receipt.blockNumber, blockHash: receipt.blockHash)
            if !isUse { return .canceled(place) }
            let next = at + 1 < own.count ? own[at + 1] : nil
            return next.map { isAwaited(transfer, $0) } == true ? .settled(place) : .usedElsewhere(place)
        }
        return nil
    }

    /// Blocks that were taken back do not count. Nodes give logs in order; one that does not is put right.
    private static func inOrder(_ logs: [RPCLog]) -> [RPCLog] {
        func isBefore(_ a: RPCLog, _ b: RPCLog) -> Bool {
            a.blockNumber != b.blockNumber ? a.blockNumber < b.blockNumber : a.logIndex < b.logIndex
        }
        let isOrdered = zip(logs, logs.dropFirst()).allSatisfy { isBefore($0, $1) }
        if isOrdered && !logs.contains(where: \.removed) { return logs }
        return logs.filter { !$0.removed }.sorted(by: isBefore)
    }

    /// Nil for any other event.
    static func authorization(_ log: RPCLog) -> (AuthorizationKey, isUse: Bool)? {
        guard log.topics.count == 3, log.topics[0] == authorizationUsed || log.topics[0] == authorizationCanceled,
            let authorizer = address(log.topics[1])
        else { return nil }
        return (
            AuthorizationKey(token: log.address, authorizer: authorizer, nonce: log.topics[2]),
            log.topics[0] == authorizationUsed
        )
    }

    private static func isAwaited(_ transfer: AwaitedTransfer, _ log: RPCLog) -> Bool {
        guard log.topics.count == 3, log.topics[0] == Self.transfer, let value = Bytes32(log.data) else { return false }
        return address(log.topics[1]) == transfer.key.authorizer && address(log.topics[2]) == transfer.to
            && UInt256(value) == UInt256(transfer.value)
    }

    /// An address as an indexed argument holds it: after twelve zero bytes.
    static func address(_ topic: Bytes32) -> Address? {
        let bytes = topic.array
        return bytes[..<12].allSatisfy { $0 == 0 } ? Bytes20(bytes[12...]).map { Address($0) } : nil
    }

    /// An address as an indexed argument holds it.
    public static func topic(_ address: Address) -> Bytes32 {
        Bytes32([UInt8](repeating: 0, count: 12) + address.bytes.array)!
    }
}
