import Bytes
import JSON

/// Changes to a text by byte range: what is not named stays as it was, byte for byte.
public struct Splices: Sendable {
    /// Bytes in the place of a range; an empty range inserts, and no bytes remove.
    struct Edit: Sendable {
        let range: Range<Int>
        let bytes: [UInt8]
    }

    /// In the order of the text, without overlap.
    private(set) var edits: [Edit] = []

    init() {}

    public var isEmpty: Bool { edits.isEmpty }

    /// Bytes that the text gains, or loses where negative.
    public var growth: Int { edits.reduce(0) { $0 + $1.bytes.count - $1.range.count } }

    /// Appends the changed text.
    public func write(_ text: UnsafeRawBufferPointer, into out: inout ByteBuffer) {
        out.reserve(text.count + growth)
        var from = 0
        for edit in edits {
            out.append(UnsafeRawBufferPointer(rebasing: text[from..<edit.range.lowerBound]))
            out.append(edit.bytes)
            from = edit.range.upperBound
        }
        out.append(UnsafeRawBufferPointer(rebasing: text[from...]))
    }

    mutating func replace(_ range: Range<Int>, with bytes: [UInt8]) {
        // Edits come nearly in order; only the members of one object may not.
        var place = edits.count
        while place > 0, edits[place - 1].range.lowerBound > range.lowerBound { place -= 1 }
        edits.insert(Edit(range: range, bytes: bytes), at: place)
    }

    /// Sets members of an object, once for an object: the value of a present one is replaced, the others become the
    /// first.
    ///
    /// - Parameter members: keys that need no escaping, and their values as JSON text.
    mutating func set(_ members: [(key: StaticString, value: [UInt8])], in object: JSONValue) {
        var added: [UInt8] = []
        for (key, value) in members {
            if let present = object[key] {
                replace(present.range, with: value)
                continue
            }
            if !added.isEmpty { added.append(0x2C) }
            added += Splices.member(key, value)
        }
        guard !added.isEmpty else { return }
        var rest = object.members
        if rest.next() != nil { added.append(0x2C) }
        let place = object.range.lowerBound + 1
        replace(place..<place, with: added)
    }

    /// Sets members of the object that another object has under `key`; what is there and is no object makes way for one.
    mutating func setInside(
        _ key: StaticString, _ members: [(key: StaticString, value: [UInt8])], of object: JSONValue
    ) {
        guard object.kind == .object else { return }
        if let inner = object[key], inner.kind == .object {
            set(members, in: inner)
        } else {
            set([(key, Splices.object(members))], in: object)
        }
    }

    static func object(_ members: [(key: StaticString, value: [UInt8])]) -> [UInt8] {
        var out: [UInt8] = [0x7B]
        for (key, value) in members {
            if out.count > 1 { out.append(0x2C) }
            out += member(key, value)
        }
        return out + [0x7D]
    }

    /// `"key":value`
    static func member(_ key: StaticString, _ value: [UInt8]) -> [UInt8] {
        [0x22] + key.bytes + [0x22, 0x3A] + value
    }
}
