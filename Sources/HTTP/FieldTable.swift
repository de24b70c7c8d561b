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
    @usableFromInline
    struct State {
        @usableFromInline var count = 0
        @usableFromInline var present = FieldIDSet(bits: 0)
        @usableFromInline var repeated = FieldIDSet(bits: 0)
        var hasNominated = false
        var capacity: Int
        @usableFromInline var memory: UnsafeMutablePointer<Field>
    }

    /// By pointer, because each touch of a class's own variable pays for a run-time check of exclusive access.
    @usableFromInline let state: UnsafeMutablePointer<State>
    /// The first place of each id, good only where `present` holds the id.
    let firstPlaces: UnsafeMutablePointer<UInt32>
    /// Kept at hand, because each touch of a shared value pays for a run-time check that it is there.
    let names = FieldNames.shared

    /// Room for `capacity` fields; more is taken when a parser is given a larger limit.
    public init(capacity: Int) {
        let capacity = max(capacity, 1)
        state = .allocate(capacity: 1)
        state.initialize(to: State(capacity: capacity, memory: .allocate(capacity: capacity)))
        firstPlaces = .allocate(capacity: FieldID.allCases.count)
        firstPlaces.initialize(repeating: 0, count: FieldID.allCases.count)
    }

    deinit {
        state.pointee.memory.deallocate()
        state.deallocate()
        firstPlaces.deallocate()
    }

    @inlinable public var count: Int { state.pointee.count }
    /// Which ids occur.
    public var present: FieldIDSet { state.pointee.present }
    /// Which ids occur more than once.
    public var repeated: FieldIDSet { state.pointee.repeated }
    /// Some field is `nominated`.
    public var hasNominated: Bool { state.pointee.hasNominated }

    /// The field at `place`, `0 <= place < count`.
    public subscript(place: Int) -> Field {
        precondition(place >= 0 && place < count)
        return state.pointee.memory[place]
    }

    @inlinable public func contains(_ id: FieldID) -> Bool { state.pointee.present.contains(id) }

    /// The first field of this id.
    public func first(_ id: FieldID) -> Field? {
        contains(id) ? state.pointee.memory[Int(firstPlaces[Int(id.rawValue)])] : nil
    }

    /// How many fields have this id.
    @inlinable public func count(of id: FieldID) -> Int {
        guard state.pointee.repeated.contains(id) else { return contains(id) ? 1 : 0 }
        return countRepeated(id)
    }

    @usableFromInline func countRepeated(_ id: FieldID) -> Int {
        var found = 0
        for place in 0..<count where self[place].id == id { found += 1 }
        return found
    }

    /// Whether a field of this id is named by a `Connection` option.
    public func isNominated(_ id: FieldID) -> Bool {
        guard hasNominated, contains(id) else { return false }
        for place in 0..<count where self[place].id == id && self[place].nominated { return true }
        return false
    }

    /// Marks the field at `place` as named by `Connection`.
    func nominate(_ place: Int) {
        precondition(place >= 0 && place < count)
        state.pointee.memory[place].nominated = true
        state.pointee.hasNominated = true
    }

    func reset() {
        state.pointee.count = 0
        state.pointee.present = FieldIDSet(bits: 0)
        state.pointee.repeated = FieldIDSet(bits: 0)
        state.pointee.hasNominated = false
    }

    /// Takes more memory where the limit has grown since this table was made; forgets the fields then.
    func makeRoom(for limit: Int) {
        guard limit > state.pointee.capacity else { return }
        reset()
        state.pointee.memory.deallocate()
        state.pointee.memory = .allocate(capacity: limit)
        state.pointee.capacity = limit
    }
}
