/// Where something stands in the config: `file:line:column`, both counted from 1.
public struct ConfigPlace: Sendable, Hashable, CustomStringConvertible {
    /// As the operator would name it: the directory as given, a slash, the file's name.
    public var file: String
    /// 0: the file as a whole.
    public var line: Int
    public var column: Int

    public var description: String { line == 0 ? file : "\(file):\(line):\(column)" }
    /// Without the column.
    public var fileAndLine: String { line == 0 ? file : "\(file):\(line)" }
}

/// One error or warning, in words an operator can act on.
public struct ConfigProblem: Sendable, Equatable, CustomStringConvertible {
    public var place: ConfigPlace
    /// Dotted path of the key (`routes[3].price`), empty for the file as a whole.
    public var key: String
    public var message: String

    public var description: String { key.isEmpty ? "\(place): \(message)" : "\(place): \(key): \(message)" }
}

/// Every error of one load, in file order.
public struct ConfigErrors: Error, Sendable, Equatable, CustomStringConvertible {
    public var problems: [ConfigProblem]
    /// Warnings found beside them.
    public var warnings: [ConfigProblem]

    public var description: String { problems.map(\.description).joined(separator: "\n") }
}
