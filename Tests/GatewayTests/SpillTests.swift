import Bytes
import EventLoop
import Glibc
import Synchronization
import Testing

@testable import Gateway

/// A loop for tests: what is posted waits until the test runs it.
private final class TestLoop: Sendable {
    private let posted = Mutex<[@Sendable () -> Void]>([])
    var post: SpillBuffer.Post { { [self] work in posted.withLock { $0.append(work) } } }

    /// Runs what comes until `condition` holds, for at most ten seconds.
    func run(until condition: () -> Bool) -> Bool {
        for _ in 0..<100_000 {
            let taken = posted.withLock { posted in
                defer { posted = [] }
                return posted
            }
            for work in taken { work() }
            if condition() { return true }
            if taken.isEmpty { usleep(100) }
        }
        return false
    }
}

private final class Progress: SpillTarget {
    var count = 0
    func spillProgressed(_ spill: SpillBuffer) { count += 1 }
}

@Suite struct SpillTests {
    private let loop = TestLoop()
    private let progress = Progress()
    private let disk = SpillDisk(directory: "/tmp")

    private func buffer(memory: Int = 1000, total: Int = 1 << 30, chunk: Int = 4096, disk: SpillDisk? = nil)
        -> SpillBuffer
    {
        let spill = SpillBuffer(
            memoryLimit: memory, totalLimit: total, disk: disk ?? self.disk, chunkBytes: chunk, post: loop.post)
        spill.target = progress
        return spill
    }

    private func append(_ spill: SpillBuffer, _ bytes: [UInt8]) -> SpillBuffer.Append {
        bytes.withUnsafeBytes { spill.append($0) }
    }

    /// Appends in pieces, waiting where it is told to.
    private func fill(_ spill: SpillBuffer, _ bytes: [UInt8], piece: () -> Int) {
        var at = 0
        while at < bytes.count {
            let end = min(at + piece(), bytes.count)
            let before = progress.count
            let step = append(spill, Array(bytes[at..<end]))
            #expect(step == .accepted || step == .pause)
            if step == .pause { #expect(loop.run { progress.count > before }) }
            at = end
        }
    }

    private func readAll(_ spill: SpillBuffer, piece: () -> Int) -> (bytes: [UInt8], fault: SpillFault?) {
        var bytes: [UInt8] = []
        while true {
            let before = progress.count
            switch spill.peek(atMost: piece()) {
            case .bytes(let some):
                let taken = Int.random(in: 1...some.count)
                bytes += some[..<taken]
                spill.consume(taken)
            case .pending: if !loop.run(until: { progress.count > before }) { return (bytes, .diskLimit) }
            case .end: return (bytes, nil)
            case .failed(let fault): return (bytes, fault)
            }
        }
    }

    private static func pattern(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
    }

    @Test(arguments: [0, 1, 999, 1000, 1001, 5095, 5096, 5097, 9192, 100_000])
    func givesBackWhatItTook(count: Int) {
        let spill = buffer()
        let bytes = Self.pattern(count)
        fill(spill, bytes) { Int.random(in: 1...3000) }
        #expect(spill.count == count)
        #expect(spill.isSpilled == (count >= 1000 + 4096))
        for _ in 0..<2 {
            let read = readAll(spill) { Int.random(in: 1...9000) }
            #expect(read.bytes == bytes && read.fault == nil)
            #expect(spill.position == count)
            spill.rewind()
        }
    }

    @Test func readingMayBeginBeforeWritingEnds() {
        let spill = buffer()
        let bytes = Self.pattern(60_000)
        var read: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 6000) {
            fill(spill, Array(bytes[start..<start + 6000])) { 1500 }
            read += readAll(spill) { 700 }.bytes
        }
        #expect(read == bytes)
    }

    @Test func aLaggingDiskPausesTheWriter() {
        let gate = Mutex(false)
        let slow = SpillDisk(limitBytes: 1 << 30) { () throws(SystemFault) in
            while !gate.withLock({ $0 }) { usleep(100) }
            return open("/tmp", O_RDWR | 0o20_000_000 | O_DIRECTORY, 0o600)
        }
        let spill = buffer(memory: 0, disk: slow)
        let chunk = Self.pattern(4096)
        #expect(append(spill, chunk) == .accepted)
        #expect(append(spill, chunk) == .pause)
        #expect(append(spill, chunk) == .pause)
        #expect(progress.count == 0)
        gate.withLock { $0 = true }
        #expect(loop.run { progress.count == 1 })
        #expect(append(spill, chunk) != .overLimit)
        #expect(readAll(spill) { 5000 }.bytes == chunk + chunk + chunk + chunk)
    }

    @Test func limits() {
        let spill = buffer(total: 2000)
        #expect(append(spill, Self.pattern(1999)) == .accepted)
        #expect(append(spill, [1, 2]) == .overLimit)
        #expect(spill.count == 1999)
        #expect(append(spill, [1]) == .accepted)
        #expect(append(spill, [1]) == .overLimit)
    }

    @Test func allSpillsTogetherHaveALimitAndGiveBack() {
        let small = SpillDisk(limitBytes: 10_000) { () throws(SystemFault) in open("/dev/zero", O_RDWR) }
        let first = buffer(memory: 0, disk: small)
        #expect(append(first, Self.pattern(9000)) == .pause)
        let second = buffer(memory: 0, disk: small)
        #expect(append(second, Self.pattern(4096)) == .failed(.diskLimit))
        #expect(append(second, [1]) == .failed(.diskLimit))
        guard case .failed(.diskLimit) = second.peek(atMost: 1) else {
            Issue.record("a spill that failed is read")
            return
        }
        #expect(small.reservedBytes == 9000)
        first.reset()
        second.reset()
        #expect(loop.run { small.reservedBytes == 0 })
        #expect(append(second, Self.pattern(4096)) == .accepted)
    }

    @Test func aFullDiskIsReportedToWhoeverWaits() {
        let full = SpillDisk(limitBytes: 1 << 30) { () throws(SystemFault) in open("/dev/full", O_RDWR) }
        let noSpace = SpillFault.system(SystemFault("pwrite", code: ENOSPC))
        let paused = buffer(memory: 0, disk: full)
        #expect(append(paused, Self.pattern(8192)) == .pause)
        #expect(loop.run { progress.count == 1 })
        #expect(append(paused, [1]) == .failed(noSpace))

        let reading = buffer(memory: 0, disk: full)
        #expect(append(reading, Self.pattern(4096)) == .accepted)
        #expect(readAll(reading) { 100 }.fault == noSpace)
    }

    @Test func aDirectoryThatIsNotThere() {
        let spill = buffer(memory: 0, disk: SpillDisk(directory: "/nonexistent"))
        #expect(append(spill, Self.pattern(4096)) == .accepted)
        #expect(readAll(spill) { 100 }.fault == .system(SystemFault("open", code: ENOENT)))
    }

    @Test func aFileThatLostItsBytes() {
        let lossy = SpillDisk(limitBytes: 1 << 30) { () throws(SystemFault) in open("/dev/null", O_RDWR) }
        let spill = buffer(memory: 0, disk: lossy)
        #expect(append(spill, Self.pattern(4096)) == .accepted)
        #expect(readAll(spill) { 100 }.fault == .system(SystemFault("pread", code: EIO)))
    }

    @Test func answersToAnEarlierUseAreDropped() {
        let spill = buffer(memory: 0)
        #expect(append(spill, Self.pattern(8192)) == .pause)
        _ = spill.peek(atMost: 10)
        spill.reset()
        spill.target = progress
        let bytes = Self.pattern(20_000).map { ~$0 }
        fill(spill, bytes) { 1000 }
        #expect(readAll(spill) { 1000 }.bytes == bytes)
    }

    @Test func troubleOfAnEarlierUseIsDropped() {
        let full = SpillDisk(limitBytes: 1 << 30) { () throws(SystemFault) in open("/dev/full", O_RDWR) }
        let spill = buffer(memory: 4096, disk: full)
        #expect(append(spill, Self.pattern(4096 + 8192)) == .pause)
        spill.reset()
        spill.target = progress
        let mark = Mutex(false)
        // The disk's thread runs in order: its answers to the earlier use come before this one.
        full.post { [loop] in loop.post { mark.withLock { $0 = true } } }
        #expect(loop.run { mark.withLock { $0 } })
        #expect(append(spill, [1, 2, 3]) == .accepted)
        #expect(readAll(spill) { 10 }.bytes == [1, 2, 3])
        #expect(progress.count == 0)
    }

    @Test func filesLeaveNoNameAndNoDescriptor() {
        var template = Array("/tmp/farebox-spill-XXXXXX".utf8CString)
        let folder = String(cString: mkdtemp(&template))
        let own = SpillDisk(directory: folder)
        var spill: SpillBuffer? = buffer(memory: 0, disk: own)
        #expect(append(spill!, Self.pattern(4096)) == .accepted)
        #expect(own.reservedBytes == 4096)
        // An empty directory is the only one that rmdir takes.
        #expect(readAll(spill!) { 5000 }.fault == nil)
        #expect(rmdir(folder) == 0)
        spill = nil
        #expect(loop.run { own.reservedBytes == 0 })
    }
}
