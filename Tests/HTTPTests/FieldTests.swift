import Testing

@testable import HTTP

@Test func everyFieldIDFitsOneWord() { #expect(FieldID.allCases.count <= 64) }
