import CLinux
import Glibc

/// One non-blocking TCP socket, closed with its owner.
public struct Socket: ~Copyable {
    private let descriptor: Descriptor

    init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

    public var number: Int32 { descriptor.number }

    /// Begins a connection; the socket turns writable when it stands or has failed (`pendingFault`).
    public static func connecting(to address: SocketAddress) throws(SystemFault) -> Socket {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let socket = Socket(
            Descriptor(owning: try SystemCall.checked("socket") { Glibc.socket(address.family, type, 0) }))
        socket.setOption(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        let result = address.withSockaddr { connect(socket.number, $0, $1) }
        if result != 0 && errno != EINPROGRESS { throw SystemFault("connect") }
        return socket
    }

    /// The error that a connection in progress came to; nil when it stands.
    public func pendingFault() -> SystemFault? {
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &size)
        return code == 0 ? nil : SystemFault("connect", code: code)
    }

    func setOption(_ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        setsockopt(number, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Fills `room` as far as the kernel has bytes. Fewer bytes than `room` holds means drained.
    @inline(__always)
    public func read(into room: UnsafeMutableRawBufferPointer) -> Transfer {
        SystemCall.transfer { recv(number, room.baseAddress, room.count, 0) }
    }

    /// True when the peer has neither closed nor sent anything: a kept connection that may carry a request.
    public var isQuiet: Bool {
        var byte: UInt8 = 0
        return SystemCall.transfer { recv(number, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) } == .wouldBlock
    }

    /// Sends what the kernel takes of two runs, in one system call. Never raises SIGPIPE.
    @inline(__always)
    public func write(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Transfer {
        if second.isEmpty {
            return SystemCall.transfer { send(number, first.baseAddress, first.count, Int32(MSG_NOSIGNAL)) }
        }
        return withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2) { parts in
            parts[0] = iovec(iov_base: UnsafeMutableRawPointer(mutating: first.baseAddress), iov_len: first.count)
            parts[1] = iovec(iov_base: UnsafeMutableRawPointer(mutating: second.baseAddress), iov_len: second.count)
            var message = msghdr()
            message.msg_iov = parts.baseAddress
            message.msg_iovlen = 2
            return SystemCall.transfer { sendmsg(number, &message, Int32(MSG_NOSIGNAL)) }
        }
    }

    /// Tells the peer that nothing more comes; reading goes on.
    public func finishSending() { shutdown(number, Int32(SHUT_WR)) }

    /// Makes the coming close a reset: for a peer that must not take a cut-off answer for a whole one.
    public func resetOnClose() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(number, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    /// Whether the peer has closed its sending side or the connection is over: any TCP state but ESTABLISHED.
    public var peerHasFinished: Bool { farebox_tcp_is_established(number) == 0 }

    /// True when the peer's kernel has acknowledged every byte sent and has not reset the connection.
    public var isAcknowledged: Bool {
        farebox_unacknowledged_bytes(number) == 0 && pendingFault() == nil
    }
}

/// A bound, listening socket of one loop (`SO_REUSEPORT`: each loop has its own).
public struct ListeningSocket: ~Copyable {
    private let descriptor: Descriptor
    public let address: SocketAddress

    public var number: Int32 { descriptor.number }

    public init(_ address: SocketAddress, shared: Bool = true) throws(SystemFault) {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let opened = Descriptor(owning: try SystemCall.checked("socket") { Glibc.socket(address.family, type, 0) })
        let number = opened.number
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &on, size)
        if shared { setsockopt(number, SOL_SOCKET, SO_REUSEPORT, &on, size) }
        // Accepted sockets inherit it: one call for all.
        setsockopt(number, Int32(IPPROTO_TCP), TCP_NODELAY, &on, size)
        if address.family == AF_INET6 { setsockopt(number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, size) }
        _ = try SystemCall.checked("bind") { address.withSockaddr { Glibc.bind(number, $0, $1) } }
        _ = try SystemCall.checked("listen") { Glibc.listen(number, 4096) }
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let bound = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                getsockname(number, address, &length) == 0 ? SocketAddress(address, length: length) : nil
            }
        }
        self.address = bound ?? address
        descriptor = opened
    }

    /// Takes one waiting connection; nil when none waits. Throws when the process is out of descriptors or memory.
    public func accept() throws(SystemFault) -> AcceptedSocket? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let flags = Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        while true {
            let accepted = withUnsafeMutablePointer(to: &storage) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    farebox_accept4(number, $0, &length, flags)
                }
            }
            if accepted >= 0 {
                let socket = Socket(Descriptor(owning: accepted))
                let peer = withUnsafePointer(to: &storage) { pointer in
                    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { SocketAddress($0, length: length) }
                }
                return AcceptedSocket(socket: socket, peer: peer ?? address)
            }
            switch errno {
            case EINTR, ECONNABORTED, EPROTO: continue
            case EAGAIN: return nil
            default: throw SystemFault("accept4")
            }
        }
    }
}

/// A connection with the address it came from.
public struct AcceptedSocket: ~Copyable {
    public var socket: Socket
    public let peer: SocketAddress

    public consuming func take() -> Socket { socket }
}
