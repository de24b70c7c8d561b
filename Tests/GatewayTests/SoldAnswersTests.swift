import Bytes
import MCP
import Testing

@testable import Gateway

@Suite struct SoldAnswersTests {
    static func digest(_ number: UInt8) -> Bytes32 { Bytes32([UInt8](repeating: number, count: 32))! }
    static let buyer = digest(101)
    static let other = digest(102)

    @Test func whoeverPaidMayHear() {
        var sold = SoldAnswers(maximum: 2)
        #expect(sold.mayHear(Self.digest(1), session: Self.buyer) == nil)
        sold.note(Self.digest(1), paidIn: nil)
        #expect(sold.mayHear(Self.digest(1), session: Self.buyer) == false)
        sold.note(Self.digest(1), paidIn: Self.buyer)
        #expect(sold.mayHear(Self.digest(1), session: Self.buyer) == true)
        #expect(sold.mayHear(Self.digest(1), session: Self.other) == false)
        sold.note(Self.digest(1), paidIn: nil)
        #expect(sold.mayHear(Self.digest(1), session: Self.buyer) == true)
    }

    @Test func theOldestIsForgotten() {
        var sold = SoldAnswers(maximum: 3)
        for number in 0..<8 { sold.note(Self.digest(UInt8(number)), paidIn: Self.buyer) }
        for number in 0..<8 {
            #expect(sold.mayHear(Self.digest(UInt8(number)), session: Self.buyer) == (number < 5 ? nil : true))
        }
    }

    @Test func itsBuyersAreBounded() {
        var sold = SoldAnswers(maximum: 1)
        let buyers = (0..<SoldAnswers.buyersAtMost * 2).map { Self.digest(UInt8($0)) }
        for buyer in buyers { sold.note(Self.digest(1), paidIn: buyer) }
        #expect(sold.mayHear(Self.digest(1), session: buyers.last!) == true)
        #expect(buyers.count { sold.mayHear(Self.digest(1), session: $0) == true } == SoldAnswers.buyersAtMost)
    }

    @Test func anotherSessionHearsNoneOfIt() throws {
        let sessions = ToolSessions()
        let text = Array(#"{"jsonrpc":"2.0","id":7,"result":{}}"#.utf8)
        try text.withUnsafeBytes { text in
            guard case .response(let answer) = ServerMessage.read(text, maximumBytes: text.count) else {
                throw CommandFault(message: "no response")
            }
            func verdict(
                _ session: Bytes32, isLate: Bool = false, isResumed: Bool = false, digest: UInt8 = 7
            ) -> ToolSessions.Verdict {
                sessions.verdict(
                    session: session, answer, digest: Self.digest(digest), isLate: isLate, isResumed: isResumed)
            }
            let id = try #require(answer.id)
            for session in [Self.buyer, Self.other] { sessions.opened(session) }
            let free = [ToolSessions.Call(session: Self.other, id: id)]
            #expect(sessions.begin(free, isSold: false))
            sessions.ended(free)
            #expect(verdict(Self.other) == .passes)

            let call = [ToolSessions.Call(session: Self.buyer, id: id)]
            #expect(sessions.begin(call, isSold: true))
            #expect(verdict(Self.buyer) == .underWay)
            #expect(verdict(Self.other) == .underWay, "it may be the buyer's")
            #expect(verdict(Self.other, isLate: true) == .passes)
            #expect(verdict(Self.other, isLate: true, isResumed: true) == .withheld, "and may be kept with its own")
            sessions.sold(Self.digest(7), paidIn: nil)
            #expect(verdict(Self.other) == .withheld)
            sessions.ended(call)
            #expect(verdict(Self.buyer) == .withheld)
            #expect(verdict(Self.other) == .withheld)

            sessions.sold(Self.digest(7), paidIn: Self.buyer)
            sessions.released(call)
            #expect(verdict(Self.buyer) == .passes)
            #expect(verdict(Self.other) == .withheld)
            #expect(verdict(Self.other, isResumed: true, digest: 8) == .passes)
        }
    }
}
