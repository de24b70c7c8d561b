import Bytes
import EventLoop
import Glibc

/// The file beside the ledger that holds the key of assertions, where the config names none: readable by its owner alone, made at
/// the first start that needs it.
///
/// One line `sign SEED`, and after rotations lines `published X`: public keys that may still be wanted.
struct AssertionKeyFile {
    /// `LEDGER.assertion`.
    let path: String

    /// Public keys of former rotations that are kept.
    private static let keptAtMost = 3

    struct Contents {
        var key: AssertionKey
        var former: [PublishedKey]
        /// As it stands in the file.
        fileprivate var formerTexts: [String]
    }

    init(ledgerPath: String) { path = ledgerPath + ".assertion" }

    /// What the file says; made where there is none.
    func readOrMake() throws(FileFault) -> Contents {
        if access(path, F_OK) != 0 && errno == ENOENT {
            let temporary = try write(seed: try Self.newSeed(), former: [])
            // Whoever links first has made it; a second process reads what the first one made.
            let code = link(temporary, path) == 0 ? 0 : errno
            unlink(temporary)
            if code != 0 && code != EEXIST { throw FileFault(code) }
        }
        return try read()
    }

    func read() throws(FileFault) -> Contents {
        if FileReader.isOpenToOthers(path) {
            throw FileFault(reason: "is open to other users; run: chmod 600 \(path)")
        }
        let bytes = try FileReader.read(path, limit: 64 << 10).get()
        let text = String(decoding: bytes, as: UTF8.self)
        var key: AssertionKey?
        var former: [(PublishedKey, String)] = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 2 else { throw Self.damaged }
            switch words[0] {
            case "sign" where key == nil:
                guard let read = AssertionKey(Array(words[1].utf8)) else { throw Self.damaged }
                key = read
            case "published":
                let bytes = Array(words[1].utf8).withUnsafeBytes { Base64.decode($0) }
                guard let published = bytes.flatMap({ PublishedKey($0) }) else { throw Self.damaged }
                former.append((published, String(words[1])))
            default: throw Self.damaged
            }
        }
        guard let key else { throw Self.damaged }
        return Contents(key: key, former: former.map(\.0), formerTexts: former.map(\.1))
    }

    /// A new key signs; of the former one the public half is kept.
    func rotate() throws(FileFault) -> (new: PublishedKey, former: PublishedKey) {
        let contents = try read()
        let seed = try Self.newSeed()
        let former = [contents.key.publicText] + contents.formerTexts
        let temporary = try write(seed: seed, former: Array(former.prefix(Self.keptAtMost)))
        guard rename(temporary, path) == 0 else {
            let code = errno
            unlink(temporary)
            throw FileFault(code)
        }
        return (try read().key.published, contents.key.published)
    }

    private static let damaged = FileFault(reason: "is no key file of assertions; move it away, and a new one is made")

    private static func newSeed() throws(FileFault) -> [UInt8] {
        var seed = [UInt8](repeating: 0, count: AssertionKey.seedBytes)
        guard getentropy(&seed, seed.count) == 0 else { throw FileFault(errno) }
        return seed
    }

    /// A file of its own beside `path`, on disk.
    private func write(seed: [UInt8], former: [String]) throws(FileFault) -> String {
        let temporary = "\(path).\(getpid())"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileFault(errno) }
        let text = "sign \(Base64.encode(seed))\n" + former.map { "published \($0)\n" }.joined()
        let bytes = Array(text.utf8)
        let isWritten = Glibc.write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
        let code = errno
        close(descriptor)
        guard isWritten else {
            unlink(temporary)
            throw FileFault(code)
        }
        return temporary
    }
}
