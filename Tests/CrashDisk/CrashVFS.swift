import CSQLite
import Glibc

/// The C side of `CrashDisk`: sqlite3_vfs and sqlite3_io_methods as functions without captures.
private struct OpenFile {
    var base: sqlite3_file
    var body: Unmanaged<Body>

    final class Body {
        let disk: CrashDisk
        let name: String
        let file: CrashDisk.File
        var sharedRegions: [UnsafeMutableRawPointer] = []

        init(_ disk: CrashDisk, _ name: String) {
            self.disk = disk
            self.name = name
            file = disk.create(name)
        }
    }

    static func body(_ file: UnsafeMutablePointer<sqlite3_file>?) -> Body {
        UnsafeMutableRawPointer(file!).assumingMemoryBound(to: OpenFile.self).pointee.body.takeUnretainedValue()
    }
}

private func disk(_ vfs: UnsafeMutablePointer<sqlite3_vfs>?) -> CrashDisk {
    Unmanaged<CrashDisk>.fromOpaque(vfs!.pointee.pAppData).takeUnretainedValue()
}

/// Written once, before the first use, and never changed.
private nonisolated(unsafe) let methods: UnsafeMutablePointer<sqlite3_io_methods> = {
    let methods = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
    methods.initialize(to: sqlite3_io_methods())
    methods.pointee.iVersion = 2
    methods.pointee.xClose = { file in
        UnsafeMutableRawPointer(file!).assumingMemoryBound(to: OpenFile.self).pointee.body.release()
        return SQLITE_OK
    }
    methods.pointee.xRead = { file, target, count, offset in
        let body = OpenFile.body(file)
        if body.disk.isDown { return SQLITE_IOERR }
        let room = UnsafeMutableRawBufferPointer(start: target, count: Int(count))
        let got = body.disk.read(body.file, Int(offset), into: room)
        if got == Int(count) { return SQLITE_OK }
        memset(target! + got, 0, Int(count) - got)
        return SQLITE_IOERR | (2 << 8)
    }
    methods.pointee.xWrite = { file, source, count, offset in
        let body = OpenFile.body(file)
        let bytes = Array(UnsafeRawBufferPointer(start: source, count: Int(count)))
        if let code = body.disk.enter(.write, body.name) {
            if body.disk.halvesFailedWrites && !body.disk.isDown {
                body.disk.change(body.file, .write(offset: Int(offset), bytes: Array(bytes.prefix(bytes.count / 2))))
            }
            return code
        }
        body.disk.change(body.file, .write(offset: Int(offset), bytes: bytes))
        return SQLITE_OK
    }
    methods.pointee.xTruncate = { file, size in
        let body = OpenFile.body(file)
        if let code = body.disk.enter(.truncate, body.name) { return code }
        body.disk.change(body.file, .truncate(Int(size)))
        return SQLITE_OK
    }
    methods.pointee.xSync = { file, _ in
        let body = OpenFile.body(file)
        if let code = body.disk.enter(.sync, body.name) { return code }
        body.disk.sync(body.file)
        return SQLITE_OK
    }
    methods.pointee.xFileSize = { file, size in
        let body = OpenFile.body(file)
        size!.pointee = Int64(body.file.live.count)
        return SQLITE_OK
    }
    methods.pointee.xLock = { _, _ in SQLITE_OK }
    methods.pointee.xUnlock = { _, _ in SQLITE_OK }
    methods.pointee.xCheckReservedLock = { _, held in
        held!.pointee = 0
        return SQLITE_OK
    }
    methods.pointee.xFileControl = { _, _, _ in SQLITE_NOTFOUND }
    methods.pointee.xSectorSize = { _ in 4096 }
    // As the system's own: a write does not spoil its neighbours.
    methods.pointee.xDeviceCharacteristics = { _ in SQLITE_IOCAP_POWERSAFE_OVERWRITE }
    methods.pointee.xShmMap = { file, region, size, _, mapped in
        let body = OpenFile.body(file)
        while body.sharedRegions.count <= Int(region) {
            let memory = UnsafeMutableRawPointer.allocate(byteCount: Int(size), alignment: 16)
            memset(memory, 0, Int(size))
            body.sharedRegions.append(memory)
        }
        mapped!.pointee = body.sharedRegions[Int(region)]
        return SQLITE_OK
    }
    methods.pointee.xShmLock = { _, _, _, _ in SQLITE_OK }
    methods.pointee.xShmBarrier = { _ in }
    methods.pointee.xShmUnmap = { file, _ in
        let body = OpenFile.body(file)
        for memory in body.sharedRegions { memory.deallocate() }
        body.sharedRegions = []
        return SQLITE_OK
    }
    return methods
}()

extension CrashDisk {
    static var template: sqlite3_vfs {
        var vfs = sqlite3_vfs()
        vfs.iVersion = 1
        vfs.szOsFile = Int32(MemoryLayout<OpenFile>.size)
        vfs.mxPathname = 512
        vfs.xOpen = { vfs, name, file, flags, given in
            let disk = disk(vfs)
            let path = name.map { String(cString: $0) } ?? "temporary-\(UInt64.random(in: 0...UInt64.max))"
            if disk.isDown { return SQLITE_CANTOPEN }
            let body = Unmanaged.passRetained(OpenFile.Body(disk, path))
            let open = OpenFile(base: sqlite3_file(pMethods: UnsafePointer(methods)), body: body)
            UnsafeMutableRawPointer(file!).assumingMemoryBound(to: OpenFile.self).initialize(to: open)
            given?.pointee = flags
            return SQLITE_OK
        }
        vfs.xDelete = { vfs, name, _ in
            let disk = disk(vfs)
            if let code = disk.enter(.delete, String(cString: name!)) { return code }
            disk.delete(String(cString: name!))
            return SQLITE_OK
        }
        vfs.xAccess = { vfs, name, _, exists in
            exists!.pointee = disk(vfs).files[String(cString: name!)] == nil ? 0 : 1
            return SQLITE_OK
        }
        vfs.xFullPathname = { _, name, size, full in
            strncpy(full!, name!, Int(size))
            return SQLITE_OK
        }
        vfs.xRandomness = { _, count, bytes in
            for at in 0..<Int(count) { bytes![at] = CChar(truncatingIfNeeded: Int.random(in: 0...255)) }
            return count
        }
        vfs.xSleep = { _, microseconds in microseconds }
        vfs.xCurrentTime = { _, days in
            days!.pointee = 2_461_000.5
            return SQLITE_OK
        }
        vfs.xGetLastError = { _, _, _ in 0 }
        return vfs
    }
}
