"""Pictures that a client sends as files: read from a request, and decoded beside the loop that answers."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.contracts.preparation import Preparation
from ...core.data.picture_pixels import PictureError, prepared
from .refusal import Refusal

TYPES = {b"image/png": "PNG", b"image/jpeg": "JPEG", b"image/jpg": "JPEG", b"image/webp": "WEBP"}
"""What a body may be that is a picture."""

_BEGINNINGS = (
    (re.compile(rb"\x89PNG\r\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
)

FORMATS = ("PNG", "JPEG", "WEBP")
"""Formats that are opened here; the others are for files of one's own."""

_PREFIX = 4
"""Bytes in which the protocol writes how long an element of a BYTES tensor is."""

_PIXELS = 1_000_000


def type_of(content: bytes | memoryview) -> str | None:
    """Return the type of a picture by how its file begins; None for what is none.

    >>> type_of(b"RIFF1234WEBPVP8 "), type_of(b'{"inputs": []}')
    ('image/webp', None)
    """
    return next((kind for begins, kind in _BEGINNINGS if begins.match(content)), None)


def pictures_from_bytes(name: str, count: int, data: memoryview) -> list[bytes]:
    """Return the elements of a BYTES tensor behind the JSON, each after its length; raise `Refusal`."""
    found: list[bytes] = []
    for _ in range(count):
        size = int.from_bytes(data[:_PREFIX], "little")
        if len(data) < _PREFIX or len(data) < _PREFIX + size:
            raise Refusal(f"input {name!r}: its bytes end within picture {len(found) + 1} of {count}")
        found.append(bytes(data[_PREFIX : _PREFIX + size]))
        data = data[_PREFIX + size :]
    if data:
        raise Refusal(f"input {name!r}: {len(data)} bytes are left behind its {count} pictures")
    return found


def pictures_from_json(name: str, count: int, data: Any) -> list[bytes]:
    """Return the elements of a BYTES tensor in JSON: texts in base64; raise `Refusal`."""
    if not isinstance(data, list) or len(data) != count or not all(isinstance(item, str) for item in data):
        raise Refusal(f"input {name!r}: data must be a list of {count} texts, each a picture in base64")
    try:
        return [base64.b64decode(item, validate=True) for item in data]
    except (binascii.Error, ValueError):
        raise Refusal(f"input {name!r}: data must be pictures in base64") from None


class Pictures:
    """Decodes pictures in threads of its own, so many at once, and none of more than `largest` pixels.

    That bounds memory: a small file can claim a huge picture, which is refused before it is decoded. A
    request has `limit` seconds.
    """

    def __init__(self, threads: int, largest: int, limit: float) -> None:
        self._largest = largest
        self._limit = limit
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="mtl-pictures")

    async def prepared(self, pictures: Sequence[bytes], preparation: Preparation) -> NDArray[np.uint8]:
        """Return pictures as a model reads them, uint8 `[N, C, H, W]`.

        Raises `Refusal`: 400 for one that is none, or of a size that the model does not read; 413 for one of
        too many pixels; 503 when it takes too long.
        """
        loop = asyncio.get_running_loop()
        waiting = [
            loop.run_in_executor(self._pool, self._one, number, content, preparation)
            for number, content in enumerate(pictures, 1)
        ]
        try:
            async with asyncio.timeout(self._limit):
                return np.stack(await asyncio.gather(*waiting))
        except TimeoutError:
            raise Refusal(f"the pictures were not read within {self._limit:g} s; try again", 503) from None
        finally:
            for item in waiting:
                item.cancel()  # what nobody waits for any more is not begun

    def close(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _one(self, number: int, content: bytes, preparation: Preparation) -> NDArray[np.uint8]:
        try:
            return prepared(content, preparation.to_json(), formats=FORMATS, fits=self._fits)
        except Refusal:
            raise
        except PictureError as error:
            raise Refusal(f"picture {number} {_told(error)}") from None
        except Exception as error:  # decoders raise whatever they like for damaged files
            raise Refusal(f"picture {number} is damaged: {type(error).__name__}") from None

    def _fits(self, size: tuple[int, int]) -> None:
        if prod(size) > self._largest:
            most = f"{self._largest / _PIXELS:g} million"
            raise Refusal(f"a picture of {size[0]} x {size[1]} pixels is too large; {most} are read", 413)


def _told(error: PictureError) -> str:
    text = str(error)
    return text if text != "is not an image" else f"is none of {', '.join(FORMATS)}"
