// Reads one message from standard input many times, as the gateway does, and prints the CPU of each in microseconds.

import Glibc
import MCP

func cpuMicroseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
}

var body: [UInt8] = []
while let line = readLine(strippingNewline: false) { body += Array(line.utf8) }

let prices = ToolPrices(tools: [("search_kb", .free), ("create_ticket", .priced(0))], otherTools: .denied, methods: [])
let turns = 200_000
var free = 0
let begin = cpuMicroseconds()
body.withUnsafeBytes { body in
    for _ in 0..<turns {
        let message = ClientMessageReader.read(body, limits: ClientMessageReader.limits(bytes: 1 << 20))
        guard case .request(let request) = message, PaymentCut(request, of: body).range == nil else { continue }
        if case .free = prices.judge(message, of: body) { free += 1 }
    }
}
let end = cpuMicroseconds()
precondition(free == turns, "standard input holds a free call")
print((end - begin) / Double(turns))
