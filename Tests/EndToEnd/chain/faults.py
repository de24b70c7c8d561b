"""What an RPC endpoint or a facilitator may do wrong, set live, by method."""

from collections.abc import Callable
from dataclasses import dataclass

GARBAGE = b'{"jsonrpc":"2.0","id":1,"result":"0x'


@dataclass
class Fault:
    """
    kind:
      error     a JSON-RPC error (`code`, `message`, `data`) in the place of the result
      result    `value` in the place of the result, or what `rewrite(params, result)` makes of it (in process only)
      status    the whole HTTP answer has `status`, `headers` and `body`; `effect`: the calls were run all the same
      garbage   status 200 with `body`, which is no JSON; `effect` as above
      hang      never an answer; the connection stays open; `effect` as above
      close     the connection ends without an answer; `effect` as above
      drip      the right answer, a byte each `seconds`
      slow      the right answer, `seconds` late
    """

    kind: str
    # Only calls whose parameters, as JSON in lower case, hold this.
    matching: str = ""
    # How often; None: until cleared.
    times: int | None = None
    effect: bool = False
    code: int = -32000
    message: str = "internal error"
    data: str | None = None
    value: object = None
    rewrite: Callable | None = None
    # 500, unless told; a `result` of a facilitator may have one too.
    status: int | None = None
    headers: tuple = ()
    body: bytes | str = b""
    seconds: float = 1.0
    # Called when the fault strikes: after the calls were run where they are run, and before any answer leaves (in process only).
    then: Callable[[], None] | None = None

    def __post_init__(self):
        if isinstance(self.body, str):
            self.body = self.body.encode()
        if self.kind == "garbage" and not self.body:
            self.body = GARBAGE

    @property
    def whole(self) -> bool:
        """It concerns the HTTP answer, not one call in it."""
        return self.kind not in ("error", "result")


class Faults:
    """By method; "*": any call."""

    def __init__(self):
        self.by_method: dict[str, list[Fault]] = {}

    def set(self, method: str, kind: str, **options) -> Fault:
        fault = Fault(kind, **options)
        self.by_method.setdefault(method, []).append(fault)
        return fault

    def clear(self, method: str | None = None):
        if method is None:
            self.by_method.clear()
        else:
            self.by_method.pop(method, None)

    def of(self, method: str, text: str) -> Fault | None:
        """The first that concerns this call, spent by one. `text`: the parameters in lower case."""
        for name in (method, "*"):
            for fault in self.by_method.get(name, ()):
                if fault.times == 0 or fault.matching.lower() not in text:
                    continue
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None
