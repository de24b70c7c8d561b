import Bytes
import Chains

/// The call that moves a payment's money: whom the relayer calls, and with what.
public struct SettlementCall: Hashable, Sendable {
    public var to: Address
    public var data: [UInt8]

    public init(to: Address, data: [UInt8]) {
        self.to = to
        self.data = data
    }
}
