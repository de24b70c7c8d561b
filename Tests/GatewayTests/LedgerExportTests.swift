import Testing

@testable import Gateway

/// Moments as the export takes them.
@Suite struct LedgerExportTests {
    @Test(arguments: [
        ("1970-01-01", 0), ("1970-01-01T00:00:01Z", 1), ("2000-02-29", 951_782_400), ("2000-03-01", 951_868_800),
        ("2026-11-21", 1_795_219_200), ("2026-11-21T08:30:05Z", 1_795_249_805), ("2100-03-01", 4_107_542_400),
        ("2023-12-31T23:59:59Z", 1_704_067_199),
    ])
    func times(_ text: String, _ seconds: Int64) {
        #expect(ExportTime.seconds(text) == seconds)
        #expect(LedgerReport.time(seconds).hasPrefix(text))
    }

    @Test(arguments: [
        "", "2026", "2026-11-31", "2100-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "2026-1-01", "1969-12-31",
        "2026-11-21T24:00:00Z", "2026-11-21T08:60:00Z", "2026-11-21T08:30:60Z", "2026-11-21T08:30:00", "2026/11/21",
        "2026-11-21 08:30:00Z", "yesterday!",
    ])
    func noTimes(_ text: String) { #expect(ExportTime.seconds(text) == nil) }
}
