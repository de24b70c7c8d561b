import EventLoop
import Glibc
import Synchronization

/// Why spilled bytes are not to be had.
enum SpillFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// All spilled bytes together reached the limit.
    case diskLimit
    /// The file system's answer: no space, no such directory, an input/output error.
    case system(SystemFault)

    var description: String {
        switch self {
        case .diskLimit: "the limit of all spilled bytes is reached"
        case .system(let fault): "spill file: \(fault)"
        }
    }
}

/// The thread that opens, writes, reads and closes every spill file, and the sum of what they hold.
final class SpillDisk: Sendable {
    static let defaultLimitBytes = 8 << 30

    private let thread = WorkerThread(name: "spill-disk")
    private let limitBytes: Int
    private let usedBytes = Atomic<Int>(0)
    let openFile: @Sendable () throws(SystemFault) -> Int32

    /// Files go to `directory`, else to `TMPDIR`, else to `/var/tmp`, which outlives reboots and so is rarely memory.
    convenience init(directory: String? = nil, limitBytes: Int = SpillDisk.defaultLimitBytes) {
        let folder = directory ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/var/tmp"
        self.init(limitBytes: limitBytes) { () throws(SystemFault) in try Self.openUnlinked(in: folder) }
    }

    init(limitBytes: Int, openFile: @escaping @Sendable () throws(SystemFault) -> Int32) {
        self.limitBytes = limitBytes
        self.openFile = openFile
    }

    func post(_ work: @escaping @Sendable () -> Void) { thread.post(work) }

    /// False when the bytes would not fit. Any thread.
    func reserve(_ count: Int) -> Bool {
        if usedBytes.add(count, ordering: .relaxed).newValue <= limitBytes { return true }
        usedBytes.subtract(count, ordering: .relaxed)
        return false
    }

    func release(_ count: Int) { usedBytes.subtract(count, ordering: .relaxed) }

    var reservedBytes: Int { usedBytes.load(ordering: .relaxed) }

    /// A file without a name: it ends with its descriptor, whatever becomes of the process.
    private static func openUnlinked(in folder: String) throws(SystemFault) -> Int32 {
        // O_TMPFILE with O_DIRECTORY, as Linux defines it; file systems without it take the older way.
        let temporary: Int32 = 0o20_000_000 | O_DIRECTORY
        let descriptor = open(folder, O_RDWR | O_CLOEXEC | temporary, 0o600)
        if descriptor >= 0 { return descriptor }
        guard errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL else { throw SystemFault("open") }
        var path = Array((folder + "/farebox-XXXXXX").utf8CString)
        let named = mkstemp(&path)
        if named < 0 { throw SystemFault("mkstemp") }
        _ = fcntl(named, F_SETFD, FD_CLOEXEC)
        unlink(path)
        return named
    }
}

/// One spill file, opened at its first write.
///
/// `@unchecked Sendable`: used on the disk's thread alone.
final class SpillFile: @unchecked Sendable {
    private let openFile: @Sendable () throws(SystemFault) -> Int32
    private var descriptor: Int32 = -1

    init(_ openFile: @escaping @Sendable () throws(SystemFault) -> Int32) { self.openFile = openFile }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> SpillFault? {
        if descriptor < 0 {
            do throws(SystemFault) { descriptor = try openFile() } catch { return .system(error) }
        }
        var done = 0
        while done < bytes.count {
            let start = bytes.baseAddress.unsafelyUnwrapped + done
            let count = pwrite(descriptor, start, bytes.count - done, offset + done)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return .system(SystemFault("pwrite", code: count == 0 ? EIO : errno)) }
            done += count
        }
        return nil
    }

    /// Fills `room`; a file that ends before is an input/output error.
    func read(into room: UnsafeMutableRawBufferPointer, at offset: Int) -> SpillFault? {
        var done = 0
        while done < room.count {
            let start = room.baseAddress.unsafelyUnwrapped + done
            let count = pread(descriptor, start, room.count - done, offset + done)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return .system(SystemFault("pread", code: count == 0 ? EIO : errno)) }
            done += count
        }
        return nil
    }

    /// Freeing a long file takes the kernel a while, so this too is for the disk's thread.
    func end() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }
}
