import Bytes
import HTTP

/// A request that is sent whole, and what its answer may be. Every part goes into the head as it is: whoever makes one
/// answers for there being nothing in it that could end its line.
struct ClientRequest {
    var method: Method
    /// Path and query, from the slash on.
    var target: String
    /// What `Host` says (RFC 9110 §7.2).
    var authority: String
    /// Names and values, beside `Host` and `Content-Length`.
    var fields: [(name: String, value: String)] = []
    var body: [UInt8] = []
    /// A kept connection that proves old may be followed by a new one with the same request. Where not, that is done only
    /// if no byte of it left.
    var mayRepeat: Bool
    /// Bytes of the answer's body; a larger one is a fault.
    var answerBytesAtMost: Int
    /// Lower-case names of the answer's fields that are kept.
    var answerFields: [String] = []

    func write(into out: inout ByteBuffer) {
        out.append(method.name)
        out.append(byte: 0x20)
        out.append(string: target)
        out.append(" HTTP/1.1\r\nHost: ")
        out.append(string: authority)
        out.append("\r\n")
        for field in fields {
            out.append(string: field.name)
            out.append(": ")
            out.append(string: field.value)
            out.append("\r\n")
        }
        if !body.isEmpty || !method.isSafe { out.appendField("Content-Length", decimal: body.count) }
        out.appendEmptyLine()
        out.append(body)
    }
}

/// A whole answer. Any status is one, redirects too: they are not followed.
struct ClientAnswer {
    var status: Int
    /// Of the fields asked for, those that came, by lower-case name; the first where one came twice.
    var fields: [String: String] = [:]
    var body: [UInt8] = []
}

/// Why there is no whole answer.
struct ClientCallFault: Error {
    var fault: ClientFault
    /// The kernel took a byte of the request: whoever was asked may have acted on it.
    var wasSent: Bool
}

extension ResponseHead {
    /// The first value of a field; nil where it did not come.
    /// - Parameter name: in lower case.
    func value(_ name: String) -> [UInt8]? {
        for place in 0..<fields.count {
            let field = fields[place]
            if bytes(of: field.name).equals(ignoringCaseOf: name.utf8) { return Array(bytes(of: field.value)) }
        }
        return nil
    }
}
