import Bytes

/// One event of a `text/event-stream`, as it came. Its bytes are good until the reader's next mutating call.
public struct StreamEvent {
    /// Everything from the end of the event before, so that the runs of all events make the stream, byte for byte.
    public let raw: UnsafeRawBufferPointer
    /// Bytes at the beginning of `raw` that belong to no line: a byte order mark.
    let prefixCount: Int
    /// The `data` lines joined by line feeds; nil where there is none, as in a comment that keeps the connection open:
    /// a client is told nothing then.
    public let data: UnsafeRawBufferPointer?
    /// The value of the last `id` line; nil where there is none.
    public let id: UnsafeRawBufferPointer?
    /// The value of the last `event` line; nil where there is none, which means "message".
    public let name: UnsafeRawBufferPointer?
    /// It ended with an empty line. What is unfinished when the stream ends is not an event to a client that keeps to
    /// the standard, and is one to some others.
    public let isWhole: Bool

    /// Appends the event with other data: `data` lines for `data`, in the place of the first one it had; every other
    /// line stays as it was.
    public func write(replacingDataBy data: UnsafeRawBufferPointer, into out: inout ByteBuffer) {
        out.reserve(raw.count + data.count)
        out.append(UnsafeRawBufferPointer(rebasing: raw[..<prefixCount]))
        var lines = EventLines(UnsafeRawBufferPointer(rebasing: raw[prefixCount...]))
        var isWritten = false
        var hasPairs = false
        while let line = lines.next() {
            hasPairs = hasPairs || line.ending.count == 2
            guard line.isField("data") else {
                out.append(line.whole)
                continue
            }
            if isWritten { continue }
            isWritten = true
            StreamEvent.writeData(data, ending: line.ending, &out)
        }
        if !isWhole { out.append("\n\n") }
        // It was handed out before the feed of its last line came; some clients know no line without one.
        if isWhole && hasPairs && raw.last == 0x0D { out.append("\n") }
    }

    /// Appends an event of its own that has only data.
    public static func write(data: UnsafeRawBufferPointer, into out: inout ByteBuffer) {
        writeData(data, ending: UnsafeRawBufferPointer(start: nil, count: 0), &out)
        out.append("\n")
    }

    /// A line break in JSON text is a line of its own here, for it is what a reader puts between two.
    private static func writeData(
        _ data: UnsafeRawBufferPointer, ending: UnsafeRawBufferPointer, _ out: inout ByteBuffer
    ) {
        var lines = EventLines(data)
        repeat {
            let line = lines.next()
            out.append("data: ")
            if let line { out.append(line.content) }
            if ending.isEmpty { out.append("\n") } else { out.append(ending) }
        } while !lines.isAtEnd
    }
}
