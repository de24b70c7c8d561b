import Glibc

/// An IPv4 or IPv6 address with its port, held by value as the kernel's `sockaddr_storage`.
public struct SocketAddress: Sendable {
    private var storage: sockaddr_storage
    /// Bytes of `storage` in use, as `bind`, `connect` and `accept` count them.
    public private(set) var length: socklen_t

    /// Copies what the kernel or the resolver returned; nil for any family but AF_INET and AF_INET6, or too few bytes.
    public init?(_ address: UnsafePointer<sockaddr>, length: socklen_t) {
        let size: Int
        switch Int32(address.pointee.sa_family) {
        case AF_INET: size = MemoryLayout<sockaddr_in>.size
        case AF_INET6: size = MemoryLayout<sockaddr_in6>.size
        default: return nil
        }
        guard Int(length) >= size else { return nil }
        storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: size))
        }
        self.length = socklen_t(size)
    }

    /// Parses `127.0.0.1:80` and `[::1]:80` (RFC 3986 brackets, port in decimal); nil for anything else, names included.
    public init?(_ text: String) {
        guard let colon = text.utf8.lastIndex(of: 0x3A) else { return nil }
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits) else {
            return nil
        }
        let host = text[..<colon]
        if host.hasPrefix("[") && host.hasSuffix("]") && host.utf8.count > 2 {
            let literal = String(host.dropFirst().dropLast())
            guard literal.utf8.contains(0x3A) else { return nil }
            self.init(literal: literal, port: port)
        } else {
            guard !host.utf8.contains(0x3A) else { return nil }
            self.init(literal: String(host), port: port)
        }
    }

    /// An address from its literal without brackets; nil unless `inet_pton` takes it.
    public init?(literal host: String, port: UInt16) {
        guard !host.utf8.contains(0) else { return nil }
        storage = sockaddr_storage()
        var v4 = in_addr()
        var v6 = in6_addr()
        if inet_pton(AF_INET, host, &v4) == 1 {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr = v4
            length = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeBytes(of: address) { from in withUnsafeMutableBytes(of: &storage) { $0.copyMemory(from: from) } }
        } else if inet_pton(AF_INET6, host, &v6) == 1 {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            address.sin6_addr = v6
            length = socklen_t(MemoryLayout<sockaddr_in6>.size)
            withUnsafeBytes(of: address) { from in withUnsafeMutableBytes(of: &storage) { $0.copyMemory(from: from) } }
        } else {
            return nil
        }
    }

    /// `AF_INET` or `AF_INET6`.
    public var family: Int32 { Int32(storage.ss_family) }

    /// Host order.
    public var port: UInt16 {
        withUnsafeBytes(of: storage) {
            UInt16(bigEndian: $0.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        }
    }

    /// Calls `body` with the pointer and length that socket calls take; valid during the call only.
    @inlinable public func withSockaddr<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) throws -> R) rethrows -> R {
        try withBytes { try body($0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: sockaddr.self), length) }
    }

    @usableFromInline func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try withUnsafeBytes(of: storage, body)
    }

    /// The 4 or 16 address bytes, network order.
    public func withAddressBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try withBytes { try body(UnsafeRawBufferPointer(rebasing: family == AF_INET ? $0[4..<8] : $0[8..<24])) }
    }

    /// The address without port and brackets, as `inet_ntop` prints it.
    public var host: String {
        withAddressBytes { bytes in
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { out in
                guard
                    let text = inet_ntop(
                        family, bytes.baseAddress.unsafelyUnwrapped, out.baseAddress.unsafelyUnwrapped,
                        socklen_t(out.count))
                else { return "" }
                return String(cString: text)
            }
        }
    }

    /// True for 127.0.0.0/8 and ::1.
    public var isLoopback: Bool {
        withAddressBytes { bytes in
            bytes.count == 4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] == 1
        }
    }
}

extension SocketAddress: Hashable {
    public static func == (a: SocketAddress, b: SocketAddress) -> Bool {
        guard a.length == b.length else { return false }
        return a.withBytes { left in
            b.withBytes { right in memcmp(left.baseAddress!, right.baseAddress!, Int(a.length)) == 0 }
        }
    }

    public func hash(into hasher: inout Hasher) {
        withBytes { hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: $0[..<Int(length)])) }
    }
}

extension SocketAddress: CustomStringConvertible {
    /// `127.0.0.1:80` or `[::1]:80`.
    public var description: String { family == AF_INET ? "\(host):\(port)" : "[\(host)]:\(port)" }
}
