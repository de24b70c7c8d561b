import Bytes
import CSQLite

/// A prepared statement, kept for the connection's life. Bound values are copied: short ones into the statement's own memory, from
/// where SQLite reads them without an allocation, long ones by SQLite.
final class Statement {
    private let handle: OpaquePointer
    private unowned let database: Database
    private let memory: UnsafeMutableRawBufferPointer
    /// How much of `memory` the values bound since the last reset take.
    private var used = 0

    init(_ handle: OpaquePointer, of database: Database) {
        self.handle = handle
        self.database = database
        memory = .allocate(byteCount: 1024, alignment: 1)
    }

    deinit {
        sqlite3_finalize(handle)
        memory.deallocate()
    }

    private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    /// A copy of `bytes` that stays until the next reset; nil where there is no room for it.
    private func keep(_ bytes: UnsafeRawBufferPointer) -> UnsafeMutableRawPointer? {
        guard bytes.count < memory.count - used, let base = memory.baseAddress else { return nil }
        let place = base + used
        if let source = bytes.baseAddress { place.copyMemory(from: source, byteCount: bytes.count) }
        used += bytes.count
        return place
    }

    func bind(_ index: Int32, _ value: Int64) throws(StoreFault) {
        try check(sqlite3_bind_int64(handle, index, value))
    }

    func bind(_ index: Int32, _ value: Int64?) throws(StoreFault) {
        if let value { try bind(index, value) } else { try check(sqlite3_bind_null(handle, index)) }
    }

    func bind(_ index: Int32, _ value: String) throws(StoreFault) {
        var value = value
        let code = value.withUTF8 { utf8 in
            let kept = keep(UnsafeRawBufferPointer(utf8))
            guard let text = kept ?? UnsafeMutableRawPointer(mutating: utf8.baseAddress) else { return SQLITE_NOMEM }
            return sqlite3_bind_text(
                handle, index, text.assumingMemoryBound(to: CChar.self), Int32(utf8.count),
                kept == nil ? Self.copied : nil)
        }
        try check(code)
    }

    func bind(_ index: Int32, _ value: String?) throws(StoreFault) {
        if let value { try bind(index, value) } else { try check(sqlite3_bind_null(handle, index)) }
    }

    func bind(_ index: Int32, _ value: [UInt8]) throws(StoreFault) {
        try check(value.withUnsafeBytes { bind(index, $0) })
    }

    func bind(_ index: Int32, _ value: Bytes20) throws(StoreFault) {
        try check(value.withBytes { bind(index, $0) })
    }

    func bind(_ index: Int32, _ value: Bytes32) throws(StoreFault) {
        try check(value.withBytes { bind(index, $0) })
    }

    private func bind(_ index: Int32, _ bytes: UnsafeRawBufferPointer) -> Int32 {
        let kept = keep(bytes)
        return sqlite3_bind_blob(
            handle, index, kept ?? UnsafeMutableRawPointer(mutating: bytes.baseAddress), Int32(bytes.count),
            kept == nil ? Self.copied : nil)
    }

    /// `bytes` as a blob, which is read where it lies: to stay until the next reset.
    func bindInPlace(_ index: Int32, _ bytes: UnsafeRawBufferPointer) throws(StoreFault) {
        try check(sqlite3_bind_blob64(handle, index, bytes.baseAddress, UInt64(bytes.count), nil))
    }

    /// The values of a `ChangeBuffer`, from parameter 1 on, read where they lie: to stay until the next reset.
    func bind(valuesOf changes: UnsafeRawBufferPointer) throws(StoreFault) {
        var reader = ChangeReader(changes)
        var index: Int32 = 1
        while let value = reader.value() {
            switch value {
            case .null: try check(sqlite3_bind_null(handle, index))
            case .integer(let number): try check(sqlite3_bind_int64(handle, index, number))
            case .text(let text):
                let start = text.baseAddress?.assumingMemoryBound(to: CChar.self)
                try check(sqlite3_bind_text(handle, index, start, Int32(text.count), nil))
            case .blob(let blob): try bindInPlace(index, blob)
            }
            index += 1
        }
    }

    /// True with a row, false at the end.
    func step() throws(StoreFault) -> Bool {
        let code = sqlite3_step(handle)
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw database.fault(code)
        }
    }

    /// Runs a statement that gives no rows, and makes it ready again.
    func run() throws(StoreFault) {
        defer { reset() }
        while try step() {}
    }

    /// Ready for new values. What the last step failed with was thrown by it.
    func reset() {
        sqlite3_reset(handle)
        used = 0
    }

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    func text(_ column: Int32) -> String {
        guard let start = sqlite3_column_text(handle, column) else { return "" }
        let count = Int(sqlite3_column_bytes(handle, column))
        return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    func kind(_ column: Int32) -> ChangeBuffer.Kind {
        switch sqlite3_column_type(handle, column) {
        case SQLITE_INTEGER: .integer
        case SQLITE_TEXT: .text
        case SQLITE_NULL: .null
        // No table of the ledger holds floating-point numbers.
        default: .blob
        }
    }

    /// A text's bytes, valid until the next step or reset.
    func utf8(_ column: Int32) -> UnsafeRawBufferPointer {
        let start = sqlite3_column_text(handle, column)
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))
    }

    /// Valid until the next step or reset.
    func blob(_ column: Int32) -> UnsafeRawBufferPointer {
        let start = sqlite3_column_blob(handle, column)
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))
    }

    private func check(_ code: Int32) throws(StoreFault) {
        if code != SQLITE_OK { throw database.fault(code) }
    }
}
