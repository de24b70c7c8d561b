/// One field line of a head (RFC 9112 §5), as ranges into the head's bytes.
public struct Field: Sendable {
    /// The whole line, its CRLF included.
    public let line: ByteRange
    /// Bytes of the name, which begins where the line does.
    let nameLength: UInt32
    /// White space around it taken off; may be empty.
    public let value: ByteRange
    public let id: FieldID
    /// A `Connection` option names this field: it ends at this hop (RFC 9110 §7.6.1).
    public internal(set) var nominated: Bool

    public var name: ByteRange { ByteRange(offset: line.offset, length: nameLength) }
}

/// The fields of one head in the order they came, in memory taken once and used again.
public final class FieldTable {
    public internal(set) var count = 0
    /// Which ids occur.
    public internal(set) var present: FieldIDSet = []
    /// Which ids occur more than once.
    public internal(set) var repeated: FieldIDSet = []
    /// Some field is `nominated`.
    public internal(set) var hasNominated = false

    var capacity: Int
    var memory: UnsafeMutablePointer<Field>
    /// The first place of each id, good only where `present` holds the id.
    let firstPlaces: UnsafeMutablePointer<UInt32>

    /// Room for `capacity` fields; more is taken when a parser is given a larger limit.
    public init(capacity: Int) {
        self.capacity = max(capacity, 1)
        memory = .allocate(capacity: self.capacity)
        firstPlaces = .allocate(capacity: FieldID.allCases.count)
    }

    deinit {
        memory.deallocate()
        firstPlaces.deallocate()
    }

    /// The field at `place`, `0 <= place < count`.
    public subscript(place: Int) -> Field {
        precondition(place >= 0 && place < count)
        return memory[place]
    }

    public func contains(_ id: FieldID) -> Bool { present.contains(id) }

    /// The first field of this id.
    public func first(_ id: FieldID) -> Field? {
        present.contains(id) ? memory[Int(firstPlaces[Int(id.rawValue)])] : nil
    }

    /// How many fields have this id.
    public func count(of id: FieldID) -> Int {
        guard repeated.contains(id) else { return present.contains(id) ? 1 : 0 }
        var found = 0
        for place in 0..<count where memory[place].id == id { found += 1 }
        return found
    }

    /// Whether a field of this id is named by a `Connection` option.
    public func isNominated(_ id: FieldID) -> Bool {
        guard hasNominated, present.contains(id) else { return false }
        for place in 0..<count where memory[place].id == id && memory[place].nominated { return true }
        return false
    }

    func reset() {
        count = 0
        present = []
        repeated = []
        hasNominated = false
    }
}
