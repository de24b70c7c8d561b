import Bytes
import MCP
import Payments

/// A message that a caller POSTs to a server of tools, and how far it has come.
final class ToolMessage {
    let menu: ToolMenu
    /// As it was sent, payment and all.
    @exclusivity(unchecked) private(set) var body = ByteBuffer()
    private let bytesAtMost: Int
    /// Its session by key; nil where the request names none.
    let session: Bytes32?

    /// What it asks; nil for what is no request, and before it is read.
    private(set) var request: MCP.ClientRequest?
    /// The payment that came inside.
    private(set) var cut: PaymentCut?
    /// The requests in it, by session and id.
    private(set) var calls: [ToolSessions.Call] = []
    /// They are among those under way.
    private(set) var hasBegun = false
    /// What it asks for has a price.
    private(set) var isPriced = false
    /// How its caller is told about its payment; nil where HTTP alone says it.
    private(set) var form: AnswerForm?

    /// The server was asked whether it lets the caller in.
    var isProbed = false
    /// How its answer is read, where it is.
    var answer: CallAnswer?

    init(_ menu: ToolMenu, session: Bytes32?, bytesAtMost: Int) {
        self.menu = menu
        self.session = session
        self.bytesAtMost = bytesAtMost
    }

    /// False where it becomes larger than what is read.
    func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count <= bytesAtMost - body.count else { return false }
        body.append(bytes)
        return true
    }

    // MARK: What it asks

    /// Reads the whole body, and looks for a payment in it.
    func read() -> ClientMessage {
        let message = ClientMessageReader.read(body.readable, limits: ClientMessageReader.limits(bytes: bytesAtMost))
        var ids: [MessageID] = []
        switch message {
        case .request(let request):
            self.request = request
            ids = request.id.map { [$0] } ?? []
            cut = PaymentCut(request, of: body.readable)
        case .notification(let notification): cut = PaymentCut(notification, of: body.readable)
        case .batch(let batch): ids = batch.ids
        case .response, .refused: break
        }
        if let session { calls = ids.map { ToolSessions.Call(session: session, id: $0) } }
        return message
    }

    func isMethod(_ name: StaticString) -> Bool {
        request?.withMethod(of: body.readable) { $0.elementsEqual(name.bytes) } ?? false
    }

    /// The request's id as it was sent; null where it has none.
    var id: UnsafeRawBufferPointer {
        guard let range = request?.idRange else { return ToolMessage.null }
        return UnsafeRawBufferPointer(rebasing: body.readable[range])
    }

    private static var null: UnsafeRawBufferPointer {
        let text: StaticString = "null"
        return text.bytes
    }

    func sells(in form: AnswerForm?) {
        isPriced = true
        self.form = form
    }

    // MARK: Its payment

    var holdsPayment: Bool {
        switch cut?.payment {
        case nil, .none?: false
        case .json, .unreadable: true
        }
    }

    /// The payment in the body; nil where there is none.
    func payment() throws(PaymentFault) -> PaymentPayload? {
        switch cut?.payment {
        case nil, .none?: return nil
        case .json(let bytes)?:
            let result = bytes.withUnsafeBytes { text in
                Result { () throws(PaymentFault) in try PaymentHeader.decode(json: text) }
            }
            return try result.get()
        case .unreadable(.tooLarge)?: throw PaymentFault(code: .headerTooLarge, detail: "params._meta")
        case .unreadable(let fault)?: throw PaymentFault(code: .invalidPayload, detail: fault.rawValue)
        }
    }

    // MARK: Its way up

    /// Bytes that the upstream gets.
    var forwardedCount: Int { cut?.forwardedCount(body.count) ?? body.count }

    /// What the upstream gets: everything but the payment.
    func withForwarded(_ use: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void) {
        guard let runs = cut?.runs(of: body.readable) else { return use(body.readable, .empty) }
        use(runs.0, runs.1)
    }

    /// Takes its calls up; false where an id is in use.
    func begin(in sessions: ToolSessions, isSold: Bool) -> Bool {
        if hasBegun || calls.isEmpty { return true }
        hasBegun = sessions.begin(calls, isSold: isSold)
        return hasBegun
    }
}
