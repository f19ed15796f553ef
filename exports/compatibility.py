"""Which operators an onnxruntime of some version knows, and how old a file must be for it.

Each row was found by opening a file of every opset and layout (IR version) in that release (2026-11-28):
newer files were refused.
"""

from __future__ import annotations

import re

import onnx

from ..core.base.errors import UsageError

USUAL = 20
"""The opset of an export unless another one is asked for."""

_KNOWN = {
    (1, 15): (18, 9),
    (1, 16): (19, 9),
    (1, 17): (20, 9),
    (1, 18): (21, 10),
    (1, 19): (21, 10),
    (1, 20): (21, 10),
    (1, 21): (22, 10),
    (1, 22): (22, 10),
    (1, 23): (23, 11),
}
"""The newest opset and IR version by release; what comes later knows these too."""

_ASKED = re.compile(r"onnxruntime\s*(?:==|>=)\s*(\d+)\.(\d+)(?:\.\d+)*")


def opset_for(runtime: str | None, opset: int = USUAL) -> int:
    """Return the opset of a file that has to open in a runtime, such as `onnxruntime==1.17`.

    It is `opset`; the usual one gives way to the newest that the runtime knows.
    Raises `UsageError` for a runtime that is not known here, that is too old, or that does not know `opset`.

    >>> opset_for("onnxruntime==1.16"), opset_for("onnxruntime==1.32.0"), opset_for(None, 21)
    (19, 20, 21)
    """
    if runtime is None:
        return opset
    newest, layout = _newest(runtime)
    fitting = [version for version in range(18, newest + 1) if _layout_of(version) <= layout]
    if not fitting:
        raise UsageError(f"{runtime} opens no file that is written here", hint="1.15 is the oldest that does")
    if opset == USUAL:
        return min(USUAL, fitting[-1])
    if opset > fitting[-1]:
        raise UsageError(
            f"{runtime} does not know opset {opset}", hint=f"leave the opset out, or take {fitting[-1]}"
        )
    return opset


def _newest(runtime: str) -> tuple[int, int]:
    asked = _ASKED.fullmatch(runtime.strip())
    if asked is None:
        raise UsageError(
            f"{runtime!r} is no version of a runtime that files are written for",
            hint="for example onnxruntime==1.17",
        )
    release = (int(asked[1]), int(asked[2]))
    older = [known for known in _KNOWN if known <= release]
    return _KNOWN[max(older)] if older else (0, 0)


def _layout_of(opset: int) -> int:
    """Return the oldest IR version that has an opset's operators: a file's own."""
    found: int = onnx.helper.find_min_ir_version_for([onnx.helper.make_opsetid("", opset)])
    return found
