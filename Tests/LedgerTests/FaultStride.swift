import Glibc

/// Every how many operations of the disk one is tried in which everything might go wrong: `make faults` tries each, by FAULT_STRIDE=1.
enum FaultStride {
    private static let asked = getenv("FAULT_STRIDE").flatMap { Int(String(cString: $0)) }.map { max($0, 1) }

    static func every(_ usual: Int) -> Int { asked ?? usual }
}
