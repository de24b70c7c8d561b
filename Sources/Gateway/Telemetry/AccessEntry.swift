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
    /// The customer whose key came; empty without one.
    var customer = ""
    /// The policy that turned it away; empty without one.
    var policy = ""
    var payment: Payment?

    /// Longer method, target and host texts are cut: hostile ones must not fill the disk.
    static let textLimit = 8 * 1024

    /// Appends one line of JSON. The keys from `time` to `outcome` are there always, but for `host`, `route` and
    /// `upstream_ms`; those and the later ones only where something is known.
    func append(to out: inout ByteBuffer, clock: inout WallClockText) {
        let room = out.writable(longestLine)
        let start = room.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
        var line = LineWriter(start)
        line.write("{\"time\":\"")
        clock.write(nanoseconds: endedNanoseconds, to: &line)
        Self.write("\",\"client\":\"", client, &line)
        Self.write("\",\"method\":\"", method, &line)
        Self.write("\",\"target\":\"", target, &line)
        if !host.isEmpty { Self.write("\",\"host\":\"", host, &line) }
        if !route.isEmpty { Self.write("\",\"route\":\"", route, &line) }
        line.write("\",\"revision\":")
        line.write(decimal: UInt(clamping: revision))
        line.write(",\"status\":")
        line.write(decimal: UInt(clamping: status))
        line.write(",\"duration_ms\":")
        Self.write(milliseconds: totalNanoseconds, &line)
        if let upstreamNanoseconds {
            line.write(",\"upstream_ms\":")
            Self.write(milliseconds: upstreamNanoseconds, &line)
        }
        line.write(",\"bytes_in\":")
        line.write(decimal: UInt(clamping: bytesIn))
        line.write(",\"bytes_out\":")
        line.write(decimal: UInt(clamping: bytesOut))
        Self.write(",\"outcome\":\"", outcome, &line)
        if !upstream.isEmpty { Self.write("\",\"upstream\":\"", upstream, &line) }
        if !error.isEmpty { Self.write("\",\"error\":\"", error, &line) }
        if !customer.isEmpty { Self.write("\",\"customer\":\"", customer, &line) }
        if !policy.isEmpty { Self.write("\",\"policy\":\"", policy, &line) }
        if let payment {
            Self.write("\",\"payer\":\"", payment.payer, &line)
            Self.write("\",\"amount\":\"", payment.amountAtomic, &line)
            Self.write("\",\"network\":\"", payment.network, &line)
            if !payment.transaction.isEmpty { Self.write("\",\"transaction\":\"", payment.transaction, &line) }
        }
        line.write("\"}\n")
        out.didWrite(line.end - start)
    }

    /// Room for every key and number, and for every text at its longest.
    private var longestLine: Int {
        var texts = Self.cut(client).count + Self.cut(method).count + Self.cut(target).count + Self.cut(host).count
        texts += route.utf8.count + upstream.utf8.count + outcome.utf8.count + error.utf8.count
        texts += customer.utf8.count + policy.utf8.count
        if let payment {
            texts += payment.payer.utf8.count + payment.amountAtomic.utf8.count
            texts += payment.network.utf8.count + payment.transaction.utf8.count
        }
        return texts * EscapedText.growth + Self.keysAndNumbers
    }

    /// All keys with their quotes (under 280 bytes), the time (24), and six numbers of at most 24 digits.
    static let keysAndNumbers = 512

    @inline(__always)
    private static func cut(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: text.baseAddress, count: min(text.count, textLimit))
    }

    @inline(__always)
    private static func write(_ key: StaticString, _ value: UnsafeRawBufferPointer, _ line: inout LineWriter) {
        line.write(key)
        line.write(escaped: cut(value))
    }

    @inline(__always)
    private static func write(_ key: StaticString, _ value: String, _ line: inout LineWriter) {
        line.write(key)
        line.write(escaped: value)
    }

    /// With three decimals.
    private static func write(milliseconds nanoseconds: UInt64, _ line: inout LineWriter) {
        let microseconds = UInt(nanoseconds / 1000)
        line.write(decimal: microseconds / 1000)
        line.write(byte: 0x2E)
        line.write(microseconds % 1000, digits: 3)
    }
}
