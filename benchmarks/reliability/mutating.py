"""Random damage to bytes."""

from __future__ import annotations

import random

_ENDS = (b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x01")


def mutated(content: bytes, random_numbers: random.Random, *, near: int = 400) -> bytes:
    """Return bytes with one to ten places changed; half of them lie within the first `near` bytes."""
    data = bytearray(content)
    for _ in range(random_numbers.choice((1, 1, 2, 4, 10))):
        whole = random_numbers.random() < 0.5
        place = random_numbers.randrange(len(data) if whole else min(len(data), near))
        _damage(data, place, random_numbers)
        if not data:
            data += b"\0"
    return bytes(data)


def _damage(data: bytearray, place: int, random_numbers: random.Random) -> None:
    kind = random_numbers.randrange(6)
    if kind == 0:
        data[place] ^= 1 << random_numbers.randrange(8)
    elif kind == 1:
        data[place] = random_numbers.choice((0, 1, 0x7F, 0x80, 0xFF, random_numbers.randrange(256)))
    elif kind == 2:
        del data[place : place + random_numbers.randrange(1, 30)]
    elif kind == 3:
        data[place:place] = random_numbers.randbytes(random_numbers.randrange(1, 9))
    elif kind == 4:
        data[place : place + 4] = random_numbers.choice(_ENDS)
    elif random_numbers.random() < 0.3:
        del data[max(1, place) :]
