import CLinux
import Glibc
import Synchronization

/// An inotify watch on one directory, which may be replaced by another of the same name.
final class DirectoryWatch: Sendable {
    private struct Target {
        var watch: Int32 = -1
        var device: dev_t = 0
        var inode: ino_t = 0
    }

    private let path: String
    /// -1: this system gives no inotify.
    private let descriptor: Int32
    private let target: Mutex<Target>
    /// Why nothing is watched, at the start.
    let fault: String?

    init(_ path: String) {
        self.path = path
        let descriptor = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        self.descriptor = descriptor
        guard descriptor >= 0 else {
            fault = String(cString: strerror(errno))
            target = Mutex(Target())
            return
        }
        var first = Target()
        let code = Self.follow(&first, path, descriptor)
        target = Mutex(first)
        fault = code == 0 ? nil : String(cString: strerror(code))
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Waits for a change, for `wake` to be readable, or for the time to pass.
    /// - Returns: whether a file was finished, moved or removed (or the directory replaced), and whether one is being written.
    func wait(beside wake: Int32, milliseconds: Int32) -> (isChanged: Bool, isTouched: Bool) {
        var polled = [
            pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
            pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
        ]
        let ready = poll(&polled, 2, milliseconds)
        guard descriptor >= 0 else { return (false, false) }
        if ready > 0 && polled[1].revents != 0 { return drain() }
        if ready > 0 { return (false, false) }
        return (isReplaced(), false)
    }

    private func isReplaced() -> Bool {
        target.withLock { target in
            var status = stat()
            guard stat(path, &status) == 0 else { return false }
            if target.watch >= 0 && status.st_dev == target.device && status.st_ino == target.inode { return false }
            return Self.follow(&target, path, descriptor) == 0
        }
    }

    /// Watches the directory that now has this name; 0 or an errno.
    private static func follow(_ target: inout Target, _ path: String, _ descriptor: Int32) -> Int32 {
        if target.watch >= 0 { inotify_rm_watch(descriptor, target.watch) }
        target = Target()
        let events =
            IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_ATTRIB | IN_ONLYDIR
        let watch = inotify_add_watch(descriptor, path, UInt32(events))
        guard watch >= 0 else { return errno }
        var status = stat()
        guard stat(path, &status) == 0 else { return errno }
        target = Target(watch: watch, device: status.st_dev, inode: status.st_ino)
        return 0
    }

    private func drain() -> (isChanged: Bool, isTouched: Bool) {
        var isChanged = false
        var isTouched = false
        withUnsafeTemporaryAllocation(byteCount: 4_096, alignment: 8) { room in
            while true {
                let count = read(descriptor, room.baseAddress, room.count)
                if count <= 0 { return }
                var at = 0
                // Each event is a header of 16 bytes and a name padded to the length the header gives (inotify(7)).
                while at + 16 <= count {
                    let mask = Int32(bitPattern: room.loadUnaligned(fromByteOffset: at + 4, as: UInt32.self))
                    let length = Int(room.loadUnaligned(fromByteOffset: at + 12, as: UInt32.self))
                    let end = min(at + 16 + length, count)
                    let name = String(decoding: room[(at + 16)..<end].prefix { $0 != 0 }, as: UTF8.self)
                    if mask & IN_IGNORED != 0 { target.withLock { $0.watch = -1 } }
                    if mask == IN_MODIFY || (mask & IN_CREATE != 0 && isBeingWritten(name)) {
                        isTouched = true
                    } else {
                        isChanged = true
                    }
                    at = end
                }
            }
        }
        return (isChanged, isTouched)
    }

    /// A new regular file is read once its writer has closed it; a link is whole when it appears.
    private func isBeingWritten(_ name: String) -> Bool {
        var status = stat()
        guard lstat("\(path)/\(name)", &status) == 0 else { return false }
        return status.st_mode & S_IFMT == S_IFREG && status.st_nlink == 1
    }
}
