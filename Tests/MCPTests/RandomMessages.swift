/// Random JSON in every spelling: spaces, escapes, depth, keys in any order.
struct RandomMessages {
    private var generator: SplitMix

    init(seed: UInt64) { generator = SplitMix(state: seed) }

    /// Repeatable, unlike the system's.
    private struct SplitMix: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = state
            word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
            return word ^ word >> 31
        }
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }
    mutating func oneOf<T>(_ choices: [T]) -> T { choices[below(choices.count)] }
    mutating func space() -> String { oneOf(["", "", "", "", " ", "\n", "\t ", "\r\n  "]) }

    mutating func string() -> String {
        let parts = [
            "a", "B", "é", "漢", "😀", #"\n"#, #"\""#, #"\\"#, #"\/"#, #"\u0041"#, #"\ud83d\ude00"#, "{", "}", ",", ":",
            " ",
        ]
        return "\"" + (0..<below(8)).map { _ in oneOf(parts) }.joined() + "\""
    }

    mutating func value(depth: Int = 3) -> String {
        switch below(depth > 0 ? 8 : 6) {
        case 0: return "null"
        case 1: return oneOf(["true", "false"])
        case 2: return oneOf(["0", "-1", "1.50", "1e9", "-0.0", "123456789012345678901234567890"])
        case 3...5: return string()
        case 6: return object((0..<below(4)).map { ("k\($0)", value(depth: depth - 1)) })
        default:
            let elements = (0..<below(4)).map { _ in space() + value(depth: depth - 1) + space() }
            return "[" + elements.joined(separator: ",") + "]"
        }
    }

    /// The members in a random order, spaced at random.
    mutating func object(_ members: [(String, String)]) -> String {
        var members = members
        members.shuffle(using: &generator)
        let texts = members.map { "\(space())\"\($0.0)\"\(space()):\(space())\($0.1)\(space())" }
        return "{" + (texts.isEmpty ? space() : texts.joined(separator: ",")) + "}"
    }

    /// Members that stand for whatever else a message has.
    mutating func others() -> [(String, String)] {
        (0..<below(4)).map { (oneOf(["x", "y.z/w", "é"]) + "\($0)", value()) }
    }
}
