import CSQLite
import Glibc

/// A disk in memory under the real SQLite code. It keeps what was written and not yet synced apart, can fail any operation, and can
/// lose power at any operation.
final class CrashDisk {
    struct File {
        var durable: [UInt8] = []
        var live: [UInt8] = []
        /// Since the last sync, in order.
        var unsynced: [Change] = []
    }

    enum Change {
        case write(offset: Int, bytes: [UInt8])
        case truncate(Int)

        func apply(to bytes: inout [UInt8]) {
            switch self {
            case .write(let offset, let written):
                if bytes.count < offset + written.count {
                    bytes.append(contentsOf: [UInt8](repeating: 0, count: offset + written.count - bytes.count))
                }
                bytes.replaceSubrange(offset..<offset + written.count, with: written)
            case .truncate(let size):
                if size < bytes.count { bytes.removeLast(bytes.count - size) }
            }
        }
    }

    enum Operation { case write, truncate, sync, delete }

    /// What of the unsynced writes is on the disk after the power came back.
    enum Survival {
        case none
        case all
        /// Each write by the toss of a coin, the last of a file torn.
        case some(seed: UInt64)
    }

    private(set) var files: [String: File] = [:]
    /// Changing operations so far.
    private(set) var operations = 0
    private(set) var syncs = 0
    /// Every call at and after this operation fails, as in a process that is no more.
    var powerFailsAt: Int?
    private(set) var isDown = false
    /// The next operation of this kind fails with this SQLite code; later ones succeed.
    var failNext: (operation: Operation, code: Int32)?
    /// The same after as many changing operations.
    var failAfter: (skip: Int, operation: Operation, code: Int32)?
    /// The next operation of this kind on the database itself, not its log, fails.
    var failNextOnDatabase: Operation?
    let name: String
    private var vfs: UnsafeMutablePointer<sqlite3_vfs>

    init() {
        name = "crash-\(UInt64.random(in: 0...UInt64.max))"
        vfs = .allocate(capacity: 1)
        vfs.initialize(to: CrashDisk.template)
        vfs.pointee.zName = UnsafePointer(strdup(name))
        vfs.pointee.pAppData = Unmanaged.passUnretained(self).toOpaque()
        precondition(sqlite3_vfs_register(vfs, 0) == SQLITE_OK)
    }

    deinit {
        sqlite3_vfs_unregister(vfs)
        free(UnsafeMutableRawPointer(mutating: vfs.pointee.zName))
        vfs.deallocate()
    }

    /// The disk as the next process finds it.
    func reboot(_ survival: Survival) -> CrashDisk {
        let next = CrashDisk()
        for (name, file) in files {
            var bytes = file.durable
            switch survival {
            case .none: break
            case .all: bytes = file.live
            case .some(let seed):
                var random = SplitMix(state: seed ^ UInt64(name.utf8.reduce(5381) { $0 &* 33 &+ Int($1) } & 0xFFFF))
                for (index, change) in file.unsynced.enumerated() where Bool.random(using: &random) {
                    if index == file.unsynced.count - 1, case .write(let offset, let written) = change {
                        CrashDisk.Change.write(offset: offset, bytes: Array(written.prefix(written.count / 2)))
                            .apply(to: &bytes)
                    } else {
                        change.apply(to: &bytes)
                    }
                }
            }
            if !name.hasSuffix("-shm") { next.files[name] = File(durable: bytes, live: bytes) }
        }
        return next
    }

    /// Nothing is written any more.
    func cutPower() { isDown = true }

    /// Nil to go on, or the code to fail with.
    func enter(_ operation: Operation, _ file: String) -> Int32? {
        if isDown { return SQLITE_IOERR }
        if failNextOnDatabase == operation, file.hasSuffix(".db") { return SQLITE_IOERR | 4 << 8 }
        operations += 1
        if let powerFailsAt, operations >= powerFailsAt {
            isDown = true
            return SQLITE_IOERR
        }
        if operation == .sync { syncs += 1 }
        if let later = failAfter {
            failAfter = later.skip > 0 ? (later.skip - 1, later.operation, later.code) : nil
            if later.skip == 0 { failNext = (later.operation, later.code) }
        }
        if let failing = failNext, failing.operation == operation {
            failNext = nil
            return failing.code
        }
        return nil
    }

    func change(_ name: String, _ change: Change) {
        change.apply(to: &files[name, default: File()].live)
        files[name]?.unsynced.append(change)
    }

    func sync(_ name: String) {
        guard let changes = files[name]?.unsynced else { return }
        for change in changes { change.apply(to: &files[name, default: File()].durable) }
        files[name]?.unsynced.removeAll(keepingCapacity: true)
    }

    func create(_ name: String) { if files[name] == nil { files[name] = File() } }
    func delete(_ name: String) { files[name] = nil }
    func read(_ name: String) -> [UInt8] { files[name]?.live ?? [] }
    func size(_ name: String) -> Int { files[name]?.live.count ?? 0 }

    /// Reads in place, without a copy of the whole file.
    func read(_ name: String, _ offset: Int, into target: UnsafeMutableRawBufferPointer) -> Int {
        guard let count = files[name]?.live.count, offset < count else { return 0 }
        let length = min(target.count, count - offset)
        files[name]?.live.withUnsafeBytes { target.copyMemory(from: .init(rebasing: $0[offset..<offset + length])) }
        return length
    }
}

/// A small generator whose runs can be repeated.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
