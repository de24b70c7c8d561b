import JSON

/// Whether an answer that `charge_when` asks into is charged.
enum ChargeDecision: Equatable {
    case charge
    /// The answer goes to the caller as it is.
    case free
    /// It cannot be told: neither charged nor shown.
    case unreadable

    private static let depthAtMost = 512

    /// - Parameter body: whole, as it goes to the caller.
    static func decide(_ conditions: [JSONCondition], body: UnsafeRawBufferPointer) -> ChargeDecision {
        guard let tape = try? JSONTape(body, limits: JSONLimits(bytes: body.count, depth: depthAtMost)) else {
            return .unreadable
        }
        let root = tape.root(over: body)
        return conditions.allSatisfy { $0.holds(in: root) } ? .charge : .free
    }
}

extension JSONCondition {
    func holds(in root: JSONValue) -> Bool {
        var value = root
        for step in steps {
            guard let next = Self.child(of: value, step) else { return false }
            value = next
        }
        switch expected {
        case .null: return value.isNull
        case .bool(let bool): return value.bool == bool
        case .number(let text): return value.number?.elementsEqual(text.utf8) == true
        case .string(let text): return value.withString { $0.elementsEqual(text.utf8) } == true
        }
    }

    /// RFC 6901 §4: a member by its key, an element by its index without leading zeros.
    private static func child(of value: JSONValue, _ step: [UInt8]) -> JSONValue? {
        switch value.kind {
        case .object: return step.withUnsafeBytes { value.member($0) }
        case .array:
            guard let index = ConfigValue.count(String(decoding: step, as: UTF8.self)) else { return nil }
            return value.elements.dropFirst(index).first { _ in true }
        case .null, .true, .false, .number, .string: return nil
        }
    }
}
