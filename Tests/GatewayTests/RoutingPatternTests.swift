import Bytes
import HTTP
import Testing

@testable import Gateway

@Suite struct RoutingPatternTests {
    @Test(arguments: [
        ("", "is empty; write \"GET /path\""),
        ("GET", "names methods but no path; write \"GET /path\""),
        ("v1/reports", nil), ("GET reports", "the path \"reports\" must begin with \"/\""),
        ("GET POST /a", "has 3 words; write \"GET,POST /path\" or \"/path\""),
        ("get /a", "\"get\" is no method; methods are upper-case: GET"),
        ("GET, /a", "\"\" is no method"),
        ("GET,GET /a", "names GET twice"),
        ("CONNECT /a", "CONNECT is never forwarded"),
        ("GET /a/**/b", "\"**\" takes the rest of the path and stands last; use \"*\" for one segment"),
        ("GET /a*", "\"a*\": \"*\" stands for a whole segment; match part of one in the API instead"),
        ("GET /{a}b", "\"{a}b\": \"{name}\" stands for a whole segment"),
        ("GET /{}", "\"{}\" needs a name of letters, digits and _ between its braces"),
        ("GET /{a}/{a}", "names {a} twice"),
        ("GET /a/../b", "holds the dot segment \"..\""),
        ("GET /..;/b", "holds the dot segment \"..;\""),
        ("GET /a/.;x", "holds the dot segment \".;x\""),
        ("GET /a?b=1", "a match holds no query; drop \"?\" and what follows"),
        ("GET /a\\b", "\"a\\b\" holds a backslash, which no request path may"),
        ("GET /%41", "\"%41\": write A in place of %41, as the canonical path has it"),
        ("GET /%c3%a9", "\"%c3%a9\": write %C3 in place of %c3, as the canonical path has it"),
        ("GET /%2F", "\"%2F\" holds %2F, which no request path may"),
        ("GET /%FF", "\"%FF\" is in no request path: The path's escapes above %7F are not UTF-8."),
        ("GET /%2541", "\"%2541\" is in no request path: The path is percent-encoded twice."),
        ("GET /%zz", "\"%zz\" holds a broken escape; \"%\" is followed by two hex digits"),
        ("GET /é", "\"é\" holds a byte that is not visible ASCII; write it escaped: %C3%A9"),
        ("GET http://h/a", "a match takes no scheme; write \"host/path\" or \"/path\""),
        (
            "GET *.example.com/a",
            "the host \"*.example.com\" holds a wildcard; hosts are matched whole: name each, or leave it out"
        ),
        ("GET h:80/a", "the host is compared without its port; drop \":80\""),
        ("GET h..x/a", "\"h..x\" is no host name"),
        ("GET\t/a", "a match is \"METHOD /path\" on one line, without tabs"),
        ("/a/%C3%A9/{x}/*/**", nil), ("GET,M-SEARCH [::1]/", nil),
    ])
    func patternsAreChecked(_ text: String, _ message: String?) {
        do {
            _ = try RoutePattern(text)
            #expect(message == nil)
        } catch { #expect(error.message == message) }
    }

    /// A pattern that no canonical path can equal would be a route that never matches.
    @Test func literalsAreSpelledAsCanonicalPathsAre() {
        var texts = (0x21...0x7E as ClosedRange<UInt8>).map { "/a" + String(decoding: [$0], as: UTF8.self) + "b" }
        for byte in 0...255 as ClosedRange<UInt8> {
            let escape = Hex.encode([byte])
            texts += ["/a%\(escape.uppercased())b", "/a%\(escape)b", "/%C3%\(escape.uppercased())"]
        }
        texts += ["/.", "/..", "/...", "/.;a", "/..;a", "/;", "/a//b", "/", "//", "/%25", "/%2541", "/%25zz"]
        var out = ByteBuffer()
        for text in texts {
            let isPattern = (try? RoutePattern(text)) != nil
            let bytes = Array(text.utf8)
            let read = bytes.withUnsafeBytes { CanonicalTarget.read($0, into: &out) }
            let isCanonical = read == .same(pathLength: bytes.count)
            #expect(!isPattern || isCanonical, "\(text) is a pattern and \(read)")
        }
    }
}
