"""Recursive length prefix, strict both ways: what is not the one encoding of its value is refused."""


class BadRLP(ValueError):
    pass


def encode(item) -> bytes:
    """`item`: bytes, an unsigned int, or a list of these."""
    if isinstance(item, int):
        item = item.to_bytes((item.bit_length() + 7) // 8, "big")
    if isinstance(item, (list, tuple)):
        return _prefixed(0xC0, b"".join([encode(part) for part in item]))
    if len(item) == 1 and item[0] < 0x80:
        return item
    return _prefixed(0x80, item)


def _prefixed(base: int, body: bytes) -> bytes:
    size = len(body)
    if size <= 55:
        return bytes([base + size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([base + 55 + len(length)]) + length + body


def decode(raw: bytes):
    """bytes, or a list of what decodes; the whole of `raw`."""
    try:
        item, end = _decode(raw, 0)
    except IndexError:
        raise BadRLP("unexpected end") from None
    if end != len(raw):
        raise BadRLP("trailing bytes")
    return item


def _decode(raw: bytes, at: int):
    first = raw[at]
    if first < 0x80:
        return raw[at : at + 1], at + 1
    base = 0xC0 if first >= 0xC0 else 0x80
    size, start = first - base, at + 1
    if size > 55:
        length = raw[start : start + size - 55]
        start += size - 55
        size = int.from_bytes(length, "big")
        if length[:1] in (b"", b"\0") or size <= 55:
            raise BadRLP("non-canonical size")
    end = start + size
    if end > len(raw):
        raise BadRLP("unexpected end")
    if base == 0x80:
        if size == 1 and raw[start] < 0x80:
            raise BadRLP("non-canonical byte")
        return raw[start:end], end
    items = []
    while start < end:
        item, start = _decode(raw, start)
        items.append(item)
    if start != end:
        raise BadRLP("list overrun")
    return items, end


def integer(item) -> int:
    if isinstance(item, list) or item[:1] == b"\0" or len(item) > 32:
        raise BadRLP("no canonical integer")
    return int.from_bytes(item, "big")
