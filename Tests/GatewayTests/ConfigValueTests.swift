import Testing

@testable import Gateway

@Suite struct ConfigValueTests {
    @Test(
        arguments: [
            ("0", 0), ("512", 512), ("10B", 10), ("64KiB", 65_536), ("1MiB", 1_048_576), ("2GiB", 2_147_483_648),
            ("10kB", 10_000),
            ("1MB", 1_000_000), ("1GB", 1_000_000_000), ("", nil), ("KiB", nil), ("-1", nil), ("1.5MiB", nil),
            ("1 MiB", nil), ("01", nil),
            ("1mib", nil), ("1KB", nil), ("9223372036854775807GiB", nil), ("99999999999999999999", nil), ("+5", nil),
            ("5é", nil),
        ] as [(String, Int?)])
    func sizes(_ text: String, _ bytes: Int?) { #expect(ConfigValue.bytes(text) == bytes) }

    @Test(
        arguments: [
            ("250ms", 250), ("10s", 10_000), ("2m", 120_000), ("1h", 3_600_000), ("1d", 86_400_000), ("0s", 0),
            ("10", nil), ("s", nil),
            ("1.5s", nil), ("1m30s", nil), ("-1s", nil), ("10S", nil), ("99999999999999999d", nil),
        ] as [(String, Int?)])
    func durations(_ text: String, _ milliseconds: Int?) { #expect(ConfigValue.milliseconds(text) == milliseconds) }

    @Test(
        arguments: [
            ("$0.02", 6, 20_000), ("$1", 6, 1_000_000), ("$0.000001", 6, 1), ("$0.0200000", 6, 20_000),
            ("$1250.50", 2, 125_050),
            ("$3", 0, 3), ("$0.10", 1, 1), ("$340282366920938463463374607431768211455", 0, UInt128.max),
            ("$0.0000001", 6, nil),
            ("$0.5", 0, nil), ("$340282366920938463463374607431768211456", 0, nil),
            ("$340282366920938463463374607431768211455", 1, nil),
            ("$0", 6, nil), ("$0.000", 6, nil), ("$", 6, nil), ("$.5", 6, nil), ("$5.", 6, nil), ("$1.2.3", 6, nil),
            ("$-1", 6, nil),
            ("$+1", 6, nil), ("$1e3", 6, nil), ("$0x10", 6, nil), ("$01", 6, nil), ("$1_000", 6, nil), ("0.02", 6, nil),
            ("0.02$", 6, nil),
            ("$ 1", 6, nil), ("€1", 6, nil), ("$١", 6, nil),
        ] as [(String, Int, UInt128?)])
    func pricesAreExact(_ text: String, _ decimals: Int, _ atomic: UInt128?) {
        #expect((try? DollarPrice(text).atomic(decimals: decimals, payment: "p")) == atomic)
    }

    @Test(
        arguments: [
            ("prise", "price"), ("pirce", "price"), ("max_timeout_second", "max_timeout_seconds"),
            ("max-timeout-seconds", "max_timeout_seconds"),
            ("PRICE", "price"), ("acept", "accept"), ("upstreem", "upstream"), ("zzz", nil), ("", nil), ("colour", nil),
        ] as [(String, String?)])
    func theNearestNameIsFound(_ name: String, _ nearest: String?) {
        #expect(NearestName.among(KnownKeys.route, to: name) == nearest)
    }

    @Test(arguments: [
        ("", "", 0), ("a", "", 1), ("abc", "abc", 0), ("abc", "acb", 1), ("kitten", "sitting", 3), ("ab", "ba", 1),
    ])
    func distances(_ a: String, _ b: String, _ expected: Int) {
        #expect(NearestName.distance(Array(a.utf8), Array(b.utf8)) == expected)
        #expect(NearestName.distance(Array(b.utf8), Array(a.utf8)) == expected)
    }
}
