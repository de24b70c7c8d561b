import COpenSSL

/// What the TLS clients of one loop share: versions, trust, and tickets to resume with. Belongs to one thread.
///
/// TLS 1.2 and 1.3, verification on, ALPN `http/1.1` (RFC 7301), no renegotiation, no compression.
public final class TLSClientContext {
    let pointer: OpaquePointer
    /// Host and port to the newest ticket. A resumed handshake skips the certificate, which is sound because the
    /// ticket was given under this context's trust to the same name.
    private var tickets: [String: OpaquePointer] = [:]
    private static let ticketLimit = 256

    /// Costs about a millisecond: make one per loop and trust, not one per connection.
    public init(trust: TLSTrust) throws(TLSFault) {
        ERR_clear_error()
        guard let pointer = SSL_CTX_new(TLS_client_method()) else {
            throw TLSFault(.local, TLSFault.drainReasons())
        }
        self.pointer = pointer
        SSL_CTX_ctrl(pointer, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
        TLSOption.apply(to: pointer)
        SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER) { verified, chain in
            // The verdict stays OpenSSL's; the subject is kept, for afterwards nobody knows the refused certificate.
            if verified == 0, let session = TLSSession.verifying(chain) {
                session.refusedSubject = TLSFault.subject(of: X509_STORE_CTX_get_current_cert(chain))
            }
            return verified
        }
        SSL_CTX_set1_cert_store(pointer, trust.store)
        // SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL: the tickets are kept here, by name.
        SSL_CTX_ctrl(pointer, SSL_CTRL_SET_SESS_CACHE_MODE, 0x0001 | 0x0300, nil)
        SSL_CTX_sess_set_new_cb(pointer) { ssl, ticket in
            guard let ssl, let ticket, let raw = SSL_get_ex_data(ssl, 0) else { return 0 }
            return Unmanaged<TLSSession>.fromOpaque(raw).takeUnretainedValue().keep(ticket: ticket) ? 1 : 0
        }
        let offered: [UInt8] = [8] + Array("http/1.1".utf8)
        SSL_CTX_set_alpn_protos(pointer, offered, UInt32(offered.count))
    }

    deinit {
        for ticket in tickets.values { SSL_SESSION_free(ticket) }
        SSL_CTX_free(pointer)
    }

    /// Takes over the caller's reference.
    func keep(ticket: OpaquePointer, for peer: String) {
        if tickets.count >= Self.ticketLimit && tickets[peer] == nil {
            for old in tickets.values { SSL_SESSION_free(old) }
            tickets.removeAll(keepingCapacity: true)
        }
        if let old = tickets.updateValue(ticket, forKey: peer) { SSL_SESSION_free(old) }
    }

    /// The context keeps its reference.
    func ticket(for peer: String) -> OpaquePointer? { tickets[peer] }
}

/// OpenSSL's option bits, which are macros that Swift does not import (openssl/ssl.h 3.0).
enum TLSOption {
    static let noRenegotiation: UInt64 = 1 << 30
    static let noCompression: UInt64 = 1 << 17

    static let enablePartialWrite = 0x01
    static let acceptMovingWriteBuffer = 0x02
    static let releaseBuffers = 0x10

    static func apply(to context: OpaquePointer) {
        SSL_CTX_set_options(context, noRenegotiation | noCompression)
        SSL_CTX_ctrl(
            context, SSL_CTRL_MODE, enablePartialWrite | acceptMovingWriteBuffer | releaseBuffers, nil)
    }
}
