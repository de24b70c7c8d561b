import Glibc

/// The exclusive right to write a ledger: flock(2) on a side file, held by the kernel until the process ends or lets go.
///
/// A side file, because closing any descriptor of the database itself would drop SQLite's own locks.
final class ProcessLock {
    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    enum Attempt {
        case held(ProcessLock)
        case taken
        case impossible(String)
    }

    /// Tries once, without waiting. The side file stands beside the real file, so that two names of one ledger share one lock.
    static func tryLock(ledger path: String) -> Attempt {
        guard let real = LedgerFile.resolve(path) else {
            return .impossible("cannot open \(path): \(String(cString: strerror(errno)))")
        }
        let name = real + ".lock"
        let descriptor = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return .impossible("cannot open \(name): \(String(cString: strerror(errno)))") }
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return .held(ProcessLock(descriptor: descriptor)) }
        let code = errno
        close(descriptor)
        return code == EWOULDBLOCK || code == EINTR
            ? .taken : .impossible("cannot lock \(name): \(String(cString: strerror(code)))")
    }
}
