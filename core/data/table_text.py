"""From a table's bytes to text: encodings, and files that are no text tables at all."""

from __future__ import annotations

import codecs
from pathlib import Path

from ..base.errors import UsageError
from ..base.files import read_bytes

LARGEST = 2**30
"""Bytes of the largest table that is read."""

HINT = "a CSV, TSV, JSON lines, Parquet or Arrow file, or a folder with a metadata.csv, .jsonl or .parquet"

NESTED = "it holds lists or objects"
"""Why a column is left out whose cells are none of text."""

_A_PICTURE = ("a picture", "a table names pictures, a row for each: a line `file,label`, then `1.png,cat`")

_SAVED_OTHERWISE = {
    b"PK\x03\x04": ("an Excel file, or another zip file", "save it in Excel as: CSV UTF-8"),
    b"\xd0\xcf\x11\xe0": ("an old Excel file", "save it in Excel as: CSV UTF-8"),
    b"PAR1": ("a Parquet file", "its name must end in .parquet"),
    b"ARROW1": ("an Arrow file", "its name must end in .arrow"),
    b"\x1f\x8b": ("a gzip file", "unpack it: gunzip FILE"),
    **dict.fromkeys((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*"), _A_PICTURE),
}
"""How files begin that hold tables in other forms, what they are, and what to do with them."""

_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read_text(path: Path, encoding: str) -> str:
    """Return a table's text; a byte-order mark at its start counts for more than the stated encoding.

    Raises `UsageError` when the file cannot be read, is of another kind, or is no text in that encoding.
    """
    content = read_bytes(path, "a table", hint=HINT, most=LARGEST)
    for start, (kind, remedy) in _SAVED_OTHERWISE.items():
        if content.startswith(start):
            raise UsageError(f"{path}: is {kind}, not a text table", hint=remedy)
    marked = next((name for mark, name in _MARKS.items() if content.startswith(mark)), None)
    text = _decoded(content, path, marked or _known(encoding))
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UsageError(f"{path}:{line}: holds a null character: it is no text table", hint=HINT)
    if not text.strip():
        raise UsageError(f"{path}: is empty", hint="a table begins with a line of column names")
    return text


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except (LookupError, ValueError):
        raise UsageError(
            f"no encoding {encoding!r} is known",
            hint="for example utf-8 or cp1252",
            at=("dataset", "encoding"),
        ) from None


def _decoded(content: bytes, path: Path, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{path}:{line}: is no text in {encoding} (byte {error.start})",
            hint="save it as UTF-8, or name its encoding: --set dataset.encoding=cp1252",
        ) from None
    except Exception as error:  # a codec that is none of text, such as `hex`
        raise UsageError(
            f"{path}: cannot be read in the encoding {encoding}: {error}", hint="for example utf-8 or cp1252"
        ) from error
