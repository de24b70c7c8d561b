import Bytes
import EventLoop
import Glibc
import Logging

/// Messages to the operator: one line each on standard error, written at once. Never on the data path.
public enum OperatorLog {
    /// A logger whose lines are `2026-11-21T01:35:33.103Z warning: message key=value`.
    public static func logger(level: Logger.Level = .info) -> Logger { logger(level: level, descriptor: STDERR_FILENO) }

    static func logger(level: Logger.Level, descriptor: Int32) -> Logger {
        Logger(label: "farebox") { _ in OperatorLogHandler(logLevel: level, descriptor: descriptor) }
    }
}

private struct OperatorLogHandler: LogHandler {
    var logLevel: Logger.Level
    let descriptor: Int32
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(logLevel: Logger.Level, descriptor: Int32) {
        self.logLevel = logLevel
        self.descriptor = descriptor
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line = ByteBuffer(capacity: 256)
        var clock = WallClockText()
        clock.append(nanoseconds: wallNanoseconds(), to: &line)
        line.append(byte: 0x20)
        line.append(string: event.level.rawValue)
        line.append(": ")
        Self.appendLine(event.message.description, to: &line)
        let named = metadata.merging(event.metadata ?? [:]) { _, newer in newer }
        for (key, value) in named.sorted(by: { $0.key < $1.key }) {
            line.append(byte: 0x20)
            Self.appendLine("\(key)=\(value)", to: &line)
        }
        if let error = event.error {
            line.append(": ")
            Self.appendLine("\(error)", to: &line)
        }
        line.append(byte: 0x0A)
        let bytes = line.readable
        standardStreamsTurn.withLock { _ in
            var done = 0
            while done < bytes.count {
                let count = write(descriptor, bytes.baseAddress.unsafelyUnwrapped + done, bytes.count - done)
                if count < 0 && errno == EINTR { continue }
                // Nobody is left to tell when standard error itself fails.
                if count <= 0 { break }
                done += count
            }
        }
    }

    /// Controls are shown as `\n`, `\u001b`, so that a message stays on its line and commands no terminal.
    private static func appendLine(_ text: String, to line: inout ByteBuffer) {
        let isControl: (UInt8) -> Bool = { $0 < 0x20 || $0 == 0x7F }
        guard
            text.utf8.contains(where: isControl)
                || text.unicodeScalars.contains(where: { (0x80...0x9F).contains($0.value) })
        else { return line.append(string: text) }
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x0A: line.append("\\n")
            case 0..<0x20, 0x7F...0x9F:
                line.append("\\u00")
                line.append(byte: Hex.digit(UInt8(scalar.value >> 4)))
                line.append(byte: Hex.digit(UInt8(scalar.value & 15)))
            default: line.append(string: String(scalar))
            }
        }
    }
}
