import Bytes
import Chains
import JSON
import Testing

@testable import Payments

@Suite struct ChallengeTests {
    static func render(
        _ template: ChallengeTemplate, url: String = "https://api.example.com/v1/reports/7",
        error: String = "payment_required"
    ) -> (header: String, body: String) {
        var header = ByteBuffer()
        var body = ByteBuffer()
        Array(url.utf8).withUnsafeBytes { template.render(url: $0, error: error, v2Header: &header, v1Body: &body) }
        return (header.text, body.text)
    }

    static func json(_ header: String) -> String {
        String(decoding: Array(header.utf8).withUnsafeBytes { Base64.decode($0) } ?? [], as: UTF8.self)
    }

    @Test func versionTwo() {
        let template = ChallengeTemplate(
            offers: [Samples.offer(), Samples.offer(network: Network.named("base")!, settlesFirst: true)],
            description: "One \"report\"", mimeType: "application/json", serviceName: "Legacy")
        let json = Self.json(Self.render(template).header)
        #expect(
            "{" + json.dropFirst().drop { $0 == " " } == """
                {"x402Version":2,"accepts":[{"scheme":"exact","network":"eip155:84532","amount":"10000",\
                "asset":"0x036CbD53842c5426634e7929541eC2318f3dCF7e","payTo":"0x209693Bc6afc0C5328bA36FaF03C514EF312287C",\
                "maxTimeoutSeconds":300,"extra":{"name":"USDC","version":"2"}},{"scheme":"exact","network":"eip155:8453",\
                "amount":"10000","asset":"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",\
                "payTo":"0x209693Bc6afc0C5328bA36FaF03C514EF312287C","maxTimeoutSeconds":300,\
                "extra":{"name":"USD Coin","version":"2","paymentFlow":"upfront"}}],\
                "extensions":{"payment-identifier":{"info":{"required":false},\
                "schema":{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object",\
                "properties":{"required":{"type":"boolean"},\
                "id":{"type":"string","minLength":16,"maxLength":128,"pattern":"^[a-zA-Z0-9_-]+$"}},\
                "required":["required"]}}},\
                "resource":{"description":"One \\"report\\"","mimeType":"application/json","serviceName":"Legacy",\
                "url":"https://api.example.com/v1/reports/7"},"error":"payment_required"}
                """)
    }

    @Test func versionOne() {
        let template = ChallengeTemplate(
            offers: [Samples.offer(), Samples.offer(network: Network.named("monad")!, settlesFirst: true)],
            description: "One \"report\"", mimeType: nil)
        #expect(
            Self.render(template).body == """
                {"x402Version":1,"error":"payment_required","accepts":[{"scheme":"exact","network":"base-sepolia",\
                "maxAmountRequired":"10000","resource":"https://api.example.com/v1/reports/7",\
                "description":"One \\"report\\"","mimeType":"","payTo":"0x209693Bc6afc0C5328bA36FaF03C514EF312287C",\
                "maxTimeoutSeconds":300,"asset":"0x036CbD53842c5426634e7929541eC2318f3dCF7e",\
                "extra":{"name":"USDC","version":"2"}},{"scheme":"exact","network":"eip155:143",\
                "maxAmountRequired":"10000","resource":"https://api.example.com/v1/reports/7",\
                "description":"One \\"report\\"","mimeType":"","payTo":"0x209693Bc6afc0C5328bA36FaF03C514EF312287C",\
                "maxTimeoutSeconds":300,"asset":"0x754704Bc059F8C67012fEd69BC8A327a5aafb603",\
                "extra":{"name":"USDC","version":"2"}}]}
                """)
    }

    /// Every alignment of the prefix, every kind of URL: strict base64, strict JSON, and the text that was asked for.
    @Test func splicingHoldsForEveryLength() throws {
        let urls = ["", "h", "ht", "htt", "http://a/\"b\\c", "http://a/é漢😀", "http://a/\u{1}\u{7f}"]
        for length in 0..<7 {
            let description = String(repeating: "d", count: length)
            let template = ChallengeTemplate(
                offers: [Samples.offer()], description: length == 0 ? nil : description, mimeType: nil)
            for url in urls {
                for error in ["", "e", "a \"quoted\" error"] {
                    let (header, body) = Self.render(template, url: url, error: error)
                    let v2 = try #require(Array(header.utf8).withUnsafeBytes { Base64.decode($0) })
                    try v2.withUnsafeBytes { bytes in
                        let root = try JSONTape(bytes).root(over: bytes)
                        #expect(root["resource"]?["url"]?.string == url)
                        #expect(root["resource"]?["description"]?.string == (length == 0 ? nil : description))
                        #expect(root["error"]?.string == error)
                        #expect(root["x402Version"]?.int == 2)
                    }
                    try Array(body.utf8).withUnsafeBytes { bytes in
                        let root = try JSONTape(bytes).root(over: bytes)
                        #expect(root["accepts"]?.elements.map { $0["resource"]?.string } == [url])
                        #expect(root["accepts"]?.elements.map { $0["description"]?.string } == [description])
                        #expect(root["error"]?.string == error)
                    }
                }
            }
        }
    }

    /// Both buffers may hold something already, and keep it.
    @Test func appends() {
        let template = ChallengeTemplate(offers: [Samples.offer()], description: nil, mimeType: nil)
        let (header, body) = Self.render(template)
        var headers = ByteBuffer()
        var bodies = ByteBuffer()
        headers.append("before ")
        bodies.append("before ")
        for _ in 0..<2 {
            Array("https://api.example.com/v1/reports/7".utf8).withUnsafeBytes {
                template.render(url: $0, error: "payment_required", v2Header: &headers, v1Body: &bodies)
            }
        }
        #expect(headers.text == "before " + header + header)
        #expect(bodies.text == "before " + body + body)
    }

    @Test func longServiceNamesAreCut() {
        let template = ChallengeTemplate(
            offers: [Samples.offer()], description: nil, mimeType: nil, serviceName: String(repeating: "s", count: 40))
        #expect(
            Self.json(Self.render(template).header).contains("\"serviceName\":\"\(String(repeating: "s", count: 32))\"")
        )
    }
}
