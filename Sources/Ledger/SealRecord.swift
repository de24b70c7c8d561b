import Bytes

/// What is known to be on disk, as the seal says it. It may lag behind the database; the database never behind it.
struct SealRecord: Hashable {
    static let bytes = 104
    private static let magic: UInt64 = 0x4661_7265_5365_616C

    /// Of this record: the higher one is newer.
    var number: UInt64 = 0
    var head: JournalHead
    /// The log whose frames, as many, are on disk.
    var logSalts: UInt64
    var logFrames: Int
    /// All of that log is in the database, on disk: it may be missing, but not be half there.
    var isWrittenBack: Bool
    /// Pages whose checksums follow: of the database as it was when a log was written back last. 0: none are known.
    var sealedPages: Int

    init(head: JournalHead, logSalts: UInt64, logFrames: Int, isWrittenBack: Bool, sealedPages: Int) {
        self.head = head
        self.logSalts = logSalts
        self.logFrames = logFrames
        self.isWrittenBack = isWrittenBack
        self.sealedPages = sealedPages
    }

    /// Nil for what holds no record, or not the whole of it.
    init?(_ bytes: UnsafeRawBufferPointer) {
        func word(_ at: Int) -> UInt64 { UInt64(bigEndian: bytes.load(fromByteOffset: at * 8, as: UInt64.self)) }
        guard bytes.count == Self.bytes, word(0) == Self.magic,
            word(12) == PageSum.of(UnsafeRawBufferPointer(rebasing: bytes[..<96]), number: 0),
            let sequence = Int64(exactly: word(2)), let frames = Int(exactly: word(8)),
            let pages = Int(exactly: word(10)),
            let hash = Bytes32(UnsafeRawBufferPointer(rebasing: bytes[24..<56]))
        else { return nil }
        number = word(1)
        head = JournalHead(sequence: sequence, hash: hash)
        logSalts = word(7)
        logFrames = frames
        isWrittenBack = word(9) == 1
        sealedPages = pages
    }

    /// Into `bytes`, aligned to eight.
    func write(to bytes: UnsafeMutableRawBufferPointer) {
        func put(_ at: Int, _ value: UInt64) {
            bytes.storeBytes(of: value.bigEndian, toByteOffset: at * 8, as: UInt64.self)
        }
        put(0, Self.magic)
        put(1, number)
        put(2, UInt64(head.sequence))
        head.hash.withBytes { UnsafeMutableRawBufferPointer(rebasing: bytes[24..<56]).copyMemory(from: $0) }
        put(7, logSalts)
        put(8, UInt64(logFrames))
        put(9, isWrittenBack ? 1 : 0)
        put(10, UInt64(sealedPages))
        put(11, 0)
        put(12, PageSum.of(UnsafeRawBufferPointer(UnsafeMutableRawBufferPointer(rebasing: bytes[..<96])), number: 0))
    }
}
