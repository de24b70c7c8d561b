import MCP
import Synchronization

/// Which tools declare an `outputSchema`, learned from every listing that passes: some clients hold even a refusal against it.
final class ToolSchemas: Sendable {
    /// Of one server; what comes beyond is not remembered.
    private static let toolsAtMost = 4_096

    /// By the upstream's name.
    private let declared = Mutex<[String: Set<[UInt8]>]>([:])

    /// Takes one page of a server's `tools/list`.
    func note(_ listing: ToolListing, of upstream: String) {
        if !listing.tools.contains(where: \.hasOutputSchema) && declared.withLock({ $0[upstream] == nil }) { return }
        declared.withLock { declared in
            var names = declared[upstream] ?? []
            for tool in listing.tools {
                let name = Array(tool.name.utf8)
                if !tool.hasOutputSchema {
                    names.remove(name)
                } else if names.count < Self.toolsAtMost {
                    names.insert(name)
                }
            }
            declared[upstream] = names
        }
    }

    func declares(_ tool: UnsafeRawBufferPointer, of upstream: String) -> Bool {
        declared.withLock { $0[upstream]?.contains(Array(tool)) ?? false }
    }
}
