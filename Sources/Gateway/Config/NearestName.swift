/// Finds what an operator most likely meant.
enum NearestName {
    /// The known name closest to `name`, if it is close: one letter in three may differ.
    static func among(_ known: [String], to name: String) -> String? {
        let spelled = Array(name.lowercased().replacing("-", with: "_").utf8)
        guard !spelled.isEmpty && spelled.count <= 64 else { return nil }
        var best: (name: String, distance: Int)?
        for candidate in known {
            let other = Array(candidate.lowercased().replacing("-", with: "_").utf8)
            let distance = distance(spelled, other)
            guard distance <= max(max(spelled.count, other.count) / 3, 1) else { continue }
            if distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.name
    }

    /// Insertions, deletions, substitutions, and swaps of two neighbours.
    static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var before = [Int](repeating: 0, count: b.count + 1)
        var former = Array(0...b.count)
        for i in 0..<a.count {
            var row = [i + 1] + [Int](repeating: 0, count: b.count)
            for j in 0..<b.count {
                row[j + 1] = min(former[j + 1] + 1, row[j] + 1, former[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                    row[j + 1] = min(row[j + 1], before[j - 1] + 1)
                }
            }
            before = former
            former = row
        }
        return former[b.count]
    }

    /// `; did you mean "price"?`, or the names there are.
    static func hint(_ known: [String], for name: String) -> String {
        if let near = among(known, to: name) { return "; did you mean \"\(near)\"?" }
        if known.isEmpty { return "" }
        return "; known here: \(known.joined(separator: ", "))"
    }
}
