import Bytes

extension RequestHead {
    /// Copies the field lines to forward, in order and as they came, in as few runs as the dropped ones leave.
    ///
    /// Fields of the ids in `dropped` and fields that `Connection` names stay behind.
    public func appendFields(except dropped: FieldIDSet, to out: inout ByteBuffer) {
        fields.append(from: bytes, except: dropped, to: &out)
    }
}

extension ResponseHead {
    /// Copies the field lines to forward; as `RequestHead.appendFields`.
    public func appendFields(except dropped: FieldIDSet, to out: inout ByteBuffer) {
        fields.append(from: bytes, except: dropped, to: &out)
    }
}

extension FieldTable {
    /// Copies kept lines out of `bytes`, the bytes that the ranges of this table point into.
    func append(from bytes: UnsafeRawBufferPointer, except dropped: FieldIDSet, to out: inout ByteBuffer) {
        guard count > 0 else { return }
        let memory = state.pointee.memory
        var start = Int(memory[0].line.offset)
        let end = Int(memory[count - 1].line.end)
        if hasNominated || !present.isDisjoint(with: dropped) {
            for place in 0..<count {
                let field = memory[place]
                guard field.nominated || dropped.contains(field.id) else { continue }
                out.append(bytes.bytes(of: ByteRange(from: start, to: Int(field.line.offset))))
                start = Int(field.line.end)
            }
        }
        out.append(bytes.bytes(of: ByteRange(from: start, to: end)))
    }
}
