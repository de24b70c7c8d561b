import COpenSSL
import Glibc

/// Why a TLS connection could not be made or kept, in words for the operator's log.
public struct TLSFault: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        /// The peer's certificate did not verify (RFC 5280), or names another host (RFC 9525).
        case certificateRefused
        /// Bytes that are not TLS, no version or cipher in common, or an alert from the peer (RFC 8446 §6).
        case protocolError
        /// The peer closed the socket without close_notify (RFC 8446 §6.1).
        case truncated
        /// Ours: a CA file that cannot be read, a host name that cannot be checked, memory.
        case local
    }

    public let kind: Kind
    /// OpenSSL's reason, the verify result behind it, and what to do next where that is known.
    public let description: String

    init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    /// Marks codes that hold an errno (ERR_SYSTEM_FLAG, which Swift does not import).
    private static let systemFlag: UInt = 1 << 31

    /// Empties this thread's OpenSSL error queue into one line, oldest (the cause) first.
    static func drainReasons() -> String {
        let reasons = drainQueue()
        return reasons.isEmpty ? "no reason given" : reasons.joined(separator: "; ")
    }

    /// Empties the queue too; what followed the cause only repeats it in more general words.
    static func drainCause() -> String { drainQueue().first ?? "no reason given" }

    private static func drainQueue() -> [String] {
        var reasons: [String] = []
        while true {
            var data: UnsafePointer<CChar>?
            var flags: Int32 = 0
            let code = ERR_get_error_all(nil, nil, nil, &data, &flags)
            if code == 0 { break }
            var reason: String
            if code & systemFlag != 0 {
                reason = String(cString: strerror(Int32(truncatingIfNeeded: code & (systemFlag - 1))))
            } else {
                reason = ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)"
                if let data, flags & ERR_TXT_STRING != 0, data.pointee != 0 {
                    reason += " (\(String(cString: data)))"
                }
            }
            if !reasons.contains(reason) { reasons.append(reason) }
        }
        return reasons
    }

    /// The fault of a failed SSL call; reads the error queue and the verify result.
    static func of(_ ssl: OpaquePointer, serverName: String, subject: String?) -> TLSFault {
        let first = ERR_peek_error()
        let reason = Int32(truncatingIfNeeded: first & 0x7FFFFF)
        let reasons = drainReasons()
        let verified = Int32(truncatingIfNeeded: SSL_get_verify_result(ssl))
        if verified != X509_V_OK && reason == SSL_R_CERTIFICATE_VERIFY_FAILED {
            return TLSFault(.certificateRefused, certificateText(verified, serverName: serverName, subject: subject))
        }
        if reason == SSL_R_UNEXPECTED_EOF_WHILE_READING {
            return TLSFault(.truncated, "the peer closed the connection without close_notify")
        }
        return TLSFault(.protocolError, reasons)
    }

    private static func certificateText(_ verified: Int32, serverName: String, subject: String?) -> String {
        var text = "certificate verify failed: "
        text += X509_verify_cert_error_string(Int(verified)).map { String(cString: $0) } ?? "error \(verified)"
        if let subject { text += " (subject \(subject))" }
        switch verified {
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
            X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            text +=
                "; if \(serverName) has a CA of its own, give its PEM file (ca_file: under the upstream, or --ca-file)"
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            text += "; the certificate does not name \(serverName)"
        default: break
        }
        return text
    }

    /// One line, with every byte outside printable ASCII escaped by OpenSSL; cut at 255 bytes.
    static func subject(of certificate: OpaquePointer?) -> String? {
        guard let certificate else { return nil }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { line in
            X509_NAME_oneline(X509_get_subject_name(certificate), line.baseAddress, Int32(line.count))
                .map { String(cString: $0) }
        }
    }
}
