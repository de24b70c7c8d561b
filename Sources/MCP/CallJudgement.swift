/// What becomes of a client's message on a priced route, before any payment is looked at.
public enum CallJudgement: Sendable {
    /// Forwarded without charge.
    case free
    /// Forwarded once this price is paid.
    case priced(Int, ClientRequest)
    case refused(Refusal)
}

extension ToolPrices {
    /// Judges a message by the body it was read from.
    public func judge(_ message: ClientMessage, of body: UnsafeRawBufferPointer) -> CallJudgement {
        switch message {
        case .response: return .free
        case .refused(let refusal): return .refused(refusal)
        case .request(let request): return judge(request, of: body)
        case .batch(let batch): return judge(batch)
        case .notification(let notification):
            guard notification.withMethod(of: body, { price(ofMethod: $0) }) == .free else {
                return .refused(Refusal(.invalidRequest, "this method costs something and needs an id"))
            }
            return .free
        }
    }

    private func judge(_ request: ClientRequest, of body: UnsafeRawBufferPointer) -> CallJudgement {
        let cost: ToolPrice =
            request.isToolCall
            ? request.withName(of: body) { price(ofTool: $0) } ?? .denied
            : request.withMethod(of: body) { price(ofMethod: $0) }
        switch cost {
        case .free: return .free
        case .priced(let number): return .priced(number, request)
        case .denied: return .refused(ToolPrices.denial(request.isToolCall, id: request.idRange))
        }
    }

    private func judge(_ batch: ClientBatch) -> CallJudgement {
        for part in batch.parts {
            let cost: ToolPrice =
                if let tool = part.tool {
                    tool.withUnsafeBytes { price(ofTool: $0) }
                } else {
                    part.method?.withUnsafeBytes { price(ofMethod: $0) } ?? .free
                }
            switch cost {
            case .free: continue
            case .priced:
                return .refused(
                    Refusal(.invalidRequest, "a batch holds a call that costs something: send that call by itself"))
            case .denied: return .refused(ToolPrices.denial(part.tool != nil, id: nil))
            }
        }
        return .free
    }

    /// As a server answers for what it does not have.
    private static func denial(_ isTool: Bool, id: Range<Int>?) -> Refusal {
        isTool
            ? Refusal(.invalidParams, "this tool is not offered here", id: id, httpStatus: 200)
            : Refusal(.methodNotFound, "this method is not offered here", id: id, httpStatus: 200)
    }
}
