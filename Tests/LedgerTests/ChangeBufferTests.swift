import Testing

@testable import Ledger

/// Every value has one spelling, and nothing else is read.
@Suite struct ChangeBufferTests {
    @Test(arguments: [0, 1, -1, 63, 64, -64, -65, 8191, 8192, 1_800_000_000, Int64.max, Int64.min])
    func integers(_ number: Int64) {
        var buffer = ChangeBuffer()
        buffer.append(number)
        var reader = ChangeReader(buffer.bytes())
        guard case .integer(let read) = reader.value() else {
            Issue.record("no integer")
            return
        }
        #expect(read == number && reader.isAtEnd)
    }

    @Test func everyKindInItsOrder() {
        var buffer = ChangeBuffer()
        buffer.append("é")
        buffer.append(nil as String?)
        buffer.append(Pay.bytes20(7))
        buffer.append([])
        buffer.append("")
        buffer.append(true)
        buffer.append([UInt8](repeating: 9, count: 100_000))
        var reader = ChangeReader(buffer.bytes())
        var texts: [String] = []
        while let value = reader.value() { texts.append(String(value.text.prefix(44))) }
        #expect(
            texts == [
                "\"é\"", "empty", Pay.bytes20(7).hex, "0x", "\"\"", "1", "0x" + String(repeating: "09", count: 21),
            ])
        #expect(reader.isAtEnd)
    }

    @Test func whatIsTakenBackIsGone() {
        var buffer = ChangeBuffer()
        buffer.append(1)
        let before = buffer.count
        buffer.append("gone")
        buffer.truncate(to: before)
        buffer.append(2)
        #expect(Array(buffer.bytes()) == [1, 2, 1, 4])
    }

    @Test(arguments: [
        [], [4], [1], [1, 0x80], [1, 0x80, 0], [2, 1], [3, 5, 1, 2], [2, 0x81, 0, 65],
        [1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2],
        [1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1],
        [3, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1],
    ])
    func othersAreRefused(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { bytes in
            var reader = ChangeReader(bytes)
            #expect(reader.value() == nil)
        }
    }

    @Test(arguments: [
        "", "5", "5:", ":", "-1:\(String(repeating: "0", count: 64))", "5:0x\(String(repeating: "0", count: 64))",
        "05:\(String(repeating: "0", count: 64))", "5:\(String(repeating: "0", count: 63))g",
    ])
    func noHead(_ text: String) { #expect(JournalHead(text) == nil) }

    @Test func aHeadIsReadAsItIsWritten() {
        let head = JournalHead(sequence: 12, hash: Pay.bytes32(34))
        #expect(JournalHead("\(head)") == head)
    }
}
