import Bytes
import HTTP
import Ledger

/// The admin listener's part for people who decide: `GET /reviews`, `POST /reviews/ID/approve`, `POST /reviews/ID/reject?remark=…`.
enum ReviewAdmin {
    static let path = Array("/reviews".utf8)
    static let listedAtMost = 1_000
    static let remarkBytes = 500

    enum Request: Equatable {
        case list
        case decide(ClaimID, ReviewDecision)
    }

    enum Reading: Equatable {
        case request(Request)
        case notFound
        case methodNotAllowed(allow: String)
        case badRemark
    }

    /// - Parameters:
    ///   - path: canonical.
    ///   - query: what follows `?`, if anything.
    static func read(method: Method, path: UnsafeRawBufferPointer, query: UnsafeRawBufferPointer) -> Reading {
        let parts = path.split(separator: 0x2F, omittingEmptySubsequences: false).map {
            String(decoding: UnsafeRawBufferPointer(rebasing: $0), as: UTF8.self)
        }
        if parts == ["", "reviews"] {
            return method == .get ? .request(.list) : .methodNotAllowed(allow: "GET")
        }
        guard parts.count == 4, parts[1] == "reviews", let id = ClaimID(idempotencyKey: parts[2]),
            parts[3] == "approve" || parts[3] == "reject"
        else { return .notFound }
        guard method == .post else { return .methodNotAllowed(allow: "POST") }
        if parts[3] == "approve" { return .request(.decide(id, .approve)) }
        guard let remark = remark(query) else { return .badRemark }
        return .request(.decide(id, .reject(remark: remark.isEmpty ? nil : remark)))
    }

    /// Of `remark=TEXT`; empty where there is no query, nil where it is something else, or too long.
    private static func remark(_ query: UnsafeRawBufferPointer) -> String? {
        if query.isEmpty { return "" }
        let key = Array("remark=".utf8)
        guard query.starts(with: key) else { return nil }
        var bytes: [UInt8] = []
        var rest = query.dropFirst(key.count)
        while let byte = rest.popFirst() {
            if byte != 0x25 {
                bytes.append(byte == 0x2B ? 0x20 : byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return bytes.count <= remarkBytes ? String(validating: bytes, as: UTF8.self) : nil
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    /// As a value of `remark=`: what is not unreserved (RFC 3986 §2.3) is escaped.
    static func escaped(_ remark: String) -> String {
        var text = ""
        let digits = Array("0123456789ABCDEF")
        for byte in remark.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                text.append("%")
                text.append(digits[Int(byte >> 4)])
                text.append(digits[Int(byte & 15)])
            }
        }
        return text
    }
}

extension Exchange {
    /// Who may decide has the secret that stands beside the ledger.
    func administerReviews() -> Progress {
        let value = head.fields.first(.authorization).map { head.bytes(of: $0.value) } ?? .empty
        guard worker.services.adminSecret.isProven(by: value) else { return answer(.adminSecretWanted) }
        let query = UnsafeRawBufferPointer(rebasing: target.dropFirst(min(pathLength + 1, target.count)))
        switch ReviewAdmin.read(method: head.method, path: path, query: query) {
        case .notFound: return answer(.notFound)
        case .methodNotAllowed(let allow): return answer(.methodNotAllowed(allow: allow))
        case .badRemark: return answer(.badRemark)
        case .request(.list): visit = ReviewVisit(.listing)
        case .request(.decide(let id, let decision)): visit = ReviewVisit(.deciding(id, decision))
        }
        stage = .reviewing
        return .ready
    }

    func listReviews(_ visit: ReviewVisit) -> Progress {
        guard let reviews = visit.reviews else {
            if visit.isFirstToAsk() {
                worker.ledger.reviews(limit: ReviewAdmin.listedAtMost, reply: reviewReply { $0.reviews = .some($1) })
            }
            return .pending
        }
        guard let reviews else { return answer(.ledgerUnavailable) }
        record.outcome = .answered
        var body = ByteBuffer(capacity: 4096)
        body.append("{\"reviews\":[")
        for (place, review) in reviews.enumerated() {
            if place > 0 { body.append(byte: 0x2C) }
            ReviewReport.write(review, to: &body)
        }
        body.append("]}\n")
        beginOwnHead(200)
        return finishOwnAnswer(body.readable, type: "application/json")
    }

    func decideReview(_ visit: ReviewVisit, _ id: ClaimID, _ decision: ReviewDecision) -> Progress {
        guard let decided = visit.decided else {
            if visit.isFirstToAsk() { worker.ledger.decide(id, decision, reply: decisionReply()) }
            return .pending
        }
        switch (decided, decision) {
        case (.approved, _), (.already(.approved), .approve): return answer(.decided("approved"))
        case (.rejected, _), (.already(.rejected), .reject): return answer(.decided("rejected"))
        case (.already(let state), _): return answer(.alreadyDecided(state))
        case (.notFound, _): return answer(.reviewNotFound)
        case (.unavailable, _): return answer(.ledgerUnavailable)
        }
    }

    /// What was approved runs, whether or not the one who approved still listens.
    private func decisionReply() -> @Sendable (ReviewDecided) -> Void {
        let note: @Sendable (ReviewDecided) -> Void = reviewReply { $0.decided = $1 }
        let reviews = worker.services.reviews
        return { decided in
            if decided == .approved(runs: true) { reviews.take() }
            note(decided)
        }
    }
}

extension Answer {
    static var adminSecretWanted: Answer {
        var answer = Answer(
            401, "admin_secret_wanted",
            "Send \"Authorization: Bearer\" with the secret in the file .admin beside the ledger.")
        answer.asksForBearer = true
        return answer
    }

    static let reviewNotFound = Answer(404, "no_review", "There is no such review.")

    static let badRemark = Answer(
        400, "bad_remark", "Write ?remark=TEXT, percent-encoded UTF-8 of at most \(ReviewAdmin.remarkBytes) bytes.")

    static func decided(_ state: String) -> Answer {
        var answer = Answer(200, "review_\(state)", "The request is \(state).")
        answer.progress = state
        answer.outcome = .answered
        return answer
    }

    static func alreadyDecided(_ state: ReviewState) -> Answer {
        Answer(409, "review_\(state.rawValue)", "The request is \(state.rawValue) already.")
    }
}
