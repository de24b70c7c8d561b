import JSON

/// What ties a payment to one call, whatever its id: the pieces to be hashed behind host and target.
///
/// For `tools/call`: the method, the tool's name, and the bytes of `arguments` as they were sent. For any other method:
/// the method and the bytes of `params` without `_meta`, which holds the progress token and the payment. The id and
/// whatever else the message has change on every try and are left out. `params` with nothing else in it is none.
public enum CallBinding {
    /// Calls `update` with the pieces in order, each behind its length as eight bytes, most significant first, so that
    /// no two calls give the same run of bytes. What is not there gives no piece.
    public static func feed(
        _ request: ClientRequest, of body: UnsafeRawBufferPointer, update: (UnsafeRawBufferPointer) -> Void
    ) {
        request.withMethod(of: body) { piece($0, update) }
        guard let params = request.params(of: body) else { return }
        if request.isToolCall {
            request.withName(of: body) { piece($0, update) }
            if let arguments = params["arguments"] { piece(arguments.source, update) }
            return
        }
        guard params.members.contains(where: { !$0.key.isString("_meta") }) else { return }
        let gap = MemberRange.of("_meta", in: params)?.range ?? params.range.upperBound..<params.range.upperBound
        length(params.range.count - gap.count, update)
        update(UnsafeRawBufferPointer(rebasing: body[params.range.lowerBound..<gap.lowerBound]))
        update(UnsafeRawBufferPointer(rebasing: body[gap.upperBound..<params.range.upperBound]))
    }

    private static func piece(_ bytes: UnsafeRawBufferPointer, _ update: (UnsafeRawBufferPointer) -> Void) {
        length(bytes.count, update)
        update(bytes)
    }

    private static func length(_ count: Int, _ update: (UnsafeRawBufferPointer) -> Void) {
        withUnsafeBytes(of: UInt64(count).bigEndian) { update($0) }
    }
}
