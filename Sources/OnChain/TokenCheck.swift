import Bytes
import Chains

/// Compares a token with what the configuration says of it: prices and signatures depend on every part.
public struct TokenCheck: Sendable {
    public enum Outcome: Hashable, Sendable {
        case match
        /// For the operator, beginning with the place in the configuration.
        case mismatch(String)
        case unreachable(String)
    }

    let expected: Network.Token
    let chainID: UInt64
    /// `file:line: key`.
    let place: String

    public init(_ expected: Network.Token, chainID: UInt64, place: String) {
        self.expected = expected
        self.chainID = chainID
        self.place = place
    }

    public func begin() -> ChainInquiry<Outcome> {
        let reads = [
            ContractReads.name, ContractReads.version, ContractReads.decimals, ContractReads.domainSeparator,
        ]
        return .ask([.chainID, .code(expected.address)] + reads.map { .call(to: expected.address, data: $0) }) {
            .answer(judge($0))
        }
    }

    private func judge(_ replies: [RPCReply]) -> Outcome {
        do throws(RPCFault) {
            let found = try replies[0].uint64()
            if found != chainID { return wrongChain(found, at: "the RPC") }
            if try replies[1].data().isEmpty {
                return mismatch("no contract stands at \(expected.address) on chain \(chainID)")
            }
        } catch {
            return .unreachable("\(error)")
        }
        let outcomes = replies[2...].map { CallOutcome($0) }
        for outcome in outcomes {
            if case .unreachable(let reason) = outcome { return .unreachable(reason) }
        }
        let name = outcomes[0].words?.soleString
        if let name, name != expected.name { return differs("name()", "\"\(shown(name))\"", "\"\(expected.name)\"") }
        let version = outcomes[1].words?.soleString
        if let version, version != expected.version {
            return differs("version()", "\"\(shown(version))\"", "\"\(expected.version)\"")
        }
        guard let decimals = outcomes[2].words?.soleNumber else {
            return mismatch("the contract at \(expected.address) has no decimals(): it is no ERC-20 token")
        }
        if decimals != UInt256(UInt64(expected.decimals)) {
            return differs("decimals()", "\(decimals)", "\(expected.decimals)")
        }
        // What signatures are made over counts where the token has no function that says a part of it.
        let separator = EIP712.domainSeparator(
            name: expected.name, version: expected.version, chainID: chainID, verifyingContract: expected.address)
        let said = outcomes[3].words.flatMap { $0.count == 32 ? $0.word(at: 0) : nil }
        if let said, said != separator {
            return mismatch(
                "the token \(expected.address) has another EIP-712 domain than name \"\(expected.name)\", version "
                    + "\"\(expected.version)\": payments signed for it would not settle")
        }
        if said == nil && (name == nil || version == nil) {
            return mismatch("the contract at \(expected.address) tells neither its name and version nor its domain")
        }
        return .match
    }

    /// - Parameter node: what serves another chain.
    public func wrongChain(_ found: UInt64, at node: String) -> Outcome {
        mismatch("\(node) serves chain \(found), not \(chainID)")
    }

    private func differs(_ function: String, _ found: String, _ expected: String) -> Outcome {
        mismatch("the token's \(function) is \(found), not \(expected): write what the contract says")
    }

    private func mismatch(_ text: String) -> Outcome { .mismatch("\(place): \(text)") }

    /// A stranger's contract wrote it.
    private func shown(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(64).map { $0.value < 0x20 ? " " : $0 }))
    }
}
