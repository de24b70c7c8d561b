// swift-tools-version: 6.1
import PackageDescription

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6)]

let package = Package(
    name: "farebox",
    products: [.executable(name: "farebox", targets: ["farebox"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .target(name: "CLinux"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CSecp256k1", pkgConfig: "libsecp256k1", providers: [.apt(["libsecp256k1-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),

        .target(name: "Bytes", swiftSettings: strict),
        .target(name: "EventLoop", dependencies: ["Bytes", "CLinux", "COpenSSL"], swiftSettings: strict),
        .target(name: "HTTP", dependencies: ["Bytes"], swiftSettings: strict),
        .target(name: "Digests", dependencies: ["Bytes", "COpenSSL"], swiftSettings: strict),
        .target(name: "JSON", dependencies: ["Bytes"], swiftSettings: strict),
        .target(name: "Chains", dependencies: ["Bytes", "CSecp256k1"], swiftSettings: strict),
        .target(name: "OnChain", dependencies: ["Bytes", "Chains", "JSON"], swiftSettings: strict),
        .target(name: "MCP", dependencies: ["Bytes", "JSON"], swiftSettings: strict),
        .target(name: "Payments", dependencies: ["Bytes", "Chains", "JSON"], swiftSettings: strict),
        .target(
            name: "Ledger",
            dependencies: [
                "Bytes", "Digests", "CLinux", "CSQLite", .product(name: "DequeModule", package: "swift-collections"),
            ],
            swiftSettings: strict),
        .target(
            name: "Gateway",
            dependencies: [
                "Bytes", "Digests", "EventLoop", "HTTP", "JSON", "Chains", "OnChain", "Payments", "MCP", "Ledger",
                "CLinux", "COpenSSL", "Yams",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "farebox",
            dependencies: ["Gateway", "Ledger", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: strict),

        // What tests of the ledger stand on, and the simulation of ledger, money and chain.
        .target(
            name: "CrashDisk", dependencies: ["Ledger", "CSQLite"], path: "Tests/CrashDisk", swiftSettings: strict),
        .target(
            name: "Simulation", dependencies: ["CrashDisk", "Ledger", "OnChain", "Chains", "Bytes"],
            path: "Tests/Simulation", exclude: ["broken"], swiftSettings: strict),
        .executableTarget(
            name: "simulate", dependencies: ["Simulation"], path: "Tests/Simulate", exclude: ["run"],
            swiftSettings: strict),

        // What it costs to read a message, for the bench.
        .executableTarget(
            name: "reading-cost", dependencies: ["MCP"], path: "Tests/ReadingCost", swiftSettings: strict),

        .testTarget(name: "BytesTests", dependencies: ["Bytes"], swiftSettings: strict),
        .testTarget(name: "DigestsTests", dependencies: ["Digests"], swiftSettings: strict),
        .testTarget(name: "EventLoopTests", dependencies: ["EventLoop", "COpenSSL"], swiftSettings: strict),
        .testTarget(name: "HTTPTests", dependencies: ["HTTP"], swiftSettings: strict),
        .testTarget(name: "JSONTests", dependencies: ["JSON"], swiftSettings: strict),
        .testTarget(name: "ChainsTests", dependencies: ["Chains"], swiftSettings: strict),
        .testTarget(name: "OnChainTests", dependencies: ["OnChain"], swiftSettings: strict),
        .testTarget(name: "MCPTests", dependencies: ["MCP"], swiftSettings: strict),
        .testTarget(name: "PaymentsTests", dependencies: ["Payments"], swiftSettings: strict),
        .testTarget(name: "LedgerTests", dependencies: ["Ledger", "CrashDisk", "CSQLite"], swiftSettings: strict),
        .testTarget(name: "SimulationTests", dependencies: ["Simulation"], swiftSettings: strict),
        .testTarget(name: "GatewayTests", dependencies: ["Gateway", "COpenSSL"], swiftSettings: strict),
    ]
)
