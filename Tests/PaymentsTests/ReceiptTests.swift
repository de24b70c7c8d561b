import Bytes
import Chains
import Testing

@testable import Payments

@Suite struct ReceiptTests {
    static func encode(_ response: PaymentResponse, _ version: ProtocolVersion) -> String {
        var out = ByteBuffer()
        response.encode(version, into: &out)
        return out.text
    }

    static func decode(_ text: String) -> PaymentResponse? {
        Array(text.utf8).withUnsafeBytes { PaymentResponse.decode($0) }
    }

    static let success = PaymentResponse(
        success: true, transaction: "sandbox-1", network: "eip155:84532", networkV1Name: "base-sepolia",
        payer: Samples.payer, amountAtomic: 20000)

    @Test func successInBothVersions() {
        #expect(
            ChallengeTests.json(Self.encode(Self.success, .v2)) == """
                {"success":true,"transaction":"sandbox-1","network":"eip155:84532",\
                "payer":"0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1","amount":"20000"}
                """)
        #expect(
            ChallengeTests.json(Self.encode(Self.success, .v1)) == """
                {"success":true,"transaction":"sandbox-1","network":"base-sepolia",\
                "payer":"0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1"}
                """)
    }

    @Test func theObjectIsWhatTheFieldEncodes() {
        for version in [ProtocolVersion.v1, .v2] {
            var out = ByteBuffer()
            Self.success.write(version, into: &out)
            #expect(Base64.encode(out.array) == Self.encode(Self.success, version))
        }
    }

    @Test func failureNamesItsReason() {
        let failure = PaymentResponse(
            success: false, transaction: "", network: "eip155:84532", networkV1Name: "base-sepolia", payer: nil,
            errorReason: PaymentCode.settlementPending.rawValue)
        #expect(
            ChallengeTests.json(Self.encode(failure, .v2)) == """
                {"success":false,"errorReason":"settlement_pending","transaction":"","network":"eip155:84532"}
                """)
    }

    @Test func roundTrip() throws {
        let read = try #require(Self.decode(Self.encode(Self.success, .v2)))
        #expect(read.success)
        #expect(read.transaction == "sandbox-1")
        #expect(read.network == "eip155:84532")
        #expect(read.payer == Samples.payer)
        #expect(read.amountAtomic == 20000)
        #expect(read.errorReason == nil)
        #expect(Self.decode(Self.encode(Self.success, .v1))?.network == "base-sepolia")
    }

    @Test(arguments: [
        "", "*", "[]", "{}", #"{"success":"yes","transaction":"","network":"x"}"#,
        #"{"success":true,"transaction":""}"#,
        #"{"success":true,"success":false,"network":"x"}"#, #"{"success":true,"network":"x","payer":"me"}"#,
    ])
    func refuses(text: String) {
        #expect(Self.decode(text == "*" ? text : Base64.encode(Array(text.utf8))) == nil)
    }
}
