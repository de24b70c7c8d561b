import COpenSSL
import Glibc

/// The CA certificates that upstreams are verified against: read once, off the loops, then shared by all of them.
///
/// `@unchecked Sendable`: the X509_STORE is not changed after `init`, and OpenSSL locks its look-ups.
public final class TLSTrust: @unchecked Sendable {
    let store: OpaquePointer

    /// Where Debian's ca-certificates package puts the system's CAs.
    public static let systemFile = "/etc/ssl/certs/ca-certificates.crt"

    /// Reads `caFile` (PEM; trusted instead of the system's CAs, as with `curl --cacert`), or with nil the file that
    /// `SSL_CERT_FILE` names, or Debian's bundle. Reads the disk: never call it on a loop.
    public init(caFile: String?) throws(TLSFault) {
        let file = caFile ?? getenv("SSL_CERT_FILE").map { String(cString: $0) } ?? Self.systemFile
        guard let store = X509_STORE_new() else { throw TLSFault(.local, TLSFault.drainReasons()) }
        self.store = store
        ERR_clear_error()
        guard X509_STORE_load_file(store, file) == 1 else {
            let advice = caFile == nil ? "; install ca-certificates or give ca_file:" : ""
            throw TLSFault(.local, "cannot read CA certificates from \(file): \(TLSFault.drainCause())\(advice)")
        }
        // A file of one's own may hold an intermediate or the server's certificate itself.
        if caFile != nil { X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN)) }
    }

    deinit { X509_STORE_free(store) }
}
