import Testing

@testable import Bytes

@Suite struct ByteBufferTests {
    /// The same numbers for the same seed (SplitMix64).
    private struct Random: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    /// Every operation beside an array that is told the same.
    @Test(arguments: 1...8)
    func agreesWithAnArray(seed: Int) {
        var random = Random(state: UInt64(seed))
        var buffer = seed.isMultiple(of: 2) ? ByteBuffer() : ByteBuffer(capacity: seed * 10)
        var model: [UInt8] = []
        let largest = seed > 5 ? 5000 : 40
        let noise = (0..<largest * 2).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        for step in 0..<1500 {
            let size = Int.random(in: 0...largest, using: &random)
            let from = Int.random(in: 0..<largest, using: &random)
            let bytes = Array(noise[from..<from + size])
            switch Int.random(in: 0..<16, using: &random) {
            case 0...2:
                buffer.append(bytes)
                model += bytes
            case 3:
                bytes.withUnsafeBytes { buffer.append($0) }
                model += bytes
            case 4:
                let room = buffer.writable(size)
                #expect(room.count >= max(size, 1))
                let used = Int.random(in: 0...size, using: &random)
                for at in 0..<used { room[at] = bytes[at] }
                buffer.didWrite(used)
                model += bytes[..<used]
            case 5:
                buffer.append(byte: UInt8(size & 255))
                model.append(UInt8(size & 255))
            case 6:
                buffer.append("static text")
                buffer.append(string: "döner \(size)")
                model += Array("static textdöner \(size)".utf8)
            case 7:
                let value = Int.random(in: .min ... .max, using: &random) >> Int.random(in: 0..<64, using: &random)
                buffer.append(decimal: value)
                buffer.append(hex: Int(value.magnitude >> 1))
                model += Array((String(value) + String(value.magnitude >> 1, radix: 16)).utf8)
            case 8...11:
                let count = min(size * 2, model.count)
                buffer.consume(count)
                model.removeFirst(count)
            case 12:
                let count = model.count - min(size, model.count)
                buffer.truncate(count)
                model.removeLast(model.count - count)
            case 13:
                buffer.reserve(size)
                #expect(buffer.capacity >= model.count + size)
            case 14:
                for at in buffer.mutableReadable.indices.prefix(3) { buffer.mutableReadable[at] ^= 0xFF }
                for at in model.indices.prefix(3) { model[at] ^= 0xFF }
            default:
                if size == 0 {
                    buffer.release()
                    #expect(buffer.capacity == 0)
                    model = []
                } else if size == 1 {
                    let capacity = buffer.capacity
                    buffer.clear()
                    #expect(buffer.capacity == capacity)
                    model = []
                }
            }
            if buffer.count != model.count || buffer.isEmpty != model.isEmpty || buffer.array != model {
                Issue.record("step \(step): the contents differ")
                return
            }
        }
        #expect(buffer.array == model)
    }

    @Test(arguments: [0, 1, 9, 10, 99, 100, -1, -10, .max, .min] as [Int])
    func decimals(value: Int) {
        var buffer = ByteBuffer()
        buffer.append(decimal: value)
        #expect(buffer.text == String(value))
    }

    @Test func theLargestDecimal() {
        var buffer = ByteBuffer()
        buffer.append(decimal: UInt.max)
        #expect(buffer.text == "18446744073709551615")
    }

    @Test(arguments: [0, 1, 15, 16, 255, 256, 0x1000, .max] as [Int])
    func chunkSizes(value: Int) {
        var buffer = ByteBuffer()
        buffer.append(hex: value)
        #expect(buffer.text == String(value, radix: 16))
    }

    @Test func emptyThingsTakeNoMemory() {
        var buffer = ByteBuffer()
        buffer.append([])
        buffer.append(UnsafeRawBufferPointer(start: nil, count: 0))
        buffer.consume(0)
        buffer.truncate(0)
        buffer.release()
        #expect(buffer.capacity == 0)
        #expect(buffer.readable.isEmpty && buffer.mutableReadable.isEmpty)
    }

    /// A queue that is filled behind and emptied in front stays as large as what it holds.
    @Test func aQueueDoesNotGrow() {
        var buffer = ByteBuffer()
        for _ in 0..<10_000 {
            buffer.append([UInt8](repeating: 1, count: 100))
            if buffer.count > 300 { buffer.consume(100) }
        }
        #expect(buffer.capacity <= 1024)
    }
}
