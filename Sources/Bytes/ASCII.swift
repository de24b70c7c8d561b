extension UInt8 {
    /// A letter of ASCII in lower case; any other byte as it is.
    @inlinable public var asciiLowercased: UInt8 { 0x41...0x5A ~= self ? self | 0x20 : self }
}

extension UnsafeRawBufferPointer {
    /// Whether these are the bytes of a text, letters of ASCII in either case.
    ///
    /// - Parameter lowercase: in lower case.
    public func equals(ignoringCaseOf lowercase: some Collection<UInt8>) -> Bool {
        count == lowercase.count && zip(self, lowercase).allSatisfy { $0.asciiLowercased == $1 }
    }
}

extension StaticString {
    /// Its UTF-8, which lives as long as the program.
    @inlinable public var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
    }
}
