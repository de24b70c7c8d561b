import CLinux
import Glibc

/// An errno with the call that gave it.
public struct SystemFault: Error, Equatable, CustomStringConvertible {
    public let code: Int32
    public let call: StaticString

    public init(_ call: StaticString, code: Int32 = errno) {
        self.code = code
        self.call = call
    }

    public static func == (a: SystemFault, b: SystemFault) -> Bool { a.code == b.code }
    public var description: String { "\(call): \(String(cString: strerror(code)))" }
}

/// What a non-blocking transfer came to.
public enum Transfer: Equatable {
    case bytes(Int)
    case wouldBlock
    case endOfStream
    case failed(Int32)
}

/// The one door to system calls: EINTR is retried here, and an errno that only a defect can cause stops the program.
enum SystemCall {
    @inline(__always)
    static func retrying(_ call: () -> Int) -> Int {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return result }
        }
    }

    @inline(__always)
    static func transfer(_ call: () -> Int) -> Transfer {
        let result = retrying(call)
        if result > 0 { return .bytes(result) }
        if result == 0 { return .endOfStream }
        switch errno {
        case EAGAIN: return .wouldBlock
        case EBADF, EFAULT, ENOTSOCK: preconditionFailure("a descriptor was used after its end")
        default: return .failed(errno)
        }
    }

    static func checked(_ name: StaticString, _ call: () -> Int32) throws(SystemFault) -> Int32 {
        let result = Int32(retrying { Int(call()) })
        if result < 0 { throw SystemFault(name) }
        return result
    }
}

/// Closes its descriptor when it goes out of life; nobody else may.
public struct Descriptor: ~Copyable, Sendable {
    public let number: Int32

    /// Takes ownership of an open descriptor.
    public init(owning number: Int32) {
        precondition(number >= 0)
        self.number = number
    }

    deinit { close(number) }
}

/// Monotonic time, in nanoseconds since an arbitrary point.
public func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Wall-clock time in nanoseconds since the Unix epoch.
public func wallNanoseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
