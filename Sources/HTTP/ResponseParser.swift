/// Reads response heads (RFC 9112 §4, §5), as strictly as requests but for the reason phrase, which may be left out.
public enum ResponseParser {
    /// Reads one head from the front of `bytes`; `scannedFrom` and the outcomes are as in `RequestParser`.
    ///
    /// - Parameter method: of the request that is answered; it decides about the body.
    public static func parse(
        _ bytes: UnsafeRawBufferPointer, scannedFrom: Int = 0, into head: ResponseHead, answering method: Method,
        limits: HeadLimits
    ) -> HeadOutcome {
        .incomplete
    }
}
