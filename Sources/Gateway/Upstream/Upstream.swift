import Bytes
import HTTP

/// One loop's view of one `upstreams:` entry of one revision: its pool, and what its requests have in common.
final class Upstream {
    let settings: UpstreamSettings
    let pool: EndpointPool
    let deadlines: ClientDeadlines
    /// The field lines that the configuration sets, ready to be copied.
    let fieldLines: [UInt8]
    /// Folded names of those, which the caller may not send.
    private let replacedNames: [[UInt8]]
    let hostLine: [UInt8]?
    let basePath: [UInt8]

    init(_ settings: UpstreamSettings, client: HTTPClient) {
        self.settings = settings
        let url = settings.url
        pool = client.pool(for: settings.endpoint, keptAtMost: settings.keepAliveConnections)
        deadlines = settings.timeouts
        basePath = Array(url.basePath.utf8)
        var lines: [UInt8] = []
        var names: [[UInt8]] = []
        for header in settings.headers {
            guard let value = header.value else { continue }
            lines += Array("\(header.name): ".utf8) + value + [0x0D, 0x0A]
            names.append(header.name.utf8.map(Upstream.folded))
        }
        fieldLines = lines
        replacedNames = names
        switch settings.host {
        case .preserve: hostLine = nil
        case .upstream: hostLine = Array("Host: \(url.authority)\r\n".utf8)
        case .name(let name): hostLine = Array("Host: \(name)\r\n".utf8)
        }
    }

    /// Copies the caller's field lines that this upstream is to see.
    func appendFields(of head: RequestHead, except dropped: FieldIDSet, to out: inout ByteBuffer) {
        if replacedNames.isEmpty { return head.appendFields(except: dropped, to: &out) }
        for place in 0..<head.fields.count {
            let field = head.fields[place]
            if field.nominated || dropped.contains(field.id) || replaces(head.bytes(of: field.name)) { continue }
            out.append(head.bytes(of: field.line))
        }
    }

    /// `_` is read as `-` by many servers, so neither spelling passes.
    private func replaces(_ name: UnsafeRawBufferPointer) -> Bool {
        replacedNames.contains { replaced in
            replaced.count == name.count && zip(replaced, name).allSatisfy { $0 == Upstream.folded($1) }
        }
    }

    private static func folded(_ byte: UInt8) -> UInt8 {
        switch byte {
        case 0x41...0x5A: byte | 0x20
        case 0x5F: 0x2D
        default: byte
        }
    }
}
