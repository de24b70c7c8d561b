import Bytes

/// Names that a route lists, found by their exact bytes without allocation, and told from their look-alikes.
struct NameTable: Sendable {
    enum Match: Equatable {
        /// The place of the name in what the table was made of.
        case exact(Int)
        /// Not listed, but another's spelling in other letters of ASCII.
        case lookalike
        case none
    }

    private struct Entry: Sendable {
        let name: [UInt8]
        let place: Int
    }

    /// In the order of their folded bytes.
    private let entries: [Entry]

    init(_ names: [[UInt8]]) {
        entries = names.enumerated().map { Entry(name: $1, place: $0) }
            .sorted { left, right in right.name.withUnsafeBytes { NameTable.order(left.name, $0) } < 0 }
    }

    func find(_ name: UnsafeRawBufferPointer) -> Match {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if NameTable.order(entries[middle].name, name) < 0 { low = middle + 1 } else { high = middle }
        }
        var match = Match.none
        while low < entries.count, NameTable.order(entries[low].name, name) == 0 {
            if entries[low].name.elementsEqual(name) { return .exact(entries[low].place) }
            match = .lookalike
            low += 1
        }
        return match
    }

    /// Below, at or above zero, with ASCII letters of either case alike; shorter names come first.
    private static func order(_ left: [UInt8], _ right: UnsafeRawBufferPointer) -> Int {
        if left.count != right.count { return left.count - right.count }
        for at in left.indices {
            let difference = Int(left[at].asciiLowercased) - Int(right[at].asciiLowercased)
            if difference != 0 { return difference }
        }
        return 0
    }
}
