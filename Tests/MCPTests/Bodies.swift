import Bytes
import JSON

@testable import MCP

/// What tests say in text and the module takes as bytes.
enum Body {
    static func with<T>(_ text: String, _ use: (UnsafeRawBufferPointer) throws -> T) rethrows -> T {
        try with(Array(text.utf8), use)
    }

    static func with<T>(_ bytes: [UInt8], _ use: (UnsafeRawBufferPointer) throws -> T) rethrows -> T {
        try bytes.withUnsafeBytes(use)
    }

    static func read(_ text: String, maximumBytes: Int = 1 << 20) -> ClientMessage {
        read(Array(text.utf8), maximumBytes: maximumBytes)
    }

    static func read(_ bytes: [UInt8], maximumBytes: Int = 1 << 20) -> ClientMessage {
        with(bytes) { ClientMessageReader.read($0, limits: ClientMessageReader.limits(bytes: maximumBytes)) }
    }

    /// The request in a body, or nil for anything else.
    static func request(_ text: String) -> ClientRequest? {
        switch read(text) {
        case .request(let request), .notification(let request): request
        default: nil
        }
    }

    static func answer(_ text: String) -> Answer? {
        let message = with(text) { ServerMessage.read($0, maximumBytes: 1 << 20) }
        guard case .response(let answer) = message else { return nil }
        return answer
    }

    static func isJSON(_ text: String) -> Bool {
        with(text) { (try? JSONTape($0, limits: JSONLimits(depth: 64))) != nil }
    }

    /// What `write` appended.
    static func written(_ write: (inout ByteBuffer) -> Void) -> String {
        var out = ByteBuffer()
        write(&out)
        return out.text
    }
}

extension Splices {
    func applied(to text: String) -> String {
        Body.written { out in Body.with(text) { self.write($0, into: &out) } }
    }
}
