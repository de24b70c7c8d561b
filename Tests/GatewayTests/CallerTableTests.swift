import Bytes
import EventLoop
import Ledger
import Testing

@testable import Gateway

@Suite struct CallerTableTests {
    private static func key(_ text: String) -> CallerKey { CallerKey(SocketAddress(text)!) }

    @Test(arguments: [
        ("192.0.2.1:80", "192.0.2.1:9999", true), ("192.0.2.1:80", "192.0.2.2:80", false),
        ("[2001:db8:1:2::1]:80", "[2001:db8:1:2:ffff::9]:80", true),
        ("[2001:db8:1:2::1]:80", "[2001:db8:1:3::1]:80", false),
        ("[::ffff:192.0.2.1]:80", "192.0.2.1:80", true), ("[::ffff:192.0.2.1]:80", "[::ffff:192.0.2.2]:80", false),
        ("[::1]:80", "[::ffff:192.0.2.2]:80", false), ("[::1]:80", "0.0.0.0:80", false),
    ])
    func addresses(_ first: String, _ second: String, _ isSame: Bool) {
        #expect((Self.key(first) == Self.key(second)) == isSame)
    }

    @Test func scopesAndWalletsAreApart() {
        let table = CallerTable()
        let bound = RateBound(count: 1, windowSeconds: 60)
        let address = Self.key("192.0.2.1:80")
        let wallet = CallerKey(payer: Bytes20([UInt8](1...20))!)
        for key in [address.within(1), address.within(2), wallet.within(1), wallet.within(2)] {
            #expect(table.take(key, bound, now: 0) == .counted(left: 0))
            #expect(table.take(key, bound, now: 0) != .counted(left: 0))
        }
    }

    @Test func memoryIsBoundedAndTheBusyAreRemembered() {
        let table = CallerTable(callersAtMost: 64)
        let bound = RateBound(count: 2, windowSeconds: 3_600)
        let busy = Self.key("203.0.113.7:1").within(1)
        _ = table.take(busy, bound, now: 0)
        _ = table.take(busy, bound, now: 0)
        for at in 0..<20_000 as Range<UInt32> {
            let address = "10.\(at >> 16).\(at >> 8 & 255).\(at & 255):1"
            _ = table.take(Self.key(address).within(1), bound, now: 0)
            if at % 16 == 0 { #expect(table.take(busy, bound, now: 0) == .full(retryAfterSeconds: 3_840)) }
        }
        #expect(table.count <= 2 * 64 * 16)
    }
}
