"""What an ONNX file holds, read from its bytes before a runtime sees it. No torch, no onnx.

A file may come from anywhere: nothing in it may read other files, run without end, or need operators that are
not ONNX's own. https://protobuf.dev/programming-guides/encoding/ has the encoding, `onnx.proto` the numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

_INSIDE = {
    "model": {7: "graph"},
    "graph": {1: "node", 5: "tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph"},
    "tensor": {},
}
"""Fields that hold more, by what they are a field of."""

_FOREIGN = {
    ("model", 20): "training steps",
    ("model", 25): "functions",
    ("graph", 15): "sparse weights",
    ("attribute", 22): "sparse weights",
    ("attribute", 23): "sparse weights",
}
_OPERATOR, _DOMAIN, _LOCATION = ("node", 4), ("node", 7), ("tensor", 14)
_ENDLESS = frozenset({b"Loop", b"Scan"})
_UNBOUNDED = frozenset(
    (
        *(b"NonZero", b"Unique", b"NonMaxSuppression"),
        *(b"StringConcat", b"StringSplit", b"StringNormalizer", b"RegexFullMatch", b"TfIdfVectorizer"),
        *(b"SequenceConstruct", b"SequenceInsert", b"SequenceMap", b"SplitToSequence", b"Optional"),
    )
)
"""Operators whose memory is beyond the bounds that a runtime keeps; a network on images needs none."""

_OWN_DOMAINS = frozenset({b"", b"ai.onnx"})
_MOST = 1_000_000
"""Fields that are looked at; a network has some for each operator and weight."""

MOST_OF = {("graph", 1): (8_000, "operators"), ("graph", 5): (10_000, "weights")}
"""Parts of a kind, in all graphs: a runtime's time grows with their square. Deep networks have 1,000."""


def refuse_hazards(data: bytes) -> None:
    """Raise `ValueError`, saying what is wrong, when a file holds more than a computation that ends.

    Bounded in time and memory whatever the bytes are.
    """
    waiting = [("model", memoryview(data))]
    seen = 0
    counts = dict.fromkeys(MOST_OF, 0)
    while waiting:
        kind, part = waiting.pop()
        for number, value in _fields(part):
            seen += 1
            if seen > _MOST:
                raise ValueError("it holds too many parts")
            _check((kind, number), value)
            if (kind, number) in MOST_OF:
                _count((kind, number), counts)
            if (inner := _INSIDE[kind].get(number)) is not None:
                waiting.append((inner, _message(value)))


def _count(place: tuple[str, int], counts: dict[tuple[str, int], int]) -> None:
    counts[place] += 1
    most, what = MOST_OF[place]
    if counts[place] > most:
        raise ValueError(f"it holds more than {most:,} {what}")


def _check(place: tuple[str, int], value: int | memoryview) -> None:
    if (what := _FOREIGN.get(place)) is not None:
        raise ValueError(f"it holds {what}")
    if place == _LOCATION and value != 0:
        raise ValueError("it keeps weights in a file of their own")
    if place == _OPERATOR:
        name = bytes(_message(value))
        if name in _ENDLESS:
            raise ValueError(f"it holds the operator {name.decode()}, which may never end")
        if name in _UNBOUNDED:
            raise ValueError(f"it holds the operator {name.decode()}, whose memory has no bound")
    if place == _DOMAIN and bytes(_message(value)) not in _OWN_DOMAINS:
        raise ValueError("it needs operators beyond ONNX's own")


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("its parts are damaged")
    return value


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield each field's number with its value: a whole number, or bytes."""
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        number, form = tag >> 3, tag & 7
        if form == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if form == 2:
            size, at = _varint(data, at)
        elif form in (1, 5):
            size = 8 if form == 1 else 4
        else:
            raise ValueError("its parts are damaged")
        if size > end - at:
            raise ValueError("it ends too early")
        yield number, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for index in range(10):
        if at + index >= len(data):
            break
        byte = data[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise ValueError("it ends too early" if len(data) - at < 10 else "its parts are damaged")
