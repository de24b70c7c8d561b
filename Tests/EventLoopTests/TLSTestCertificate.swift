import COpenSSL
import Glibc

/// A key with its certificate, made in the test's memory.
final class TLSTestCertificate {
    let key: OpaquePointer
    let certificate: OpaquePointer

    /// Signed by `issuer`, or by itself; `names` as OpenSSL writes them: `DNS:api.test,IP:127.0.0.1`.
    init(subject: String, names: String? = nil, issuer: TLSTestCertificate? = nil, expired: Bool = false) {
        let generator = EVP_PKEY_CTX_new_id(NID_ED25519, nil)
        EVP_PKEY_keygen_init(generator)
        var key: OpaquePointer?
        EVP_PKEY_keygen(generator, &key)
        EVP_PKEY_CTX_free(generator)
        self.key = key!
        certificate = X509_new()
        X509_set_version(certificate, 2)
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), Int.random(in: 1...Int(Int32.max)))
        X509_gmtime_adj(X509_getm_notBefore(certificate), -3600)
        X509_gmtime_adj(X509_getm_notAfter(certificate), expired ? -60 : 3600)
        X509_set_pubkey(certificate, key)
        let name = X509_get_subject_name(certificate)
        let bytes = Array(subject.utf8)
        X509_NAME_add_entry_by_NID(name, NID_commonName, Int32(0x1000 | 1), bytes, Int32(bytes.count), -1, 0)
        X509_set_issuer_name(certificate, issuer.map { X509_get_subject_name($0.certificate) } ?? name)
        if let names { add(NID_subject_alt_name, names) }
        if issuer == nil { add(NID_basic_constraints, "critical,CA:TRUE") }
        X509_sign(certificate, issuer?.key ?? key, nil)
    }

    deinit {
        X509_free(certificate)
        EVP_PKEY_free(key)
    }

    private func add(_ kind: Int32, _ value: String) {
        let made = X509V3_EXT_conf_nid(nil, nil, kind, value)
        X509_add_ext(certificate, made, -1)
        X509_EXTENSION_free(made)
    }

    /// A new file with the certificate in PEM; the caller unlinks it.
    func writePEM() -> String {
        var path = Array("/tmp/farebox-tls-XXXXXX".utf8CString)
        let descriptor = mkstemp(&path)
        let file = fdopen(descriptor, "w")
        PEM_write_X509(file, certificate)
        fclose(file)
        return String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
