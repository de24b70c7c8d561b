/// An upstream's whole answer, kept with its claim so that what is owed need not be asked of the upstream again.
public struct StoredAnswer: Hashable, Sendable {
    public var status: Int
    /// Field lines, each with its line end, as they went to the caller; without framing, connection, receipt, and what the gateway
    /// adds for browsers.
    public var head: [UInt8]
    public var body: [UInt8]

    public init(status: Int, head: [UInt8], body: [UInt8]) {
        self.status = status
        self.head = head
        self.body = body
    }
}
