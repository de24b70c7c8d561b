import CSQLite

/// What a write-ahead log holds (SQLite's file format, 4): read by our own eyes, because SQLite takes a log that is cut off or damaged for one
/// that ends there.
struct LogFile {
    static let headerBytes = 32
    static let frameHeaderBytes = 24

    /// Which log it is: made anew whenever one begins. Nil for what is no log.
    private(set) var salts: UInt64?
    /// Frames up to the last whole commit.
    private(set) var frames = 0
    /// The checksum of every page that those hold, as its newest frame has it.
    private(set) var pages: [Int: UInt64] = [:]

    /// The salts of the log as its header has them now.
    static func salts(of file: DiskFile) throws(StoreFault) -> UInt64 {
        var salts: UInt64 = 0
        var fault: StoreFault?
        withUnsafeMutableBytes(of: &salts) { bytes in
            do throws(StoreFault) { try file.read(bytes, at: 16) } catch { fault = error }
        }
        if let fault { throw fault }
        return UInt64(bigEndian: salts)
    }

    /// An empty one.
    init() {}

    /// Reads all of it.
    init(_ file: DiskFile) throws(StoreFault) {
        let size = try file.size()
        guard size >= Self.headerBytes else { return }
        let header = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.headerBytes, alignment: 8)
        defer { header.deallocate() }
        try file.read(header, at: 0)
        func field(_ bytes: UnsafeMutableRawBufferPointer, _ at: Int) -> UInt32 {
            UInt32(bigEndian: bytes.load(fromByteOffset: at, as: UInt32.self))
        }
        let magic = field(header, 0)
        let pageBytes = Int(field(header, 8))
        guard magic & ~1 == 0x377F_0682, pageBytes.nonzeroBitCount == 1, (512...65_536).contains(pageBytes) else {
            return
        }
        let isBigEndian: Int32 = magic & 1 == 1 ? 1 : 0
        var (first, second): (UInt32, UInt32) = (0, 0)
        func add(_ bytes: UnsafeMutableRawPointer, _ count: Int) {
            farebox_sqlite3_log_checksum(
                bytes.assumingMemoryBound(to: UInt32.self), count / 4, isBigEndian, &first, &second)
        }
        add(header.baseAddress!, 24)
        guard field(header, 24) == first, field(header, 28) == second else { return }
        let salts = UInt64(field(header, 16)) << 32 | UInt64(field(header, 20))
        self.salts = salts
        let frameBytes = Self.frameHeaderBytes + pageBytes
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: frameBytes * 64, alignment: 8)
        defer { chunk.deallocate() }
        var offset = Self.headerBytes
        var number = 0
        var open: [Int: UInt64] = [:]
        while offset + frameBytes <= size {
            let count = min(64, (size - offset) / frameBytes)
            try file.read(UnsafeMutableRawBufferPointer(rebasing: chunk[..<(count * frameBytes)]), at: offset)
            offset += count * frameBytes
            for at in 0..<count {
                let frame = UnsafeMutableRawBufferPointer(
                    rebasing: chunk[(at * frameBytes)..<((at + 1) * frameBytes)])
                let page = Int(field(frame, 0))
                guard page > 0, UInt64(field(frame, 8)) << 32 | UInt64(field(frame, 12)) == salts else { return }
                add(frame.baseAddress!, 8)
                add(frame.baseAddress! + Self.frameHeaderBytes, pageBytes)
                guard field(frame, 16) == first, field(frame, 20) == second else { return }
                number += 1
                open[page] = PageSum.of(
                    UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(frame)[Self.frameHeaderBytes...]),
                    number: page)
                if field(frame, 4) != 0 {
                    frames = number
                    pages.merge(open) { _, new in new }
                    open.removeAll(keepingCapacity: true)
                }
            }
        }
    }
}
