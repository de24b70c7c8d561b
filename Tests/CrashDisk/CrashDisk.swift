import CSQLite
import Glibc

/// A disk in memory under the real SQLite code. It keeps what was written and not yet synced apart, can fail any operation, and can
/// lose power at any operation.
package final class CrashDisk {
    /// One file. An object, so that SQLite's calls find its bytes without looking for its name.
    package final class File {
        package fileprivate(set) var durable: [UInt8]
        package fileprivate(set) var live: [UInt8]
        /// Since the last sync, in order.
        fileprivate var unsynced: [Change] = []

        init(_ bytes: [UInt8] = []) { (durable, live) = (bytes, bytes) }
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

    package enum Operation { case write, truncate, sync, delete }

    /// What of the unsynced writes is on the disk after the power came back.
    package enum Survival {
        case none
        case all
        /// Each write by the toss of a coin, the last of a file torn.
        case some(seed: UInt64)
    }

    package private(set) var files: [String: File] = [:]
    /// Changing operations so far.
    package private(set) var operations = 0
    package private(set) var syncs = 0
    /// Every call at and after this operation fails, as in a process that is no more.
    package var powerFailsAt: Int?
    package private(set) var isDown = false
    /// The next operation of this kind fails with this SQLite code; later ones succeed.
    package var failNext: (operation: Operation, code: Int32)?
    /// The same after as many changing operations.
    package var failAfter: (skip: Int, operation: Operation, code: Int32)?
    /// A write that fails has written its first half.
    package var halvesFailedWrites = false
    /// The next operation of this kind on the database itself, not its log, fails.
    package var failNextOnDatabase: Operation?
    package let name: String
    private var vfs: UnsafeMutablePointer<sqlite3_vfs>

    package init() {
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
    package func reboot(_ survival: Survival) -> CrashDisk {
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
            if !name.hasSuffix("-shm") { next.files[name] = File(bytes) }
        }
        return next
    }

    /// Nothing is written any more.
    package func cutPower() { isDown = true }

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

    func change(_ file: File, _ change: Change) {
        change.apply(to: &file.live)
        file.unsynced.append(change)
    }

    func sync(_ file: File) {
        for change in file.unsynced { change.apply(to: &file.durable) }
        file.unsynced.removeAll(keepingCapacity: true)
    }

    func create(_ name: String) -> File {
        if let known = files[name] { return known }
        let file = File()
        files[name] = file
        return file
    }

    func delete(_ name: String) { files[name] = nil }
    package func size(_ name: String) -> Int { files[name]?.live.count ?? 0 }

    /// A file as something other than the ledger left it.
    private func spoil(_ name: String, _ change: (inout [UInt8]) -> Void) {
        guard let file = files[name] else { return }
        var bytes = file.live
        change(&bytes)
        files[name] = File(bytes)
    }

    package func cut(_ name: String, to size: Int) { spoil(name) { $0.removeLast(max(0, $0.count - size)) } }

    package func flip(_ name: String, at offset: Int, bit: Int) { spoil(name) { $0[offset] ^= 1 << UInt8(bit) } }

    package func remove(_ name: String) { files[name] = nil }

    package func copy(_ name: String, from other: CrashDisk) { files[name] = other.files[name].map { File($0.live) } }

    /// Reads in place, without a copy of the whole file.
    func read(_ file: File, _ offset: Int, into target: UnsafeMutableRawBufferPointer) -> Int {
        guard offset < file.live.count else { return 0 }
        let length = min(target.count, file.live.count - offset)
        file.live.withUnsafeBytes { target.copyMemory(from: .init(rebasing: $0[offset..<offset + length])) }
        return length
    }
}
