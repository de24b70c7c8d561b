import Bytes

/// Told on the loop's thread that a paused or pending `SpillBuffer` can go on, or has failed.
protocol SpillTarget: AnyObject {
    func spillProgressed(_ spill: SpillBuffer)
}

/// Bytes that must wait, in any number: the first in memory, the rest in an unlinked file that only the disk's thread
/// touches. Appended to at one end, read from the start, as often as wanted (`rewind`).
///
/// `@unchecked Sendable`: every member is used on the loop's thread; the disk's thread only carries the reference back
/// through `post`.
final class SpillBuffer: @unchecked Sendable {
    enum Append: Equatable {
        case accepted
        /// Taken too, but the disk lags behind: append no more until the target is told.
        case pause
        /// Not taken: the buffer would hold more than `totalLimit`.
        case overLimit
        case failed(SpillFault)
    }

    enum Piece {
        /// Not empty; valid until the next call on the buffer.
        case bytes(UnsafeRawBufferPointer)
        /// On its way from the disk: the target will be told.
        case pending
        /// All that was appended has been consumed.
        case end
        case failed(SpillFault)
    }

    typealias Post = @Sendable (@escaping @Sendable () -> Void) -> Void

    static let defaultChunkBytes = 256 * 1024

    private let memoryLimit: Int
    private let totalLimit: Int
    private let chunkBytes: Int
    private let disk: SpillDisk
    private let post: Post

    weak var target: (any SpillTarget)?
    /// All bytes appended.
    private(set) var count = 0
    /// Where reading is: 0 to `count`.
    private(set) var position = 0

    private var memory = ByteBuffer()
    /// Given to the disk, written or not.
    private var fileBytes = 0
    private var unwrittenBytes = 0
    /// What comes after the file's bytes.
    private var staging: SpillChunk?
    private var spare: SpillChunk?
    private var window: SpillChunk?
    private var windowStart = 0
    private var isReading = false
    private var isPaused = false
    private var isWaitingToRead = false
    private var file: SpillFile?
    /// Why bytes of it are not to be had.
    private(set) var fault: SpillFault?
    private var isAwaitedWritten = false
    /// Answers of the disk to an earlier use of this object are dropped.
    private var generation: UInt64 = 0

    /// - Parameters:
    ///   - memoryLimit: bytes kept in memory before the file begins.
    ///   - totalLimit: bytes in all.
    ///   - post: runs a closure on the loop's thread; called on the disk's.
    init(
        memoryLimit: Int, totalLimit: Int, disk: SpillDisk, chunkBytes: Int = SpillBuffer.defaultChunkBytes,
        post: @escaping Post
    ) {
        self.memoryLimit = memoryLimit
        self.totalLimit = totalLimit
        self.chunkBytes = chunkBytes
        self.disk = disk
        self.post = post
    }

    deinit { dropFile() }

    /// True when some bytes left memory.
    var isSpilled: Bool { fileBytes > 0 }

    // MARK: writing

    /// Takes all of `bytes`, or none where it says so.
    func append(_ bytes: UnsafeRawBufferPointer) -> Append {
        if let fault { return .failed(fault) }
        guard bytes.count <= totalLimit - count else { return .overLimit }
        let inMemory = min(bytes.count, max(memoryLimit - memory.count, 0))
        memory.append(UnsafeRawBufferPointer(rebasing: bytes[..<inMemory]))
        if inMemory < bytes.count {
            let staging = staging ?? takeChunk()
            self.staging = staging
            staging.bytes.append(UnsafeRawBufferPointer(rebasing: bytes[inMemory...]))
            if staging.bytes.count >= chunkBytes { writeStaging() }
        }
        count += bytes.count
        if let fault { return .failed(fault) }
        if unwrittenBytes < 2 * chunkBytes { return .accepted }
        isPaused = true
        return .pause
    }

    private func writeStaging() {
        guard let chunk = staging else { return }
        let length = chunk.bytes.count
        guard disk.reserve(length) else { return fail(.diskLimit) }
        staging = nil
        let file = file ?? SpillFile(disk.openFile)
        self.file = file
        let offset = fileBytes
        fileBytes += length
        unwrittenBytes += length
        disk.post { [self, generation, post] in
            let fault = file.write(chunk.bytes.readable, at: offset)
            post { self.written(chunk, length, fault, generation) }
        }
    }

    private func written(_ chunk: SpillChunk, _ length: Int, _ fault: SpillFault?, _ generation: UInt64) {
        guard generation == self.generation else { return }
        recycle(chunk)
        unwrittenBytes -= length
        if let fault {
            fail(fault)
        } else if isPaused && unwrittenBytes < chunkBytes || isAwaitedWritten && unwrittenBytes == 0 {
            isPaused = false
            isAwaitedWritten = false
            target?.spillProgressed(self)
        }
    }

    /// Tells the target only if it waits for something; otherwise the next call says it.
    private func fail(_ fault: SpillFault) {
        guard self.fault == nil else { return }
        self.fault = fault
        let isAwaited = isPaused || isWaitingToRead || isAwaitedWritten
        isPaused = false
        isAwaitedWritten = false
        isWaitingToRead = false
        if isAwaited { target?.spillProgressed(self) }
    }

    /// Whether the disk has taken everything; where not, the target is told when it has, or has failed.
    func awaitWritten() -> Bool {
        isAwaitedWritten = unwrittenBytes > 0
        return !isAwaitedWritten
    }

    // MARK: reading

    /// All that was appended, where none of it left memory; valid until the next call on the buffer.
    var bytesInMemory: UnsafeRawBufferPointer? {
        fault == nil && memory.count == count ? memory.readable : nil
    }

    /// The bytes at `position`, at most `limit` (> 0) of them.
    func peek(atMost limit: Int) -> Piece {
        if let fault { return .failed(fault) }
        if position == count { return .end }
        if position < memory.count { return .bytes(Self.cut(memory.readable, from: position, limit)) }
        let offset = position - memory.count
        if offset >= fileBytes, let staging {
            return .bytes(Self.cut(staging.bytes.readable, from: offset - fileBytes, limit))
        }
        if let window, offset >= windowStart, offset < windowStart + window.bytes.count {
            return .bytes(Self.cut(window.bytes.readable, from: offset - windowStart, limit))
        }
        isWaitingToRead = true
        if !isReading { readWindow(offset) }
        return .pending
    }

    /// Moves on by `bytes` of what `peek` showed.
    func consume(_ bytes: Int) {
        precondition(bytes >= 0 && bytes <= count - position)
        position += bytes
    }

    /// Reads from the start again.
    func rewind() { position = 0 }

    private static func cut(_ bytes: UnsafeRawBufferPointer, from start: Int, _ limit: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[start..<start + min(limit, bytes.count - start)])
    }

    private func readWindow(_ offset: Int) {
        guard let file else { preconditionFailure("spilled bytes without a file") }
        isReading = true
        let chunk = window ?? takeChunk()
        window = nil
        chunk.bytes.clear()
        let length = min(chunkBytes, fileBytes - offset)
        disk.post { [self, generation, post] in
            let room = UnsafeMutableRawBufferPointer(rebasing: chunk.bytes.writable(length)[..<length])
            let fault = file.read(into: room, at: offset)
            chunk.bytes.didWrite(length)
            post { self.arrived(chunk, offset, fault, generation) }
        }
    }

    private func arrived(_ chunk: SpillChunk, _ offset: Int, _ fault: SpillFault?, _ generation: UInt64) {
        guard generation == self.generation else { return }
        isReading = false
        window = chunk
        windowStart = offset
        if let fault { return fail(fault) }
        guard isWaitingToRead else { return }
        isWaitingToRead = false
        target?.spillProgressed(self)
    }

    // MARK: life

    /// Empties the buffer for another use; its file is closed and its memory given back beyond 64 KiB.
    func reset() {
        dropFile()
        generation += 1
        if memory.capacity > 64 * 1024 { memory.release() } else { memory.clear() }
        (count, position, fileBytes, unwrittenBytes, windowStart) = (0, 0, 0, 0, 0)
        (staging, spare, window, file, fault) = (nil, nil, nil, nil, nil)
        (isReading, isPaused, isWaitingToRead, isAwaitedWritten) = (false, false, false, false)
        target = nil
    }

    private func dropFile() {
        guard let file else { return }
        disk.post { [disk, fileBytes] in
            file.end()
            disk.release(fileBytes)
        }
    }

    private func takeChunk() -> SpillChunk {
        defer { spare = nil }
        return spare ?? SpillChunk()
    }

    private func recycle(_ chunk: SpillChunk) {
        chunk.bytes.clear()
        spare = chunk
    }
}

/// Bytes between the loop and the disk's thread.
///
/// `@unchecked Sendable`: handed over whole; the side that gave it away does not look at it until it comes back.
final class SpillChunk: @unchecked Sendable {
    var bytes = ByteBuffer()
}
