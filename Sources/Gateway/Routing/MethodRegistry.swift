/// Methods of one table, as bits of its registry.
public struct MethodSet: Sendable, Equatable {
    var bits: UInt64
}

/// Gives every method that a table's routes list a bit; the common ones have fixed bits.
struct MethodRegistry: Sendable {
    /// More than these in one config are refused.
    static let maximum = 64

    static let get: UInt64 = 1 << 0
    static let head: UInt64 = 1 << 1
    static let options: UInt64 = 1 << 2

    private(set) var names = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH"]
    /// The first eight bytes of each name, zero-padded, and its length.
    private var words: [(word: UInt64, count: Int)]

    init() {
        words = names.map(Self.key)
    }

    /// Registers a method; false when the registry is full.
    mutating func add(_ name: String) -> Bool {
        if names.contains(name) { return true }
        guard names.count < Self.maximum else { return false }
        names.append(name)
        words.append(Self.key(name))
        return true
    }

    /// The bits that a route's list takes: GET takes HEAD along.
    func bits(_ methods: [String]) -> UInt64 {
        var bits: UInt64 = 0
        for method in methods {
            if let at = names.firstIndex(of: method) { bits |= 1 << UInt64(at) }
        }
        return bits & Self.get != 0 ? bits | Self.head : bits
    }

    /// 0 for a method that no route lists.
    @inline(__always)
    func bit(_ method: UnsafeRawBufferPointer) -> UInt64 {
        guard let base = method.baseAddress else { return 0 }
        let count = method.count
        let word = Self.word(base, count)
        return words.withUnsafeBufferPointer { known in
            for at in 0..<known.count where known[at].word == word && known[at].count == count {
                if count <= 8 || names[at].utf8.elementsEqual(method) { return 1 << UInt64(at) }
            }
            return 0
        }
    }

    /// `GET, HEAD, POST`: the value of `Allow` (RFC 9110 §10.2.1).
    func text(_ bits: UInt64) -> String {
        names.indices.filter { bits & 1 << UInt64($0) != 0 }.map { names[$0] }.joined(separator: ", ")
    }

    private static func key(_ name: String) -> (word: UInt64, count: Int) {
        Array(name.utf8).withUnsafeBytes { (word($0.baseAddress!, $0.count), $0.count) }
    }

    @inline(__always)
    private static func word(_ base: UnsafeRawPointer, _ count: Int) -> UInt64 {
        if count >= 8 { return base.loadUnaligned(as: UInt64.self) }
        if count >= 4 {
            let first = UInt64(base.loadUnaligned(as: UInt32.self))
            let last = UInt64(base.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
            return first | last << UInt64(truncatingIfNeeded: (count - 4) * 8)
        }
        var word: UInt64 = 0
        for at in 0..<count { word |= UInt64(base.load(fromByteOffset: at, as: UInt8.self)) << UInt64(at * 8) }
        return word
    }
}
