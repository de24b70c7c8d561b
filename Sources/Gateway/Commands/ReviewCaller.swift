import EventLoop
import HTTP
import Ledger

/// `farebox review approve` and `reject`: asks the running gateway, by its admin listener.
public enum ReviewCaller {
    static let deadlineMilliseconds = 15_000

    public struct Fault: Error, CustomStringConvertible {
        public let description: String

        public init(description: String) { self.description = description }
    }

    /// What the gateway says: `approved`, `rejected`.
    public static func decide(
        _ id: ClaimID, _ decision: ReviewDecision, settings: Settings
    ) throws(Fault) -> String {
        guard let admin = settings.admin else {
            throw Fault(
                description:
                    "the config names no admin listener, which decisions are sent to; write admin: 127.0.0.1:9402")
        }
        let secret: String
        do throws(AdminSecretFault) {
            secret = try AdminSecret.existing(ledger: settings.ledgerPath)
        } catch {
            throw Fault(description: "\(error); \"farebox run\" makes it")
        }
        var target = "/reviews/\(id.idempotencyKey)/"
        switch decision {
        case .approve: target += "approve"
        case .reject(let remark): target += "reject" + (remark.map { "?remark=" + ReviewAdmin.escaped($0) } ?? "")
        }
        let request = ClientRequest(
            method: .post, target: target, authority: admin.text, fields: [("Authorization", "Bearer \(secret)")],
            mayRepeat: false, answerBytesAtMost: 1 << 16)
        let answer = try ask(request, admin)
        if answer.status == 200 { return decision == .approve ? "approved" : "rejected" }
        let body = LedgerReport.escaped(String(decoding: answer.body, as: UTF8.self))
        let what =
            switch answer.status {
            case 401: "the gateway at \(admin.text) does not know this ledger's secret: is it another one?"
            case 404: "there is no review \(id.idempotencyKey)"
            case 409: "\(id.idempotencyKey) is decided already: \(body)"
            default: "the gateway answered \(answer.status): \(body)"
            }
        throw Fault(description: what)
    }

    /// A listener on every interface is asked on this machine.
    private static func loopback(_ host: String) -> String {
        switch host {
        case "0.0.0.0": "127.0.0.1"
        case "::": "::1"
        default: host
        }
    }

    private static func ask(_ request: ClientRequest, _ admin: ListenAddress) throws(Fault) -> ClientAnswer {
        var outcome: Result<ClientAnswer, ClientCallFault>?
        do throws(SystemFault) {
            let loop = try EventLoop()
            let client = try HTTPClient(loop: loop, resolver: Resolver())
            let host = loopback(admin.socket.host)
            let pool = client.pool(
                for: Endpoint(isTLS: false, host: host, port: admin.socket.port, caFile: nil), keptAtMost: 0)
            ClientCall.begin(request, over: pool, on: loop, deadlineMilliseconds: deadlineMilliseconds) {
                outcome = $0
                loop.stop()
            }
            loop.run()
        } catch {
            throw Fault(description: "\(error)")
        }
        switch outcome {
        case .success(let answer): return answer
        case .failure(let fault):
            throw Fault(
                description:
                    "no gateway answers at \(admin.text), and decisions are its alone: is it running? (\(fault.fault.detail))"
            )
        case nil: throw Fault(description: "no gateway answers at \(admin.text)")
        }
    }
}
