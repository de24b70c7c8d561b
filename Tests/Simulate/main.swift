import Glibc
import Simulation

// simulate FIRST LAST: runs these seeds; the first that fails ends it. simulate SEED: one seed, with everything that happens.
func say(_ line: String) {
    var text = line + "\n"
    text.withUTF8 { _ = write(1, $0.baseAddress, $0.count) }
}

// What is read at a process's start: sets and dictionaries shall give up their elements in the same order in every run, so that a seed
// can be replayed; and what is freed is soon wanted again, so that the kernel need not have it in between.
if getenv("SWIFT_DETERMINISTIC_HASHING") == nil {
    setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
    setenv("MALLOC_MMAP_THRESHOLD_", "1073741824", 1)
    setenv("MALLOC_TRIM_THRESHOLD_", "1073741824", 1)
    setenv("MALLOC_TOP_PAD_", "16777216", 1)
    execv("/proc/self/exe", CommandLine.unsafeArgv)
}

let numbers = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
if numbers.count == 1 {
    let world = World(seed: numbers[0], trace: say)
    let faults = world.run()
    for fault in faults { say("seed \(numbers[0]): \(fault)") }
    say(faults.isEmpty ? "seed \(numbers[0]): all is well" : "seed \(numbers[0]): \(faults.count) faults")
    exit(faults.isEmpty ? 0 : 1)
}
guard numbers.count == 2, numbers[0] <= numbers[1] else {
    say("usage: simulate SEED | simulate FIRST LAST")
    exit(2)
}
var seen: [String: Int] = [:]
var failed = 0
for seed in numbers[0]...numbers[1] {
    let world = World(seed: seed)
    let faults = world.run()
    for what in world.seen { seen[what, default: 0] += 1 }
    for fault in faults { say("seed \(seed): \(fault)") }
    if !faults.isEmpty {
        failed += 1
        if failed == 10 { exit(1) }
    }
    if (seed - numbers[0] + 1) % 10_000 == 0 { say("\(seed - numbers[0] + 1) seeds") }
}
for (what, count) in seen.sorted(by: { $0.value > $1.value }) { say("\(count)\t\(what)") }

exit(failed == 0 ? 0 : 1)
