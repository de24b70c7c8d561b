import CLinux
import Glibc

/// The files of a config directory as read at one time.
struct ConfigSource: Sendable {
    struct File: Sendable, Hashable {
        /// The directory as given, a slash, the name.
        var path: String
        var bytes: [UInt8]
    }

    static let maximumFiles = 1_000
    static let maximumFileBytes = 16 << 20
    static let maximumTotalBytes = 64 << 20

    /// In name order.
    var files: [File] = []
    var problems: [ConfigProblem] = []
    var warnings: [ConfigProblem] = []

    /// Reads every `*.yaml` whose name does not begin with a dot.
    init(directory: String) {
        let names: [String]
        switch Self.names(in: directory) {
        case .success(let found): names = found
        case .failure(let fault):
            report(directory, "cannot read the config directory: \(fault.reason)")
            return
        }
        let prefix = directory.hasSuffix("/") ? directory : directory + "/"
        let read = names.filter { $0.hasSuffix(".yaml") }
        for name in names where name.hasSuffix(".yml") {
            warnings.append(Self.problem(prefix + name, "is not read; only names that end in .yaml are"))
        }
        if read.isEmpty { report(directory, "holds no *.yaml file") }
        if read.count > Self.maximumFiles {
            report(directory, "holds \(read.count) files; at most \(Self.maximumFiles) are read")
            return
        }
        var total = 0
        for name in read {
            let path = prefix + name
            switch FileReader.read(path, limit: Self.maximumFileBytes) {
            case .success(let bytes):
                total += bytes.count
                files.append(File(path: path, bytes: bytes))
            case .failure(let fault): report(path, fault.reason)
            }
            if total > Self.maximumTotalBytes {
                report(directory, "holds more than \(Self.maximumTotalBytes >> 20) MiB")
                return
            }
        }
    }

    /// Two sources with the same one hold the same files; comparable within one process only.
    var fingerprint: Int {
        var hasher = Hasher()
        hasher.combine(files)
        for problem in problems { hasher.combine(problem.description) }
        return hasher.finalize()
    }

    private mutating func report(_ path: String, _ message: String) { problems.append(Self.problem(path, message)) }

    private static func problem(_ path: String, _ message: String) -> ConfigProblem {
        ConfigProblem(place: ConfigPlace(file: path, line: 0, column: 0), key: "", message: message)
    }

    /// In byte order, so that `10-` comes before `20-` under every locale.
    private static func names(in directory: String) -> Result<[String], FileFault> {
        guard let listing = opendir(directory) else { return .failure(FileFault(errno)) }
        defer { closedir(listing) }
        var names: [String] = []
        while let entry = readdir(listing) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return .success(names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    }
}

/// Why a file was not read.
struct FileFault: Error, Equatable {
    var reason: String

    init(reason: String) { self.reason = reason }
    init(_ code: Int32) { reason = String(cString: strerror(code)) }
}

/// Reads small regular files whole.
enum FileReader {
    /// Whether others than the owner may read or write the file.
    static func isOpenToOthers(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & 0o077 != 0
    }

    /// Refuses what is not a regular file, or is above `limit` bytes; never waits for a pipe's other end.
    static func read(_ path: String, limit: Int) -> Result<[UInt8], FileFault> {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return .failure(FileFault(errno)) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return .failure(FileFault(errno)) }
        guard status.st_mode & S_IFMT == S_IFREG else { return .failure(FileFault(reason: "is not a regular file")) }
        var bytes: [UInt8] = []
        while true {
            let room = max(Int(status.st_size) - bytes.count, 0) + 4096
            var fault: Int32 = 0
            let piece = [UInt8](unsafeUninitializedCapacity: room) { out, count in
                let got = Glibc.read(descriptor, out.baseAddress, room)
                if got < 0 { fault = errno }
                count = max(got, 0)
            }
            if fault == EINTR { continue }
            if fault != 0 { return .failure(FileFault(fault)) }
            if piece.isEmpty { return .success(bytes) }
            bytes += piece
            if bytes.count > limit { return .failure(FileFault(reason: "is larger than \(limit >> 10) KiB")) }
        }
    }
}
