/// What the journal says every row holds: for each group of its columns a digest of the values, and the entry that brought them.
struct JournalReplay {
    /// Sixty-four bits of a keyed hash that differs in every process: values that were made to collide cannot be found.
    typealias Digest = UInt64

    /// A row's key, as a digest of twice the size.
    struct RowKey: Hashable {
        let first: Digest
        let second: Digest

        init(_ values: UnsafeRawBufferPointer) {
            first = JournalReplay.digest(values, salt: 1)
            second = JournalReplay.digest(values, salt: 2)
        }
    }

    struct Group {
        var digest: Digest
        /// 0 where no entry has brought it.
        var sequence: Int64
    }

    /// Rows of one table: where a row's groups lie in one array.
    struct Rows {
        let stride: Int
        private(set) var places: [RowKey: Int] = [:]
        private var groups: [Group] = []

        init(_ table: JournalTable) { stride = table.groups.count }

        subscript(place: Int, group: Int) -> Group {
            get { groups[place * stride + group] }
            set { groups[place * stride + group] = newValue }
        }

        mutating func place(of key: RowKey) -> Int {
            if let known = places[key] { return known }
            let place = groups.count / stride
            groups.append(contentsOf: repeatElement(Group(digest: 0, sequence: 0), count: stride))
            places[key] = place
            return place
        }

        /// The row is no more, or has been looked at.
        mutating func remove(_ key: RowKey) { places[key] = nil }

        /// The newest entry that names the row.
        func sequence(of place: Int) -> Int64 { (0..<stride).map { self[place, $0].sequence }.max() ?? 0 }
    }

    private(set) var rows: [JournalTable: Rows] = {
        var rows: [JournalTable: Rows] = [:]
        for table in JournalTable.allCases { rows[table] = Rows(table) }
        return rows
    }()

    static func digest(_ values: UnsafeRawBufferPointer, salt: UInt8) -> Digest {
        var hasher = Hasher()
        hasher.combine(salt)
        hasher.combine(bytes: values)
        return Digest(UInt(bitPattern: hasher.finalize()))
    }

    /// One change as it lies in an entry: its key's values, and those of each group that it brings.
    struct Change {
        let table: JournalTable
        let key: UnsafeRawBufferPointer
        /// By the group's number.
        let groups: [(number: Int, values: UnsafeRawBufferPointer)]
    }

    /// The next change; nil for bytes that no journal holds.
    static func next(_ reader: inout ChangeReader) -> Change? {
        guard let table = reader.byte().flatMap(JournalTable.init(rawValue:)), let mask = reader.byte(),
            mask >> table.groups.count == 0, let key = reader.values(table.key.count)
        else { return nil }
        var groups: [(number: Int, values: UnsafeRawBufferPointer)] = []
        for (number, columns) in table.groups.enumerated() where mask & 1 << number != 0 {
            guard let values = reader.values(columns.count) else { return nil }
            groups.append((number, values))
        }
        return Change(table: table, key: key, groups: groups)
    }

    /// Takes in an entry; false where it holds anything but changes.
    mutating func apply(_ changes: UnsafeRawBufferPointer, sequence: Int64) -> Bool {
        var reader = ChangeReader(changes)
        while !reader.isAtEnd {
            guard let change = Self.next(&reader) else { return false }
            let key = RowKey(change.key)
            if change.groups.isEmpty {
                rows[change.table]?.remove(key)
                continue
            }
            guard let place = rows[change.table]?.place(of: key) else { return false }
            for group in change.groups {
                rows[change.table]?[place, group.number] = Group(
                    digest: Self.digest(group.values, salt: 0), sequence: sequence)
            }
        }
        return true
    }

    /// The row's place, once: what was never taken is missing from its table.
    mutating func take(_ key: UnsafeRawBufferPointer, of table: JournalTable) -> Int? {
        let key = RowKey(key)
        defer { rows[table]?.remove(key) }
        return rows[table]?.places[key]
    }
}

extension ChangeReader {
    /// The bytes of the next `count` values.
    mutating func values(_ count: Int) -> UnsafeRawBufferPointer? {
        let start = at
        for _ in 0..<count where value() == nil { return nil }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<at])
    }
}
