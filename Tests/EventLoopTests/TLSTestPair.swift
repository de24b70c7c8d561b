import Bytes
import COpenSSL
import Glibc

@testable import EventLoop

/// A server's side of TLS in memory, for tests only.
final class TLSTestServer {
    let context: OpaquePointer

    init(_ identity: TLSTestCertificate, version: Int32 = TLS1_3_VERSION, protocols: Bool = true) {
        context = SSL_CTX_new(TLS_server_method())
        SSL_CTX_use_certificate(context, identity.certificate)
        SSL_CTX_use_PrivateKey(context, identity.key)
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_VERSION), nil)
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(version), nil)
        SSL_CTX_set_security_level(context, version < TLS1_2_VERSION ? 0 : 1)
        if protocols {
            SSL_CTX_set_alpn_select_cb(
                context,
                { _, out, outLength, offered, length, _ in
                    // Takes the client's first choice, which lies behind its length byte.
                    guard let offered, length > 1 else { return SSL_TLSEXT_ERR_NOACK }
                    out?.pointee = offered + 1
                    outLength?.pointee = offered.pointee
                    return SSL_TLSEXT_ERR_OK
                }, nil)
        }
    }

    deinit { SSL_CTX_free(context) }

    func accept() -> TLSSession {
        let ssl = SSL_new(context)!
        SSL_set_accept_state(ssl)
        return TLSSession(adopting: ssl)
    }
}

/// A client and a server that hand each other ciphertext, `piece` bytes at a time.
struct TLSTestPair {
    let client: TLSSession
    let server: TLSSession
    var piece = Int.max

    func carry() {
        Self.move(client, to: server, piece)
        Self.move(server, to: client, piece)
    }

    static func move(_ from: TLSSession, to: TLSSession, _ piece: Int) {
        let count = min(from.outbound.count, piece)
        to.feed(UnsafeRawBufferPointer(rebasing: from.outbound.readable[..<count]))
        from.outbound.consume(count)
    }

    /// Until both sides are done or one fails; the client's last word.
    func shakeHands() -> TLSSession.Handshake {
        for _ in 0..<20_000 {
            let ours = client.handshake()
            if case .failed = ours { return ours }
            let theirs = server.handshake()
            if case .failed = theirs, server.outbound.isEmpty { return ours }
            if ours == .complete && theirs == .complete { return .complete }
            carry()
        }
        return client.handshake()
    }

    func send(_ text: String, from: TLSSession) -> TLSSession.Write {
        Array(text.utf8).withUnsafeBytes { from.write($0) }
    }

    /// Everything that `side` can read now, and what stopped it.
    static func drain(_ side: TLSSession) -> (text: [UInt8], end: TLSSession.Read) {
        var text: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 20_000)
        while true {
            let step = room.withUnsafeMutableBytes { side.read(into: $0) }
            guard case .bytes(let count) = step else { return (text, step) }
            text += room[..<count]
        }
    }
}
