import ArgumentParser
import Gateway

struct PayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pay",
        abstract: "A curl that pays: asks, signs one payment if one is wanted, and asks again.",
        discussion: """
            The answer's body goes to standard output, the receipt and everything else to standard error. The request is \
            first sent without a payment. If the answer is a 402 with a price in USDC at or under --max, one payment is \
            signed and the request is sent once more. Nothing is ever signed twice.

            The key is 64 hex digits (0x before them or not), in a file that only you can read, or in FAREBOX_KEY.

            Exit codes: 0 a 2xx answer, paid or free; 1 failed, nothing was paid; 3 the price is above --max, \
            nothing was signed; 4 the server refused the payment; 5 the outcome of the payment is unknown, do not pay again \
            before you know; 22 another HTTP answer (400 or above, or a redirect, which is not followed); 64 wrong usage.
            """)

    @Option(
        name: [.customShort("X", allowingJoined: true), .customLong("request")],
        help: ArgumentHelp("The method; GET, or POST with data, unless given.", valueName: "method"))
    var method: String?

    @Option(
        name: [.customShort("H", allowingJoined: true), .customLong("header")],
        help: ArgumentHelp(
            "\"Name: value\"; may be given several times. \"Name:\" leaves a default one out.", valueName: "line"))
    var headers: [String] = []

    @Option(
        name: [.customShort("d", allowingJoined: true), .customLong("data")],
        help: ArgumentHelp(
            "The body: text, @file, or @- for standard input. Several are joined by &.", valueName: "data"))
    var data: [String] = []

    @Option(
        name: .customLong("max"),
        help: ArgumentHelp(
            "The most to pay, in US dollars. Quote it for the shell: '$0.10'. 0 only shows the price.",
            valueName: "price"))
    var maximum = "$0.10"

    @Option(name: .customLong("key-file"), help: ArgumentHelp("The file with the wallet's key.", valueName: "file"))
    var keyFile: String?

    @Option(
        name: [.customLong("ca-file"), .customLong("cacert")],
        help: ArgumentHelp("A PEM file of CAs to trust for https in place of the system's.", valueName: "file"))
    var caFile: String?

    @Option(
        name: [.customLong("timeout"), .customShort("m"), .customLong("max-time")],
        help: ArgumentHelp("For each of the two requests.", valueName: "seconds"))
    var timeout = 300

    @Argument(help: "http:// or https://") var url: String

    func run() throws {
        var pay = Pay(url: url)
        pay.method = method
        pay.headers = headers
        pay.data = data
        pay.maximum = maximum
        pay.keyFile = keyFile
        pay.caFile = caFile
        pay.timeoutSeconds = timeout
        let code = pay.run()
        if code != 0 { throw ExitCode(code) }
    }
}
