import Bytes

/// Cuts a `text/event-stream` into its events (WHATWG HTML §9.2), whatever pieces its bytes come in.
///
/// An event is handed out with the byte that ends it: what a server has finished writing never waits for what follows.
public struct EventStreamReader: ~Copyable {
    /// An event that is larger than the limit; nothing more is read.
    public struct TooLarge: Error, Equatable {}

    private let maximumEventBytes: Int
    private var buffer = ByteBuffer()
    /// The data of an event that has several lines of it.
    private var joined = ByteBuffer()
    /// Bytes of the event handed out last, which go with the next call.
    private var taken = 0
    /// How far lines were looked for, and where the line begins that has not ended, both from the buffer's beginning.
    private var scanned = 0
    private var lineStart = 0
    /// The last byte looked at was a CR: a line feed behind it ends nothing more.
    private var isAfterCR = false
    private var isAtStart = true
    private var prefixCount = 0

    /// - Parameter maximumEventBytes: of one event with everything from the end of the one before.
    public init(maximumEventBytes: Int) { self.maximumEventBytes = maximumEventBytes }

    /// Takes what came. Ends the life of the event handed out last.
    public mutating func feed(_ bytes: UnsafeRawBufferPointer) {
        dropTaken()
        buffer.append(bytes)
    }

    /// The next event that is whole; nil where more must come. Ends the life of the one before.
    public mutating func next() throws(TooLarge) -> StreamEvent? {
        dropTaken()
        if isAfterCR, scanned == 0, let first = buffer.readable.first {
            // The feed belongs to the line that ended the event before, and must not wait for the one behind it.
            isAfterCR = false
            if first == 0x0A { return take(1, isWhole: true) }
        }
        while let end = nextLine() {
            let isEmpty = end == lineStart
            lineStart = scanned
            guard isEmpty else { continue }
            guard scanned <= maximumEventBytes else { throw TooLarge() }
            return take(scanned, isWhole: true)
        }
        guard buffer.count <= maximumEventBytes else { throw TooLarge() }
        return nil
    }

    /// What is left when the stream has ended, as an event that is not whole; nil where nothing is.
    public mutating func finish() -> StreamEvent? {
        dropTaken()
        skipMark()
        return buffer.isEmpty ? nil : take(buffer.count, isWhole: false)
    }

    /// What came and was not handed out, where an event is too large to be.
    public mutating func remainder() -> UnsafeRawBufferPointer {
        dropTaken()
        return buffer.readable
    }

    private mutating func dropTaken() {
        buffer.consume(taken)
        taken = 0
    }

    /// Where the line that begins at `lineStart` ends, with `scanned` moved past its ending; nil where it does not end
    /// yet.
    private mutating func nextLine() -> Int? {
        let bytes = buffer.readable
        if isAfterCR, scanned < bytes.count {
            isAfterCR = false
            if bytes[scanned] == 0x0A {
                scanned += 1
                // The feed belongs to the line before.
                lineStart = scanned
            }
        }
        while scanned < bytes.count, bytes[scanned] != 0x0A, bytes[scanned] != 0x0D { scanned += 1 }
        guard scanned < bytes.count else { return nil }
        skipMark()
        let content = scanned
        scanned += 1
        if bytes[content] == 0x0D {
            if scanned == bytes.count {
                isAfterCR = true
            } else if bytes[scanned] == 0x0A {
                scanned += 1
            }
        }
        return content
    }

    /// A byte order mark may open the stream, and says nothing.
    private mutating func skipMark() {
        guard isAtStart else { return }
        isAtStart = false
        guard buffer.readable.starts(with: [0xEF, 0xBB, 0xBF]) else { return }
        prefixCount = 3
        lineStart = 3
    }

    private mutating func take(_ count: Int, isWhole: Bool) -> StreamEvent {
        let raw = UnsafeRawBufferPointer(rebasing: buffer.readable[..<count])
        let prefix = prefixCount
        taken = count
        scanned = 0
        lineStart = 0
        prefixCount = 0
        var lines = EventLines(UnsafeRawBufferPointer(rebasing: raw[prefix...]))
        var data: UnsafeRawBufferPointer?
        var id: UnsafeRawBufferPointer?
        var name: UnsafeRawBufferPointer?
        joined.clear()
        var isJoined = false
        while let line = lines.next() {
            if line.isField("data") {
                if let first = data, !isJoined {
                    joined.append(first)
                    isJoined = true
                }
                if isJoined {
                    joined.append(byte: 0x0A)
                    joined.append(line.value)
                }
                if data == nil { data = line.value }
            } else if line.isField("id") {
                id = line.value
            } else if line.isField("event") {
                name = line.value
            }
        }
        return StreamEvent(
            raw: raw, prefixCount: prefix, data: isJoined ? joined.readable : data, id: id, name: name,
            isWhole: isWhole)
    }
}
