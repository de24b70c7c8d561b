import HTTP

/// What is wrong with a request as a message, before anyone asks what it is for. Always the caller's fault.
enum RequestFault {
    case malformed(HTTPFault)
    case malformedBody(HTTPFault)
    case headTimedOut
    case slowBody
    /// The caller closed its sending side within the body.
    case truncatedBody
    case bodyTooLarge

    var status: Int {
        switch self {
        case .malformed(let fault), .malformedBody(let fault): fault.status
        case .headTimedOut, .slowBody: 408
        case .truncatedBody: 400
        case .bodyTooLarge: 413
        }
    }

    /// Stable, for programs.
    var code: StaticString {
        switch self {
        case .malformed(let fault), .malformedBody(let fault): fault.code
        case .headTimedOut: "head_timeout"
        case .slowBody: "body_timeout"
        case .truncatedBody: "truncated_body"
        case .bodyTooLarge: "body_too_large"
        }
    }

    var explanation: StaticString {
        switch self {
        case .malformed(let fault), .malformedBody(let fault): fault.explanation
        case .headTimedOut: "The request's head did not come in time."
        case .slowBody: "The request's body came too slowly."
        case .truncatedBody: "The request's body ended before its length."
        case .bodyTooLarge: "The request's body is larger than this route takes."
        }
    }
}
