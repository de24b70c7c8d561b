/// A connected stream of bytes: TCP as it is, or TLS over it.
///
/// Reads and writes keep the socket's contract: fewer bytes than asked for means that the kernel has no more for now.
public struct Stream: ~Copyable {
    public let socket: Socket

    public init(_ socket: consuming Socket) { self.socket = socket }

    @inline(__always)
    public mutating func read(into room: UnsafeMutableRawBufferPointer) -> Transfer { socket.read(into: room) }

    @inline(__always)
    public mutating func write(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Transfer {
        socket.write(first, second)
    }
}
