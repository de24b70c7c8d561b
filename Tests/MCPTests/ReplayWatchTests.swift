import Bytes
import Testing

@testable import MCP

@Suite struct ReplayWatchTests {
    static let session = key("s1")

    static func key(_ name: String) -> Bytes32 {
        Bytes32(Array(name.utf8) + Array(repeating: 0, count: 32 - name.utf8.count))!
    }

    static func opened(sessions: Int = 4, ids: Int = 4) -> ReplayWatch {
        var watch = ReplayWatch(maximumSessions: sessions, maximumIDs: ids, maximumIDsInAll: sessions * ids)
        watch.open(session: session)
        return watch
    }

    static func response(_ id: String, _ rest: String = #""result":{}"#) -> Answer {
        Body.answer(#"{"jsonrpc":"2.0","id":\#(id),\#(rest)}"#)!
    }

    static func verdict(_ watch: ReplayWatch, _ id: String, session: Bytes32 = session) -> ReplayWatch.Verdict {
        watch.verdict(session: session, response(id))
    }

    @Test func passesWhatIsFreeOrSettled() {
        var watch = Self.opened()
        #expect(Self.verdict(watch, "1") == .unknown)
        watch.noteFree(session: Self.session, id: .integer(1))
        #expect(Self.verdict(watch, "1") == .passes)
        #expect(Self.verdict(watch, "1.0") == .passes)
        // To servers that keep their streams by an id's text these are one.
        #expect(Self.verdict(watch, #""1""#) == .passes)
        watch.hold(session: Self.session, id: .integer(7))
        #expect(Self.verdict(watch, #""7""#) == .held)
        #expect(watch.isHeld(session: Self.session, id: .string(Array("7".utf8))))
        watch.hold(session: Self.session, id: .string(Array("a".utf8)))
        #expect(Self.verdict(watch, #""a""#) == .held)
        watch.release(session: Self.session, id: .string(Array("a".utf8)))
        #expect(Self.verdict(watch, #""a""#) == .passes)
    }

    @Test func errorsAreHeldLikeResults() {
        var watch = Self.opened()
        watch.hold(session: Self.session, id: .integer(1))
        let error = #""error":{"code":1,"message":"m"}"#
        #expect(watch.verdict(session: Self.session, Self.response("1", error)) == .held)
        #expect(watch.verdict(session: Self.session, Self.response("2", error)) == .unknown)
        #expect(watch.verdict(session: Self.session, Self.response("null", error)) == .passes)
        #expect(watch.verdict(session: Self.session, Self.response("null")) == .unknown)
    }

    @Test func aFreeRequestDoesNotFreeAPricedOneUnderItsID() {
        var watch = Self.opened()
        watch.hold(session: Self.session, id: .integer(1))
        watch.noteFree(session: Self.session, id: .integer(1))
        #expect(Self.verdict(watch, "1") == .held)
        watch.noteFree(session: Self.session, id: .integer(2))
        watch.hold(session: Self.session, id: .integer(2))
        #expect(Self.verdict(watch, "2") == .held)
    }

    @Test func oneSettlementDoesNotFreeTwoCalls() {
        var watch = Self.opened()
        watch.hold(session: Self.session, id: .integer(1))
        watch.hold(session: Self.session, id: .integer(1))
        watch.release(session: Self.session, id: .integer(1))
        #expect(Self.verdict(watch, "1") == .held)
        watch.release(session: Self.session, id: .integer(1))
        watch.release(session: Self.session, id: .integer(1))
        #expect(Self.verdict(watch, "1") == .passes)
        watch.hold(session: Self.session, id: .integer(1))
        #expect(Self.verdict(watch, "1") == .held)
    }

    @Test func sessionsAreApart() {
        var watch = Self.opened()
        let other = Self.key("s2")
        watch.open(session: other)
        watch.hold(session: Self.session, id: .integer(1))
        watch.noteFree(session: other, id: .integer(1))
        #expect(Self.verdict(watch, "1") == .held)
        #expect(Self.verdict(watch, "1", session: other) == .passes)
        watch.release(session: other, id: .integer(1))
        #expect(Self.verdict(watch, "1") == .held)
    }

    @Test func nothingIsKnownOfASessionThatWasNotSeenToBegin() {
        var watch = Self.opened()
        let other = Self.key("s2")
        watch.noteFree(session: other, id: .integer(1))
        watch.release(session: other, id: .integer(1))
        #expect(Self.verdict(watch, "1", session: other) == .unknown)
        #expect(watch.sessionCount == 1)
        watch.close(session: Self.session)
        watch.noteFree(session: Self.session, id: .integer(1))
        #expect(Self.verdict(watch, "1") == .unknown)
        #expect(watch.sessionCount == 0)
    }

    @Test func openingAgainForgetsNothing() {
        var watch = Self.opened()
        watch.hold(session: Self.session, id: .integer(1))
        watch.open(session: Self.session)
        #expect(Self.verdict(watch, "1") == .held)
    }

    @Test func forgettingNeverGivesAway() {
        var watch = Self.opened(ids: 3)
        watch.hold(session: Self.session, id: .integer(1))
        for id in 2...9 { watch.noteFree(session: Self.session, id: .integer(id)) }
        // The held one is kept, the oldest free ones are gone.
        #expect(
            (1...9).map { Self.verdict(watch, "\($0)") } == [.held] + Array(repeating: .unknown, count: 6) + [
                .passes, .passes,
            ])
        watch.noteFree(session: Self.session, id: .integer(1))
        #expect(Self.verdict(watch, "1") == .held)
        // Where all are held they stay so, and of others nothing is known.
        for id in 11...14 { watch.hold(session: Self.session, id: .integer(id)) }
        #expect([1, 11, 12, 13, 14].map { Self.verdict(watch, "\($0)") } == [.held, .held, .held, .unknown, .unknown])
        watch.noteFree(session: Self.session, id: .integer(15))
        #expect(Self.verdict(watch, "15") == .unknown)
    }

    @Test func whatIsHeldOutlivesItsSession() {
        var watch = Self.opened()
        watch.hold(session: Self.session, id: .integer(1))
        watch.noteFree(session: Self.session, id: .integer(2))
        watch.close(session: Self.session)
        #expect(Self.verdict(watch, "1") == .held && Self.verdict(watch, "2") == .unknown)
        watch.open(session: Self.session)
        watch.noteFree(session: Self.session, id: .integer(3))
        #expect(Self.verdict(watch, "3") == .unknown)
        watch.release(session: Self.session, id: .integer(1))
        #expect(Self.verdict(watch, "1") == .unknown)
    }

    @Test func whatIsHeldInAnySessionIsKnownByItsID() {
        var watch = Self.opened(sessions: 2)
        let other = Self.key("s2")
        watch.noteFree(session: Self.session, id: .integer(1))
        #expect(!watch.isHeldAnywhere(.integer(1)))
        watch.hold(session: other, id: .string(Array("1".utf8)))
        #expect(watch.isHeldAnywhere(.integer(1)))
        watch.noteFree(session: other, id: .integer(1))
        watch.close(session: other)
        // What holds nothing is forgotten first.
        for name in ["s3", "s4"] { watch.open(session: Self.key(name)) }
        #expect(watch.sessionCount == 2 && watch.isHeldAnywhere(.integer(1)))
        watch.release(session: other, id: .integer(1))
        #expect(!watch.isHeldAnywhere(.integer(1)))
        for id in 1...3 { watch.hold(session: Self.key("\(id)"), id: .integer(id)) }
        #expect(
            (1...3).map { watch.isHeldAnywhere(.integer($0)) } == [false, true, true], "forgotten with its session")
    }

    @Test func holdsInASessionThatWasNotSeenToBegin() {
        var watch = ReplayWatch(maximumSessions: 2, maximumIDs: 4, maximumIDsInAll: 8)
        watch.hold(session: Self.session, id: .integer(1))
        #expect(watch.isHeld(session: Self.session, id: .integer(1)))
        watch.noteFree(session: Self.session, id: .integer(2))
        #expect(Self.verdict(watch, "1") == .held && Self.verdict(watch, "2") == .unknown)
        for name in ["a", "b"] { watch.hold(session: Self.key(name), id: .integer(1)) }
        #expect(watch.sessionCount == 2 && Self.verdict(watch, "1") == .unknown)
    }

    @Test func forgetsTheSessionLongestUnused() {
        var watch = ReplayWatch(maximumSessions: 3, maximumIDs: 4, maximumIDsInAll: 12)
        for name in ["a", "b", "c"] { watch.open(session: Self.key(name)) }
        for name in ["a", "b", "c", "a"] { watch.noteFree(session: Self.key(name), id: .integer(1)) }
        watch.open(session: Self.key("d"))
        #expect(watch.sessionCount == 3)
        #expect(
            ["a", "b", "c"].map { Self.verdict(watch, "1", session: Self.key($0)) } == [.passes, .unknown, .passes])
    }

    @Test func idsOfAllSessionsAreBounded() {
        var watch = ReplayWatch(maximumSessions: 100, maximumIDs: 4, maximumIDsInAll: 10)
        watch.hold(session: Self.session, id: .integer(1))
        for name in (1...50).map({ "s\($0)" }) {
            watch.open(session: Self.key(name))
            for id in 2...4 { watch.noteFree(session: Self.key(name), id: .integer(id)) }
            #expect(watch.idCount <= 10)
        }
        #expect(Self.verdict(watch, "1") == .held, "what holds something is forgotten last")
        #expect(Self.verdict(watch, "2", session: Self.key("s50")) == .passes)
        #expect(Self.verdict(watch, "2", session: Self.key("s47")) == .unknown)
        for id in 2...30 { watch.hold(session: Self.key("h\(id)"), id: .integer(id)) }
        #expect(watch.idCount == 10 && Self.verdict(watch, "1") == .unknown)
        #expect((2...30).count { watch.isHeldAnywhere(.integer($0)) } == 10)
    }

    /// Else a call that was given up could be had under its id, in its own session or another.
    @Test func freeRequestsPushOutNothingThatIsHeld() {
        var watch = ReplayWatch(maximumSessions: 8, maximumIDs: 4, maximumIDsInAll: 12)
        let sessions = (0..<6).map { Self.key("s\($0)") }
        for session in sessions {
            watch.open(session: session)
            watch.hold(session: session, id: .integer(1))
        }
        for id in 2...40 {
            for session in sessions { watch.noteFree(session: session, id: .integer(id)) }
            #expect(watch.idCount <= 12)
        }
        for session in sessions { #expect(Self.verdict(watch, "1", session: session) == .held) }
        #expect(watch.isHeldAnywhere(.integer(1)))
        #expect(Self.verdict(watch, "40", session: sessions[5]) == .passes, "it is whole as before")
    }

    @Test func countsStayRightWhateverHappens() {
        var watch = ReplayWatch(maximumSessions: 5, maximumIDs: 3, maximumIDsInAll: 9)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<5_000 {
            let session = Self.key("s\(Int.random(in: 0..<8, using: &random))")
            let id = MessageID.integer(.random(in: 0..<6, using: &random))
            switch Int.random(in: 0..<5, using: &random) {
            case 0: watch.open(session: session)
            case 1: watch.close(session: session)
            case 2: watch.hold(session: session, id: id)
            case 3: watch.noteFree(session: session, id: id)
            default: watch.release(session: session, id: id)
            }
            #expect(watch.sessionCount <= 5 && watch.idCount <= 9)
        }
        for session in 0..<8 { watch.close(session: Self.key("s\(session)")) }
        for session in 0..<8 {
            for id in 0..<6 {
                while watch.isHeld(session: Self.key("s\(session)"), id: .integer(id)) {
                    watch.release(session: Self.key("s\(session)"), id: .integer(id))
                }
            }
            watch.close(session: Self.key("s\(session)"))
        }
        #expect(watch.sessionCount == 0 && watch.idCount == 0)
        #expect((0..<6).allSatisfy { !watch.isHeldAnywhere(.integer($0)) })
    }
}
