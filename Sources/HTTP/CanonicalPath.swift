import Bytes

/// Writes the canonical spelling of one path, byte by byte (RFC 3986 §5.2.4, §6.2.2).
struct CanonicalPath {
    private let out: UnsafeMutableRawBufferPointer
    private var count = 0
    /// Behind the last slash written.
    private var segmentStart = 0
    /// Behind the last `%25` written in this segment, where two hex digits would make a second layer of escapes.
    private var percentEnd = -1
    private var lastSegmentWasDots = false
    private var utf8 = EscapedUTF8()

    private init(_ out: UnsafeMutableRawBufferPointer) { self.out = out }

    /// The number of bytes written to `out`, which must hold as many as `path`.
    ///
    /// - Parameter path: begins with a slash.
    static func write(
        _ path: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer
    ) -> Result<Int, HTTPFault> {
        precondition(out.count >= path.count && path[0] == 0x2F)
        var writer = CanonicalPath(out)
        var at = 0
        while at < path.count {
            let byte = path[at]
            if byte != 0x25 {
                if let fault = writer.takeRaw(byte) { return .failure(fault) }
                at += 1
                continue
            }
            guard at + 2 < path.count, let high = Hex.value(path[at + 1]), let low = Hex.value(path[at + 2]) else {
                return .failure(.badEscape)
            }
            if let fault = writer.takeEscaped(high << 4 | low) { return .failure(fault) }
            at += 3
        }
        if let fault = writer.endSegment() { return .failure(fault) }
        return .success(writer.count)
    }

    private mutating func takeRaw(_ byte: UInt8) -> HTTPFault? {
        guard utf8.isComplete else { return .badEncodedUTF8 }
        switch byte {
        case 0x2F:
            if count == 0 {
                put(byte)
                segmentStart = 1
                return nil
            }
            if let fault = endSegment() { return fault }
            // A dot segment leaves the slash before it, and that one stands for both.
            if !lastSegmentWasDots { put(byte) }
            segmentStart = count
            return nil
        case 0x5C: return .rawBackslash
        case 0x23: return .fragmentInTarget
        case 0x21...0x7E: return putPlain(byte)
        default: return .badTarget
        }
    }

    private mutating func takeEscaped(_ byte: UInt8) -> HTTPFault? {
        guard utf8.take(byte) else { return .badEncodedUTF8 }
        switch byte {
        case 0x2F: return .encodedSlash
        case 0x5C: return .encodedBackslash
        case 0x00..<0x20, 0x7F: return .encodedControl
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: return putPlain(byte)
        default:
            put(0x25)
            put(Self.digits[Int(byte >> 4)])
            put(Self.digits[Int(byte & 15)])
            if byte == 0x25 { percentEnd = count }
            return nil
        }
    }

    private mutating func putPlain(_ byte: UInt8) -> HTTPFault? {
        if count == percentEnd + 1 && percentEnd > 0 && Hex.value(byte) != nil && Hex.value(out[count - 1]) != nil {
            return .doubleEncoding
        }
        put(byte)
        return nil
    }

    private mutating func put(_ byte: UInt8) {
        out[count] = byte
        count += 1
    }

    private static let digits: [UInt8] = Array("0123456789ABCDEF".utf8)

    /// Takes a dot segment away, and for two dots the segment before it.
    private mutating func endSegment() -> HTTPFault? {
        guard utf8.isComplete else { return .badEncodedUTF8 }
        percentEnd = -1
        lastSegmentWasDots = false
        let length = count - segmentStart
        guard length > 0 && out[segmentStart] == 0x2E else { return nil }
        let dots = length > 1 && out[segmentStart + 1] == 0x2E ? 2 : 1
        if length > dots {
            return startsParameter(at: segmentStart + dots) ? .dotSegmentParameter : nil
        }
        lastSegmentWasDots = true
        count = segmentStart
        guard dots == 2 else { return nil }
        if count == 1 { return .climbsAboveRoot }
        count -= 1
        while out[count - 1] != 0x2F { count -= 1 }
        segmentStart = count
        return nil
    }

    private func startsParameter(at place: Int) -> Bool {
        if out[place] == 0x3B { return true }
        return place + 2 < count && out[place] == 0x25 && out[place + 1] == 0x33 && out[place + 2] == 0x42
    }
}

/// Checks that escaped bytes from 0x80 are UTF-8 as RFC 3629 §4 has it: nothing overlong, no surrogates.
struct EscapedUTF8 {
    private var wanted = 0
    private var lowest: UInt8 = 0x80
    private var highest: UInt8 = 0xBF

    var isComplete: Bool { wanted == 0 }

    /// False where the byte may not come here.
    mutating func take(_ byte: UInt8) -> Bool {
        if wanted > 0 {
            guard byte >= lowest && byte <= highest else { return false }
            wanted -= 1
            lowest = 0x80
            highest = 0xBF
            return true
        }
        switch byte {
        case 0x00..<0x80: return true
        case 0xC2...0xDF: wanted = 1
        case 0xE0...0xEF:
            wanted = 2
            if byte == 0xE0 { lowest = 0xA0 }
            if byte == 0xED { highest = 0x9F }
        case 0xF0...0xF4:
            wanted = 3
            if byte == 0xF0 { lowest = 0x90 }
            if byte == 0xF4 { highest = 0x8F }
        default: return false
        }
        return true
    }
}
