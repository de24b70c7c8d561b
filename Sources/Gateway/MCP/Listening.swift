import Bytes
import MCP

/// A stream that a client opened by GET to hear what its server says, or the end of a session by DELETE.
///
/// Servers give answers again on such a stream to a client that comes back: what was not paid for must not be had so.
final class Listening {
    /// By its key; nil where the request names none, of which nothing is known then.
    let session: Bytes32?
    /// By GET.
    let isListening: Bool
    /// It goes on behind an event that came before (`Last-Event-ID`).
    let isResumed: Bool
    /// Its events are looked into.
    var isFiltered = false
    /// The head has not left: the first event says whether the server speaks a transport that cannot be sold.
    var holdsHead = false
    /// An answer whose call has not come to an end.
    var waiting: KeptEvent?
    /// Since when it waits, on the monotonic clock; nil where none does.
    var waitingSinceNanoseconds: UInt64?
    @exclusivity(unchecked) var events = EventStreamReader(maximumEventBytes: ServerMessage.maximumBytes)

    init(session: Bytes32?, isListening: Bool, isResumed: Bool) {
        self.session = session
        self.isResumed = isResumed
        self.isListening = isListening
    }

    /// The exchange's timer is this stream's.
    var isWaiting: Bool { holdsHead || waiting != nil }

    func read(_ data: UnsafeRawBufferPointer) -> ServerMessage {
        ServerMessage.read(data, maximumBytes: ServerMessage.maximumBytes)
    }
}
