import Bytes
import Chains
import OnChain

/// Short names for what tests of a chain need.
enum Sample {
    static let token = address(0x70)
    static let otherToken = address(0x71)
    static let payer = address(0xA0)
    static let payee = address(0xB0)
    static let relayer = address(0xC0)

    static func address(_ number: UInt64) -> Address { Address(Bytes20(Array(word(number).array[12...]))!) }
    static func word(_ number: UInt64) -> Bytes32 { UInt256(number).bytes }

    static func transfer(
        nonce: UInt64 = 1, payer: Address = payer, value: UInt128 = 1_000, validBefore: UInt64 = 10_000
    ) -> AwaitedTransfer {
        AwaitedTransfer(
            key: AuthorizationKey(token: token, authorizer: payer, nonce: word(nonce)), to: payee, value: value,
            validBefore: validBefore)
    }

    static func block(_ number: UInt64, fork: UInt64 = 0, parentFork: UInt64? = nil, time: UInt64? = nil) -> RPCBlock {
        RPCBlock(
            number: number, hash: hash(number, fork), parentHash: hash(number &- 1, parentFork ?? fork),
            timestamp: time ?? number * 2, baseFee: 7)
    }

    static func hash(_ number: UInt64, _ fork: UInt64) -> Bytes32 { word(number << 16 | fork << 8 | 1) }

    static func used(_ transfer: AwaitedTransfer, _ place: Place) -> RPCLog {
        log(
            transfer.key.token, [EvidenceJudge.authorizationUsed, topic(transfer.key.authorizer), transfer.key.nonce],
            [], place)
    }

    static func canceled(_ transfer: AwaitedTransfer, _ place: Place) -> RPCLog {
        log(
            transfer.key.token,
            [EvidenceJudge.authorizationCanceled, topic(transfer.key.authorizer), transfer.key.nonce], [], place)
    }

    static func moved(
        _ transfer: AwaitedTransfer, _ place: Place, to: Address? = nil, value: UInt128? = nil, token: Address? = nil
    ) -> RPCLog {
        log(
            token ?? transfer.key.token,
            [EvidenceJudge.transfer, topic(transfer.key.authorizer), topic(to ?? transfer.to)],
            UInt256(value ?? transfer.value).bytes.array, place)
    }

    private static func topic(_ address: Address) -> Bytes32 { EvidenceJudge.topic(address) }

    private static func log(_ address: Address, _ topics: [Bytes32], _ data: [UInt8], _ place: Place) -> RPCLog {
        RPCLog(
            address: address, topics: topics, data: data, blockNumber: place.block,
            blockHash: hash(place.block, place.fork),
            transactionHash: word(place.transaction), logIndex: place.index, removed: false)
    }

    /// Where a log stands.
    struct Place {
        var block: UInt64 = 5
        var transaction: UInt64 = 0xF1
        var index: UInt64 = 0
        var fork: UInt64 = 0

        var onChain: ChainPlace {
            ChainPlace(transaction: word(transaction), block: block, blockHash: hash(block, fork))
        }
    }

    static func receipt(_ logs: [RPCLog], _ place: Place = Place(), succeeded: Bool = true) -> RPCReceipt {
        RPCReceipt(
            succeeded: succeeded, transactionHash: word(place.transaction), logs: logs, blockNumber: place.block,
            blockHash: hash(place.block, place.fork), gasUsed: 60_000, effectiveGasPrice: 7)
    }
}
