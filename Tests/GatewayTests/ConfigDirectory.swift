import Foundation

@testable import Gateway

/// A config directory of one test, removed with it.
final class ConfigDirectory: Sendable {
    let path: String

    init(_ files: [String: String] = [:]) {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("farebox-\(UUID().uuidString)").path
        try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for (name, text) in files { write(name, text) }
    }

    // Lives until the test is done with it: `loader` and `errors` hold no reference.
    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Appears whole, as editors and deployment tools write.
    func write(_ name: String, _ text: String) {
        try! Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"), options: .atomic)
    }

    func remove(_ name: String) { try! FileManager.default.removeItem(atPath: "\(path)/\(name)") }

    func loader(_ purpose: ConfigLoader.Purpose = .check, environment: [String: String] = [:]) -> ConfigLoader {
        ConfigLoader(directory: path, purpose: purpose) { environment[$0] }
    }

    /// The problems of a load without the directory before each; empty where it succeeds.
    func errors(_ purpose: ConfigLoader.Purpose = .check) -> [String] {
        guard case .failure(let errors) = loader(purpose).load(now: 0) else { return [] }
        return errors.problems.map { strip($0.description) }
    }

    func strip(_ text: String) -> String { text.replacing(path + "/", with: "").replacing(path, with: "DIR") }
}

/// Payments and upstreams that routes in tests use.
let moneyAndUpstream = """
    payments:
      test-usdc: {network: base-sepolia, asset: USDC, pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", facilitator: sandbox}
    upstreams:
      legacy: {url: "http://127.0.0.1:9000"}

    """

func revision(_ yaml: String, number: Int = 1, now: Int64 = 0, former: Revision? = nil) throws -> Revision {
    let directory = ConfigDirectory(["10.yaml": yaml])
    return try directory.loader().load(number: number, now: now, former: former).get()
}

extension RouteTable {
    func match(_ method: String, _ path: String, host: String = "") -> RouteMatch {
        ExplainedRequest(method: method, host: host, path: Array(path.utf8)).match(self)
    }
}
