import Bytes
import EventLoop
import Logging
import Synchronization

/// Lines on their way to the disk.
///
/// `@unchecked Sendable`: a batch has one owner at a time, first a lane, then the writer's thread, then the free list.
final class LogBatch: @unchecked Sendable {
    static let fullBytes = 64 * 1024
    var bytes = ByteBuffer(capacity: 2 * LogBatch.fullBytes)
    var lines = 0

    func clear() {
        bytes.clear()
        lines = 0
    }
}

/// The access log's writer: one thread that does every write(2), so that a slow disk slows nobody.
///
/// Loops write through an `AccessLane` each. When more than `backlogBytes` wait for the disk, batches are dropped,
/// counted, and the count is written as a line of its own (`{"time":…,"lost_lines":…}`) as soon as lines flow again.
final class AccessLog: Sendable {
    enum Destination: Sendable, Equatable {
        case stdout
        case stderr
        /// Appended to, made with mode 0640 if it is not there.
        case file(String)
    }

    static let backlogBytes = 8 * 1024 * 1024

    private let thread = WorkerThread(name: "access-log")
    private let sink: LogSink
    private let backlogLimit: Int
    let waitingBytes = Atomic<Int>(0)
    private let lostLines = Atomic<Int>(0)
    private let free = Mutex<[LogBatch]>([])

    /// Opens the destination; what goes wrong with it later is told to `logger`.
    init(_ destination: Destination, logger: Logger, backlogBytes: Int = AccessLog.backlogBytes) throws(SystemFault) {
        sink = try LogSink(destination, logger: logger)
        backlogLimit = backlogBytes
    }

    /// Takes a batch over without waiting; gives an empty one back. Any thread.
    func take(_ batch: LogBatch) -> LogBatch {
        let count = batch.bytes.count
        if count == 0 { return batch }
        // One batch is always taken, so that a limit below its size loses not everything.
        let waiting = waitingBytes.load(ordering: .relaxed)
        guard waiting == 0 || waiting + count <= backlogLimit else {
            lose(batch)
            return batch
        }
        waitingBytes.add(count, ordering: .relaxed)
        let posted = thread.post { [self] in
            writeLost()
            let unwritten = sink.write(batch.bytes.readable)
            lostLines.add(unwritten, ordering: .relaxed)
            waitingBytes.subtract(count, ordering: .relaxed)
            batch.clear()
            free.withLock { $0.append(batch) }
        }
        guard posted else {
            waitingBytes.subtract(count, ordering: .relaxed)
            lose(batch)
            return batch
        }
        return free.withLock { $0.popLast() } ?? LogBatch()
    }

    /// Opens the file anew after a rotation; what was taken before goes to the former one. Any thread.
    func reopen() {
        thread.post { [self] in sink.reopen() }
    }

    /// Writes what was taken, then ends. Lanes hand over before.
    func stop() {
        thread.post { [self] in writeLost() }
        thread.stop()
    }

    private func lose(_ batch: LogBatch) {
        lostLines.add(batch.lines, ordering: .relaxed)
        batch.clear()
    }

    /// On the writer's thread.
    private func writeLost() {
        let count = lostLines.exchange(0, ordering: .relaxed)
        guard count > 0 else { return }
        var line = ByteBuffer()
        var clock = WallClockText()
        line.append("{\"time\":\"")
        clock.append(nanoseconds: wallNanoseconds(), to: &line)
        line.append("\",\"lost_lines\":")
        line.append(decimal: count)
        line.append("}\n")
        if sink.write(line.readable) > 0 { lostLines.add(count, ordering: .relaxed) }
    }
}
