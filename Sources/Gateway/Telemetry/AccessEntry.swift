import Bytes

/// What the access log says of one exchange. Pointers are read during the call that takes the entry and not kept.
struct AccessEntry {
    /// What was paid, where something was.
    struct Payment {
        /// EIP-55.
        var payer: String
        /// Atomic units, in decimal.
        var amountAtomic: String
        /// CAIP-2.
        var network: String
        /// The settlement's; empty while there is none.
        var transaction: String
    }

    /// When the exchange ended: wall clock, nanoseconds since the Unix epoch.
    var endedNanoseconds: Int64
    /// The caller's address, printed.
    var client: UnsafeRawBufferPointer
    /// As received; empty when no request line could be read.
    var method: UnsafeRawBufferPointer
    var target: UnsafeRawBufferPointer
    var host: UnsafeRawBufferPointer
    /// The route's `match`; empty without a route.
    var route: String
    var revision: Int
    /// 0 when the caller left before there was one.
    var status: Int
    /// From the head's first byte to the answer's last.
    var totalNanoseconds: UInt64
    /// From asking the upstream to its first byte; nil when none came.
    var upstreamNanoseconds: UInt64?
    /// Body and head, as they went over the caller's connection.
    var bytesIn: Int
    var bytesOut: Int
    /// Its name in the config; empty when none was asked.
    var upstream: String
    /// What became of the exchange, in one word.
    var outcome: String
    /// The stable code of the error that the caller got or that cut the exchange off; empty without one.
    var error: String
    var payment: Payment?

    /// Longer method, target and host texts are cut: hostile ones must not fill the disk.
    static let textLimit = 8 * 1024

    /// Appends one line of JSON. The keys from `time` to `outcome` are there always, but for `host`, `route` and
    /// `upstream_ms`; those and the later ones only where something is known.
    func append(to out: inout ByteBuffer, clock: inout WallClockText) {
        out.append("{\"time\":\"")
        clock.append(nanoseconds: endedNanoseconds, to: &out)
        out.append("\",\"client\":\"")
        out.appendEscaped(client)
        Self.text("\",\"method\":\"", method, to: &out)
        Self.text("\",\"target\":\"", target, to: &out)
        if !host.isEmpty { Self.text("\",\"host\":\"", host, to: &out) }
        if !route.isEmpty { Self.text("\",\"route\":\"", route, to: &out) }
        out.append("\",\"revision\":")
        out.append(decimal: revision)
        out.append(",\"status\":")
        out.append(decimal: status)
        out.append(",\"duration_ms\":")
        Self.milliseconds(totalNanoseconds, to: &out)
        if let upstreamNanoseconds {
            out.append(",\"upstream_ms\":")
            Self.milliseconds(upstreamNanoseconds, to: &out)
        }
        out.append(",\"bytes_in\":")
        out.append(decimal: bytesIn)
        out.append(",\"bytes_out\":")
        out.append(decimal: bytesOut)
        out.append(",\"outcome\":\"")
        out.appendEscaped(outcome)
        if !upstream.isEmpty { Self.text("\",\"upstream\":\"", upstream, to: &out) }
        if !error.isEmpty { Self.text("\",\"error\":\"", error, to: &out) }
        if let payment {
            Self.text("\",\"payer\":\"", payment.payer, to: &out)
            Self.text("\",\"amount\":\"", payment.amountAtomic, to: &out)
            Self.text("\",\"network\":\"", payment.network, to: &out)
            if !payment.transaction.isEmpty { Self.text("\",\"transaction\":\"", payment.transaction, to: &out) }
        }
        out.append("\"}\n")
    }

    @inline(__always)
    private static func text(_ key: StaticString, _ value: UnsafeRawBufferPointer, to out: inout ByteBuffer) {
        out.append(key)
        out.appendEscaped(UnsafeRawBufferPointer(rebasing: value.prefix(textLimit)))
    }

    @inline(__always)
    private static func text(_ key: StaticString, _ value: String, to out: inout ByteBuffer) {
        out.append(key)
        out.appendEscaped(value)
    }

    /// Milliseconds with three decimals.
    private static func milliseconds(_ nanoseconds: UInt64, to out: inout ByteBuffer) {
        let microseconds = UInt(nanoseconds / 1000)
        out.append(decimal: microseconds / 1000)
        out.append(byte: 0x2E)
        WallClockText.append(microseconds % 1000, digits: 3, to: &out)
    }
}
