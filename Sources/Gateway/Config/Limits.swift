/// Bounds on what one process takes from its callers; each has a key under `limits:`.
public struct Limits: Sendable, Equatable {
    /// Request line and fields (`head_bytes`); above it 431.
    public var headBytes = 32 << 10
    /// Fields in a head (`head_fields`); above it 431.
    public var headFields = 100
    /// The request target (`target_bytes`); above it 414.
    public var targetBytes = 8 << 10
    /// Body on free routes (`body_bytes`), nil for `off`; above it 413.
    public var bodyBytes: Int? = 1 << 30
    /// Body on priced routes, which is buffered before the claim (`max_priced_body`); above it 413.
    public var maxPricedBodyBytes = 1 << 20
    /// How much of such a body stays in memory before it is spilled (`priced_body_memory`).
    public var pricedBodyMemoryBytes = 64 << 10
    /// A message to an MCP route, which is read before anything else is done with it (`mcp_body`); above it 413.
    public var mcpBodyBytes = 1 << 20
    /// An answer held until its payment is settled (`held_answer`); above it 502 and the claim is void.
    public var heldAnswerBytes = 16 << 20
    /// How much of such an answer stays in memory before it is spilled (`held_answer_memory`).
    public var heldAnswerMemoryBytes = 256 << 10
    /// Downstream connections of the process (`connections`).
    public var connections = 10_000
    /// From a request's first byte to the end of its head (`head_timeout`).
    public var headTimeoutMilliseconds = 10_000
    /// Between two bytes of a body (`body_timeout`).
    public var bodyTimeoutMilliseconds = 30_000
    /// Slowest body that is borne, averaged after the first `body_timeout`, in bytes a second (`body_rate`); 0: any.
    public var bodyBytesPerSecond = 512
    /// An idle connection between two requests (`keep_alive`).
    public var keepAliveMilliseconds = 75_000
    /// How long exchanges may finish after SIGTERM (`drain`).
    public var drainMilliseconds = 30_000
    /// Idle connections kept to each upstream by each loop (`upstream_keep_alive`).
    public var upstreamKeepAliveConnections = 64
}
