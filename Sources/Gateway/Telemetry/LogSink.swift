import EventLoop
import Glibc
import Logging
import Synchronization

/// Whole batches and lines take turns on standard output and error, which may be one pipe.
let standardStreamsTurn = Mutex(())

/// Where the access log's bytes end.
///
/// `@unchecked Sendable`: after `init` it is used on the writer's thread alone.
final class LogSink: @unchecked Sendable {
    private let destination: AccessLog.Destination
    private let logger: Logger
    private var descriptor: Int32
    private var isFailing = false
    /// The last write ended within a line.
    private var isWithinLine = false

    init(_ destination: AccessLog.Destination, logger: Logger) throws(SystemFault) {
        self.destination = destination
        self.logger = logger
        switch destination {
        case .stdout: descriptor = STDOUT_FILENO
        case .stderr: descriptor = STDERR_FILENO
        case .file(let path): descriptor = try Self.open(path)
        }
    }

    deinit { if case .file = destination { close(descriptor) } }

    private static func open(_ path: String) throws(SystemFault) -> Int32 {
        let descriptor = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
        if descriptor < 0 { throw SystemFault("open") }
        return descriptor
    }

    /// Keeps the former file when the new one cannot be opened.
    func reopen() {
        guard case .file(let path) = destination else { return }
        do throws(SystemFault) {
            let fresh = try Self.open(path)
            close(descriptor)
            descriptor = fresh
            isWithinLine = false
        } catch {
            logger.error("access log \(path) stays on its former file: \(error)")
        }
    }

    /// Blocks until all is written or the destination fails; the number of lines that did not get there whole.
    func write(_ bytes: UnsafeRawBufferPointer) -> Int {
        if case .file = destination { return writeAll(bytes) }
        return standardStreamsTurn.withLock { _ in writeAll(bytes) }
    }

    private func writeAll(_ bytes: UnsafeRawBufferPointer) -> Int {
        if isWithinLine {
            let newline: UInt8 = 0x0A
            guard withUnsafeBytes(of: newline, { push($0) }) == 1 else { return Self.lines(bytes[...]) }
            isWithinLine = false
        }
        let count = push(bytes)
        if count == bytes.count {
            if isFailing { logger.notice("the access log is written again") }
            isFailing = false
            return 0
        }
        isWithinLine = count > 0 && bytes[count - 1] != 0x0A
        return Self.lines(bytes[count...])
    }

    /// How many bytes the kernel took.
    private func push(_ bytes: UnsafeRawBufferPointer) -> Int {
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress.unsafelyUnwrapped + done, bytes.count - done)
            if count > 0 {
                done += count
            } else if count < 0 && errno == EAGAIN {
                // A terminal or pipe that its other user made non-blocking.
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&waiting, 1, -1)
            } else if count == 0 || errno != EINTR {
                let fault = SystemFault("write", code: count == 0 ? EIO : errno)
                if !isFailing { logger.error("the access log cannot be written, lines are lost: \(fault)") }
                isFailing = true
                return done
            }
        }
        return done
    }

    private static func lines(_ bytes: Slice<UnsafeRawBufferPointer>) -> Int {
        bytes.reduce(0) { $0 + ($1 == 0x0A ? 1 : 0) }
    }
}
