import Bytes

/// The contract that makes several calls in one; it stands at the same address on most chains.
public enum Multicall3 {
    public static let address = Address.parse("0xcA11bde05977b3631167028862bE2a173976CA11")!.address

    public struct Call: Hashable, Sendable {
        public var target: Address
        /// Whether the others go on where this one reverts.
        public var mayFail: Bool
        public var data: [UInt8]

        public init(target: Address, mayFail: Bool, data: [UInt8]) {
            self.target = target
            self.mayFail = mayFail
            self.data = data
        }
    }

    public struct Outcome: Hashable, Sendable {
        public var succeeded: Bool
        /// What was returned, or the data of the revert.
        public var data: [UInt8]
    }

    /// Data of `aggregate3((address,bool,bytes)[])`.
    public static func aggregate3(_ calls: [Call]) -> [UInt8] {
        var offsets: [UInt8] = []
        var tuples: [UInt8] = []
        for call in calls {
            offsets += word(calls.count * 32 + tuples.count)
            tuples += [UInt8](repeating: 0, count: 12) + call.target.bytes.array
            tuples += word(call.mayFail ? 1 : 0)
            tuples += word(96)
            tuples += word(call.data.count) + call.data
            tuples += [UInt8](repeating: 0, count: (32 - call.data.count % 32) % 32)
        }
        return selector + word(32) + word(calls.count) + offsets + tuples
    }

    /// What `aggregate3` returned for so many calls; nil where that is not what it is.
    public static func outcomes(_ answer: [UInt8], count: Int) -> [Outcome]? {
        let all = ABIWords(answer)
        guard let start = all.place(at: 0), all.place(at: start) == count, let list = all.from(start + 32) else {
            return nil
        }
        var outcomes: [Outcome] = []
        for index in 0..<count {
            guard let tuple = list.place(at: index * 32).flatMap({ list.from($0) }), let succeeded = tuple.bool(at: 0),
                let data = tuple.bytes(at: 32)
            else { return nil }
            outcomes.append(Outcome(succeeded: succeeded, data: data))
        }
        return outcomes
    }

    private static let selector = Array(Keccak256.hash("aggregate3((address,bool,bytes)[])").array[..<4])

    private static func word(_ number: Int) -> [UInt8] { UInt256(UInt64(number)).bytes.array }
}
