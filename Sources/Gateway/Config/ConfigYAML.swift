import Yams

/// Turns one file into a `ConfigNode`, strictly: one document, no anchors, no tags, no key given twice.
struct ConfigYAML {
    let file: ConfigSource.File
    let problems: ConfigProblems

    private static let maximumDepth = 16
    private static let noAnchors = "anchors and aliases (&, *) are not used here; write the value out"
    /// Keys given twice that are found one by one; a file with more of them is reported once more.
    private static let maximumDuplicates = 32

    init(_ file: ConfigSource.File, problems: ConfigProblems) {
        self.file = file
        self.problems = problems
    }

    /// Nil where the file is empty or could not be read; then the reason is among the problems.
    func read() -> ConfigNode? {
        if let at = file.bytes.firstIndex(of: 0) {
            problems.error(place(ofByte: at), .root, "holds a NUL byte")
            return nil
        }
        guard let text = String(validating: file.bytes, as: UTF8.self) else {
            let valid = String(decoding: file.bytes, as: UTF8.self).utf8
            let at = zip(valid, file.bytes).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0
            problems.error(place(ofByte: at), .root, "is not UTF-8")
            return nil
        }
        return compose(text)
    }

    /// Yams stops at the first key given twice. Such a key is masked by others of the same length, so that the rest of the file is
    /// read with its places unchanged, and reported when the map that holds it is converted.
    private func compose(_ text: String) -> ConfigNode? {
        var text = text
        var masked: [String: String] = [:]
        while true {
            do {
                let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
                guard let root = try parser.singleRoot() else { return nil }
                // Anchors live as long as their parser.
                return withExtendedLifetime(parser) { convert(root, .root, 0, masked) }
            } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
                guard let key = keys.first, masked.count < Self.maximumDuplicates,
                    let (cover, changed) = Self.mask(key, in: text, at: context.mark, number: masked.count)
                else {
                    problems.error(
                        place(context.mark), .root, "\(keys.joined(separator: ", ")): given twice in one map")
                    return nil
                }
                masked[cover] = key
                text = changed
            } catch {
                report(error)
                return nil
            }
        }
    }

    /// Replaces the key at `mark` by as many private-use characters; nil where it is not spelled there letter by letter.
    private static func mask(_ key: String, in text: String, at mark: Mark, number: Int) -> (String, String)? {
        var scalars = Array(text.unicodeScalars)
        var start = 0
        var line = 1
        while line < mark.line && start < scalars.count {
            if scalars[start] == "\n"
                || (scalars[start] == "\r" && !(start + 1 < scalars.count && scalars[start + 1] == "\n"))
            {
                line += 1
            }
            start += 1
        }
        start += mark.column - 1
        if start < scalars.count && (scalars[start] == "\"" || scalars[start] == "'") { start += 1 }
        let spelled = Array(key.unicodeScalars)
        guard !spelled.isEmpty, start + spelled.count <= scalars.count,
            scalars[start..<start + spelled.count].elementsEqual(spelled),
            let cover = Unicode.Scalar(0xE000 + UInt32(number))
        else { return nil }
        for at in start..<start + spelled.count { scalars[at] = cover }
        var changed = String.UnicodeScalarView()
        changed.append(contentsOf: scalars)
        return (String(repeating: Character(cover), count: spelled.count), String(changed))
    }

    private func convert(_ node: Node, _ path: ConfigPath, _ depth: Int, _ masked: [String: String]) -> ConfigNode? {
        let place = place(node.mark)
        if node.anchor != nil {
            problems.errorOnce(place, path, Self.noAnchors)
            return nil
        }
        if depth > Self.maximumDepth {
            problems.error(place, path, "is nested too deeply")
            return nil
        }
        switch node {
        case .scalar(let scalar):
            guard isUntagged(scalar.tag, place, path) else { return nil }
            return ConfigNode(content: .scalar(scalar.string, isPlain: scalar.style == .plain), place: place)
        case .sequence(let sequence):
            guard isUntagged(sequence.tag, place, path) else { return nil }
            let items = sequence.enumerated().compactMap {
                convert($0.element, .item(path, $0.offset), depth + 1, masked)
            }
            return ConfigNode(content: .list(items), place: place)
        case .mapping(let mapping):
            guard isUntagged(mapping.tag, place, path) else { return nil }
            return ConfigNode(content: .map(entries(mapping, path, depth, masked)), place: place)
        case .alias:
            problems.errorOnce(place, path, Self.noAnchors)
            return nil
        }
    }

    private func entries(
        _ mapping: Node.Mapping, _ path: ConfigPath, _ depth: Int, _ masked: [String: String]
    ) -> [ConfigNode.Entry] {
        var entries: [ConfigNode.Entry] = []
        for (key, value) in mapping {
            let keyPlace = place(key.mark)
            guard case .scalar(let scalar) = key, key.anchor == nil, isUntagged(scalar.tag, keyPlace, path) else {
                problems.error(keyPlace, path, "a key must be a plain word")
                continue
            }
            let name = masked[scalar.string] ?? scalar.string
            let below = ConfigPath.key(path, name)
            if name == "<<" && scalar.style == .plain {
                problems.error(keyPlace, path, "merge keys (<<) are not used here; write the values out")
                continue
            }
            guard let converted = convert(value, below, depth + 1, masked) else { continue }
            entries.append(ConfigNode.Entry(key: name, keyPlace: keyPlace, value: converted))
            if !masked.isEmpty, let first = entries.dropLast().first(where: { $0.key == name }) {
                entries.removeLast()
                problems.error(keyPlace, below, "is given twice; the first is at \(first.keyPlace)")
            }
        }
        return entries
    }

    /// Quoted scalars carry the string tag of their own; any tag that was written is refused.
    private func isUntagged(_ tag: Tag, _ place: ConfigPlace, _ path: ConfigPath) -> Bool {
        if ["", "!", Tag.Name.str.rawValue].contains(tag.rawValue) { return true }
        problems.error(place, path, "tags (\(tag.rawValue)) are not used here")
        return false
    }

    private func report(_ error: any Error) {
        switch error {
        case YamlError.scanner(let context, let problem, let mark, _),
            YamlError.parser(let context, let problem, let mark, _),
            YamlError.composer(let context, let problem, let mark, _):
            if problem == "but found another document" {
                problems.error(place(mark), .root, "holds a second YAML document; keep one a file")
            } else if problem == "found undefined alias" {
                problems.error(place(mark), .root, Self.noAnchors)
            } else {
                let before = context.map { "\($0.text): " } ?? ""
                problems.error(place(mark), .root, "is not YAML: \(before)\(problem)\(Self.hint(problem))")
            }
        case YamlError.reader(let problem, let offset, _, _):
            problems.error(place(ofByte: offset ?? 0), .root, "is not YAML: \(problem)")
        default:
            problems.error(ConfigPlace(file: file.path, line: 0, column: 0), .root, "is not YAML: \(error)")
        }
    }

    private static func hint(_ problem: String) -> String {
        if problem.contains("cannot start any token") {
            return " (tabs cannot indent; quote a text that begins with @ or `)"
        }
        if problem.contains("mapping values are not allowed") { return " (quote a text that holds \": \")" }
        return ""
    }

    private func place(_ mark: Mark?) -> ConfigPlace {
        ConfigPlace(file: file.path, line: mark?.line ?? 0, column: mark?.column ?? 0)
    }

    private func place(ofByte offset: Int) -> ConfigPlace {
        let before = file.bytes.prefix(offset)
        let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        let line = before.count { $0 == 0x0A } + 1
        let column = String(decoding: before[lineStart...], as: UTF8.self).unicodeScalars.count + 1
        return ConfigPlace(file: file.path, line: line, column: column)
    }
}
