/// What one tool or method costs.
public enum ToolPrice: Hashable, Sendable {
    case free
    /// Never forwarded.
    case denied
    /// The route's price of this number, whatever the route keeps under it.
    case priced(Int)
}

/// The prices of a route's tools and methods, prepared once per revision. Look-ups allocate nothing.
///
/// Names count by their exact bytes. A name that is not listed costs what others cost only if it is plain: a listed
/// name in other letters, or one with characters that names of tools do not have, is denied, because what stands
/// behind the gateway might take it for the listed one.
public struct ToolPrices: Sendable {
    /// As they were listed, in their order.
    public let tools: [(name: String, price: ToolPrice)]
    /// Of a tool that is not listed.
    public let otherTools: ToolPrice
    /// As they were listed, in their order.
    public let methods: [(name: String, price: ToolPrice)]
    private let toolNames: NameTable
    private let methodNames: NameTable
    /// In the order of `methodNames`; the last is `tools/call`, which its tools price.
    private let methodPrices: [ToolPrice]

    /// - Parameter methods: any but `tools/call`; those not named are free.
    public init(tools: [(name: String, price: ToolPrice)], otherTools: ToolPrice, methods: [(String, ToolPrice)]) {
        self.tools = tools
        self.otherTools = otherTools
        self.methods = methods.map { (name: $0, price: $1) }
        toolNames = NameTable(tools.map { Array($0.name.utf8) })
        methodNames = NameTable(methods.map { Array($0.0.utf8) } + [Array("tools/call".utf8)])
        methodPrices = methods.map(\.1) + [.denied]
    }

    /// Of `tools/call` with this name, as unescaped bytes.
    public func price(ofTool name: UnsafeRawBufferPointer) -> ToolPrice {
        switch toolNames.find(name) {
        case .exact(let place): tools[place].price
        case .lookalike: .denied
        case .none: ToolPrices.isPlain(name) ? otherTools : .denied
        }
    }

    /// Where in `tools` this name stands; nil where it is not listed.
    func place(ofTool name: UnsafeRawBufferPointer) -> Int? {
        guard case .exact(let place) = toolNames.find(name) else { return nil }
        return place
    }

    /// Of a method that is not `tools/call`, as unescaped bytes.
    public func price(ofMethod name: UnsafeRawBufferPointer) -> ToolPrice {
        switch methodNames.find(name) {
        case .exact(let place): methodPrices[place]
        case .lookalike: .denied
        case .none: ToolPrices.isPlain(name) ? .free : .denied
        }
    }

    /// Letters, digits, and `_ - . /` as the Model Context Protocol has them in names of tools (2025-11-25), with `$`
    /// and `:`, which are in use in names of methods and of servers that gather others' tools.
    public static func isPlain(_ name: some Collection<UInt8>) -> Bool {
        name.allSatisfy { byte in
            switch byte {
            case 0x30...0x3A, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x2D, 0x2E, 0x2F, 0x24: true
            default: false
            }
        }
    }
}
