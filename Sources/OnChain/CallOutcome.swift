import Chains

/// What an `eth_call` says: the contract returned or reverted, or the node did not say.
enum CallOutcome {
    case returned([UInt8])
    case reverted(Revert)
    case unreachable(String)

    struct Revert {
        var reason: RevertReason
        /// The node's words, which sometimes hold the reason where the data does not.
        var message: String

        /// What it means for a payment; nil where that is unclear.
        var refusal: PaymentRefusal? {
            switch reason {
            case .insufficientBalance: .insufficientBalance
            case .text(let text): PaymentRefusal(revertText: text)
            case .unclear: PaymentRefusal(revertText: message)
            }
        }
    }

    init(_ reply: RPCReply) {
        do throws(RPCFault) {
            self = .returned(try reply.data())
        } catch {
            guard case .refused(let code, let message, let data) = error,
                CallOutcome.isRevert(code: code, message: message, data: data)
            else {
                self = .unreachable("\(error)")
                return
            }
            self = .reverted(Revert(reason: RevertReason(data ?? []), message: message))
        }
    }

    /// Nodes have no common code for a call that ran and failed: 3 with data, or -32000 and others with one of these words.
    private static func isRevert(code: Int, message: String, data: [UInt8]?) -> Bool {
        if data != nil || code == 3 { return true }
        let said = message.lowercased()
        let words = ["revert", "out of gas", "gas required exceeds", "invalid opcode", "vm execution", "vm exception"]
        return words.contains { said.contains($0) }
    }
}
