/// Names to ids: one multiplication, one look-up, one comparison, whatever the name.
struct FieldNames {
    /// Lower case, 32 bytes for each id, zeros behind the name.
    private let names: UnsafePointer<UInt8>
    private let lengths: UnsafePointer<UInt8>
    private let slots: UnsafePointer<FieldID>
    private let multiplier: UInt32

    private static let longest = 32
    private static let slotBits: UInt32 = 9

    /// Built once and never changed or freed.
    nonisolated(unsafe) static let shared = FieldNames()

    private init() {
        let ids = FieldID.allCases
        let names = UnsafeMutablePointer<UInt8>.allocate(capacity: ids.count * Self.longest)
        names.initialize(repeating: 0, count: ids.count * Self.longest)
        let lengths = UnsafeMutablePointer<UInt8>.allocate(capacity: ids.count)
        for id in ids {
            let name = id.name
            precondition(name.utf8CodeUnitCount <= Self.longest)
            lengths[Int(id.rawValue)] = UInt8(name.utf8CodeUnitCount)
            for at in 0..<name.utf8CodeUnitCount {
                names[Int(id.rawValue) * Self.longest + at] = name.utf8Start[at] | 0x20
            }
        }
        // A multiplier that sends no two names to one slot; with 512 slots every thirtieth or so does.
        let slots = UnsafeMutablePointer<FieldID>.allocate(capacity: 1 << Int(Self.slotBits))
        var multiplier: UInt32 = 0x9E37_79B1
        search: while true {
            multiplier = multiplier &* 747_796_405 &+ 2_891_336_454 | 1
            slots.initialize(repeating: .other, count: 1 << Int(Self.slotBits))
            for id in ids where lengths[Int(id.rawValue)] > 0 && id != .xFarebox {
                let name = UnsafeRawPointer(names + Int(id.rawValue) * Self.longest)
                let slot = Self.slot(name, Int(lengths[Int(id.rawValue)]), multiplier)
                if slots[slot] != .other { continue search }
                slots[slot] = id
            }
            break
        }
        self.names = UnsafePointer(names)
        self.lengths = UnsafePointer(lengths)
        self.slots = UnsafePointer(slots)
        self.multiplier = multiplier
    }

    @inline(__always)
    private static func slot(_ name: UnsafeRawPointer, _ length: Int, _ multiplier: UInt32) -> Int {
        let first = UInt32(name.load(as: UInt8.self))
        let middle = UInt32(name.load(fromByteOffset: length &>> 1, as: UInt8.self))
        let last = UInt32(name.load(fromByteOffset: length &- 1, as: UInt8.self))
        let key = (first | middle &<< 8 | last &<< 16 | UInt32(truncatingIfNeeded: length) &<< 24) | 0x20_2020
        return Int((key &* multiplier) &>> (32 &- slotBits))
    }

    /// The id of a name of token characters (which alone fold by one bit), `length >= 1`, without regard to case.
    ///
    /// - Parameter isPlain: the name is known to hold letters, digits and hyphens only.
    @inline(__always)
    func id(_ name: UnsafeRawPointer, _ length: Int, isPlain: Bool) -> FieldID {
        if let id = listedID(name, length) { return id }
        if isPlain { return startsWithFarebox(name, length) ? .xFarebox : .other }
        return unfoldedID(name, length)
    }

    @inline(__always)
    private func listedID(_ name: UnsafeRawPointer, _ length: Int) -> FieldID? {
        let candidate = slots[Self.slot(name, length, multiplier)]
        let known = UnsafeRawPointer(names + Int(candidate.rawValue) &* Self.longest)
        let isIt = Int(lengths[Int(candidate.rawValue)]) == length && FieldGrammar.folds(name, to: known, length)
        return isIt ? candidate : nil
    }

    /// An upstream that folds `_` to `-` would take a name for the field it then resembles.
    @inline(never)
    private func unfoldedID(_ name: UnsafeRawPointer, _ length: Int) -> FieldID {
        let bytes = UnsafeRawBufferPointer(start: name, count: length)
        let kept = min(length, Self.longest)
        return withUnsafeTemporaryAllocation(byteCount: Self.longest, alignment: 16) { folded in
            for at in 0..<kept { folded[at] = bytes[at] == 0x5F ? 0x2D : bytes[at] }
            let base = UnsafeRawPointer(folded.baseAddress.unsafelyUnwrapped)
            if startsWithFarebox(base, kept) { return .xFarebox }
            return length <= Self.longest && listedID(base, length) != nil ? .lookalike : .other
        }
    }

    @inline(__always)
    private func startsWithFarebox(_ name: UnsafeRawPointer, _ length: Int) -> Bool {
        let prefix = UnsafeRawPointer(names + Int(FieldID.xFarebox.rawValue) * Self.longest)
        return length >= 10 && FieldGrammar.folds(name, to: prefix, 10)
    }
}
