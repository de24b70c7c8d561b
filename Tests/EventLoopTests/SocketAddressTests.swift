import Glibc
import Testing

@testable import EventLoop

@Suite struct SocketAddressTests {
    @Test(arguments: ["127.0.0.1:80", "0.0.0.0:0", "[::1]:8402", "[2001:db8::5]:65535", "255.255.255.255:1"])
    func printsWhatItParsed(text: String) {
        #expect(SocketAddress(text)?.description == text)
    }

    @Test(arguments: [
        "", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:+1", "127.0.0.1:-1", "127.0.0.1: 1",
        "127.1:80", "localhost:80", "::1:80", "[127.0.0.1]:80", "[]:80", "[::1]80", "[::1", "1.2.3.4:80x",
        "127.0.0.1\0:80", "[::1\0]:80",
    ])
    func refuses(text: String) {
        #expect(SocketAddress(text) == nil)
    }

    @Test func equalityIgnoresWhatIsNotInUse() throws {
        let parsed = try #require(SocketAddress("127.0.0.1:80"))
        let copied = try #require(parsed.withSockaddr { SocketAddress($0, length: $1) })
        #expect(parsed == copied)
        #expect(parsed.hashValue == copied.hashValue)
        #expect(parsed != SocketAddress("127.0.0.1:81"))
        #expect(parsed.withSockaddr { SocketAddress($0, length: $1 - 1) } == nil)
        #expect(parsed.port == 80)
        #expect(parsed.host == "127.0.0.1")
        #expect(parsed.isLoopback)
        #expect(SocketAddress("[::1]:1")?.isLoopback == true)
        #expect(SocketAddress("[::2]:1")?.isLoopback == false)
    }

    @Test func otherFamiliesAreRefused() {
        var address = sockaddr()
        address.sa_family = sa_family_t(AF_UNIX)
        #expect(SocketAddress(&address, length: 128) == nil)
    }
}
