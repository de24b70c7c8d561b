import Bytes
import Glibc
import HTTP
import Ledger
import Testing

@testable import Gateway

/// What people and callers say to reviews, read strictly; and the secret that proves a person.
@Suite struct ReviewTests {
    static let id = ClaimID(row: 7, ledger: 0xAB)

    static let requests: [(HTTP.Method, String, String, ReviewAdmin.Reading)] = [
        (.get, "/reviews", "", .request(.list)),
        (.post, "/reviews", "", .methodNotAllowed(allow: "GET")),
        (.post, "/reviews/fb_000000ab_7/approve", "", .request(.decide(id, .approve))),
        (.post, "/reviews/fb_000000ab_7/reject", "", .request(.decide(id, .reject(remark: nil)))),
        (
            .post, "/reviews/fb_000000ab_7/reject", "remark=no%20way+%C3%A9%26",
            .request(.decide(id, .reject(remark: "no way é&")))
        ),
        (.post, "/reviews/fb_000000ab_7/reject", "remark=", .request(.decide(id, .reject(remark: nil)))),
        (.post, "/reviews/fb_000000ab_7/reject", "reason=x", .badRemark),
        (.post, "/reviews/fb_000000ab_7/reject", "remark=%F", .badRemark),
        (.post, "/reviews/fb_000000ab_7/reject", "remark=%ff", .badRemark),
        (.post, "/reviews/fb_000000ab_7/reject", "remark=" + String(repeating: "x", count: 501), .badRemark),
        (.get, "/reviews/fb_000000ab_7/approve", "", .methodNotAllowed(allow: "POST")),
        (.post, "/reviews/fb_000000ab_07/approve", "", .notFound),
        (.post, "/reviews/fb_000000ab_7/run", "", .notFound),
        (.post, "/reviews/fb_000000ab_7", "", .notFound),
        (.post, "/reviews/fb_000000ab_7/approve/", "", .notFound),
        (.post, "/reviewsx", "", .notFound),
    ]

    @Test(arguments: requests.indices) func adminRequests(_ row: Int) {
        let (method, path, query, reading) = Self.requests[row]
        let read = Array(path.utf8).withUnsafeBytes { path in
            Array(query.utf8).withUnsafeBytes { query in ReviewAdmin.read(method: method, path: path, query: query) }
        }
        #expect(read == reading, "\(path)?\(query)")
    }

    @Test(arguments: ["", "plain", "a b&c=d%e+f", "é 日本 \"quoted\"\n", String(repeating: "é", count: 250)])
    func remarksSurviveTheWay(_ remark: String) {
        let read = Array("/reviews/fb_000000ab_7/reject".utf8).withUnsafeBytes { path in
            Array(("remark=" + ReviewAdmin.escaped(remark)).utf8).withUnsafeBytes { query in
                ReviewAdmin.read(method: .post, path: path, query: query)
            }
        }
        #expect(read == .request(.decide(Self.id, .reject(remark: remark.isEmpty ? nil : remark))))
    }

    @Test func urlsAreUnguessableAndKnownByTheirHash() {
        let urls = (0..<100).map { _ in ReviewURL() }
        #expect(Set(urls.map(\.path)).count == 100)
        for url in urls {
            let secret = url.path.dropFirst("/.well-known/farebox/reviews/".count)
            #expect(secret.count == 43 && secret.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" })
            Array(url.path.utf8).withUnsafeBytes { path in
                #expect(ReviewURL.contains(path))
                #expect(ReviewURL.hash(ofPath: path) == url.hash)
            }
        }
        for other in ["", "/", "/.well-known/farebox/review", "/.well-known/farebox/reviews", "/x"] {
            Array(other.utf8).withUnsafeBytes { #expect(!ReviewURL.contains($0), "\(other)") }
        }
    }

    @Test func theSecretIsMadeOnceAndIsItsOwnersAlone() throws {
        let directory = ConfigDirectory([:])
        let ledger = directory.path + "/ledger.db"
        close(open(ledger, O_CREAT | O_WRONLY, 0o600))
        let secret = try AdminSecret(ledger: ledger)
        let text = try AdminSecret.existing(ledger: ledger)
        let path = AdminSecret.path(ledger: ledger)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        func proves(_ secret: AdminSecret, _ value: String) -> Bool {
            Array(value.utf8).withUnsafeBytes { secret.isProven(by: $0) }
        }
        for right in ["Bearer \(text)", "bearer \(text)"] { #expect(proves(secret, right)) }
        for wrong in ["", text, "Bearer", "Bearer ", "Bearer \(text.dropLast())", "Bearer \(text)0", "Basic! \(text)"] {
            #expect(!proves(secret, wrong), "\(wrong)")
        }
        for place in 0..<text.count {
            var other = Array(text.utf8)
            other[place] ^= 1
            #expect(!proves(secret, "Bearer " + String(decoding: other, as: UTF8.self)), "digit \(place)")
        }
        #expect(proves(try AdminSecret(ledger: ledger), "Bearer \(text)"), "a later start reads it")
        #expect(symlink(ledger, directory.path + "/other.db") == 0)
        let byOtherName = try AdminSecret(ledger: directory.path + "/other.db")
        #expect(proves(byOtherName, "Bearer \(text)"), "one ledger, one secret")
        chmod(path, 0o640)
        #expect(throws: AdminSecretFault.self) { try AdminSecret(ledger: ledger) }
        chmod(path, 0o600)
        truncate(path, 10)
        #expect(throws: AdminSecretFault.self) { try AdminSecret(ledger: ledger) }
    }
}
