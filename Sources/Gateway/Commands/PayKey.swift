import Chains
import Glibc

/// Where `farebox pay` gets its key from: never the command line, which every user of the machine can read.
enum PayKey {
    /// The environment variable that holds a key in hex.
    static let variable = "FAREBOX_KEY"

    /// Reads the file if there is one, otherwise the environment; nil when there is neither.
    static func load(file: String?, environment: (String) -> String?) throws(CommandFault) -> PrivateKey? {
        if let file { return try read(file) }
        guard let text = environment(variable) else { return nil }
        guard let key = PrivateKey(hex: text) else {
            throw CommandFault(message: "\(variable) holds no key: 64 hex digits are wanted, with or without 0x")
        }
        return key
    }

    private static func read(_ path: String) throws(CommandFault) -> PrivateKey {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw CommandFault(message: "key file \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw CommandFault(message: "key file \(path) is not a regular file")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw CommandFault(message: "key file \(path) is open to other users; run: chmod 600 \(path)")
        }
        // One byte more than a key with 0x and a line's end can have.
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 69, alignment: 8)
        defer {
            explicit_bzero(room.baseAddress.unsafelyUnwrapped, room.count)
            room.deallocate()
        }
        var count = max(Glibc.read(descriptor, room.baseAddress, room.count), 0)
        if count == room.count { count = 0 }
        while count > 0, [0x0A, 0x0D, 0x20].contains(room[count - 1]) { count -= 1 }
        guard let key = PrivateKey(hex: UnsafeRawBufferPointer(rebasing: room[..<count])) else {
            throw CommandFault(message: "key file \(path) holds no key: 64 hex digits are wanted, with or without 0x")
        }
        return key
    }
}
