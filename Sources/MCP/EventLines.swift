import Bytes

/// The lines of a run of an event stream, ended by CR, LF or both.
struct EventLines {
    /// One line.
    struct Line {
        /// Without its ending.
        let content: UnsafeRawBufferPointer
        let ending: UnsafeRawBufferPointer
        let whole: UnsafeRawBufferPointer

        /// Whether the line is this field: its name up to a colon or the line's end, letter for letter.
        func isField(_ name: StaticString) -> Bool {
            let name = name.bytes
            guard content.starts(with: name) else { return false }
            return content.count == name.count || content[name.count] == 0x3A
        }

        /// What stands behind the colon and one space; empty without a colon.
        var value: UnsafeRawBufferPointer {
            guard let colon = content.firstIndex(of: 0x3A) else { return UnsafeRawBufferPointer(start: nil, count: 0) }
            let start = colon + 1 < content.count && content[colon + 1] == 0x20 ? colon + 2 : colon + 1
            return UnsafeRawBufferPointer(rebasing: content[start...])
        }
    }

    private let bytes: UnsafeRawBufferPointer
    private var at = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { at == bytes.count }

    /// The last line may have no ending.
    mutating func next() -> Line? {
        guard at < bytes.count else { return nil }
        let start = at
        while at < bytes.count, bytes[at] != 0x0A, bytes[at] != 0x0D { at += 1 }
        let end = at
        if at < bytes.count {
            at += bytes[at] == 0x0D && at + 1 < bytes.count && bytes[at + 1] == 0x0A ? 2 : 1
        }
        return Line(
            content: UnsafeRawBufferPointer(rebasing: bytes[start..<end]),
            ending: UnsafeRawBufferPointer(rebasing: bytes[end..<at]),
            whole: UnsafeRawBufferPointer(rebasing: bytes[start..<at]))
    }
}
