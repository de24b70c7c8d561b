/// The side file `LEDGER-seal`: how far the ledger had come, and a checksum of every page of the database. By it a start finds what SQLite
/// cannot: a log that was lost or cut off, a former copy in the ledger's place, a page with a bit turned over.
///
/// Its record is written after every commit and synced only when a log was written back. So whatever it names is on disk, and where the
/// machine stops before it is, it merely says less.
final class Seal {
    /// The first takes every commit's record, which is not synced. The others take in turn those that are: one of them is whole whenever
    /// the machine stops.
    static let places = [0, 512, 1024]
    /// Where the checksums begin, 8 bytes a page.
    static let sumsOffset = 4096

    private let file: DiskFile
    private let memory: UnsafeMutableRawBufferPointer
    /// The newest record; nil where there is none yet.
    private(set) var record: SealRecord?
    /// Something was there, and is no record.
    private(set) var isDamaged = false
    /// Where the next record goes that is synced.
    private var nextDurablePlace = Seal.places[1]

    static func path(of ledger: String) -> String { ledger + "-seal" }

    /// Opens the seal of the ledger at `ledger`, or makes an empty one. Nil where there is none and none is to be made.
    init?(ledger: String, vfs: String?, makes: Bool) throws(StoreFault) {
        guard let file = try DiskFile(path: Self.path(of: ledger), vfs: vfs, makes: makes) else { return nil }
        self.file = file
        memory = .allocate(byteCount: 512, alignment: 8)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        try readRecord()
    }

    deinit { memory.deallocate() }

    private func readRecord() throws(StoreFault) {
        let size = try file.size()
        var newestDurable: UInt64 = 0
        for place in Self.places where size >= place + SealRecord.bytes {
            let bytes = UnsafeMutableRawBufferPointer(rebasing: memory[..<SealRecord.bytes])
            try file.read(bytes, at: place)
            guard let found = SealRecord(UnsafeRawBufferPointer(bytes)) else { continue }
            if place > 0, found.number >= newestDurable {
                newestDurable = found.number
                nextDurablePlace = Self.places[place == Self.places[1] ? 2 : 1]
            }
            if found.number >= record?.number ?? 0 { record = found }
        }
        // Where the machine stopped while the first record was written, there is none yet.
        isDamaged = record == nil && size > Self.places[2]
    }

    /// The checksum of every sealed page, from page 1 on; 0 for those that are not there.
    func sums() throws(StoreFault) -> [UInt64] {
        let count = record?.sealedPages ?? 0
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count * 8, alignment: 8)
        defer { bytes.deallocate() }
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
        let known = min(bytes.count, max(0, try file.size() - Self.sumsOffset))
        try file.read(UnsafeMutableRawBufferPointer(rebasing: bytes[..<known]), at: Self.sumsOffset)
        return Array(bytes.bindMemory(to: UInt64.self))
    }

    /// A commit is on disk, with the log that holds it. Not synced.
    func note(_ head: JournalHead, log salts: UInt64, frames: Int) throws(StoreFault) {
        var next =
            record ?? SealRecord(head: head, logSalts: salts, logFrames: frames, isWrittenBack: false, sealedPages: 0)
        // A log began that we had not seen written back: another program did that, and the checksums are not of its pages.
        if next.logSalts != salts && !next.isWrittenBack { next.sealedPages = 0 }
        next.head = head
        next.logSalts = salts
        next.logFrames = frames
        next.isWrittenBack = false
        try put(next, isDurable: false)
    }

    /// All of that log is in the database, on disk. On disk itself when this returns; only then may another log begin.
    ///
    /// - Parameters:
    ///   - sums: of the pages that the log brought; of all pages where none were sealed.
    ///   - pages: how many the database has now.
    func noteWrittenBack(
        _ head: JournalHead, log: LogFile, sums: [Int: UInt64], pages: Int
    ) throws(StoreFault) {
        for (page, sum) in sums where page <= pages {
            memory.storeBytes(of: sum, as: UInt64.self)
            try file.write(
                UnsafeRawBufferPointer(UnsafeMutableRawBufferPointer(rebasing: memory[..<8])),
                at: Self.sumsOffset + (page - 1) * 8)
        }
        try put(
            SealRecord(
                head: head, logSalts: log.salts ?? 0, logFrames: log.frames, isWrittenBack: true, sealedPages: pages),
            isDurable: true)
    }

    /// What the record says is on disk when this returns.
    func sync() throws(StoreFault) {
        if let record { try put(record, isDurable: true) }
    }

    private func put(_ next: SealRecord, isDurable: Bool) throws(StoreFault) {
        var next = next
        next.number = (record?.number ?? 0) + 1
        let bytes = UnsafeMutableRawBufferPointer(rebasing: memory[..<SealRecord.bytes])
        next.write(to: bytes)
        try file.write(UnsafeRawBufferPointer(bytes), at: isDurable ? nextDurablePlace : Self.places[0])
        if isDurable {
            try file.sync()
            nextDurablePlace = Self.places[nextDurablePlace == Self.places[1] ? 2 : 1]
        }
        record = next
    }
}
