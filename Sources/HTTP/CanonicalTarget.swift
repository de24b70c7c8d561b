import Bytes

/// A path and query in the one spelling that is routed, priced, bound and forwarded.
///
/// Escapes of unreserved characters are decoded, other escapes written with upper-case digits, dot segments removed
/// (RFC 3986 §5.2.4, §6.2.2). Case, trailing slashes, `//` and `;params` stay. What has two readings is refused.
/// The query is checked and never changed. Canonicalizing a canonical target gives `same`.
public enum CanonicalTarget: Equatable, Sendable {
    /// The input is canonical; its path is its first `pathLength` bytes.
    case same(pathLength: Int)
    /// The canonical target, query included, was put into the caller's buffer; its path is the first `pathLength` bytes.
    case rewritten(pathLength: Int)
    case refused(HTTPFault)

    /// Reads `path[?query]`, as `RequestHead.pathAndQuery` gives it; an empty path means `/` (RFC 9110 §4.2.3).
    ///
    /// - Parameter out: cleared; holds the target where the answer is `rewritten`, else nothing.
    public static func read(_ target: UnsafeRawBufferPointer, into out: inout ByteBuffer) -> CanonicalTarget {
        out.clear()
        guard let base = target.baseAddress, target.count > 0, target[0] == 0x2F else {
            return readWithoutSlash(target, into: &out)
        }
        var at = 1
        while true {
            at = firstSpecial(base, from: at, to: target.count)
            if at == target.count { return .same(pathLength: at) }
            // A dot is only a dot unless it begins a segment.
            guard target[at] == 0x2E && target[at - 1] != 0x2F else { break }
            at += 1
        }
        if target[at] == 0x3F {
            if let fault = checkQuery(base, from: at + 1, to: target.count) { return .refused(fault) }
            return .same(pathLength: at)
        }
        return rewrite(target, into: &out)
    }

    private static func readWithoutSlash(
        _ target: UnsafeRawBufferPointer, into out: inout ByteBuffer
    ) -> CanonicalTarget {
        guard target.isEmpty || target[0] == 0x3F else {
            return .refused(target[0] == 0x23 ? .fragmentInTarget : .badTarget)
        }
        if let base = target.baseAddress, target.count > 1,
            let fault = checkQuery(base, from: 1, to: target.count)
        {
            return .refused(fault)
        }
        out.append(byte: 0x2F)
        out.append(target)
        return .rewritten(pathLength: 1)
    }

    private static func rewrite(_ target: UnsafeRawBufferPointer, into out: inout ByteBuffer) -> CanonicalTarget {
        let end = target.firstIndex(of: 0x3F) ?? target.count
        let path = UnsafeRawBufferPointer(rebasing: target[..<end])
        let length: Int
        switch CanonicalPath.write(path, into: out.writable(path.count)) {
        case .success(let count): length = count
        case .failure(let fault): return .refused(fault)
        }
        if let base = target.baseAddress, end < target.count,
            let fault = checkQuery(base, from: end + 1, to: target.count)
        {
            return .refused(fault)
        }
        out.didWrite(length)
        if out.readable.elementsEqual(path) {
            out.clear()
            return .same(pathLength: length)
        }
        out.append(UnsafeRawBufferPointer(rebasing: target[end...]))
        return .rewritten(pathLength: length)
    }

    /// The first byte of a path that may make it not canonical, or `?`.
    @inline(__always)
    private static func firstSpecial(_ base: UnsafeRawPointer, from: Int, to end: Int) -> Int {
        Scan.first(base, from: from, to: end) { lanes in
            let invisible: Scan.Mask = (lanes &- 0x21) .> Scan.Lanes(repeating: 0x5D)
            let percent: Scan.Mask = lanes .== Scan.Lanes(repeating: 0x25)
            let dot: Scan.Mask = lanes .== Scan.Lanes(repeating: 0x2E)
            let question: Scan.Mask = lanes .== Scan.Lanes(repeating: 0x3F)
            let backslash: Scan.Mask = lanes .== Scan.Lanes(repeating: 0x5C)
            let hash: Scan.Mask = lanes .== Scan.Lanes(repeating: 0x23)
            let one: Scan.Mask = invisible .| percent .| dot
            let two: Scan.Mask = question .| backslash .| hash
            let mask: Scan.Mask = one .| two
            return mask
        }
    }

    /// Visible ASCII but for `#`, with whole escapes.
    private static func checkQuery(_ base: UnsafeRawPointer, from: Int, to end: Int) -> HTTPFault? {
        var at = from
        while true {
            at = Scan.first(base, from: at, to: end) { lanes in
                let invisible: Scan.Mask = (lanes &- 0x21) .> Scan.Lanes(repeating: 0x5D)
                let percent: Scan.Mask = lanes .== Scan.Lanes(repeating: 0x25)
                let hash: Scan.Mask = lanes .== Scan.Lanes(repeating: 0x23)
                let mask: Scan.Mask = invisible .| percent .| hash
                return mask
            }
            if at == end { return nil }
            switch base.load(fromByteOffset: at, as: UInt8.self) {
            case 0x25:
                guard at + 2 < end, Hex.value(base.load(fromByteOffset: at + 1, as: UInt8.self)) != nil,
                    Hex.value(base.load(fromByteOffset: at + 2, as: UInt8.self)) != nil
                else { return .badEscape }
                at += 3
            case 0x23: return .fragmentInTarget
            default: return .badTarget
            }
        }
    }
}
