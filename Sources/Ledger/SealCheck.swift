/// What a start finds by the seal before SQLite sees the files, and what verification finds beside a running gateway.
enum SealCheck {
    enum Finding: Hashable {
        /// Every page is as it was written.
        case sound
        /// Nothing speaks against the files, and nothing for them: the journal has to be read.
        case unproven
        /// Lost or damaged; in words for people.
        case damaged(String)
    }

    /// Pages that are named at most.
    private static let namedAtMost = 8

    /// Whether all that the seal names is in the log, or in the database.
    static func log(_ log: LogFile, _ record: SealRecord, ledger: String) -> Finding {
        if log.salts == record.logSalts {
            if log.frames >= record.logFrames { return .sound }
            // Where not one frame is left, nothing lies over the database, which has it all.
            if record.isWrittenBack && log.frames == 0 { return .sound }
            return .damaged(
                "\(ledger)-wal is damaged or cut off: \(log.frames) of the \(record.logFrames) frames that were on disk are sound"
            )
        }
        return record.isWrittenBack ? .sound : .unproven
    }

    /// Whether every page of the database that no frame of the log stands for is as it was sealed.
    static func pages(_ database: DiskFile, log: LogFile, seal: Seal) throws(StoreFault) -> Finding {
        let sums = try seal.sums()
        var damaged: [Int] = []
        var isUnsealed = false
        let read = try eachPage(of: database) { page, sum in
            if log.pages[page] != nil { return }
            if page > sums.count { isUnsealed = true } else if sums[page - 1] != sum { damaged.append(page) }
        }
        var missing: Int?
        if read < sums.count { missing = (read + 1...sums.count).first { log.pages[$0] == nil } }
        if let missing {
            return .damaged("\(database.path) is cut off: page \(missing) of \(sums.count) is missing")
        }
        if !damaged.isEmpty {
            let names = damaged.prefix(namedAtMost).map(String.init).joined(separator: ", ")
            let more = damaged.count > namedAtMost ? " and \(damaged.count - namedAtMost) more" : ""
            return .damaged(
                "\(database.path) is damaged, or another program wrote to it: page\(damaged.count == 1 ? "" : "s") "
                    + "\(names)\(more) of \(sums.count) \(damaged.count == 1 ? "is" : "are") not as written")
        }
        return isUnsealed ? .unproven : .sound
    }

    /// Calls `body` with the checksum of every whole page, if they are to be read; says how many there are.
    static func eachPage(
        of database: DiskFile, readsAll: Bool = true, _ body: (_ page: Int, _ sum: UInt64) -> Void
    ) throws(StoreFault) -> Int {
        let size = try database.size()
        guard size >= 512 else { return 0 }
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 8)
        defer { chunk.deallocate() }
        try database.read(UnsafeMutableRawBufferPointer(rebasing: chunk[..<32]), at: 0)
        // 1 stands for 65,536, which has no room in two bytes.
        let stored = Int(UInt16(bigEndian: chunk.load(fromByteOffset: 16, as: UInt16.self)))
        let pageBytes = stored == 1 ? 65_536 : stored
        guard pageBytes.nonzeroBitCount == 1, pageBytes >= 512 else { return 0 }
        let pages = size / pageBytes
        var next = readsAll ? 0 : pages
        while next < pages {
            let count = min(chunk.count / pageBytes, pages - next)
            let bytes = UnsafeMutableRawBufferPointer(rebasing: chunk[..<(count * pageBytes)])
            try database.read(bytes, at: next * pageBytes)
            for at in 0..<count {
                let page = UnsafeRawBufferPointer(
                    UnsafeMutableRawBufferPointer(rebasing: bytes[(at * pageBytes)..<((at + 1) * pageBytes)]))
                body(next + at + 1, PageSum.of(page, number: next + at + 1))
            }
            next += count
        }
        return pages
    }
}
