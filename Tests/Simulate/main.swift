import Glibc
import Simulation

// simulate FIRST LAST: runs these seeds, and tells of every one that fails; with --first it ends at the first of them.
// simulate SEED: one seed, with everything that happens in it.

// What is read at a process's start: sets and dictionaries shall give up their elements in the same order in every run, so that a seed
// can be replayed; and what is freed is soon wanted again, so that the kernel need not have it in between.
if getenv("SWIFT_DETERMINISTIC_HASHING") == nil || getenv("MALLOC_TOP_PAD_") == nil {
    setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
    setenv("MALLOC_MMAP_THRESHOLD_", "1073741824", 1)
    setenv("MALLOC_TRIM_THRESHOLD_", "1073741824", 1)
    setenv("MALLOC_TOP_PAD_", "16777216", 1)
    execv("/proc/self/exe", CommandLine.unsafeArgv)
}

func say(_ line: String) {
    var text = line + "\n"
    text.withUTF8 { _ = write(1, $0.baseAddress, $0.count) }
}

let seeds = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
let endsAtFirst = CommandLine.arguments.contains("--first")
guard seeds.count == 1 || seeds.count == 2 && seeds[0] <= seeds[1] else {
    say("usage: simulate SEED | simulate [--first] FIRST LAST")
    exit(2)
}

if seeds.count == 1 {
    let faults = World(seed: seeds[0], trace: say).run()
    for fault in faults { say("seed \(seeds[0]): \(fault)") }
    if faults.isEmpty { say("seed \(seeds[0]): all is well") }
    exit(faults.isEmpty ? 0 : 1)
}

var failures = 0
var seen: [String: Int] = [:]
for seed in seeds[0]...seeds[1] {
    let world = World(seed: seed)
    let faults = world.run()
    for what in world.seen { seen[what, default: 0] += 1 }
    if !faults.isEmpty {
        failures += 1
        say("seed \(seed): \(faults[0])")
        if endsAtFirst { exit(1) }
    }
    let done = seed - seeds[0] + 1
    if done % 10_000 == 0 { say("\(done) of \(seeds[1] - seeds[0] + 1) seeds") }
}
if failures == 0 {
    let adversities = seen.sorted { ($0.value, $0.key) > ($1.value, $1.key) }.map { "\($0.key) \($0.value)" }
    say("worlds with: " + adversities.joined(separator: ", "))
}
exit(failures == 0 ? 0 : 1)
