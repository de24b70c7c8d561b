import Bytes

/// Content-Length and Transfer-Encoding (RFC 9110 §8.6, RFC 9112 §6), the same for both kinds of message.
enum MessageFraming {
    /// What the fields say; nil where neither is there.
    static func parse(_ fields: FieldTable, _ head: UnsafeRawBufferPointer, minorVersion: UInt8)
        -> Result<BodyFraming?, HTTPFault>
    {
        let coding = fields.first(.transferEncoding)
        let length = fields.first(.contentLength)
        if let coding {
            if length != nil { return .failure(.lengthWithTransferEncoding) }
            if fields.repeated.contains(.transferEncoding) { return .failure(.severalTransferEncodings) }
            if minorVersion == 0 { return .failure(.transferEncodingInHTTP10) }
            let text = head.bytes(of: coding.value)
            if FieldGrammar.isWord(text, "chunked") { return .success(.chunked) }
            return .failure(otherCoding(text))
        }
        guard let length else { return .success(nil) }
        if fields.repeated.contains(.contentLength) { return .failure(.severalContentLengths) }
        guard let count = decimal(head.bytes(of: length.value)) else { return .failure(.badContentLength) }
        return .success(.length(count))
    }

    /// A well-formed list of codings that are not known is 501, with `chunked` at most at its end (RFC 9112 §6.1); all
    /// else has no reading.
    private static func otherCoding(_ text: UnsafeRawBufferPointer) -> HTTPFault {
        var list = text
        var isKnown = true
        var endsChunked = false
        while let coding = FieldGrammar.nextElement(&list) {
            guard FieldGrammar.isToken(coding), !endsChunked else { return .badTransferEncoding }
            if FieldGrammar.isWord(coding, "chunked") { endsChunked = true } else { isKnown = false }
        }
        return isKnown ? .badTransferEncoding : .unknownTransferCoding
    }

    /// 1 to 19 digits that fit an Int.
    static func decimal(_ text: UnsafeRawBufferPointer) -> Int? {
        guard (1...19).contains(text.count) else { return nil }
        var value = 0
        for digit in text {
            guard digit &- 0x30 < 10 else { return nil }
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(Int(digit &- 0x30))
            if overflow || carry { return nil }
            value = sum
        }
        return value
    }
}

extension RequestParts {
    /// Framing of the body and what the caller expects before it sends it.
    mutating func readFraming(_ fields: FieldTable) -> HTTPFault? {
        let asking = FieldID.contentLength.bit | FieldID.transferEncoding.bit | FieldID.expect.bit
        if fields.present.bits & asking == 0 { return nil }
        switch MessageFraming.parse(fields, bytes.readable, minorVersion: minorVersion) {
        case .success(let found): framing = found ?? .none
        case .failure(let fault): return fault
        }
        guard let expect = fields.first(.expect) else { return nil }
        // HTTP/1.0 has no interim responses: the expectation is ignored (RFC 9110 §10.1.1).
        if minorVersion == 0 { return nil }
        guard !fields.repeated.contains(.expect),
            FieldGrammar.isWord(bytes.readable.bytes(of: expect.value), "100-continue")
        else { return .unknownExpectation }
        expectsContinue = true
        return nil
    }
}
