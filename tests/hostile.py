"""Files as an attacker or a failing disk would leave them, tried a few times, or at length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TIMES = [pytest.param(25, id="few"), pytest.param(1000, id="many", marks=pytest.mark.slow)]
"""Parameters of a test that attacks: few examples, always the same, or many, always others."""

_NUMBERS = (b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\1")


def attack(times: int, contents: st.SearchStrategy[Any], check: Callable[[Any], None]) -> None:
    """Call `check` with so many examples; it raises where a reader does what it must not."""
    chosen = settings(
        max_examples=times,
        derandomize=times < 100,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    chosen(given(contents)(check))()


@st.composite
def mutated(draw: st.DrawFn, contents: Sequence[bytes]) -> bytes:
    """Return one of the files with a few bytes flipped, set, cut out, put in, or its end missing."""
    content = bytearray(draw(st.sampled_from(contents)))
    for _ in range(draw(st.integers(1, 4))):
        # Headers are what decoders believe.
        at = draw(st.integers(0, min(len(content), 64)) | st.integers(0, len(content)))
        match draw(st.sampled_from(("flip", "number", "cut", "insert", "end"))):
            case "flip":
                changed = bytes(byte ^ draw(st.integers(1, 255)) for byte in content[at : at + 1])
                content[at : at + 1] = changed
            case "number":
                content[at : at + 4] = draw(st.sampled_from(_NUMBERS))
            case "cut":
                del content[at : at + draw(st.integers(1, 30))]
            case "insert":
                content[at:at] = draw(st.binary(min_size=1, max_size=8))
            case _:
                del content[at:]
    return bytes(content)


@st.composite
def reworded(draw: st.DrawFn, texts: Sequence[str], words: Sequence[str]) -> str:
    """Return one of the texts with a few stretches between blanks and brackets replaced by other words."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 12))
        text = text[:start] + draw(st.sampled_from(words)) + text[start + length :]
    return text
