import Testing

@testable import Bytes

/// Each scan beside the loop that it stands for, at every length, place and alignment.
@Suite struct ScanTests {
    static func firstByLoop(_ bytes: [UInt8], from: Int, to end: Int, where matches: (UInt8) -> Bool) -> Int {
        (from..<end).first { matches(bytes[$0]) } ?? end
    }

    static func expectSame(
        _ name: Comment, _ fill: UInt8, scan: (UnsafeRawPointer, Int, Int) -> Int, matches: (UInt8) -> Bool
    ) {
        for count in 0...50 {
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 1)
            defer { memory.deallocate() }
            guard let base = memory.baseAddress else { continue }
            for at in 0..<max(count, 1) {
                var bytes = [UInt8](repeating: fill, count: count)
                if count > 0 { bytes[at] = 0 }
                for byte: UInt8 in [
                    0, 1, 9, 0x0A, 0x1F, 0x20, 0x21, 0x2D, 0x2F, 0x30, 0x3F, 0x41, 0x7E, 0x7F, 0x80, 0xFF,
                ] {
                    if count > 0 { bytes[at] = byte }
                    memory.copyBytes(from: bytes)
                    for from in Set([0, min(1, count), max(0, at - 3), min(at + 1, count), max(0, count - 17)]) {
                        let found = scan(base, from, count)
                        if found != firstByLoop(bytes, from: from, to: count, where: matches) {
                            Issue.record("\(name) found \(found) in \(bytes) from \(from)")
                        }
                    }
                }
            }
        }
    }

    @Test func everyScanIsItsLoop() {
        let isWord: (UInt8) -> Bool = { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x2D
        }
        Self.expectSame("byte", 0x61, scan: { Scan.first(0x0A, $0, from: $1, to: $2) }) { $0 == 0x0A }
        Self.expectSame("control", 0x61, scan: { Scan.firstControl($0, from: $1, to: $2) }) { $0 < 0x20 || $0 == 0x7F }
        Self.expectSame("word", 0x61, scan: { Scan.firstOutsideWord($0, from: $1, to: $2) }) { !isWord($0) }
        Self.expectSame("invisible", 0x61, scan: { Scan.firstInvisible(or: 0x3F, $0, from: $1, to: $2) }) {
            $0 < 0x21 || $0 > 0x7E || $0 == 0x3F
        }
    }

    @Test func everyByteIsClassedAsItsLoopDoes() {
        for byte in UInt8.min...UInt8.max {
            let bytes = [UInt8](repeating: byte, count: 17)
            bytes.withUnsafeBytes { raw in
                guard let base = raw.baseAddress else { return }
                #expect((Scan.firstControl(base, from: 0, to: 17) == 0) == (byte < 0x20 || byte == 0x7F))
                #expect((Scan.firstInvisible(or: 0x20, base, from: 0, to: 17) == 0) == (byte < 0x21 || byte > 0x7E))
                let isLetter = (0x41...0x5A).contains(byte & ~0x20)
                let isWord = isLetter || (0x30...0x39).contains(byte) || byte == 0x2D
                #expect((Scan.firstOutsideWord(base, from: 0, to: 17) == 0) == !isWord)
                #expect(Scan.first(byte, base, from: 3, to: 17) == 3)
            }
        }
    }
}
