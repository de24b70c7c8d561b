import Chains
import Payments

/// The most that `farebox pay` spends on one request, in US dollars.
struct PayMaximum {
    let text: String
    /// Nil: nothing is paid, the price is only shown.
    private let price: DollarPrice?

    /// `$0.10` or `0.10`; `0` shows the price and pays nothing.
    init(_ text: String) throws(CommandFault) {
        let written = text.hasPrefix("$") ? text : "$" + text
        self.text = written
        let digits = written.utf8.dropFirst()
        if !digits.isEmpty, digits.allSatisfy({ $0 == 0x30 || $0 == 0x2E }), digits.first == 0x30 {
            price = nil
            return
        }
        do throws(DollarPrice.Fault) {
            let price = try DollarPrice(written)
            _ = try price.atomic(decimals: 6, payment: "USDC")
            self.price = price
        } catch {
            throw CommandFault(message: "--max \(text): \(error.message); quote it for the shell: --max '$0.10'")
        }
    }

    /// In the entry's atomic units; nil for an asset that is not known to be worth a dollar.
    func atomic(for entry: PaymentRequired.Entry) -> UInt256? {
        guard let token = Self.token(of: entry) else { return nil }
        guard let price else { return .zero }
        return (try? price.atomic(decimals: token.decimals, payment: token.name)).map { UInt256($0) }
    }

    /// USDC where it is known; a server's own word on what an asset is worth is not taken.
    static func token(of entry: PaymentRequired.Entry) -> Network.Token? {
        guard let token = Network.withChainID(entry.chainID)?.usdc, token.address == entry.asset else { return nil }
        return token
    }

    /// `$0.02`; at least two decimals, no more than are needed.
    static func dollars(_ atomic: UInt256, decimals: Int) -> String {
        let digits = atomic.description
        let padded = String(repeating: "0", count: max(decimals + 1 - digits.count, 0)) + digits
        var fraction = padded.suffix(decimals)
        while fraction.count > 2 && fraction.hasSuffix("0") { fraction.removeLast() }
        return "$\(padded.dropLast(decimals))\(fraction.isEmpty ? "" : ".\(fraction)")"
    }
}
