import Bytes
import COpenSSL
import Glibc

/// One TLS connection without its socket: ciphertext in by `feed`, out by `outbound`; plaintext by `read` and `write`.
///
/// Nothing blocks and nothing is sent: whoever owns the socket drains `outbound` after every call. Belongs to one thread.
public final class TLSSession {
    let ssl: OpaquePointer
    private let context: TLSClientContext?
    private let serverName: String
    private let peer: String
    fileprivate var inbound = ByteBuffer()
    fileprivate var inboundEnded = false

    /// How reading ended; OpenSSL tells its reason only once.
    private var end: Read?

    /// Of the certificate that did not verify.
    var refusedSubject: String?

    /// Ciphertext to be sent: take it with `readable` and `consume`.
    public var outbound = ByteBuffer()

    /// `write` accepts nothing more while this much ciphertext waits to be sent.
    public static let outboundLimit = 256 * 1024

    /// True from a finished handshake on.
    public private(set) var isEstablished = false

    /// A client's side towards `serverName`: a name (SNI, RFC 6066, and checked by RFC 9525) or an IP literal without
    /// brackets (checked against the certificate's IP SANs). `port` only tells tickets of one host apart.
    public init(context: TLSClientContext, serverName: String, port: UInt16) throws(TLSFault) {
        ERR_clear_error()
        guard let ssl = SSL_new(context.pointer) else { throw TLSFault(.local, TLSFault.drainReasons()) }
        self.ssl = ssl
        self.context = context
        var name = serverName
        if name.hasSuffix(".") { name.removeLast() }
        self.serverName = name
        peer = "\(name):\(port)"
        guard !name.isEmpty, !name.utf8.contains(0), Self.check(ssl, names: name) else {
            throw TLSFault(.local, "\(serverName) is no host name that a certificate could be checked against")
        }
        SSL_set_connect_state(ssl)
        if let ticket = context.ticket(for: peer) { SSL_set_session(ssl, ticket) }
        attach()
    }

    /// Takes over an SSL whose side and names are set.
    init(adopting ssl: OpaquePointer) {
        self.ssl = ssl
        context = nil
        serverName = ""
        peer = ""
        attach()
    }

    deinit {
        // Without this, OpenSSL takes a connection that the pool dropped for a broken one and spoils its ticket.
        if isEstablished { SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN) }
        SSL_free(ssl)
    }

    private static func check(_ ssl: OpaquePointer, names name: String) -> Bool {
        if SocketAddress(literal: name, port: 0) != nil {
            return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1
        }
        SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        var copy = name
        let named = copy.withUTF8 { utf8 in
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: utf8.count + 1) { text in
                for at in 0..<utf8.count { text[at] = CChar(bitPattern: utf8[at]) }
                text[utf8.count] = 0
                return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name), text.baseAddress)
            }
        }
        return named == 1 && SSL_set1_host(ssl, name) == 1
    }

    private func attach() {
        SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
        let bio = MemoryBIO.new(for: self)
        SSL_set_bio(ssl, bio, bio)
    }

    /// The session whose peer's chain is being verified right now.
    static func verifying(_ chain: OpaquePointer?) -> TLSSession? {
        guard let ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()),
            let raw = SSL_get_ex_data(OpaquePointer(ssl), 0)
        else { return nil }
        return Unmanaged<TLSSession>.fromOpaque(raw).takeUnretainedValue()
    }

    func keep(ticket: OpaquePointer) -> Bool {
        guard let context, SSL_SESSION_is_resumable(ticket) == 1 else { return false }
        context.keep(ticket: ticket, for: peer)
        return true
    }

    // MARK: ciphertext

    /// Bytes that the socket gave; copied.
    public func feed(_ ciphertext: UnsafeRawBufferPointer) { inbound.append(ciphertext) }

    /// The socket's end of file: what was fed is still read, then a missing close_notify is a truncation.
    public func feedEnd() { inboundEnded = true }

    /// Gives back the memory of empty buffers, for a connection that goes idle.
    public func releaseIdleMemory() {
        if inbound.isEmpty { inbound.release() }
        if outbound.isEmpty { outbound.release() }
    }

    // MARK: handshake

    public enum Handshake: Equatable {
        case complete, wantMore
        case failed(TLSFault)
    }

    /// Goes as far as the fed bytes allow; the first call puts the ClientHello into `outbound`. A failure may leave an
    /// alert there that is worth sending.
    public func handshake() -> Handshake {
        if isEstablished { return .complete }
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 {
            isEstablished = true
            return .complete
        }
        return SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ ? .wantMore : .failed(fault())
    }

    // MARK: plaintext

    public enum Read: Equatable {
        case bytes(Int)
        /// Nothing more until `feed`.
        case wantMore
        /// The peer's close_notify: an orderly end.
        case closed
        /// The socket ended first: what was read may not be all of it.
        case truncated
        case failed(TLSFault)
    }

    /// Decrypts into `plaintext` (not empty), a record at a time at most; call until it wants more. Only once established.
    /// An end or a failure is said again by every later call.
    public func read(into plaintext: UnsafeMutableRawBufferPointer) -> Read {
        precondition(isEstablished && plaintext.count > 0)
        if let end { return end }
        ERR_clear_error()
        var count = 0
        let result = SSL_read_ex(ssl, plaintext.baseAddress, plaintext.count, &count)
        if result == 1 { return .bytes(count) }
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wantMore
        case SSL_ERROR_ZERO_RETURN: end = .closed
        default:
            let fault = fault()
            end = fault.kind == .truncated ? .truncated : .failed(fault)
        }
        return end.unsafelyUnwrapped
    }

    public enum Write: Equatable {
        /// That many bytes of the start were taken; less than all means that `outbound` is full.
        case accepted(Int)
        case failed(TLSFault)
    }

    /// Encrypts into `outbound`, in records of 16 KiB. Only once established.
    public func write(_ plaintext: UnsafeRawBufferPointer) -> Write {
        precondition(isEstablished)
        var taken = 0
        while taken < plaintext.count && outbound.count < Self.outboundLimit {
            ERR_clear_error()
            var count = 0
            let piece = Swift.min(plaintext.count - taken, 16 * 1024)
            let result = SSL_write_ex(ssl, plaintext.baseAddress.unsafelyUnwrapped + taken, piece, &count)
            if result != 1 {
                let error = SSL_get_error(ssl, result)
                if error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE { break }
                return .failed(fault())
            }
            taken += count
        }
        return .accepted(taken)
    }

    /// Puts close_notify into `outbound`; reading may go on (RFC 8446 §6.1). Does nothing before the handshake's end.
    public func close() {
        guard isEstablished else { return }
        ERR_clear_error()
        _ = SSL_shutdown(ssl)
    }

    // MARK: what was agreed

    /// True when the handshake resumed an earlier one by its ticket.
    public var isResumed: Bool { SSL_session_reused(ssl) == 1 }
    /// `TLSv1.2` or `TLSv1.3`.
    public var version: String { String(cString: SSL_get_version(ssl)) }

    /// The protocol that the server chose by ALPN (RFC 7301); nil when it chose none.
    public var applicationProtocol: String? {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &length)
        guard let name, length > 0 else { return nil }
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
    }

    private func fault() -> TLSFault { TLSFault.of(ssl, serverName: serverName, subject: refusedSubject) }
}

/// OpenSSL's view of a session's two buffers.
private enum MemoryBIO {
    /// The BIO_METHOD's address, as bits because a global pointer could not be shared; made once and never changed.
    private static let method: UInt = {
        let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "farebox buffers")
        BIO_meth_set_write(method) { bio, bytes, count in
            guard let session = MemoryBIO.session(of: bio), let bytes, count > 0 else { return 0 }
            session.outbound.append(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
            return count
        }
        BIO_meth_set_read(method) { bio, into, count in
            guard let session = MemoryBIO.session(of: bio), let into, count > 0 else { return 0 }
            BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_IO_SPECIAL | BIO_FLAGS_SHOULD_RETRY)
            let taken = min(session.inbound.count, Int(count))
            if taken == 0 {
                if session.inboundEnded { return 0 }
                BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
                return -1
            }
            memcpy(into, session.inbound.readable.baseAddress.unsafelyUnwrapped, taken)
            session.inbound.consume(taken)
            return Int32(taken)
        }
        BIO_meth_set_ctrl(method) { bio, command, _, _ in
            switch command {
            case BIO_CTRL_FLUSH: return 1
            case BIO_CTRL_EOF:
                guard let session = MemoryBIO.session(of: bio) else { return 1 }
                return session.inboundEnded && session.inbound.isEmpty ? 1 : 0
            default: return 0
            }
        }
        return UInt(bitPattern: method)
    }()

    /// The BIO borrows the session, which frees it with its SSL.
    static func new(for session: TLSSession) -> OpaquePointer {
        guard let bio = BIO_new(OpaquePointer(bitPattern: method)) else { fatalError("no memory for a BIO") }
        BIO_set_data(bio, Unmanaged.passUnretained(session).toOpaque())
        BIO_set_init(bio, 1)
        return bio
    }

    private static func session(of bio: OpaquePointer?) -> TLSSession? {
        BIO_get_data(bio).map { Unmanaged<TLSSession>.fromOpaque($0).takeUnretainedValue() }
    }
}
