import EventLoop

/// The authorities that https endpoints are verified against, by the file that names them (nil: the system's).
struct TrustedAuthorities: Sendable {
    private var read: [String?: Result<TLSTrust, TLSFault>] = [:]

    init() {}

    /// Reads each file once, from the disk: never on a loop.
    init(reading files: [String?]) {
        for file in Set(files) {
            do throws(TLSFault) {
                read[file] = .success(try TLSTrust(caFile: file))
            } catch {
                read[file] = .failure(error)
            }
        }
    }

    /// - Throws: why the file could not be read. One that was not read before is read now, for a command that makes one call.
    func trust(caFile: String?) throws(TLSFault) -> TLSTrust {
        guard let result = read[caFile] else { return try TLSTrust(caFile: caFile) }
        return try result.get()
    }
}
