import Bytes
import Chains
import EventLoop
import Glibc
import HTTP
import Payments

/// `farebox pay`: asks once unpaid; if a price comes back, signs once and asks once more. Never a third time.
public struct Pay {
    public var url: String
    /// Nil: GET, or POST with data.
    public var method: String?
    /// `Name: value`, as with `curl -H`.
    public var headers: [String] = []
    /// Text, or `@file`, or `@-` for standard input; several are joined by `&`.
    public var data: [String] = []
    public var maximum = "$0.10"
    public var keyFile: String?
    public var caFile: String?
    /// For each of the two requests.
    public var timeoutSeconds = 300

    public init(url: String) { self.url = url }

    /// The body goes to standard output, everything else to standard error; returns the exit code.
    public func run() -> Int32 {
        signal(SIGPIPE, SIG_IGN)
        let outcome: PayOutcome
        do {
            outcome = try perform()
        } catch let fault as CommandFault {
            outcome = PayOutcome(exit: .usage, message: fault.message)
        } catch {
            outcome = PayOutcome(exit: .failed, message: "\(error)")
        }
        if let message = outcome.message { Console.error("farebox: \(message)\n") }
        return outcome.exit.rawValue
    }

    private func perform() throws -> PayOutcome {
        let maximum = try PayMaximum(maximum)
        guard (1...86_400).contains(timeoutSeconds) else {
            throw CommandFault(message: "--timeout takes seconds, 1 to 86400")
        }
        let request = try PayRequest(url: url, method: method, headers: headers, body: body(), caFile: caFile)
        let key = try PayKey.load(file: keyFile) { name in getenv(name).map { String(cString: $0) } }
        let caller = try PayCaller(request, timeoutSeconds: timeoutSeconds)

        let first = caller.ask(payment: nil)
        guard let answer = first.answer else {
            return .judge(fault: first.fault ?? "", after: nil, wasSent: first.wasSent)
        }
        switch PayOutcome.judge(asked: answer) {
        case .end(let outcome):
            Console.output(answer.body)
            return outcome
        case .sign(let required):
            guard let key else {
                throw CommandFault(message: "a payment is asked for: give --key-file, or a key in \(PayKey.variable)")
            }
            let payment: PaymentSigner.SignedPayment
            do throws(PaymentSigner.Refusal) {
                payment = try sign(required, key, maximum)
            } catch {
                return .judge(refusal: error, of: required, maximum: maximum)
            }
            let field = PayRequest.Field(name: payment.headerName, value: payment.headerValue)
            let second = caller.ask(payment: field)
            guard let answer = second.answer else {
                return .judge(
                    fault: second.fault ?? "", after: payment, wasSent: second.wasSent, answer: second.partial)
            }
            Console.output(answer.body)
            return .judge(paid: answer, with: payment)
        }
    }

    private func sign(
        _ required: PaymentRequired, _ key: borrowing PrivateKey, _ maximum: PayMaximum
    ) throws(PaymentSigner.Refusal) -> PaymentSigner.SignedPayment {
        // Linux's generator is the kernel's getrandom.
        var random = SystemRandomNumberGenerator()
        let nonce = Bytes32((0..<32).map { _ in UInt8.random(in: 0...255, using: &random) })!
        return try PaymentSigner.sign(
            required, key: key, maximumAtomic: { maximum.atomic(for: $0) }, nonce: nonce,
            now: wallNanoseconds() / 1_000_000_000)
    }

    private func body() throws(CommandFault) -> [UInt8]? {
        if data.isEmpty { return nil }
        var body: [UInt8] = []
        for (at, part) in data.enumerated() {
            if at > 0 { body.append(0x26) }
            if !part.hasPrefix("@") {
                body += Array(part.utf8)
                continue
            }
            let path = String(part.dropFirst())
            let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0, let bytes = Console.readAll(descriptor) else {
                throw CommandFault(message: "-d \(part): \(String(cString: strerror(errno)))")
            }
            if descriptor != STDIN_FILENO { close(descriptor) }
            body += bytes
        }
        return body
    }
}
