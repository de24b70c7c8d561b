import Ledger
import Payments

extension ClaimFacilitator {
    /// As the ledger keeps it.
    init(_ facilitator: Facilitator) {
        switch facilitator {
        case .sandbox: self = .sandbox
        case .chain: self = .chain
        case .remote(let name): self = .remote(name)
        }
    }
}
