/// What has to be asked of a chain until there is an answer: each step is one batch, and its replies lead to the next.
public enum ChainInquiry<Answer> {
    case answer(Answer)
    /// `next` takes one reply a call, in their order.
    case ask([RPCCall], next: ([RPCReply]) -> ChainInquiry<Answer>)
}
