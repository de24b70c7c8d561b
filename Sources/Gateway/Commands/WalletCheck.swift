import Bytes
import Chains
import EventLoop
import JSON
import Ledger
import Logging
import OnChain
import Payments

/// `farebox wallet check`: asks every network that this gateway settles on itself whether it could settle now. Sends nothing.
public enum WalletCheck {
    static let deadlineMilliseconds = 10_000

    /// The exit code is 0 where all is well, 1 where there is a problem, 2 where the config has errors.
    public static func run(_ loader: ConfigLoader, json: Bool, now: Int64) -> ConfigReport {
        switch loader.load(now: now) {
        case .failure(let errors):
            let text = errors.problems.map { "error: \($0)\n" }.joined()
            return ConfigReport(exitCode: 2, output: "", diagnostics: text)
        case .success(let revision):
            do throws(SystemFault) {
                return report(try facts(of: revision), json: json)
            } catch {
                return ConfigReport(exitCode: 1, output: "", diagnostics: "farebox: \(error)\n")
            }
        }
    }

    static func report(_ all: [WalletCheckFacts], json: Bool) -> ConfigReport {
        let isWell = all.allSatisfy { $0.problems.isEmpty }
        var output = ""
        if json {
            var out = ByteBuffer()
            var writer = JSONWriter()
            writer.beginObject(&out)
            writer.key("ok", &out)
            writer.bool(isWell, &out)
            writer.key("networks", &out)
            writer.beginArray(&out)
            for facts in all { WalletCheckText.write(facts, with: &writer, to: &out) }
            writer.endArray(&out)
            writer.endObject(&out)
            output = String(decoding: out.readable, as: UTF8.self) + "\n"
        } else {
            output = all.map { WalletCheckText.text($0) }.joined(separator: "\n")
        }
        let nothing = all.isEmpty ? "farebox: no payment is settled by this gateway itself (facilitator: self)\n" : ""
        return ConfigReport(exitCode: isWell ? 0 : 1, output: output, diagnostics: nothing)
    }

    /// One entry a network, in the configuration's order.
    static func facts(of revision: Revision) throws(SystemFault) -> [WalletCheckFacts] {
        let loop = try EventLoop()
        let client = try HTTPClient(loop: loop, resolver: Resolver())
        var surveys: [WalletCheckSurvey] = []
        for network in revision.networks where !network.rpc.isEmpty {
            let payments = revision.payments.filter { $0.chainID == network.chainID && $0.facilitator == .chain }
            if payments.isEmpty { continue }
            surveys.append(WalletCheckSurvey(network, payments, revision, client))
        }
        if surveys.isEmpty { return [] }
        var unfinished = surveys.count
        for survey in surveys {
            survey.begin {
                unfinished -= 1
                if unfinished == 0 { loop.stop() }
            }
        }
        loop.run()
        return surveys.map(\.facts)
    }
}
