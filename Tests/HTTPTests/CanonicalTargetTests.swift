import Bytes
import Testing

@testable import HTTP

/// What became of a target: its canonical path and query, or the fault.
enum Canonical: Equatable {
    case same(path: String)
    case rewritten(String, path: String)
    case refused(HTTPFault)
}

func canonical(_ target: [UInt8]) -> Canonical {
    var out = ByteBuffer()
    out.append("left over")
    switch withExactBytes(target, { CanonicalTarget.read($0, into: &out) }) {
    case .same(let length):
        precondition(out.isEmpty)
        return .same(path: withExactBytes(target[..<length]) { text($0) })
    case .rewritten(let length):
        let all = out.array
        return .rewritten(
            withExactBytes(all) { text($0) }, path: withExactBytes(all[..<length]) { text($0) })
    case .refused(let fault):
        precondition(out.isEmpty)
        return .refused(fault)
    }
}

@Suite struct CanonicalTargetTests {
    static let same = [
        "/", "/a", "/a/b/c.json", "/a/", "//", "/a//b", "/A", "/a;p=1/b", "/a;..", "/a..", "/..a", "/...", "/.a", "/a.",
        "/.well-known/x", "/a%20b", "/%C3%A9", "/%E2%82%AC", "/%F0%9F%98%80", "/a%3Bb", "/a%3Fb", "/a%23b", "/%25",
        "/%25x", "/%25zz", "/%25+2", "/%254", "/a+b", "/a@b:c,d&e=f$g!h'i(j)*k", "/{a}|<b>\"^`", "/~a-b_c.d", "/a~%7Bb",
        "/\(String(repeating: "abcdefgh.", count: 50))",
    ]

    @Test(arguments: same) func leavesCanonicalPaths(path: String) {
        #expect(canonical(raw(path)) == .same(path: path))
        for query in ["?", "?a=b", "?a=%2F%00%5c", "?..//./;\\{}|?", "?%2525"] {
            #expect(canonical(raw(path + query)) == .same(path: path))
        }
    }

    static let rewritten: [(String, String)] = [
        ("", "/"), ("/%41", "/A"), ("/%61%62", "/ab"), ("/%7E%2d%5f%2E", "/~-_."), ("/%30", "/0"),
        ("/a%3bb", "/a%3Bb"), ("/%c3%a9", "/%C3%A9"), ("/%e2%82%ac", "/%E2%82%AC"), ("/%2a", "/%2A"),
        ("/.", "/"), ("/./", "/"), ("/././a", "/a"), ("/a/.", "/a/"), ("/a/./b", "/a/b"), ("/a/..", "/"),
        ("/a/../", "/"), ("/a/b/..", "/a/"), ("/a/b/../", "/a/"), ("/a/b/../c", "/a/c"), ("/a/b/../../c", "/c"),
        ("/a/%2e%2e/b", "/b"), ("/a/.%2E/b", "/b"), ("/a/%2e./b", "/b"), ("/a/%2e/b", "/a/b"),
        ("/a/b;p/../c", "/a/c"), ("/a//../b", "/a/b"), ("/a//./b", "/a//b"), ("//..", "/"), ("//../a", "/a"),
        ("//a/..", "//"), ("/a/../b/../c/..", "/"), ("/a/./../b", "/b"), ("/./a/", "/a/"), ("/a/.//b", "/a//b"),
        ("/a/...%2e", "/a/...."), ("/%61;x/../b", "/b"), ("/v1/status/../reports/1", "/v1/reports/1"),
        ("/%25%7a", "/%25z"), ("/%25%2D4", "/%25-4"), ("/x%25/41/..", "/x%25/"), ("/%254/..%61", "/%254/..a"),
    ]

    @Test(arguments: rewritten) func rewritesOthers(path: String, wanted: String) {
        #expect(canonical(raw(path)) == .rewritten(wanted, path: wanted))
        for query in ["?", "?%41=%2e/../", "?a?b"] {
            #expect(canonical(raw(path + query)) == .rewritten(wanted + query, path: wanted))
        }
        #expect(canonical(raw(wanted)) == .same(path: wanted))
    }

    static let refused: [(String, HTTPFault)] = [
        ("a", .badTarget), ("*", .badTarget), (" /", .badTarget), ("\\a", .badTarget), ("#", .fragmentInTarget),
        ("%2Fa", .badTarget), ("http://a/", .badTarget),
        ("/%", .badEscape), ("/%4", .badEscape), ("/%zz", .badEscape), ("/%4z", .badEscape), ("/%u0041", .badEscape),
        ("/a%", .badEscape), ("/%%34%31", .badEscape), ("/%-1", .badEscape), ("/% 1", .badEscape), ("/%2", .badEscape),
        ("/a%2?b", .badEscape), ("/a%?41", .badEscape),
        ("/a%2Fb", .encodedSlash), ("/a%2fb", .encodedSlash), ("/..%2Fa", .encodedSlash), ("/%2F", .encodedSlash),
        ("/a%5Cb", .encodedBackslash), ("/a%5cb", .encodedBackslash), ("/..%5ca", .encodedBackslash),
        ("/%00", .encodedControl), ("/a%0A", .encodedControl), ("/a%0d%0a", .encodedControl), ("/%1F", .encodedControl),
        ("/%09", .encodedControl), ("/%7F", .encodedControl), ("/a%00.json", .encodedControl),
        ("/a\\b", .rawBackslash), ("/\\", .rawBackslash), ("/..\\a", .rawBackslash),
        ("/a#b", .fragmentInTarget), ("/#", .fragmentInTarget), ("/?#", .fragmentInTarget),
        ("/a?b#c", .fragmentInTarget),
        ("/a b", .badTarget), ("/a\tb", .badTarget), ("/\0", .badTarget), ("/\u{7F}", .badTarget),
        ("/\u{80}", .badTarget), ("/\u{C3}\u{A9}", .badTarget), ("/\u{FF}", .badTarget),
        ("/%C3\u{A9}", .badEncodedUTF8),
        ("/%80", .badEncodedUTF8), ("/%C3", .badEncodedUTF8), ("/%C3a", .badEncodedUTF8), ("/%C3/", .badEncodedUTF8),
        ("/%C3%41", .badEncodedUTF8), ("/%C0%AF", .badEncodedUTF8), ("/%C1%9C", .badEncodedUTF8),
        ("/%E0%80%AF", .badEncodedUTF8), ("/%E0%9F%BF", .badEncodedUTF8), ("/%ED%A0%80", .badEncodedUTF8),
        ("/%F0%80%80%AF", .badEncodedUTF8), ("/%F0%8F%BF%BF", .badEncodedUTF8), ("/%F4%90%80%80", .badEncodedUTF8),
        ("/%F5%80%80%80", .badEncodedUTF8), ("/%FE", .badEncodedUTF8), ("/%FF", .badEncodedUTF8),
        ("/%E9", .badEncodedUTF8),
        ("/%E2%82", .badEncodedUTF8), ("/%E2%82?%AC", .badEncodedUTF8), ("/%C3%2F", .badEncodedUTF8),
        ("/%2541", .doubleEncoding), ("/%252e%252e/", .doubleEncoding), ("/%252F", .doubleEncoding),
        ("/%25%34%31", .doubleEncoding), ("/%25%32%46", .doubleEncoding), ("/%2500", .doubleEncoding),
        ("/%2%35", .badEscape), ("/%25252F", .doubleEncoding), ("/%254%31", .doubleEncoding),
        ("/%2541/../a", .doubleEncoding), ("/%25ff", .doubleEncoding),
        ("/a/..;/b", .dotSegmentParameter), ("/a/..;x", .dotSegmentParameter), ("/a/.;x/b", .dotSegmentParameter),
        ("/..;", .dotSegmentParameter), ("/%2e%2e;/b", .dotSegmentParameter), ("/a/..%3Bx", .dotSegmentParameter),
        ("/a/..%3bx", .dotSegmentParameter), ("/a/.%3b", .dotSegmentParameter), ("/.;", .dotSegmentParameter),
        ("/..", .climbsAboveRoot), ("/../a", .climbsAboveRoot), ("/a/../..", .climbsAboveRoot),
        ("/a/../../b", .climbsAboveRoot), ("/./..", .climbsAboveRoot), ("/%2e%2e", .climbsAboveRoot),
        ("/%2e%2e/a", .climbsAboveRoot), ("/a/../../../etc/passwd", .climbsAboveRoot), ("//../..", .climbsAboveRoot),
        ("/?%", .badEscape), ("/?%4", .badEscape), ("/?a=%zz", .badEscape), ("/?a b", .badTarget), ("/?\0", .badTarget),
        ("/?\u{E9}", .badTarget), ("/%41?%", .badEscape), ("?%", .badEscape), ("/?\u{7F}", .badTarget),
    ]

    @Test(arguments: refused) func refuses(target: String, fault: HTTPFault) {
        #expect(canonical(raw(target)) == .refused(fault))
    }

    /// A priced path, spelled in every way that has been seen to slip past some proxy: it reads as itself or not at all,
    /// or stays the different path that it is.
    @Test func noSpellingReadsAsAnotherThanItsOwn() {
        let priced = "/v1/reports/7"
        let readAsPriced = [
            "/%76%31/reports/7", "/v1/%72eports/7", "/v1/./reports/7", "/v1/x/../reports/7", "/./v1/reports/7",
            "/v1/%2e/reports/7", "/x/%2E%2e/v1/reports/7", "/v1/reports/%37", "/v1/reports/./7", "/v1//../reports/7",
        ]
        for spelling in readAsPriced {
            #expect(canonical(raw(spelling)) == .rewritten(priced, path: priced), "\(spelling)")
        }
        let kept = [
            "//v1/reports/7", "/v1//reports/7", "/V1/reports/7", "/v1/Reports/7", "/v1/reports/7/", "/v1/reports/7;a=b",
            "/v1;x/reports/7", "/v1/reports/7%20", "/v1/reports/7.", "/v1/reports/7%3Fx", "/v1/reports/7%3Bx",
            "/v1/reports/7%23x", "/v1/%EF%BC%97", "/v1/reports/...",
        ]
        for spelling in kept { #expect(canonical(raw(spelling)) == .same(path: spelling), "\(spelling)") }
        let refused = [
            "/v1%2Freports/7", "/v1%2freports%2f7", "/v1%5Creports/7", "/v1\\reports\\7", "/v1/reports/7%00",
            "/v1/reports/7%0a", "/v1/reports/7#", "/../v1/reports/7", "/%2e%2e/v1/reports/7", "/v1/..;/v1/reports/7",
            "/v1/.;/reports/7", "/v1/%2572eports/7", "/v1/%252e/reports/7", "/v1/%25%37%32eports/7",
            "/v1/%c0%afreports/7",
            "/v1/repor\u{74}s/\u{B7}", "/v1/%u0072eports/7", "/v1/reports/7%", "/v1%c0%2freports/7",
        ]
        for spelling in refused {
            guard case .refused = canonical(raw(spelling)) else {
                Issue.record("\(spelling) was read")
                continue
            }
        }
    }

    /// Random paths of the letters that matter: canonical output is canonical, and a plain model agrees on the rest.
    @Test func canonicalPathsStayAsTheyAre() {
        var generator = SeededGenerator(seed: 402)
        let parts = [
            "/", "/", "/", ".", ".", "..", "a", "b", ";", "%2e", "%2E", "%41", "%25", "%c3%a9", "%3b", "%20", "~", "4",
            "1", "?",
            "%2F", "%", "\\", "aaaaaaaaaaaaaaaa",
        ]
        var counts = (same: 0, rewritten: 0, refused: 0)
        for _ in 0..<5_000 {
            let target =
                "/"
                + (0..<Int.random(in: 0...12, using: &generator)).map { _ in
                    parts.randomElement(using: &generator) ?? ""
                }.joined()
            let path = String(target.prefix { $0 != "?" })
            switch canonical(raw(target)) {
            case .same(let same):
                counts.same += 1
                #expect(same == path)
                #expect(CanonicalModel.path(raw(path)) == raw(path), "\(target)")
            case .rewritten(let whole, let path):
                counts.rewritten += 1
                #expect(canonical(raw(whole)) == .same(path: path), "\(target)")
                #expect(CanonicalModel.path(raw(String(target.prefix { $0 != "?" }))) == raw(path), "\(target)")
            case .refused:
                counts.refused += 1
                let query = target.dropFirst(path.count)
                #expect(
                    CanonicalModel.path(raw(path)) == nil || query.contains("%") || query.contains("\\"), "\(target)")
            }
        }
        #expect(counts.same > 200 && counts.rewritten > 200 && counts.refused > 200)
    }
}

/// The same rules said with arrays: decode, split, walk the segments.
enum CanonicalModel {
    static let unreserved = Set(raw("-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))
    static let hexDigits = raw("0123456789ABCDEF")

    static func path(_ path: [UInt8]) -> [UInt8]? {
        var decoded: [UInt8] = []
        var bytes: [UInt8] = []
        var rest = path[...]
        while let first = rest.popFirst() {
            if first != 0x25 {
                if first == 0x5C || first == 0x23 { return nil }
                decoded.append(first)
                bytes.append(first)
                continue
            }
            guard let high = rest.popFirst().flatMap(Hex.value), let low = rest.popFirst().flatMap(Hex.value) else {
                return nil
            }
            let value = high * 16 + low
            if value < 0x20 || value == 0x7F || value == 0x2F || value == 0x5C { return nil }
            bytes.append(value)
            decoded += unreserved.contains(value) ? [value] : [0x25, hexDigits[Int(high)], hexDigits[Int(low)]]
        }
        if String(validating: bytes, as: UTF8.self) == nil || isEncodedTwice(decoded) { return nil }
        return withoutDots(decoded)
    }

    static func isEncodedTwice(_ path: [UInt8]) -> Bool {
        path.indices.contains { at in
            at + 4 < path.count && path[at...(at + 2)] == [0x25, 0x32, 0x35] && Hex.value(path[at + 3]) != nil
                && Hex.value(path[at + 4]) != nil
        }
    }

    static func withoutDots(_ path: [UInt8]) -> [UInt8]? {
        var kept: [ArraySlice<UInt8>] = []
        let segments = path.dropFirst().split(separator: 0x2F, omittingEmptySubsequences: false)
        for (place, segment) in segments.enumerated() {
            let isLast = place == segments.count - 1
            let dots = segment.prefix { $0 == 0x2E }.count
            let tail = segment.dropFirst(dots)
            if (1...2).contains(dots) && (tail.starts(with: raw(";")) || tail.starts(with: raw("%3B"))) { return nil }
            if !tail.isEmpty || dots == 0 || dots > 2 {
                kept.append(segment)
                continue
            }
            if dots == 2 && kept.popLast() == nil { return nil }
            if isLast { kept.append([]) }
        }
        return [0x2F] + kept.joined(separator: [0x2F])
    }
}
