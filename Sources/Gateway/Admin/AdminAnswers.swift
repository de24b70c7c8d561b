import Bytes
import HTTP

extension Exchange {
    /// The admin listener's paths: `/healthz` says that the process is alive, `/readyz` whether it should get requests.
    func answerAdmin() -> Progress {
        if path.starts(with: ReviewAdmin.path) { return administerReviews() }
        guard head.method == .get || head.method == .head else { return answer(.methodNotAllowed(allow: "GET, HEAD")) }
        if path.elementsEqual("/healthz".utf8) { return answerHealth(200, status: "alive", nil) }
        guard path.elementsEqual("/readyz".utf8) else { return answer(.notFound) }
        let readiness = GatewayReadiness(
            ledger: worker.ledger.health, isDraining: worker.services.status.isDraining,
            troubles: worker.services.money.troubles, required: prepared.revision.settings.readyRequires)
        return answerHealth(readiness.level == .unready ? 503 : 200, status: readiness.level.rawValue, readiness)
    }

    private func answerHealth(_ code: Int, status: String, _ readiness: GatewayReadiness?) -> Progress {
        record.outcome = .answered
        var body = ByteBuffer(capacity: 256)
        body.append("{\"status\":\"")
        body.append(string: status)
        body.append("\"")
        if let readiness, readiness.level != .ready {
            // Codes, and names that hold nothing to escape.
            body.append(",\"reasons\":[\"")
            body.append(string: readiness.reasons.joined(separator: "\",\""))
            body.append("\"],\"detail\":\"")
            body.appendEscaped(readiness.detail)
            body.append("\"")
        }
        if readiness != nil {
            body.append(",\"revision\":")
            body.append(decimal: prepared.revision.number)
        }
        body.append("}\n")
        beginOwnHead(code)
        return finishOwnAnswer(body.readable, type: "application/json")
    }
}
