import Foundation
import Testing

@testable import Gateway

/// Golden messages: each broken file with exactly what the operator is told, in file order.
@Suite struct ConfigErrorTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var yaml: String
        var errors: [String]
        var testDescription: String { yaml }

        init(_ yaml: String, _ errors: [String]) {
            self.yaml = yaml
            self.errors = errors
        }
    }

    static let cases: [Case] =
        settingCases + paymentCases + networkCases + relayerCases + facilitatorCases + upstreamCases + routeCases
        + menuCases + policyCases + yamlCases

    @Test(arguments: cases)
    func messages(_ broken: Case) {
        let directory = ConfigDirectory(["10.yaml": moneyAndUpstream, "20.yaml": broken.yaml])
        #expect(directory.errors() == broken.errors)
    }

    @Test func allFilesAreReportedInOrder() {
        let directory = ConfigDirectory([
            "10.yaml": "listen: nowhere\nroutes: [{match: /a, upstream: x, free: true}]\n",
            "20.yaml": "a: b: c\n",
            "30.yaml": "cors: 5\nroutes: [{match: /a, upstream: up, free: true}]\n",
            "40.yaml": "listen: 127.0.0.1:1\nupstreams: {up: {url: \"http://h\"}}\n",
        ])
        #expect(
            directory.errors() == [
                "10.yaml:1:9: listen: \"nowhere\" is no address with a port; write 127.0.0.1:8402 or [::1]:8402",
                "10.yaml:2:32: routes[0].upstream: unknown upstream \"x\"; known here: up",
                "20.yaml:1:5: is not YAML: mapping values are not allowed in this context (quote a text that holds \": \")",
                "30.yaml:1:7: cors: expected on or off, found \"5\"",
                "30.yaml:2:18: routes[0].match: \"/a\" takes the same requests as \"/a\" at 10.yaml:2",
                "40.yaml:1:1: listen: is given twice; the first is at 10.yaml:1:1",
            ])
    }

    @Test func directoriesAndFilesThatCannotBeRead() {
        let directory = ConfigDirectory()
        #expect(directory.errors() == ["DIR: holds no *.yaml file"])
        try! FileManager.default.createDirectory(
            atPath: "\(directory.path)/10.yaml", withIntermediateDirectories: false)
        #expect(directory.errors() == ["10.yaml: is not a regular file"])
        #expect(mkfifo("\(directory.path)/20.yaml", 0o600) == 0)
        symlink("nowhere", "\(directory.path)/30.yaml")
        #expect(
            directory.errors() == [
                "10.yaml: is not a regular file", "20.yaml: is not a regular file",
                "30.yaml: No such file or directory",
            ])
        guard case .failure(let errors) = ConfigLoader(directory: "/nowhere", purpose: .check).load(now: 0) else {
            return #expect(Bool(false))
        }
        #expect(
            errors.problems.map(\.description) == [
                "/nowhere: cannot read the config directory: No such file or directory"
            ])
    }

    @Test func hugeFilesAreRefused() {
        let directory = ConfigDirectory(["10.yaml": String(repeating: "#", count: (16 << 20) + 1)])
        #expect(directory.errors() == ["10.yaml: is larger than 16384 KiB"])
    }

    @Test func bytesThatAreNotUTF8AreRefused() throws {
        let directory = ConfigDirectory()
        try Data([0x61, 0x3A, 0x0A, 0x62, 0x3A, 0x20, 0xFF]).write(
            to: URL(fileURLWithPath: "\(directory.path)/10.yaml"))
        #expect(directory.errors() == ["10.yaml:2:4: is not UTF-8"])
    }

    /// A mistake in a script that writes thousands of routes must not drown the terminal.
    @Test func errorsAreBounded() {
        let directory = ConfigDirectory(["10.yaml": "routes:\n" + String(repeating: "  - {}\n", count: 300)])
        let errors = directory.errors()
        #expect(errors.count == ConfigProblems.maximum + 1)
        #expect(errors.last == "10.yaml: and 700 errors more")
    }

    /// Aliases that would unfold to a billion nodes are refused at the first.
    @Test func aliasesAreNeverUnfolded() {
        var yaml = "a0: &a0 [x, x]\n"
        for at in 1..<60 { yaml += "a\(at): &a\(at) [*a\(at - 1), *a\(at - 1)]\n" }
        let errors = ConfigDirectory(["10.yaml": yaml]).errors()
        #expect(
            errors.count { $0.hasSuffix("anchors and aliases (&, *) are not used here; write the value out") } == 60)
    }

    @Test func nestingWithoutEndIsRefused() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(ConfigDirectory(["10.yaml": deep]).errors().count == 1)
    }

    static let secrets =
        moneyAndUpstream.replacing("upstreams:\n", with: "") + """
            upstreams:
              api:
                url: https://api.internal
                ca_file: /nowhere/ca.pem
                headers: {Authorization: {env: API_KEY}, X-Key: {file: /nowhere/key}}

            """

    @Test func missingSecretsStopRunAndWarnAtCheck() throws {
        let directory = ConfigDirectory([
            "10.yaml": Self.secrets.replacing("  legacy: {url: \"http://127.0.0.1:9000\"}\n", with: "")
        ])
        let missing = [
            "10.yaml:6:14: upstreams.api.ca_file: /nowhere/ca.pem: No such file or directory",
            "10.yaml:7:36: upstreams.api.headers.Authorization.env: the environment variable API_KEY is not set",
            "10.yaml:7:60: upstreams.api.headers.X-Key.file: /nowhere/key: No such file or directory",
        ]
        #expect(directory.errors(.run) == missing)
        let revision = try directory.loader(.check).load(now: 0).get()
        let warnings = revision.warnings.map { directory.strip($0.description) }
        #expect(
            warnings == ["DIR: routes: there are no routes; every path is unmatched"]
                + missing.map { "\($0); run needs it" })
        #expect(revision.upstreams[0].headers.map(\.value) == [nil, nil])
    }

    @Test func secretsComeFromFilesWithoutTheirLineEnd() throws {
        let directory = ConfigDirectory(["key": "t0p\n"])
        directory.write(
            "10.yaml", "upstreams: {a: {url: \"http://h\", headers: {X-Key: {file: \"\(directory.path)/key\"}}}}\n")
        #expect(try directory.loader(.run).load(now: 0).get().upstreams[0].headers[0].value == Array("t0p".utf8))
        directory.write("key", "a\nb\n")
        #expect(
            directory.errors(.run) == [
                "10.yaml:1:51: upstreams.a.headers.X-Key: its value holds a control character, which no header field may"
            ])
    }

    @Test func networksThatOldClientsDoNotKnowAreWarnedOf() throws {
        let yaml = """
            payments:
              a: {network: polygon-amoy, asset: USDC, pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", facilitator: sandbox}
              b: {network: avalanche-fuji, asset: USDC, pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", facilitator: sandbox}
              c:
                network: eip155:31337
                asset: {address: "0x209693bc6afc0c5328ba36faf03c514ef312287d", name: X, version: "2", decimals: 6}
                pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
                facilitator: sandbox

            """
        let directory = ConfigDirectory(["1.yaml": yaml])
        let warnings = try directory.loader().load(now: 0).get().warnings.map { directory.strip($0.description) }
        let old =
            "is unknown to the oldest clients (PyPI x402 1.0.0 and before), which then refuse the whole 402; they know base, "
            + "base-sepolia, avalanche, avalanche-fuji"
        #expect(
            warnings.dropFirst() == [
                "1.yaml:2:16: payments.a.network: \"polygon-amoy\" \(old)",
                "1.yaml:5:14: payments.c.network: eip155:31337 is not known to be a test network; what callers sign for the sandbox "
                    + "is valid there too",
                "1.yaml:5:14: payments.c.network: \"eip155:31337\" \(old)",
            ])
    }

    @Test func assetsThatVersion1CannotTellApartAreWarnedOfOnce() throws {
        let yaml =
            moneyAndUpstream + """
                routes:
                  - {match: /a, upstream: legacy, price: $1}
                  - {match: /b, upstream: legacy, price: $1}

                """
        let other = """
            payments:
              eurc:
                network: base-sepolia
                asset: {address: "0x036cbd53842c5426634e7929541ec2318f3dcf7d", name: EURC, version: "2", decimals: 6}
                pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
                facilitator: sandbox

            """
        let directory = ConfigDirectory(["1.yaml": yaml, "2.yaml": other])
        let warnings = try directory.loader().load(now: 0).get().warnings.map { directory.strip($0.description) }
        #expect(
            warnings == [
                "1.yaml:6:5: routes[0].accept: \"test-usdc\" and \"eurc\" share a network, which is all that clients of x402 "
                    + "version 1 name: they pay the first"
            ])
    }
}
