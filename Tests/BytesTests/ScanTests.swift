import Testing

@testable import Bytes

/// Each scan beside the loop that it stands for, at every length, place and alignment.
@Suite struct ScanTests {
    static func firstByLoop(_ bytes: [UInt8], from: Int, to end: Int, where matches: (UInt8) -> Bool) -> Int {
        (from..<end).first { matches(bytes[$0]) } ?? end
    }

    typealias Finder = (UnsafeRawPointer, Int, Int) -> Int
    typealias Kind = (UInt8) -> Bool

    /// `hit` stands at one place among `miss`, for every length, place and start.
    static func expectSame(_ name: Comment, hit: UInt8, miss: UInt8, _ scan: Finder, _ matches: Kind) {
        for count in 0...35 {
            // Exactly as large as the bytes, so that a sanitizer sees a read beyond them.
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
            defer { memory.deallocate() }
            for place in 0...count {
                var bytes = [UInt8](repeating: miss, count: count)
                if place < count { bytes[place] = hit }
                memory.copyBytes(from: bytes)
                guard let base = memory.baseAddress else { continue }
                for from in Set([0, min(1, count), max(0, place - 3), place, min(place + 1, count)]) {
                    let found = scan(UnsafeRawPointer(base), from, count)
                    if found != firstByLoop(bytes, from: from, to: count, where: matches) {
                        Issue.record("\(name) found \(found) in \(bytes) from \(from)")
                    }
                }
            }
        }
    }

    @Test func everyScanIsItsLoop() {
        Self.expectSame("byte", hit: 0x0A, miss: 0x61, { Scan.first(0x0A, $0, from: $1, to: $2) }, { $0 == 0x0A })
        Self.expectSame(
            "control", hit: 0x0D, miss: 0x61, { Scan.firstControl($0, from: $1, to: $2) }, { $0 < 0x20 || $0 == 0x7F })
        Self.expectSame(
            "word", hit: 0x3A, miss: 0x61, { Scan.firstOutsideWord($0, from: $1, to: $2) }, { $0 == 0x3A })
        Self.expectSame(
            "invisible", hit: 0x20, miss: 0x61, { Scan.firstInvisible(or: 0x3F, $0, from: $1, to: $2) },
            { $0 < 0x21 || $0 > 0x7E || $0 == 0x3F })
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
