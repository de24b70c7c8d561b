import Glibc

/// A command's standard streams, written at once and whole.
enum Console {
    /// False when nobody takes it any more.
    @discardableResult static func output(_ bytes: UnsafeRawBufferPointer) -> Bool { write(bytes, to: STDOUT_FILENO) }

    @discardableResult static func output(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { output($0) } }

    @discardableResult static func output(_ text: String) -> Bool { output(Array(text.utf8)) }

    static func error(_ text: String) {
        _ = Array(text.utf8).withUnsafeBytes { write($0, to: STDERR_FILENO) }
    }

    /// Nil on an error, which errno names.
    static func readAll(_ descriptor: Int32) -> [UInt8]? {
        var all: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = read(descriptor, &room, room.count)
            if count < 0 && errno == EINTR { continue }
            if count < 0 { return nil }
            if count == 0 { return all }
            all += room[..<count]
        }
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress.unsafelyUnwrapped + done, bytes.count - done)
            if count < 0 && errno == EINTR { continue }
            if count < 0 && errno == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&waiting, 1, -1)
                continue
            }
            if count <= 0 { return false }
            done += count
        }
        return true
    }
}
