/// An upstream's whole answer, kept with the claim that paid for it.
public struct StoredAnswer: Sendable, Hashable {
    public var status: Int
    /// Field lines as they go to the caller, but for framing, connection, receipt and CORS.
    public var head: [UInt8]
    public var body: [UInt8]

    public init(status: Int, head: [UInt8], body: [UInt8]) {
        self.status = status
        self.head = head
        self.body = body
    }
}
