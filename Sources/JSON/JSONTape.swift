/// A flat index of one JSON text (RFC 8259): where every value is and what it is. It holds no byte of the text.
///
/// Strict: a key twice in one object (compared after unescaping), bad UTF-8, half a surrogate pair, bytes after the
/// value, and anything beyond the limits are faults. Numbers are checked for form and kept as written.
public struct JSONTape: Sendable {
    let nodes: [JSONNode]

    /// Reads the whole of `bytes` as one value.
    public init(_ bytes: UnsafeRawBufferPointer, limits: JSONLimits = JSONLimits()) throws(JSONFault) {
        nodes = try JSONReader.read(bytes, limits)
    }

    /// The value at the top. `bytes` must be those that the tape was made of, and outlive every value taken from it.
    public func root(over bytes: UnsafeRawBufferPointer) -> JSONValue {
        JSONValue(bytes: bytes, nodes: nodes, index: 0)
    }
}
