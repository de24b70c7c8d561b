import EventLoop
import Glibc
import Synchronization

/// Why a name has no address.
public struct ResolveFault: Error, Sendable, Equatable, CustomStringConvertible {
    public let host: String
    /// The resolver's own words (`gai_strerror`).
    public let reason: String
    /// False when the name is known not to exist; true when asking again may help.
    public let isTemporary: Bool

    public init(host: String, reason: String, isTemporary: Bool) {
        self.host = host
        self.reason = reason
        self.isTemporary = isTemporary
    }

    public var description: String { "cannot resolve \(host): \(reason)" }
}

/// Names to addresses on one thread of its own, remembered for a while; any thread may ask.
///
/// Answers hold for 30 s, then for 10 minutes more while they are asked for anew behind the scenes; failures for 1 s.
public final class Resolver: Sendable {
    public typealias Answer = Result<[SocketAddress], ResolveFault>
    public typealias Reply = @Sendable (Answer) -> Void

    static let freshNanoseconds: UInt64 = 30_000_000_000
    static let staleNanoseconds: UInt64 = 600_000_000_000
    static let failureNanoseconds: UInt64 = 1_000_000_000
    static let rememberedLimit = 1024

    private struct Question: Hashable {
        let host: String
        let port: UInt16
    }

    private struct Memory {
        var answer: Answer?
        var freshUntil: UInt64 = 0
        var usableUntil: UInt64 = 0
        var isAsking = false
        var waiting: [Reply] = []
    }

    private let thread = WorkerThread(name: "resolver")
    private let memories = Mutex<[Question: Memory]>([:])
    private let lookUp: @Sendable (String, UInt16) -> Answer
    private let now: @Sendable () -> UInt64

    public convenience init() { self.init(lookUp: Self.askSystem, now: { monotonicNanoseconds() }) }

    /// `lookUp` runs on the resolver's thread and may block; `now` is monotonic.
    init(lookUp: @escaping @Sendable (String, UInt16) -> Answer, now: @escaping @Sendable () -> UInt64) {
        self.lookUp = lookUp
        self.now = now
    }

    /// Calls `reply` once: before returning, on the caller's thread, for a literal (brackets allowed) or a remembered
    /// answer; otherwise later, on the resolver's thread. A success holds at least one address, in the order to try.
    public func resolve(host: String, port: UInt16, reply: @escaping Reply) {
        let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        if let address = SocketAddress(literal: bare, port: port) { return reply(.success([address])) }
        guard !host.isEmpty, host.utf8.count <= 254, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return reply(.failure(ResolveFault(host: host, reason: "not a host name", isTemporary: false)))
        }
        let question = Question(host: host.lowercased(), port: port)
        let time = now()
        let (known, mustAsk) = memories.withLock { memories -> (Answer?, Bool) in
            Self.prune(&memories, now: time)
            var memory = memories[question] ?? Memory()
            let known = time < memory.usableUntil ? memory.answer : nil
            let mustAsk = !memory.isAsking && (known == nil || time >= memory.freshUntil)
            if known == nil { memory.waiting.append(reply) }
            if mustAsk { memory.isAsking = true }
            memories[question] = memory
            return (known, mustAsk)
        }
        if mustAsk { thread.post { [weak self] in self?.ask(question) } }
        if let known { reply(known) }
    }

    private func ask(_ question: Question) {
        let answer = lookUp(question.host, question.port)
        let time = now()
        let waiting = memories.withLock { memories in
            var memory = memories[question] ?? Memory()
            defer { memories[question] = memory }
            memory.isAsking = false
            memory.freshUntil = time + Self.failureNanoseconds
            switch answer {
            case .success:
                memory.answer = answer
                memory.freshUntil = time + Self.freshNanoseconds
                memory.usableUntil = memory.freshUntil + Self.staleNanoseconds
            case .failure(let fault):
                // A resolver in trouble takes no address away that was good a minute ago.
                if case .success? = memory.answer, fault.isTemporary, time < memory.usableUntil { break }
                memory.answer = answer
                memory.usableUntil = memory.freshUntil
            }
            let waiting = memory.waiting
            memory.waiting = []
            return waiting
        }
        for reply in waiting { reply(answer) }
    }

    var rememberedCount: Int { memories.withLock { $0.count } }

    private static func prune(_ memories: inout [Question: Memory], now: UInt64) {
        guard memories.count >= rememberedLimit else { return }
        memories = memories.filter { $0.value.isAsking || now < $0.value.usableUntil }
        if memories.count >= rememberedLimit { memories = memories.filter { $0.value.isAsking } }
    }

    private static func askSystem(host: String, port: UInt16) -> Answer {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, String(port), &hints, &list)
        defer { freeaddrinfo(list) }
        guard result == 0 else {
            let reason = result == EAI_SYSTEM ? String(cString: strerror(errno)) : String(cString: gai_strerror(result))
            return .failure(ResolveFault(host: host, reason: reason, isTemporary: result != EAI_NONAME))
        }
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next?.pointee {
            if let address = entry.ai_addr.flatMap({ SocketAddress($0, length: entry.ai_addrlen) }),
                !addresses.contains(address)
            {
                addresses.append(address)
            }
            next = entry.ai_next
        }
        if addresses.isEmpty {
            return .failure(ResolveFault(host: host, reason: "no IPv4 or IPv6 address", isTemporary: false))
        }
        return .success(addresses)
    }
}
