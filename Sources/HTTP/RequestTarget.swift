import Bytes

/// What the target of a request means together with its method and Host (RFC 9112 §3.2).
extension RequestParts {
    /// Everything beyond the grammar of lines, in a fixed order, so that the first fault is always the same one.
    mutating func readMeaning(_ fields: FieldTable, questionMark: Int) -> HTTPFault? {
        path = .empty
        query = nil
        authority = .empty
        framing = .none
        keepAlive = false
        expectsContinue = false
        wantsUpgrade = false
        return readTarget(questionMark: questionMark) ?? readHost(fields) ?? readFraming(fields)
            ?? readConnection(fields)
    }

    /// Finds form, path, query and, where the target has one, the authority.
    @inline(__always)
    mutating func readTarget(questionMark: Int) -> HTTPFault? {
        let start = Int(target.offset)
        let end = Int(target.end)
        let text = bytes.readable.bytes(of: target)
        query = questionMark < end ? ByteRange(from: questionMark + 1, to: end) : nil
        if method == .connect {
            form = .authority
            guard Authority.isValidWithPort(text) else { return .badTarget }
            query = nil
            authority = target
            return nil
        }
        if text[0] == 0x2F {
            form = .origin
            path = ByteRange(from: start, to: questionMark)
            return nil
        }
        if method == .options && text.count == 1 && text[0] == 0x2A {
            form = .asterisk
            path = target
            return nil
        }
        return readAbsoluteTarget(text, start: start, questionMark: questionMark)
    }

    @inline(never)
    private mutating func readAbsoluteTarget(_ text: UnsafeRawBufferPointer, start: Int, questionMark: Int)
        -> HTTPFault?
    {
        form = .absolute
        guard let colon = text.firstIndex(of: 0x3A) else { return .badTarget }
        let scheme = UnsafeRawBufferPointer(rebasing: text[..<colon])
        guard colon + 2 < text.count, text[colon + 1] == 0x2F, text[colon + 2] == 0x2F else { return .badTarget }
        guard FieldGrammar.isWord(scheme, "http") || FieldGrammar.isWord(scheme, "https") else {
            return .badScheme
        }
        let hostStart = colon + 3
        let authorityEnd = text[hostStart...].firstIndex { $0 == 0x2F || $0 == 0x3F || $0 == 0x23 } ?? text.count
        guard Authority.isValid(UnsafeRawBufferPointer(rebasing: text[hostStart..<authorityEnd])) else {
            return .badTarget
        }
        authority = ByteRange(from: start + hostStart, to: start + authorityEnd)
        path = ByteRange(from: start + authorityEnd, to: questionMark)
        return nil
    }

    /// Exactly one Host in HTTP/1.1, at most one in 1.0, well formed, and the target's own where that has an authority.
    @inline(__always)
    mutating func readHost(_ fields: FieldTable) -> HTTPFault? {
        guard let host = fields.first(.host) else { return minorVersion == 0 ? nil : .missingHost }
        if fields.repeated.contains(.host) { return .severalHosts }
        guard Authority.isValid(host.value, in: bytes.readable) else { return .badHost }
        if !authority.isEmpty {
            let both = (bytes.readable.bytes(of: host.value), bytes.readable.bytes(of: authority))
            guard FieldGrammar.equalIgnoringCase(both.0, both.1) else { return .hostMismatch }
        }
        if authority.isEmpty { authority = host.value }
        return nil
    }
}
