import Bytes
import Glibc
import Payments

/// One loop's 402s, ready to be copied behind status line and date: most unpaid requests ask for what was asked for before.
///
/// A slot for each remainder of the target's hash; its memory is used again for whichever 402 comes to it next, so that
/// targets in any number cost time and never more memory.
final class ChallengeMemory {
    private static let slotCount = 64
    /// 402s of longer targets are rendered each time.
    private static let targetBytesAtMost = 256

    private struct Slot: ~Copyable {
        /// Revision and route; no revision has the number 0.
        var revision = 0
        var route = 0
        var target = ByteBuffer()
        /// Field lines, the empty line, and the body.
        var text = ByteBuffer()
        var bodyCount = 0
    }

    private let slots: UnsafeMutablePointer<Slot>
    private let spare: UnsafeMutablePointer<Slot>
    private let parts: UnsafeMutablePointer<Parts>

    /// What a 402 is put together from.
    private struct Parts: ~Copyable {
        var url = ByteBuffer()
        var v2Header = ByteBuffer()
        var v1Body = ByteBuffer()
    }

    init() {
        slots = .allocate(capacity: Self.slotCount + 1)
        for at in 0...Self.slotCount { (slots + at).initialize(to: Slot()) }
        spare = slots + Self.slotCount
        parts = .allocate(capacity: 1)
        parts.initialize(to: Parts())
    }

    deinit {
        slots.deinitialize(count: Self.slotCount + 1)
        slots.deallocate()
        parts.deinitialize(count: 1)
        parts.deallocate()
    }

    /// Appends the rest of the 402 of `route` in `prepared`, from the first field that is the same for every caller on.
    ///
    /// - Parameters:
    ///   - target: canonical, with the query.
    ///   - code: why; nil for a request without a payment, whose 402s alone are remembered.
    func append(
        _ route: Route, of prepared: PreparedRevision, target: UnsafeRawBufferPointer, code: String?, withBody: Bool,
        to out: inout ByteBuffer
    ) {
        let revision = prepared.revision.number
        var slot = spare
        if code == nil, target.count <= Self.targetBytesAtMost, let base = target.baseAddress {
            let hash = SegmentHash.mix(SegmentHash.hash(base, target.count) ^ UInt64(truncatingIfNeeded: route.index))
            slot = slots + Int(truncatingIfNeeded: hash) & (Self.slotCount - 1)
        }
        let isKnown =
            slot.pointee.revision == revision && slot.pointee.route == route.index
            && Self.same(slot.pointee.target.readable, target)
        if !isKnown {
            fill(&slot.pointee, prepared.challenge(of: route), target, code ?? PaymentCode.paymentRequired.rawValue)
            if slot != spare {
                slot.pointee.revision = revision
                slot.pointee.route = route.index
            }
        }
        let text = slot.pointee.text.readable
        out.append(UnsafeRawBufferPointer(rebasing: text[..<(text.count - (withBody ? 0 : slot.pointee.bodyCount))]))
    }

    private func fill(_ slot: inout Slot, _ challenge: Challenge, _ target: UnsafeRawBufferPointer, _ code: String) {
        parts.pointee.v2Header.clear()
        parts.pointee.v1Body.clear()
        challenge.render(
            target: target, code: code, url: &parts.pointee.url, v2Header: &parts.pointee.v2Header,
            v1Body: &parts.pointee.v1Body)
        slot.target.clear()
        slot.target.append(target)
        slot.text.clear()
        slot.bodyCount = parts.pointee.v1Body.count
        challenge.appendFields(v2Header: parts.pointee.v2Header.readable, bodyCount: slot.bodyCount, to: &slot.text)
        slot.text.append(parts.pointee.v1Body.readable)
    }

    private static func same(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
        guard a.count == b.count, let first = a.baseAddress, let second = b.baseAddress else { return false }
        return memcmp(first, second, a.count) == 0
    }
}
