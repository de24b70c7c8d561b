/// Why a message was refused: one case for each reason.
///
/// The statuses are what a server answers a caller with; where the message came from an upstream the gateway answers
/// 502 and keeps the code.
public enum HTTPFault: UInt8, Error, CaseIterable, Sendable {
    // Lines
    case leadingEmptyLines, bareLineFeed, bareCarriageReturn, headTooLarge
    // Request line
    case badRequestLine, badMethod, methodTooLong, badTarget, targetTooLong, badVersion, unsupportedVersion
    // Fields
    case foldedField, spaceBeforeColon, emptyFieldName, badFieldName, missingColon, badFieldValue, tooManyFields
    // Host
    case missingHost, severalHosts, badHost, hostMismatch
    // Framing
    case badContentLength, severalContentLengths, lengthWithTransferEncoding
    case badTransferEncoding, severalTransferEncodings, unknownTransferCoding, transferEncodingInHTTP10
    // Connection, Expect
    case badConnectionOption, tooManyConnectionOptions, forbiddenConnectionOption, unknownExpectation
    // Target
    case badScheme, badEscape, encodedSlash, encodedBackslash, encodedControl, rawBackslash, fragmentInTarget
    case badEncodedUTF8, doubleEncoding, dotSegmentParameter, climbsAboveRoot
    // Chunked bodies
    case badChunkSize, badChunkExtension, chunkExtensionsTooLarge, badChunkEnd
    // Responses
    case badStatusLine, badStatusCode, framingOnInterim

    /// The status to answer a caller with.
    public var status: Int {
        switch self {
        case .targetTooLong: 414
        case .unknownExpectation: 417
        case .headTooLarge, .tooManyFields: 431
        case .unknownTransferCoding: 501
        case .unsupportedVersion: 505
        default: 400
        }
    }

    /// A stable code for programs and logs.
    public var code: StaticString { description.code }

    /// One sentence for the person who reads the answer.
    public var explanation: StaticString { description.explanation }

    private var description: (code: StaticString, explanation: StaticString) {
        switch self {
        case .leadingEmptyLines: ("leading_empty_lines", "More than one empty line came before the request line.")
        case .bareLineFeed: ("bare_line_feed", "A line ends in LF alone; lines end in CRLF.")
        case .bareCarriageReturn: ("bare_carriage_return", "A CR stands without its LF; lines end in CRLF.")
        case .headTooLarge: ("head_too_large", "The start line and fields together are larger than this server takes.")
        case .badRequestLine: ("bad_request_line", "The first line is not `METHOD target HTTP/1.1` with single spaces.")
        case .badMethod: ("bad_method", "The method holds a character that no method may hold.")
        case .methodTooLong: ("method_too_long", "The method is longer than any this server knows.")
        case .badTarget: ("bad_target", "The target has no form its method allows, or holds a byte to be escaped.")
        case .targetTooLong: ("target_too_long", "The request target is longer than this server takes.")
        case .badVersion: ("bad_version", "The request line does not end in an HTTP version.")
        case .unsupportedVersion: ("unsupported_version", "Only HTTP/1.1 and HTTP/1.0 are spoken here.")
        case .foldedField: ("folded_field", "A field goes on in a second line; folding is obsolete and refused.")
        case .spaceBeforeColon: ("space_before_colon", "White space stands between a field's name and its colon.")
        case .emptyFieldName: ("empty_field_name", "A field has no name.")
        case .badFieldName: ("bad_field_name", "A field's name holds a character that no name may hold.")
        case .missingColon: ("missing_colon", "A field line has no colon.")
        case .badFieldValue: ("bad_field_value", "A field's value holds a control character.")
        case .tooManyFields: ("too_many_fields", "There are more fields than this server takes.")
        case .missingHost: ("missing_host", "HTTP/1.1 requires a Host field.")
        case .severalHosts: ("several_hosts", "There is more than one Host field.")
        case .badHost: ("bad_host", "Host is not a name or address with an optional port from 0 to 65535.")
        case .hostMismatch: ("host_mismatch", "Host differs from the authority in the request target.")
        case .badContentLength: ("bad_content_length", "Content-Length is not one decimal number.")
        case .severalContentLengths: ("several_content_lengths", "There is more than one Content-Length.")
        case .lengthWithTransferEncoding:
            ("length_with_transfer_encoding", "Content-Length and Transfer-Encoding exclude each other.")
        case .badTransferEncoding: ("bad_transfer_encoding", "Transfer-Encoding is not exactly `chunked`.")
        case .severalTransferEncodings: ("several_transfer_encodings", "There is more than one Transfer-Encoding.")
        case .unknownTransferCoding: ("unknown_transfer_coding", "The only transfer coding known here is `chunked`.")
        case .transferEncodingInHTTP10: ("transfer_encoding_in_http_1_0", "HTTP/1.0 has no Transfer-Encoding.")
        case .badConnectionOption: ("bad_connection_option", "Connection is not a list of tokens.")
        case .tooManyConnectionOptions:
            ("too_many_connection_options", "Connection names more options than this server takes.")
        case .forbiddenConnectionOption:
            ("forbidden_connection_option", "Connection names a field that may not be taken away on the way.")
        case .unknownExpectation: ("unknown_expectation", "The only expectation known here is `100-continue`.")
        case .badScheme: ("bad_scheme", "The request target's scheme is neither http nor https.")
        case .badEscape: ("bad_escape", "A percent sign in the target is not followed by two hex digits.")
        case .encodedSlash: ("encoded_slash", "The path holds an escaped slash, which has two readings.")
        case .encodedBackslash: ("encoded_backslash", "The path holds an escaped backslash, which has two readings.")
        case .encodedControl: ("encoded_control", "The path holds an escaped control character.")
        case .rawBackslash: ("raw_backslash", "The path holds a backslash.")
        case .fragmentInTarget: ("fragment_in_target", "The target holds a `#`; fragments are never sent.")
        case .badEncodedUTF8: ("bad_encoded_utf8", "The path's escapes above %7F are not UTF-8.")
        case .doubleEncoding: ("double_encoding", "The path is percent-encoded twice.")
        case .dotSegmentParameter:
            ("dot_segment_parameter", "A dot segment carries a parameter, which has two readings.")
        case .climbsAboveRoot: ("climbs_above_root", "The path's dot segments climb above its root.")
        case .badChunkSize: ("bad_chunk_size", "A chunk's size is not 1 to 16 hex digits, or overflows.")
        case .badChunkExtension: ("bad_chunk_extension", "A chunk's extension is malformed.")
        case .chunkExtensionsTooLarge:
            ("chunk_extensions_too_large", "The body's chunk extensions are larger than this server takes.")
        case .badChunkEnd: ("bad_chunk_end", "A chunk's data is not followed by CRLF.")
        case .badStatusLine: ("bad_status_line", "The status line is not `HTTP/1.1 NNN reason`.")
        case .badStatusCode: ("bad_status_code", "The status is not between 100 and 599.")
        case .framingOnInterim: ("framing_on_interim", "An interim response announces a body, which it cannot have.")
        }
    }
}
