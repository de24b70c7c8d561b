import Bytes
import Testing

@testable import MCP

@Suite struct RecencyListTests {
    static func key(_ number: Int) -> Bytes32 { Bytes32([UInt8](repeating: UInt8(number), count: 32))! }

    @Test func agreesWithAPlainList() {
        var list = RecencyList()
        var plain: [Int] = []
        var random = SystemRandomNumberGenerator()
        for _ in 0..<10_000 {
            let number = Int.random(in: 0..<6, using: &random)
            plain.removeAll { $0 == number }
            if Bool.random(using: &random) {
                plain.append(number)
                list.use(Self.key(number))
            } else {
                list.remove(Self.key(number))
            }
            #expect(list.oldest == plain.first.map(Self.key))
        }
        for number in plain {
            #expect(list.oldest == Self.key(number))
            list.remove(Self.key(number))
        }
        #expect(list.oldest == nil)
    }
}
