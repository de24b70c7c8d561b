import Bytes

/// One value of a text that was read: a place in the tape, and the bytes it points into.
///
/// Valid only as long as the bytes given to `JSONTape.root(over:)` are.
public struct JSONValue {
    let bytes: UnsafeRawBufferPointer
    let nodes: [JSONNode]
    let index: Int

    private var node: JSONNode { nodes[index] }

    public var kind: JSONKind { node.kind }
    public var isNull: Bool { node.kind == .null }

    /// Where the value stands in the text; a string with its quotes.
    public var range: Range<Int> { Int(node.start)..<Int(node.end) }

    /// The value as written; a string with its quotes.
    public var source: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[range]) }

    /// Nil unless this is `true` or `false`.
    public var bool: Bool? {
        switch node.kind {
        case .true: true
        case .false: false
        default: nil
        }
    }

    /// A number as it is written; nil for anything else.
    public var number: UnsafeRawBufferPointer? { node.kind == .number ? source : nil }

    /// A number written as a whole one, without point or exponent, that fits; nil for anything else.
    public var int: Int? {
        guard let number else { return nil }
        let isNegative = number[0] == 0x2D
        var value = 0
        for digit in number.dropFirst(isNegative ? 1 : 0) {
            guard digit >= 0x30 && digit <= 0x39 else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let step = Int(digit - 0x30)
            let (sum, beyond) =
                isNegative ? product.subtractingReportingOverflow(step) : product.addingReportingOverflow(step)
            if overflow || beyond { return nil }
            value = sum
        }
        return value
    }

    /// A string's text; nil for anything else.
    public var string: String? {
        guard node.kind == .string else { return nil }
        if !node.hasEscapes { return String(decoding: content, as: UTF8.self) }
        return String(decoding: unescaped, as: UTF8.self)
    }

    /// Calls `body` with a string's text as UTF-8, copied only where it has escapes; nil for anything else.
    public func withString<T>(_ body: (UnsafeRawBufferPointer) throws -> T) rethrows -> T? {
        guard node.kind == .string else { return nil }
        if !node.hasEscapes { return try body(content) }
        return try unescaped.withUnsafeBytes(body)
    }

    /// Whether this is a string with exactly this text.
    public func isString(_ text: StaticString) -> Bool {
        let expected = UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        return withString { JSONText.same($0, expected) } ?? false
    }

    /// What stands between the quotes.
    private var content: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[Int(node.start) + 1..<Int(node.end) - 1])
    }

    private var unescaped: [UInt8] { JSONText.unescaped(content) }

    /// The value of a member; nil where there is none, and for anything but an object. An explicit null is a value.
    public subscript(key: StaticString) -> JSONValue? {
        member(UnsafeRawBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount))
    }

    /// The value of a member whose key was made at run time.
    public func member(_ key: UnsafeRawBufferPointer) -> JSONValue? {
        guard node.kind == .object else { return nil }
        var at = index + 1
        let end = Int(node.next)
        while at < end {
            if isText(at, key) {
                return JSONValue(bytes: bytes, nodes: nodes, index: at + 1)
            }
            at = Int(nodes[at + 1].next)
        }
        return nil
    }

    /// Whether the string at `place` is `text`. Most keys differ in length already.
    private func isText(_ place: Int, _ text: UnsafeRawBufferPointer) -> Bool {
        let node = nodes[place]
        if node.hasEscapes { return at(place).withString { JSONText.same($0, text) } == true }
        guard node.count == text.count &+ 2 else { return false }
        return JSONText.same(UnsafeRawBufferPointer(rebasing: bytes[Int(node.start) + 1..<Int(node.end) - 1]), text)
    }

    /// The members of an object in their order; empty for anything else. The key is a string value.
    public var members: JSONMembers { JSONMembers(self) }

    /// The elements of an array in their order; empty for anything else.
    public var elements: JSONElements { JSONElements(self) }

    func at(_ index: Int) -> JSONValue { JSONValue(bytes: bytes, nodes: nodes, index: index) }

    /// Nodes of what is inside an array or an object.
    func inside(_ kind: JSONKind) -> Range<Int> {
        node.kind == kind ? index + 1..<Int(node.next) : 0..<0
    }

    func after(_ index: Int) -> Int { Int(nodes[index].next) }
}

/// Walks an object's members.
public struct JSONMembers: Sequence, IteratorProtocol {
    private let object: JSONValue
    private var rest: Range<Int>

    init(_ object: JSONValue) {
        self.object = object
        rest = object.inside(.object)
    }

    public mutating func next() -> (key: JSONValue, value: JSONValue)? {
        guard let key = rest.first else { return nil }
        rest = object.after(key + 1)..<rest.upperBound
        return (object.at(key), object.at(key + 1))
    }
}

/// Walks an array's elements.
public struct JSONElements: Sequence, IteratorProtocol {
    private let array: JSONValue
    private var rest: Range<Int>

    init(_ array: JSONValue) {
        self.array = array
        rest = array.inside(.array)
    }

    public mutating func next() -> JSONValue? {
        guard let element = rest.first else { return nil }
        rest = array.after(element)..<rest.upperBound
        return array.at(element)
    }
}
