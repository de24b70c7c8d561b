import Bytes

/// What the `Connection` fields say (RFC 9110 §7.6.1, RFC 9112 §9).
struct ConnectionOptions {
    /// Options that one head may name: each is looked for among all fields.
    static let most = 32

    var close = false
    var keepAlive = false
    var upgrade = false

    /// Reads the options and marks the fields they name.
    static func read(_ fields: FieldTable, _ head: UnsafeRawBufferPointer) -> Result<ConnectionOptions, HTTPFault> {
        var options = ConnectionOptions()
        guard let first = fields.first(.connection) else { return .success(options) }
        if !fields.repeated.contains(.connection) {
            let text = head.bytes(of: first.value)
            if FieldGrammar.isWord(text, "keep-alive") {
                options.keepAlive = true
                return .success(options)
            }
            if FieldGrammar.isWord(text, "close") {
                options.close = true
                return .success(options)
            }
        }
        var seen = 0
        for place in 0..<fields.count where fields[place].id == .connection {
            var list = head.bytes(of: fields[place].value)
            while let option = FieldGrammar.nextElement(&list) {
                // A list may have empty elements (RFC 9110 §5.6.1.2).
                if option.isEmpty { continue }
                seen += 1
                if seen > most { return .failure(.tooManyConnectionOptions) }
                if let fault = options.take(option, fields, head) { return .failure(fault) }
            }
        }
        return .success(options)
    }

    private mutating func take(
        _ option: UnsafeRawBufferPointer, _ fields: FieldTable, _ head: UnsafeRawBufferPointer
    ) -> HTTPFault? {
        guard FieldGrammar.isToken(option), let name = option.baseAddress else { return .badConnectionOption }
        if FieldGrammar.isWord(option, "close") {
            close = true
        } else if FieldGrammar.isWord(option, "keep-alive") {
            keepAlive = true
        }
        let id = fields.names.id(name, option.count, isPlain: false)
        if FieldIDSet.neverNominated.contains(id) { return .forbiddenConnectionOption }
        if id == .upgrade { upgrade = true }
        if id != .other && !fields.contains(id) { return nil }
        for place in 0..<fields.count where fields[place].id == id {
            let name = head.bytes(of: fields[place].name)
            if id == .other && !FieldGrammar.equalIgnoringCase(name, option) { continue }
            fields.nominate(place)
        }
        return nil
    }
}

extension RequestParts {
    /// Whether the connection goes on, and what `Connection` takes away.
    mutating func readConnection(_ fields: FieldTable) -> HTTPFault? {
        keepAlive = minorVersion == 1
        guard fields.contains(.connection) else { return nil }
        switch ConnectionOptions.read(fields, bytes.readable) {
        case .failure(let fault): return fault
        case .success(let options):
            keepAlive = !options.close && (minorVersion == 1 || options.keepAlive)
            wantsUpgrade = minorVersion == 1 && options.upgrade && fields.contains(.upgrade)
            return nil
        }
    }
}
