import JSON

/// A member of an object as what is cut out to remove it.
struct MemberRange {
    /// From the key to the next key; of the last one, from the end of the value before; of an only one, key and value.
    let range: Range<Int>
    let value: JSONValue

    /// Nil where the object has no such member.
    static func of(_ key: StaticString, in object: JSONValue) -> MemberRange? {
        var members = object.members
        var endOfPrevious: Int?
        while let (name, value) = members.next() {
            if name.isString(key) {
                if let (next, _) = members.next() {
                    return MemberRange(range: name.range.lowerBound..<next.range.lowerBound, value: value)
                }
                return MemberRange(
                    range: (endOfPrevious ?? name.range.lowerBound)..<value.range.upperBound, value: value)
            }
            endOfPrevious = value.range.upperBound
        }
        return nil
    }
}
