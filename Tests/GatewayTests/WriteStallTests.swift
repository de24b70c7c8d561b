import Testing

@testable import Gateway

/// An answer that its caller does not take.
@Suite struct WriteStallTests {
    /// Whatever it takes gives it another 60 s.
    @Test func aCallerThatTakesNothingIsDropped() throws {
        // Nothing else ends it.
        let rig = try WorkerRig(total: "4m")
        let caller = try rig.call("GET /free/x HTTP/1.1\r\nHost: a\r\n\r\n")
        let upstream = try rig.serve("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        let piece = [UInt8](repeating: 7, count: 64 * 1024)
        /// As much as goes until the caller's taking nothing stops everybody.
        func fill() {
            var refusals = 0
            rig.run {
                refusals = upstream.writeSome(piece[...]) > 0 ? 0 : refusals + 1
                return refusals > 30
            }
        }
        fill()
        rig.pass(milliseconds: 40_000)
        #expect(!rig.isAtRest)
        rig.run {
            caller.readAvailable()
            return caller.heard.count > 1_000_000
        }
        fill()
        rig.pass(milliseconds: 40_000)
        #expect(!rig.isAtRest)
        rig.pass(milliseconds: 21_000)
        #expect(rig.run { rig.isAtRest })
        rig.run { caller.readAvailable() && caller.isFinished }
        #expect(caller.wasReset || caller.heard.count < 100_000_000)
    }
}
