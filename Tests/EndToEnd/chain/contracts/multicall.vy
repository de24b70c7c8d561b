# pragma version 0.4.3
"""
The two functions of Multicall3 that facilitators use, with its ABI and its text.
"""

struct Call3:
    target: address
    allowFailure: bool
    callData: Bytes[1024]

struct Call:
    target: address
    callData: Bytes[1024]

struct Result:
    success: bool
    returnData: Bytes[256]


@internal
def _ask(target: address, data: Bytes[1024]) -> Result:
    success: bool = False
    answer: Bytes[256] = b""
    success, answer = raw_call(target, data, max_outsize=256, revert_on_failure=False)
    return Result(success=success, returnData=answer)


@external
@payable
def aggregate3(calls: DynArray[Call3, 32]) -> DynArray[Result, 32]:
    answers: DynArray[Result, 32] = []
    for call: Call3 in calls:
        answer: Result = self._ask(call.target, call.callData)
        assert answer.success or call.allowFailure, "Multicall3: call failed"
        answers.append(answer)
    return answers


@external
@payable
def tryAggregate(requireSuccess: bool, calls: DynArray[Call, 32]) -> DynArray[Result, 32]:
    answers: DynArray[Result, 32] = []
    for call: Call in calls:
        answer: Result = self._ask(call.target, call.callData)
        assert answer.success or not requireSuccess, "Multicall3: call failed"
        answers.append(answer)
    return answers
