import Bytes
import Glibc
import Logging
import Synchronization
import Testing

import struct Foundation.Data
import class Foundation.FileManager
import class Foundation.JSONSerialization
import class Foundation.Thread

@testable import EventLoop
@testable import Gateway

@Suite struct TelemetryLogTests {
    let folder: String
    var path: String { folder + "/access.log" }
    let operatorMessages = Messages()

    final class Messages: Sendable {
        let all = Mutex<[String]>([])
    }

    struct Recorder: LogHandler {
        var logLevel = Logger.Level.info
        var metadata: Logger.Metadata = [:]
        let messages: Messages
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) { messages.all.withLock { $0.append("\(event.level): \(event.message)") } }
    }

    init() {
        var template = Array("/tmp/farebox-log-XXXXXX".utf8CString)
        folder = String(cString: mkdtemp(&template))
    }

    func open(backlogBytes: Int = AccessLog.backlogBytes) throws -> AccessLog {
        let messages = operatorMessages
        let logger = Logger(label: "test") { _ in Recorder(messages: messages) }
        return try AccessLog(.file(path), logger: logger, backlogBytes: backlogBytes)
    }

    func cleanUp() { try? FileManager.default.removeItem(atPath: folder) }

    func contents(_ path: String) throws -> [String] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    static func batch(_ lines: [String]) -> LogBatch {
        let batch = LogBatch()
        for line in lines { batch.bytes.append(string: line + "\n") }
        batch.lines = lines.count
        return batch
    }

    static func lost(_ lines: [String]) -> Int {
        lines.filter { $0.contains("\"lost_lines\":") }.compactMap { line in
            let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            return object?["lost_lines"] as? Int
        }.reduce(0, +)
    }

    @Test func batchesAreWrittenInOrderAndRecycled() throws {
        defer { cleanUp() }
        let log = try open()
        var batch = LogBatch()
        for number in 0..<200 {
            batch.bytes.append(string: "line \(number)\n")
            batch.lines = 1
            batch = log.take(batch)
            let isEmpty = batch.bytes.isEmpty && batch.lines == 0
            #expect(isEmpty)
        }
        log.stop()
        #expect(try contents(path) == (0..<200).map { "line \($0)" })
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o137 == 0)
    }

    @Test func afterStopLinesAreLostAndNothingBreaks() throws {
        defer { cleanUp() }
        let log = try open()
        log.stop()
        let returned = log.take(Self.batch(["late"]))
        #expect(returned.lines == 0)
        #expect(try contents(path) == [])
    }

    @Test func rotation() throws {
        defer { cleanUp() }
        let log = try open()
        _ = log.take(Self.batch(["before"]))
        // What was taken before the call belongs to the former file, even if it is renamed at once.
        rename(path, path + ".1")
        log.reopen()
        _ = log.take(Self.batch(["after"]))
        log.stop()
        #expect(try contents(path + ".1") == ["before"])
        #expect(try contents(path) == ["after"])
    }

    @Test func aRotationThatFailsKeepsTheFile() throws {
        defer { cleanUp() }
        let log = try open()
        rename(path, folder + "/kept")
        mkdir(path, 0o700)
        log.reopen()
        _ = log.take(Self.batch(["still here"]))
        log.stop()
        #expect(try contents(folder + "/kept") == ["still here"])
        let messages = operatorMessages.all.withLock { $0 }
        #expect(messages == ["error: access log \(path) stays on its former file: open: Is a directory"])
    }

    @Test func aFullDiskLosesLinesAndSaysSo() throws {
        defer { cleanUp() }
        symlink("/dev/full", path)
        let log = try open()
        _ = log.take(Self.batch(["a", "b"]))
        _ = log.take(Self.batch(["c"]))
        unlink(path)
        log.reopen()
        _ = log.take(Self.batch(["d"]))
        log.stop()
        let lines = try contents(path)
        #expect(Self.lost(lines) == 3)
        #expect(lines.last == "d" && lines.count == 2)
        let messages = operatorMessages.all.withLock { $0 }
        #expect(
            messages == [
                "error: the access log cannot be written, lines are lost: write: No space left on device",
                "notice: the access log is written again",
            ])
    }

    @Test func aSlowDiskCostsBoundedMemoryAndCountedLines() throws {
        defer { cleanUp() }
        mkfifo(path, 0o600)
        let reader = Glibc.open(path, O_RDONLY | O_NONBLOCK)
        let log = try open(backlogBytes: 300_000)
        let line = String(repeating: "x", count: 99)
        let perBatch = 600
        for _ in 0..<50 {
            let batch = LogBatch()
            for _ in 0..<perBatch { batch.bytes.append(string: line + "\n") }
            batch.lines = perBatch
            _ = log.take(batch)
        }
        #expect(log.waitingBytes.load(ordering: .relaxed) <= 300_000)
        let stopped = Mutex(false)
        Thread.detachNewThread {
            log.stop()
            stopped.withLock { $0 = true }
        }
        var bytes: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(reader, &room, room.count)
            if count > 0 { bytes += room[..<count] } else if stopped.withLock({ $0 }) { break } else { usleep(500) }
        }
        close(reader)
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        let lost = Self.lost(lines)
        #expect(lost > 0)
        #expect(lines.filter { $0 == line }.count + lost == 50 * perBatch)
    }

    @Test func aLineCutByTheDiskIsEndedBeforeTheNext() throws {
        defer { cleanUp() }
        mkfifo(path, 0o600)
        let reader = Glibc.open(path, O_RDONLY | O_NONBLOCK)
        let sink = try LogSink(.file(path), logger: Logger(label: "t") { _ in Recorder(messages: Messages()) })
        // A reader that leaves while the writer waits within a line.
        Thread.detachNewThread {
            var room = [UInt8](repeating: 0, count: 4096)
            while read(reader, &room, room.count) <= 0 { usleep(200) }
            close(reader)
        }
        var blocked = sigset_t()
        sigemptyset(&blocked)
        sigaddset(&blocked, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &blocked, nil)
        let long = Array((String(repeating: "y", count: 200_000) + "\nz\n").utf8)
        #expect(long.withUnsafeBytes { sink.write($0) } == 2)
        let again = Glibc.open(path, O_RDONLY | O_NONBLOCK)
        defer { close(again) }
        #expect(Array("next\n".utf8).withUnsafeBytes { sink.write($0) } == 0)
        var bytes: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(again, &room, room.count), count > 0 { bytes += room[..<count] }
        #expect(String(decoding: bytes.suffix(7), as: UTF8.self) == "y\nnext\n")
    }

    @Test func aLaneHandsOverWhenFullAndWhenTheTimeComes() throws {
        defer { cleanUp() }
        let loop = try EventLoop()
        let log = try open()
        let lane = AccessLane(log, timers: loop.timers)
        var appended = 0
        repeat {
            lane.append(TelemetryEntryTests.entry(), now: loop.nowNanoseconds)
            appended += 1
        } while lane.batch.lines > 0
        let lineBytes = TelemetryEntryTests.line(TelemetryEntryTests.entry()).utf8.count
        #expect(appended == (LogBatch.fullBytes + lineBytes - 1) / lineBytes)
        lane.append(TelemetryEntryTests.entry(), now: loop.nowNanoseconds)
        #expect(lane.batch.lines == 1)
        let end = Timer(loop.timers)
        let ender = Ender(loop)
        end.target = ender
        end.arm(atNanoseconds: loop.nowNanoseconds + 2 * AccessLane.handOverNanoseconds)
        loop.run()
        #expect(lane.batch.lines == 0)
        lane.append(TelemetryEntryTests.entry(), now: loop.nowNanoseconds)
        lane.handOver()
        log.stop()
        #expect(try contents(path).count == appended + 2)
    }

    private final class Ender: TimerTarget {
        let loop: EventLoop
        init(_ loop: EventLoop) { self.loop = loop }
        func timerFired(_ timer: Timer) { loop.stop() }
    }

    @Test func operatorsGetOneLineAMessage() throws {
        var ends: [Int32] = [0, 0]
        pipe(&ends)
        var logger = OperatorLog.logger(level: .info, descriptor: ends[1])
        logger[metadataKey: "revision"] = "7"
        logger.debug("not shown")
        logger.warning("price of \"GET /a\"\nchanged\u{1b}[2J\u{9b}é", metadata: ["from": "$0.01", "to": "$0.02"])
        close(ends[1])
        var room = [UInt8](repeating: 0, count: 1000)
        let count = read(ends[0], &room, room.count)
        close(ends[0])
        let line = String(decoding: room[..<count], as: UTF8.self)
        #expect(
            line.dropFirst(24)
                == #" warning: price of "GET /a"\nchanged\u001b[2J\u009bé from=$0.01 revision=7 to=$0.02"#
                + "\n")
        #expect(line.prefix(24).hasSuffix("Z"))
    }
}
