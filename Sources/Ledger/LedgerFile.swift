import Glibc

/// The database file by its one real name.
enum LedgerFile {
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The real path, of a file made empty and private where there was none; nil with `errno` where that cannot be.
    static func resolve(_ path: String) -> String? {
        // O_EXCL: an existing database is never opened and closed here, which would drop SQLite's own locks on it.
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor >= 0 { close(descriptor) }
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }
}
