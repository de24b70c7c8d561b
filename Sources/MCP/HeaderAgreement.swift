import Bytes

/// Whether the fields that repeat a message's method and name in the HTTP head agree with its body (Model Context
/// Protocol, 2026-07-28, Streamable HTTP, server validation). Who routes by the head and who runs the body must not
/// see two different calls.
public enum HeaderAgreement {
    /// The first revision that asks for the fields. Revisions are dates, so that later ones sort behind.
    private static let firstRevision: StaticString = "2026-07-28"

    /// One of the fields came twice, so that head and body could agree for one reader and not for another.
    public static var repeated: Refusal { mismatch("an MCP field of the head came twice", nil) }

    /// Why the message is refused (400, -32020); nil where head and body agree.
    ///
    /// Fields that came must agree at any revision; that they came is asked for from 2026-07-28 on.
    ///
    /// - Parameters:
    ///   - revision: value of `MCP-Protocol-Version`.
    ///   - method: value of `Mcp-Method`; a field that came twice is for the caller to refuse.
    ///   - name: value of `Mcp-Name`.
    public static func fault(
        in message: ClientMessage, of body: UnsafeRawBufferPointer, revision: UnsafeRawBufferPointer?,
        method: UnsafeRawBufferPointer?, name: UnsafeRawBufferPointer?
    ) -> Refusal? {
        let isRequired = revision.map(isInForce) ?? false
        switch message {
        case .request(let request), .notification(let request):
            return fault(in: request, of: body, isRequired: isRequired, method: method, name: name)
        case .response, .batch:
            // Neither has a method, and from that revision on there is no batch.
            guard method == nil, name == nil else { return mismatch("Mcp-Method or Mcp-Name without a method", nil) }
            return nil
        case .refused: return nil
        }
    }

    private static func fault(
        in request: ClientRequest, of body: UnsafeRawBufferPointer, isRequired: Bool, method: UnsafeRawBufferPointer?,
        name: UnsafeRawBufferPointer?
    ) -> Refusal? {
        if let method {
            guard request.withMethod(of: body, { $0.elementsEqual(method) }) else {
                return mismatch("Mcp-Method is not the body's method", request.idRange)
            }
        } else if isRequired {
            return mismatch("Mcp-Method is missing", request.idRange)
        }
        if let name {
            guard let decoded = decode(name) else { return mismatch("Mcp-Name is not base64", request.idRange) }
            let params = request.params(of: body)
            let agrees = (params?["name"] ?? params?["uri"])?.withString { $0.elementsEqual(decoded) } ?? false
            guard agrees else { return mismatch("Mcp-Name is not what the body names", request.idRange) }
        } else if isRequired, request.withMethod(of: body, isNamed) {
            return mismatch("Mcp-Name is missing", request.idRange)
        }
        return nil
    }

    /// Whether a client of this revision sends the fields.
    ///
    /// - Parameter revision: value of `MCP-Protocol-Version`.
    public static func isInForce(_ revision: UnsafeRawBufferPointer) -> Bool {
        !revision.lexicographicallyPrecedes(firstRevision.bytes)
    }

    private static func isNamed(_ method: UnsafeRawBufferPointer) -> Bool {
        let named: [StaticString] = ["tools/call", "prompts/get", "resources/read"]
        return named.contains { method.elementsEqual($0.bytes) }
    }

    /// What cannot stand in a field is `=?base64?…?=`; nil where that is not base64.
    private static func decode(_ value: UnsafeRawBufferPointer) -> [UInt8]? {
        let before: StaticString = "=?base64?"
        let opening = before.bytes
        guard value.count >= opening.count + 2, value.starts(with: opening),
            value.suffix(2).elementsEqual([0x3F, 0x3D])
        else { return Array(value) }
        return Base64.decode(UnsafeRawBufferPointer(rebasing: value[opening.count..<value.count - 2]))
    }

    private static func mismatch(_ message: String, _ id: Range<Int>?) -> Refusal {
        Refusal(.headerMismatch, message, id: id)
    }
}
