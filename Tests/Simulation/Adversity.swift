import CrashDisk

/// What goes wrong in one world and how often, drawn from its seed. Each kind is absent from many worlds, so that every one is also
/// seen without the others. Chances in per mille unless they say otherwise.
struct Adversity {
    /// Of a ledger's turn: the power fails at one of the next operations of the disk.
    var powerLoss = 0
    /// Of the power failing: what was written and not synced is on the disk all the same.
    var writesSurvive = 0
    /// Of a ledger's turn: the process is killed; its files stay as they are.
    var kill = 0
    /// Of a ledger's turn: one of the next operations of the disk fails.
    var diskFault = 0
    /// Of a question to a node: no answer comes.
    var rpcLoss = 0
    /// Of a question to a node: it is some blocks behind.
    var nodeLag = 0
    /// Of a broadcast: it arrives twice.
    var duplicate = 0
    /// Of a block: some of the newest blocks are taken back.
    var reorganization = 0
    /// Of what was in blocks that are taken back, and of what waits in a pool when a block comes: it is dropped.
    var drop = 0
    /// Of a block: somebody else submits an authorization that he could read.
    var stranger = 0
    /// Of a block: a payer cancels an authorization, or uses it for something else.
    var withdrawal = 0
    /// Of a block: a payer's money goes elsewhere.
    var drain = 0
    /// Of an authorization: its call takes the gas of a transaction that carries several.
    var griefer = 0
    /// Of a block: gas is suddenly dear, or cheap again.
    var dearGas = 0
    /// Of an event of a caller: the wall clock is set.
    var clockJump = 0
    /// Of an upstream's answers: bad, none, or cut off.
    var upstreamFault = 0
    /// Of callers: they leave before the answer is theirs.
    var impatience = 0
    /// Of calls: the same payment is shown again beside, or for another request.
    var copies = 0

    init() {}

    init(_ random: inout SplitMix) {
        func draw(_ most: Int, absent percent: Int = 50) -> Int {
            Int.random(in: 0..<100, using: &random) < percent ? 0 : Int.random(in: 1...most, using: &random)
        }
        powerLoss = draw(30)
        writesSurvive = Int.random(in: 0...1000, using: &random)
        kill = draw(20)
        diskFault = draw(8, absent: 80)
        rpcLoss = draw(300)
        nodeLag = draw(400)
        duplicate = draw(300)
        reorganization = draw(120)
        drop = draw(300)
        stranger = draw(150)
        withdrawal = draw(80)
        drain = draw(80, absent: 60)
        griefer = draw(200, absent: 70)
        dearGas = draw(100, absent: 70)
        clockJump = draw(30, absent: 80)
        upstreamFault = draw(400)
        impatience = draw(500)
        copies = draw(400)
    }

    /// Nobody but us moves a payer's money, no block is taken back, and no node is behind: what a reading of a balance says is true and
    /// stays so.
    var isChainCalm: Bool { reorganization == 0 && stranger == 0 && withdrawal == 0 && drain == 0 && nodeLag == 0 }
}
