import Glibc

/// How long a test waits for other threads, told by its own turns and not by the clock: a machine that is busy elsewhere, or stands still,
/// takes nothing of it. Once it is over, the same test waits for nothing any more.
final class Patience {
    private var turnsLeft = 200_000

    /// Takes turns of at least half a millisecond until it is so; false where the patience was over first.
    func wait(until condition: () -> Bool, _ turn: () -> Void) -> Bool {
        while !condition() {
            if turnsLeft == 0 { return false }
            turnsLeft -= 1
            turn()
            usleep(500)
        }
        return true
    }
}
