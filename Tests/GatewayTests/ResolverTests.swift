import EventLoop
import Glibc
import Synchronization
import Testing

@testable import Gateway

/// A name server in memory: holds every look-up until `let`, counts them, and has a clock that is set by hand.
private final class NameServer: Sendable {
    struct State {
        var answers: [Resolver.Answer] = []
        var asked: [String] = []
        var now: UInt64 = 0
    }
    let state = Mutex(State())

    func makeResolver() -> Resolver {
        Resolver(
            lookUp: { [self] host, _ in
                state.withLock { $0.asked.append(host) }
                while true {
                    if let answer = state.withLock({ $0.answers.isEmpty ? nil : $0.answers.removeFirst() }) {
                        return answer
                    }
                    usleep(200)
                }
            }, now: { [self] in state.withLock { $0.now } })
    }

    func answer(_ answer: Resolver.Answer) { state.withLock { $0.answers.append(answer) } }
    func advance(_ nanoseconds: UInt64) { state.withLock { $0.now += nanoseconds } }
    var askedCount: Int { state.withLock { $0.asked.count } }
}

private final class Replies: Sendable {
    let all = Mutex<[Resolver.Answer]>([])
    var reply: Resolver.Reply { { [self] answer in all.withLock { $0.append(answer) } } }
    var count: Int { all.withLock { $0.count } }
    var last: Resolver.Answer? { all.withLock { $0.last } }
}

/// Gives other threads time, up to ten seconds.
private func eventually(_ condition: () -> Bool) -> Bool {
    for _ in 0..<50_000 {
        if condition() { return true }
        usleep(200)
    }
    return condition()
}

@Suite struct ResolverTests {
    private let server = NameServer()
    private let first = SocketAddress("10.0.0.1:80")!
    private let second = SocketAddress("10.0.0.2:80")!
    private let trouble = ResolveFault(host: "api.test", reason: "try again", isTemporary: true)
    private let absent = ResolveFault(host: "api.test", reason: "unknown", isTemporary: false)

    private func ask(_ resolver: Resolver, _ host: String = "api.test") -> Replies {
        let replies = Replies()
        resolver.resolve(host: host, port: 80, reply: replies.reply)
        return replies
    }

    /// Asks with the answer at hand and waits for the reply.
    private func learn(_ resolver: Resolver, _ answer: Resolver.Answer) {
        server.answer(answer)
        let replies = ask(resolver)
        #expect(eventually { replies.last == answer })
    }

    @Test(arguments: [("127.0.0.1", "127.0.0.1:80"), ("::1", "[::1]:80"), ("[::1]", "[::1]:80")])
    func literalsAreAnsweredAtOnce(host: String, printed: String) throws {
        let replies = ask(server.makeResolver(), host)
        #expect(try replies.last?.get().map(\.description) == [printed])
        #expect(server.askedCount == 0)
    }

    @Test(arguments: ["", "a b", "a\0b", "ü.test", String(repeating: "a", count: 255)])
    func whatIsNoNameIsNotAsked(host: String) {
        let replies = ask(server.makeResolver(), host)
        #expect(replies.last == .failure(ResolveFault(host: host, reason: "not a host name", isTemporary: false)))
        #expect(server.askedCount == 0)
    }

    @Test func oneQuestionForManyWhoAsk() {
        let resolver = server.makeResolver()
        let all = (0..<5).map { _ in ask(resolver) } + [ask(resolver, "API.test")]
        #expect(eventually { server.askedCount == 1 })
        #expect(all.allSatisfy { $0.count == 0 })
        server.answer(.success([first]))
        #expect(eventually { all.allSatisfy { $0.count == 1 } })
        #expect(all.allSatisfy { $0.last == .success([first]) })
        #expect(server.askedCount == 1)
    }

    @Test func freshAnswersAreKeptAndStaleOnesServedWhileAskingAnew() {
        let resolver = server.makeResolver()
        learn(resolver, .success([first]))
        server.advance(Resolver.freshNanoseconds - 1)
        #expect(ask(resolver).last == .success([first]))
        #expect(server.askedCount == 1)
        server.advance(1)
        #expect(ask(resolver).last == .success([first]))
        #expect(ask(resolver).last == .success([first]))
        #expect(eventually { server.askedCount == 2 })
        server.answer(.success([second]))
        #expect(eventually { ask(resolver).last == .success([second]) })
        #expect(server.askedCount == 2)
    }

    @Test func staleAnswersEndAtLast() {
        let resolver = server.makeResolver()
        learn(resolver, .success([first]))
        server.advance(Resolver.freshNanoseconds + Resolver.staleNanoseconds)
        let replies = ask(resolver)
        #expect(replies.count == 0)
        server.answer(.success([second]))
        #expect(eventually { replies.last == .success([second]) })
    }

    @Test func failuresAreKeptForASecond() {
        let resolver = server.makeResolver()
        learn(resolver, .failure(absent))
        #expect(ask(resolver).last == .failure(absent))
        server.advance(Resolver.failureNanoseconds)
        let replies = ask(resolver)
        #expect(replies.count == 0)
        server.answer(.success([first]))
        #expect(eventually { replies.last == .success([first]) })
    }

    @Test func troubleTakesNoGoodAnswerAwayButAbsenceDoes() {
        let resolver = server.makeResolver()
        learn(resolver, .success([first]))
        server.advance(Resolver.freshNanoseconds)
        server.answer(.failure(trouble))
        #expect(ask(resolver).last == .success([first]))
        #expect(eventually { server.state.withLock { $0.answers.isEmpty } })
        server.advance(Resolver.failureNanoseconds)
        #expect(ask(resolver).last == .success([first]))
        server.answer(.failure(absent))
        #expect(eventually { ask(resolver).last == .failure(absent) })
    }

    @Test func whatIsRememberedIsBounded() {
        let resolver = Resolver(lookUp: { _, _ in .success([SocketAddress("10.0.0.1:80")!]) }, now: { 0 })
        for name in 0..<3 * Resolver.rememberedLimit {
            let replies = ask(resolver, "n\(name).test")
            if name % 64 == 0 { #expect(eventually { replies.count == 1 }) }
        }
        #expect(eventually { resolver.rememberedCount <= Resolver.rememberedLimit + 1 })
    }

    @Test func theSystemKnowsLocalhostAndNoLabelOf64Bytes() throws {
        let resolver = Resolver()
        let local = ask(resolver, "localhost")
        #expect(eventually { local.count == 1 })
        #expect(try local.last?.get().allSatisfy { $0.isLoopback && $0.port == 80 } == true)
        let invalid = ask(resolver, String(repeating: "a", count: 64) + ".test")
        #expect(eventually { invalid.count == 1 })
        #expect(throws: ResolveFault.self) { try invalid.last?.get() }
    }
}
