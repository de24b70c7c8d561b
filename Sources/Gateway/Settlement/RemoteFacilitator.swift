import Bytes
import COpenSSL
import EventLoop
import Glibc
import HTTP
import Logging

/// One facilitator of the config, asked over HTTP. It lives on the money loop, and everything here is called there.
final class RemoteFacilitator {
    let settings: FacilitatorSettings
    /// Calls to `/verify` under way; more are turned away, since each holds a connection.
    static let verificationsAtMost = 256
    private static let answerBytesAtMost = 64 << 10

    private let client: HTTPClient
    private let pool: EndpointPool
    private let tokenKey: FacilitatorTokenKey?
    private let now: () -> Int64
    private var verifications = 0

    /// - Parameters:
    ///   - settings: of a revision that was loaded for `run`: its secrets are there.
    ///   - now: Unix seconds.
    init(
        _ settings: FacilitatorSettings, client: HTTPClient, now: @escaping () -> Int64 = { Int64(time(nil)) }
    ) {
        self.settings = settings
        self.client = client
        self.now = now
        let url = settings.url
        pool = client.pool(
            for: Endpoint(isTLS: url.isTLS, host: url.host, port: url.port, caFile: settings.caFile), keptAtMost: 64)
        if case .coinbase(_, let secret) = settings.access {
            tokenKey = secret.bytes.flatMap { FacilitatorTokenKey($0) }
        } else {
            tokenKey = nil
        }
    }

    /// Asks `/verify` once. It changes nothing there, so a kept connection that proved old is followed by a new one.
    func verify(_ request: VerificationRequest, done: @escaping (FacilitatorVerdict) -> Void) {
        guard verifications < Self.verificationsAtMost else {
            return done(.unreachable("\(settings.name): \(Self.verificationsAtMost) payments are being verified"))
        }
        verifications += 1
        let call = call(.post, "/verify", body: FacilitatorMessages.body(request), mayRepeat: true)
        begin(call, deadlineMilliseconds: settings.timeoutMilliseconds) { [self] result in
            verifications -= 1
            switch result {
            case .success(let answer):
                var verdict = FacilitatorVerdict(status: answer.status, body: answer.body, for: request)
                if case .unreachable(let detail) = verdict { verdict = .unreachable("\(settings.name): \(detail)") }
                done(verdict)
            case .failure(let fault): done(.unreachable("\(settings.name): \(fault.fault.detail)"))
            }
        }
    }

    /// Asks `/settle` until the outcome is known or the time is over.
    ///
    /// - Parameter withinMilliseconds: to the outcome; a facilitator that has not answered by then leaves it unknown.
    func settle(
        _ request: VerificationRequest, withinMilliseconds: Int, done: @escaping (FacilitatorOutcome) -> Void
    ) {
        let deadline = monotonicNanoseconds() + UInt64(max(withinMilliseconds, 1)) * 1_000_000
        FacilitatorSettlementRun(self, request, deadline, done).send()
    }

    /// Asks `/supported`; nil where there is no such answer, with why.
    func askSupport(done: @escaping (Result<FacilitatorSupport, FileFault>) -> Void) {
        begin(
            call(.get, "/supported", body: [], mayRepeat: true), deadlineMilliseconds: settings.timeoutMilliseconds
        ) { result in
            switch result {
            case .success(let answer):
                guard let support = FacilitatorSupport(status: answer.status, body: answer.body) else {
                    return done(.failure(FileFault(reason: "/supported answers \(answer.status) and names no kinds")))
                }
                done(.success(support))
            case .failure(let fault): done(.failure(FileFault(reason: fault.fault.detail)))
            }
        }
    }

    /// One `/settle`, which must not be written twice.
    fileprivate func sendSettlement(
        _ body: [UInt8], deadlineMilliseconds: Int,
        done: @escaping (Result<ClientAnswer, ClientCallFault>) -> Void
    ) {
        begin(
            call(.post, "/settle", body: body, mayRepeat: false), deadlineMilliseconds: deadlineMilliseconds, done: done
        )
    }

    private func begin(
        _ call: ClientRequest, deadlineMilliseconds: Int,
        done: @escaping (Result<ClientAnswer, ClientCallFault>) -> Void
    ) {
        ClientCall.begin(call, over: pool, on: client.loop, deadlineMilliseconds: deadlineMilliseconds, done: done)
    }

    private func call(_ method: HTTP.Method, _ path: String, body: [UInt8], mayRepeat: Bool) -> ClientRequest {
        let url = settings.url
        let target = url.target == "/" ? path : url.target + path
        var fields = [("Accept", "application/json"), ("User-Agent", "farebox")]
        if !body.isEmpty { fields.append(("Content-Type", "application/json")) }
        if let authorization = authorization("\(method.name)", target) {
            fields.append(("Authorization", "Bearer \(authorization)"))
        }
        return ClientRequest(
            method: method, target: target, authority: url.authority, fields: fields, body: body, mayRepeat: mayRepeat,
            answerBytesAtMost: Self.answerBytesAtMost)
    }

    private func authorization(_ method: String, _ target: String) -> String? {
        switch settings.access {
        case .open: return nil
        case .bearer(let secret): return secret.bytes.map { String(decoding: $0, as: UTF8.self) }
        case .coinbase(let keyID, _):
            guard let tokenKey else { return nil }
            let token = FacilitatorToken(
                keyID: keyID, method: method, host: settings.url.authority, path: target, now: now(),
                nonce: Self.freshNonce())
            return token.signed(with: tokenKey).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    private static func freshNonce() -> String {
        var bytes = [UInt8](repeating: 0, count: 16)
        let drawn = RAND_bytes(&bytes, 16)
        precondition(drawn == 1, "OpenSSL has no random numbers")
        return Hex.encode(bytes)
    }

    fileprivate var timers: TimerWheel { client.loop.timers }
}

/// One settlement under way; it keeps itself until it is over.
private final class FacilitatorSettlementRun: TimerTarget {
    private let facilitator: RemoteFacilitator
    private let request: VerificationRequest
    private let body: [UInt8]
    private let deadlineNanoseconds: UInt64
    private let done: (FacilitatorOutcome) -> Void
    private let timer: Timer
    private var settling = FacilitatorSettling()
    private var itself: FacilitatorSettlementRun?

    init(
        _ facilitator: RemoteFacilitator, _ request: VerificationRequest, _ deadlineNanoseconds: UInt64,
        _ done: @escaping (FacilitatorOutcome) -> Void
    ) {
        self.facilitator = facilitator
        self.request = request
        body = FacilitatorMessages.body(request)
        self.deadlineNanoseconds = deadlineNanoseconds
        self.done = done
        timer = Timer(facilitator.timers)
        timer.target = self
        itself = self
    }

    private var remainingMilliseconds: Int {
        let now = monotonicNanoseconds()
        return now < deadlineNanoseconds ? Int((deadlineNanoseconds - now) / 1_000_000) : 0
    }

    func send() {
        facilitator.sendSettlement(body, deadlineMilliseconds: max(remainingMilliseconds, 1)) { [self] result in
            switch result {
            case .success(let answer):
                hear(.answer(FacilitatorSettlement(status: answer.status, body: answer.body, for: request)))
            case .failure(let fault): hear(.fault(fault.fault.detail, wasSent: fault.wasSent))
            }
        }
    }

    private func hear(_ heard: FacilitatorSettling.Heard) {
        switch settling.next(heard, remainingMilliseconds: remainingMilliseconds) {
        case .again(let pause): timer.arm(atNanoseconds: monotonicNanoseconds() + UInt64(pause) * 1_000_000)
        case .done(let outcome):
            timer.unlink()
            itself = nil
            done(outcome)
        }
    }

    func timerFired(_ timer: Timer) { send() }
}
