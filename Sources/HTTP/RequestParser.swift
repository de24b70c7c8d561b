/// Reads request heads (RFC 9112 §3, §5): anything with two readings is refused.
public enum RequestParser {
    /// Reads one head from the front of `bytes`.
    ///
    /// After `incomplete`, call again with the same bytes and more behind them, and `scannedFrom` the count of the
    /// former call, so that a head that drips in costs O(n). On `complete` the head holds its own copy.
    /// On `refused` and `incomplete` the head's content is unspecified.
    public static func parse(
        _ bytes: UnsafeRawBufferPointer, scannedFrom: Int = 0, into head: RequestHead, limits: HeadLimits
    ) -> HeadOutcome {
        .incomplete
    }
}
