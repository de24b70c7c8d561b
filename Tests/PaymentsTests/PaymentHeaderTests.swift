import Bytes
import Chains
import Testing

@testable import Payments

@Suite struct PaymentHeaderTests {
    @Test func readsBothVersions() throws {
        let v2 = try Samples.payload(v2: Samples.v2)
        #expect(v2.version == .v2)
        #expect(v2.scheme == "exact")
        #expect(v2.network == "eip155:84532")
        #expect(v2.accepted?.amount == UInt256(UInt64(10000)))
        #expect(v2.accepted?.asset == Samples.network.usdc.address)
        #expect(v2.accepted?.payTo == Samples.payTo)
        #expect(v2.accepted?.maxTimeoutSeconds == 300)
        #expect(v2.accepted.map { String(decoding: $0.extra, as: UTF8.self) } == #"{"name":"USDC","version":"2"}"#)
        #expect(v2.authorization.from == Samples.payer)
        #expect(v2.authorization.to == Samples.payTo)
        #expect(v2.authorization.value == UInt256(UInt64(10000)))
        #expect(v2.authorization.validAfter == .zero)
        #expect(v2.authorization.validBefore.clampedToInt64 == Samples.validBefore)
        #expect(v2.authorization.nonce.array == [UInt8](repeating: 0xAB, count: 32))
        #expect(v2.signature == Hex.decode(Samples.signature))
        #expect(v2.paymentIdentifier == nil)

        let v1 = try Samples.payload(v1: Samples.v1)
        #expect(v1.version == .v1)
        #expect(v1.network == "base-sepolia")
        #expect(v1.accepted == nil)
        #expect(v1.authorization == v2.authorization)
        #expect(v1.signature == v2.signature)
    }

    @Test func nothingAndBoth() throws {
        #expect(try Samples.decode().get() == nil)
        guard case .failure(let fault) = Samples.decode(v2: Samples.v2, v1: Samples.v1) else {
            Issue.record("both headers were read")
            return
        }
        #expect(fault.code == .mixedHeaders)
    }

    /// What SDKs write that has one reading: nulls, keys of their own, a missing or empty `extra`.
    @Test(arguments: [
        ("\"x402Version\":2,", "\"x402Version\":2,\"resource\":null,\"extensions\":null,\"unknown\":[{}],"),
        (",\"extra\":{\"name\":\"USDC\",\"version\":\"2\"}", ""),
        ("{\"name\":\"USDC\",\"version\":\"2\"}", "null"),
        ("{\"name\":\"USDC\",\"version\":\"2\"}", "{}"),
        ("{\"name\":\"USDC\",", "{\"name\":\"USDC\",\"mine\":{\"deep\":[1]},"),
        ("\"maxTimeoutSeconds\":300,", "\"maxTimeoutSeconds\":300,\"outputSchema\":null,"),
        ("0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1", "0x1a642f0e3c3af545e7acbd38b07251b3990914f1"),
        ("\"x402Version\":2", " \"x402Version\" : 2 "),
        ("\"scheme\":\"exact\"", "\"sch\\u0065me\":\"ex\\u0061ct\""),
        (
            "\"x402Version\":2,",
            "\"x402Version\":2,\"extensions\":{\"payment-identifier\":{\"info\":{\"required\":false}}},"
        ),
        ("\"x402Version\":2,", "\"x402Version\":2,\"extensions\":{\"payment-identifier\":{\"info\":{\"id\":null}}},"),
        ("\"x402Version\":2,", "\"x402Version\":2,\"extensions\":{\"payment-identifier\":null},"),
    ])
    func tolerates(old: String, new: String) throws {
        let payload = try Samples.payload(v2: Samples.change(Samples.v2, old, new))
        #expect(payload.authorization.from == Samples.payer)
    }

    static let largest = UInt256.max.description

    @Test(
        arguments: [
            // Versions.
            ("\"x402Version\":2,", "", .invalidVersion), ("\"x402Version\":2", "\"x402Version\":1", .invalidVersion),
            ("\"x402Version\":2", "\"x402Version\":3", .invalidVersion),
            ("\"x402Version\":2", "\"x402Version\":0", .invalidVersion),
            ("\"x402Version\":2", "\"x402Version\":\"2\"", .invalidVersion),
            ("\"x402Version\":2", "\"x402Version\":2.0", .invalidVersion),
            ("\"x402Version\":2", "\"x402Version\":null", .invalidVersion),
            ("\"x402Version\":2", "\"x402Version\":2e0", .invalidVersion),
            // JSON.
            ("{\"x402Version\"", "{\"x402Version\":2,\"x402Version\"", .headerNotJSON),
            ("\"payTo\":", "\"payTo\":\"x\",\"payTo\":", .headerNotJSON),
            ("\"amount\":", "\"\\u0061mount\":\"1\",\"amount\":", .headerNotJSON),
            ("}}}", "}}", .headerNotJSON), ("}}}", "}}}}", .headerNotJSON), ("}}}", "}}} x", .headerNotJSON),
            ("USDC", "\\ud800", .headerNotJSON), ("\"accepted\"", "'accepted'", .headerNotJSON),
            // Scheme and network.
            ("\"exact\"", "\"upto\"", .unsupportedScheme), ("\"exact\"", "\"Exact\"", .unsupportedScheme),
            ("\"exact\"", "\"\"", .unsupportedScheme),
            ("\"scheme\":\"exact\",", "", .invalidPayload), ("\"eip155:84532\"", "\"base-sepolia\"", .networkMismatch),
            ("eip155:84532", "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", .networkMismatch),
            ("\"eip155:84532\"", "84532", .invalidPayload),
            ("eip155:84532", "eip155:084532", .networkMismatch), ("eip155:84532", "eip155:84532 ", .networkMismatch),
            // Terms.
            ("\"accepted\":{", "\"other\":{", .invalidPayload),
            ("\"amount\":\"10000\"", "\"amount\":10000", .invalidPayload),
            ("\"amount\":\"10000\"", "\"amount\":\"-1\"", .invalidPayload),
            ("\"amount\":\"10000\"", "\"amount\":\"1e4\"", .invalidPayload),
            ("\"amount\":\"10000\"", "\"amount\":\"10000.0\"", .invalidPayload),
            ("\"amount\":\"10000\"", "\"amount\":null", .invalidPayload),
            ("\"amount\":\"10000\",", "", .invalidPayload),
            ("\"asset\":\"0x036C", "\"asset\":\"0x36C", .invalidPayload),
            ("\"asset\":\"0x036CbD53842c5426634e7929541eC2318f3dCF7e\"", "\"asset\":\"USDC\"", .invalidPayload),
            ("\"payTo\":\"0x", "\"payTo\":\"", .invalidPayload),
            ("\"maxTimeoutSeconds\":300", "\"maxTimeoutSeconds\":\"300\"", .invalidPayload),
            ("\"maxTimeoutSeconds\":300", "\"maxTimeoutSeconds\":-1", .invalidPayload),
            ("\"maxTimeoutSeconds\":300", "\"maxTimeoutSeconds\":99999999999999999999", .invalidPayload),
            ("\"extra\":{\"name\":\"USDC\",\"version\":\"2\"}", "\"extra\":[]", .invalidPayload),
            ("\"extra\":{\"name\":\"USDC\",\"version\":\"2\"}", "\"extra\":\"\"", .invalidPayload),
            // The authorization.
            ("\"payload\":{", "\"payload2\":{", .invalidPayload),
            ("\"authorization\":{", "\"permit2Authorization\":{", .invalidPayload),
            ("\"authorization\":{", "\"authorization\":[],\"x\":{", .invalidPayload),
            ("\"from\":\"0x1a64", "\"from\":\"0x1a6", .invalidPayload),
            ("\"from\":\"0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1\",", "", .invalidPayload),
            ("\"from\":\"0x", "\"from\":\"0X", .invalidPayload),
            ("\"value\":\"10000\"", "\"value\":10000", .invalidPayload),
            ("\"value\":\"10000\"", "\"value\":\"010000\"", .invalidPayload),
            ("\"value\":\"10000\"", "\"value\":\"+10000\"", .invalidPayload),
            ("\"value\":\"10000\"", "\"value\":\"0x2710\"", .invalidPayload),
            ("\"value\":\"10000\"", "\"value\":\"\"", .invalidPayload),
            ("\"value\":\"10000\"", "\"value\":\" 10000\"", .invalidPayload),
            (
                "\"value\":\"10000\"",
                "\"value\":\"1157920892373161954235709850086879078532699846656405640394575840079131296399360\"",
                .invalidPayload
            ),
            (
                "\"value\":\"10000\"",
                "\"value\":\"115792089237316195423570985008687907853269984665640564039457584007913129639936\"",
                .invalidPayload
            ),
            (
                "\"value\":\"10000\"",
                "\"value\":\"999999999999999999999999999999999999999999999999999999999999999999999999999999\"",
                .invalidPayload
            ),
            ("\"validAfter\":\"0\"", "\"validAfter\":0", .invalidPayload),
            ("\"validAfter\":\"0\"", "\"validAfter\":\"-60\"", .invalidPayload),
            ("\"validBefore\":\"1893456000\"", "\"validBefore\":\"1893456000.5\"", .invalidPayload),
            ("\"validBefore\":\"1893456000\"", "\"validBefore\":true", .invalidPayload),
            ("\"nonce\":\"0xab", "\"nonce\":\"0x", .invalidPayload),
            ("\"nonce\":\"0xab", "\"nonce\":\"0xabab", .invalidPayload),
            ("\"nonce\":\"0xab", "\"nonce\":\"ab", .invalidPayload),
            ("\"nonce\":\"0xab", "\"nonce\":\"0xag", .invalidPayload),
            ("\"nonce\":\"0xab", "\"nonce\":\"0xa", .invalidPayload),
            ("\"signature\":\"0x", "\"signature\":\"", .invalidPayload),
            ("\"signature\":\"0xfe", "\"signature\":\"0xf", .invalidPayload),
            ("\"signature\":\"0x", "\"signature\":\"0X", .invalidPayload),
            ("\"signature\":\"0xfe", "\"signature\":\"0xzz", .invalidPayload),
            ("\"signature\":\"", "\"signature\":null,\"x\":\"", .invalidPayload),
            // Extensions.
            (
                "\"x402Version\":2,",
                "\"x402Version\":2,\"extensions\":{\"payment-identifier\":{\"info\":{\"id\":\"short\"}}},",
                .invalidPayload
            ),
            (
                "\"x402Version\":2,",
                "\"x402Version\":2,\"extensions\":{\"payment-identifier\":{\"info\":{\"id\":\"0123456789abcdef!\"}}},",
                .invalidPayload
            ),
            (
                "\"x402Version\":2,",
                "\"x402Version\":2,\"extensions\":{\"payment-identifier\":{\"info\":{\"id\":1234567890123456}}},",
                .invalidPayload
            ),
        ] as [(String, String, PaymentCode)])
    func refuses(old: String, new: String, code: PaymentCode) {
        let text = Samples.change(Samples.v2, old, new)
        guard case .failure(let fault) = Samples.decode(v2: text) else {
            Issue.record("was read: \(text)")
            return
        }
        #expect(fault.code == code, "\(fault)")
    }

    @Test(arguments: ["", "null", "[]", "1", "\"text\"", "true"])
    func refusesOtherValues(text: String) {
        for result in [Samples.decode(v2: text), Samples.decode(v1: text)] {
            guard case .failure(let fault) = result else {
                Issue.record("was read: \(text)")
                continue
            }
            #expect(fault.code == (text.isEmpty ? .headerNotJSON : .invalidPayload))
        }
    }

    @Test func versionsStayInTheirHeaders() {
        for result in [Samples.decode(v2: Samples.v1), Samples.decode(v1: Samples.v2)] {
            guard case .failure(let fault) = result else {
                Issue.record("a message was read from the other version's header")
                continue
            }
            #expect(fault.code == .invalidVersion)
        }
    }

    @Test func refusesWhatIsNotStrictBase64() {
        let right = Base64.encode(Array((Samples.v2 + " ").utf8))
        #expect(right.hasSuffix("="))
        for wrong in [
            String(right.dropLast()), right + "=", right + " ", right + "\n", "*" + right.dropFirst(), " " + right,
            right.replacing("=", with: ""), "-_" + right.dropFirst(2),
        ] {
            guard case .failure(let fault) = Samples.decode(v2Header: wrong, v1Header: nil) else {
                Issue.record("was read: \(wrong)")
                continue
            }
            #expect(fault.code == .headerNotBase64)
        }
    }

    @Test func sizeIsCappedBeforeDecoding() throws {
        func padded(to size: Int) -> String {
            let room = size / 4 * 3 - Samples.v2.utf8.count
            return Base64.encode(Array((Samples.v2 + String(repeating: " ", count: room)).utf8))
        }
        let largest = padded(to: PaymentHeader.maximumBytes)
        #expect(largest.utf8.count == PaymentHeader.maximumBytes)
        #expect(try Samples.decode(v2Header: largest, v1Header: nil).get() != nil)
        guard case .failure(let fault) = Samples.decode(v2Header: largest + "AAAA", v1Header: nil) else {
            Issue.record("more than the limit was read")
            return
        }
        #expect(fault.code == .headerTooLarge)
    }

    @Test(arguments: ["0123456789abcdef", "A_-" + String(repeating: "z", count: 125)])
    func readsThePaymentIdentifier(id: String) throws {
        let text = Samples.change(
            Samples.v2, "\"x402Version\":2,",
            "\"x402Version\":2,\"extensions\":{\"payment-identifier\":{\"info\":{\"required\":true,\"id\":\"\(id)\"}}},"
        )
        #expect(try Samples.payload(v2: text).paymentIdentifier == id)
    }

    static func decode(json text: String) -> Result<PaymentPayload, PaymentFault> {
        Array(text.utf8).withUnsafeBytes { bytes in
            Result { () throws(PaymentFault) in try PaymentHeader.decode(json: bytes) }
        }
    }

    @Test func readsEitherVersionFromAMessage() throws {
        #expect(try Self.decode(json: Samples.v2).get() == Samples.payload(v2: Samples.v2))
        #expect(try Self.decode(json: Samples.v1).get() == Samples.payload(v1: Samples.v1))
        for version in ["3", "0", "\"2\"", "null", "2.0"] {
            let text = Samples.change(Samples.v2, "\"x402Version\":2", "\"x402Version\":\(version)")
            #expect(throws: PaymentFault(code: .invalidVersion, detail: "x402Version")) {
                try Self.decode(json: text).get()
            }
        }
        let room = PaymentHeader.maximumBytes - Samples.v2.utf8.count
        let largest = Samples.v2 + String(repeating: " ", count: room)
        #expect(try Self.decode(json: largest).get().version == .v2)
        #expect(throws: PaymentFault(code: .headerTooLarge, detail: "")) {
            try Self.decode(json: largest + " ").get()
        }
    }

    /// The faults' details name the key, never what the client wrote.
    @Test func faultsNameTheKey() {
        let text = Samples.change(Samples.v2, "\"value\":\"10000\"", "\"value\":\"evil\"")
        guard case .failure(let fault) = Samples.decode(v2: text) else {
            Issue.record("was read")
            return
        }
        #expect(fault.detail == "authorization.value")
    }

    @Test func codesAreStableAndDistinct() {
        #expect(Set(PaymentCode.allCases.map(\.rawValue)).count == PaymentCode.allCases.count)
        #expect(PaymentCode.validBefore.rawValue == "invalid_exact_evm_payload_authorization_valid_before")
        #expect(PaymentCode.validAfter.rawValue == "invalid_exact_evm_payload_authorization_valid_after")
        #expect(PaymentCode.valueMismatch.rawValue == "invalid_exact_evm_payload_authorization_value_mismatch")
        #expect(PaymentCode.recipientMismatch.rawValue == "invalid_exact_evm_payload_recipient_mismatch")
        #expect(PaymentCode.signature.rawValue == "invalid_exact_evm_payload_signature")
        #expect(PaymentCode.nonceAlreadyUsed.rawValue == "invalid_exact_evm_nonce_already_used")
    }
}
