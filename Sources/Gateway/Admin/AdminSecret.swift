import Bytes
import CLinux
import Glibc

/// Why the admin secret cannot be had, for the operator.
struct AdminSecretFault: Error, CustomStringConvertible {
    let description: String
}

/// What proves to the admin listener that a person may decide: a random text in a file beside the ledger, readable by its owner
/// alone, made at the first start.
struct AdminSecret: Sendable {
    private static let count = 64

    private let text: [UInt8]

    /// Where the secret of a ledger is: beside the real file, whatever it was called by.
    static func path(ledger: String) -> String {
        guard let real = realpath(ledger, nil) else { return ledger + ".admin" }
        defer { free(real) }
        return String(cString: real) + ".admin"
    }

    /// Reads the secret of the ledger at this path, which exists; makes one where there is none.
    init(ledger: String) throws(AdminSecretFault) {
        let path = Self.path(ledger: ledger)
        try Self.make(path)
        text = try Self.read(path)
    }

    /// For commands: reads what the gateway made.
    static func existing(ledger: String) throws(AdminSecretFault) -> String {
        String(decoding: try read(path(ledger: ledger)), as: UTF8.self)
    }

    /// Whether a field's value is `Bearer` with the secret (RFC 6750 §2.1); in a time that tells nothing of the secret.
    func isProven(by value: UnsafeRawBufferPointer) -> Bool {
        let scheme: StaticString = "Bearer "
        guard value.count == scheme.utf8CodeUnitCount + text.count else { return false }
        var difference: UInt8 = 0
        for (given, wanted) in zip(value.prefix(scheme.utf8CodeUnitCount), "bearer ".utf8) {
            difference |= (given | 0x20) ^ wanted
        }
        for (given, wanted) in zip(value.dropFirst(scheme.utf8CodeUnitCount), text) { difference |= given ^ wanted }
        return difference == 0
    }

    private static func make(_ path: String) throws(AdminSecretFault) {
        // Under another name first: whoever reads it never finds half of it.
        let draft = path + ".\(getpid())"
        unlink(draft)
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw fault("cannot make", draft) }
        defer { unlink(draft) }
        var random = SystemRandomNumberGenerator()
        let digits = Array("0123456789abcdef".utf8)
        let line = (0..<count).map { _ in digits[Int.random(in: 0..<16, using: &random)] } + [0x0A]
        let written = write(descriptor, line, line.count)
        let isWhole = written == line.count && fsync(descriptor) == 0
        close(descriptor)
        guard isWhole else { throw fault("cannot write", draft) }
        // Another process that starts at the same time may have been first.
        guard link(draft, path) == 0 || errno == EEXIST else { throw fault("cannot make", path) }
    }

    private static func read(_ path: String) throws(AdminSecretFault) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw fault("cannot open", path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw fault("cannot open", path) }
        guard status.st_mode & 0o077 == 0 else {
            throw AdminSecretFault(description: "\(path) is open to other users; run: chmod 600 \(path)")
        }
        var bytes = [UInt8](repeating: 0, count: count + 2)
        let length = Glibc.read(descriptor, &bytes, bytes.count)
        let text = Array(bytes.prefix(max(length, 0)).prefix { $0 != 0x0A })
        guard text.count == count else {
            throw AdminSecretFault(
                description: "\(path) holds no admin secret; remove it, and the next start makes one")
        }
        return text
    }

    private static func fault(_ what: String, _ path: String) -> AdminSecretFault {
        AdminSecretFault(description: "\(what) \(path): \(String(cString: strerror(errno)))")
    }
}
