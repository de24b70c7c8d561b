import Bytes
import HTTP
import Ledger

/// An answer that is copied aside while it streams to its caller.
struct AnswerCopy {
    let status: Int
    let head: [UInt8]
    private(set) var body: [UInt8] = []
    private let bytesAtMost: Int

    init(status: Int, head: [UInt8], bytesAtMost: Int) {
        self.status = status
        self.head = head
        self.bytesAtMost = bytesAtMost
    }

    /// False where it would become larger than what is kept.
    mutating func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count <= bytesAtMost - body.count else { return false }
        body.append(contentsOf: bytes)
        return true
    }
}

/// Answers that are kept with their claim, and given again.
extension Exchange {
    /// Largest body that is kept; 0 where none is. The present terms say so, whatever was agreed on before.
    var storedBytesAtMost: Int { route?.terms?.storeAnswersBytes ?? 0 }

    /// Parts and answers to conditions (RFC 9110 §13, §14) fit the fields of one request, which are no part of what is bound: a retry
    /// may ask for another part.
    private static func isKept(_ status: Int) -> Bool { ![206, 304, 412, 416].contains(status) }

    /// `first`, and reruns: the answer goes to the caller as it comes, and a copy is made of it.
    func beginCopy(_ head: ResponseHead, _ purchase: Purchase) {
        // A rerun that is not good leaves the claim owed, with what was kept before.
        guard purchase.isPaid, storedBytesAtMost > 0, Exchange.isKept(head.statusCode),
            !purchase.isRerun || (200...299).contains(head.statusCode)
        else { return }
        if case .length(let length) = head.framing, length > storedBytesAtMost { return }
        var lines = ByteBuffer()
        head.appendFields(except: Exchange.notHeld(head), to: &lines)
        purchase.copiedAnswer = AnswerCopy(
            status: head.statusCode, head: lines.array, bytesAtMost: storedBytesAtMost)
    }

    func copy(_ bytes: UnsafeRawBufferPointer, _ purchase: Purchase) {
        if purchase.copiedAnswer?.append(bytes) == false { purchase.copiedAnswer = nil }
    }

    /// The answer is whole: its copy is kept from now on, whoever the caller is and whether it is there still.
    func storeCopy(_ purchase: Purchase) {
        guard let copy = purchase.copiedAnswer.take(), let ticket = purchase.ticket else { return }
        worker.ledger.store(ticket, StoredAnswer(status: copy.status, head: copy.head, body: copy.body))
    }

    /// Whether the held answer is one that is kept.
    func keepsHeld(_ purchase: Purchase) -> Bool {
        guard let body = purchase.heldBody else { return false }
        return storedBytesAtMost > 0 && body.count <= storedBytesAtMost && body.bytesInMemory != nil
    }

    /// `after`: the answer is held whole, and will be paid for: it is kept before the money moves.
    func storeHeld(_ purchase: Purchase, _ ticket: Ticket) {
        guard let body = purchase.heldBody, body.count <= storedBytesAtMost, storedBytesAtMost > 0,
            let bytes = body.bytesInMemory, let status = purchase.answerStatus, Exchange.isKept(status)
        else { return }
        let lines = purchase.heldHead.readable[purchase.heldStatusLineBytes...]
        worker.ledger.store(ticket, StoredAnswer(status: status, head: Array(lines), body: Array(bytes)))
    }

    /// What is kept goes to the caller as the answer did, or would have.
    func giveAgain(_ answer: StoredAnswer, _ purchase: Purchase) {
        let text = message.map { replayed(answer.body, $0, purchase) } ?? answer.body
        let body = spill(memoryBytes: text.count, atMost: text.count)
        text.withUnsafeBytes { bytes in
            let taken = body.append(bytes)
            precondition(taken == .accepted, "an answer that fits was not taken")
        }
        purchase.hold(in: body)
        purchase.givesStored = true
        purchase.answerStatus = answer.status
        purchase.heldHead.clear()
        purchase.heldHead.appendStatusLine(answer.status)
        purchase.heldHead.append(answer.head)
        purchase.heldHasBody = head.method != .head && answer.status != 204
        purchase.heldAllowsOrigin = Exchange.allowsOrigin(answer.head)
        record.status = answer.status
        beginHeldAnswer(purchase)
    }

    /// Whether the field lines hold an `Access-Control-Allow-Origin`.
    private static func allowsOrigin(_ lines: [UInt8]) -> Bool {
        let name = Array("access-control-allow-origin:".utf8)
        return lines.split(separator: 0x0A).contains { line in
            line.count > name.count && zip(line, name).allSatisfy { $0.asciiLowercased == $1 }
        }
    }
}
