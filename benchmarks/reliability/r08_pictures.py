"""R8: pictures of every format, mutated, and pictures that claim to be enormous."""

from __future__ import annotations

import io
import os
import random
import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from .children import Child
from .mutating import mutated
from .row import Findings
from .trying import Trial, refuses, try_all

_FORMATS = (
    "PNG",
    "JPEG",
    "GIF",
    "BMP",
    "TIFF",
    "WEBP",
    "PPM",
    "ICO",
    "TGA",
    "PCX",
    "DDS",
    "SGI",
    "AVIF",
    "JPEG2000",
)


class Pictures:
    """A third are read as `mtl predict` reads, two thirds as the data set of class folders does."""

    name = "R8"
    title = "hostile and mutated pictures, as predict and as the data set of class folders read them"
    promise = "read or refused; no program is started, each refusal within 5 s and 1 GiB"
    count = 1500

    def run(self, count: int, seed: int, work: Path) -> Findings:
        random_numbers = random.Random(seed)
        good = _formats()
        names = sorted(good)
        files = list(islice(_hostile(), max(1, count // 9)))
        for number in range(max(0, count // 3 - len(files)) + 1):
            kind = random_numbers.choice(names)
            files.append((f"{kind} {number}", mutated(good[kind], random_numbers, near=120)))
        marker = work / "started"
        tools = work / "tools"
        tools.mkdir()
        for tool in ("gs", "gswin32c", "gswin64c"):
            (tools / tool).write_text(f"#!/bin/sh\ntouch {marker}\n")
            (tools / tool).chmod(0o755)
        trials = [trial for name, content in files for trial in _read(name, content, work)]
        found = Findings()
        path = f"{tools}:{os.environ['PATH']}"
        try_all(trials[:count], found, Child(memory=3 << 30, environment={"PATH": path}))
        if marker.exists():
            found.note("all pictures", "", broken="a picture started Ghostscript")
        return found


def _read(name: str, content: bytes, work: Path) -> Iterator[Trial]:
    from mtl.core.contracts.specs import ImageSpec
    from mtl.exports.images import read_image
    from mtl.plugins.datasets.image_files import ImageFile, image_size, read_images

    spec = ImageSpec(3, 28, 28)
    path = work / "picture.png"

    def predict() -> None:
        path.write_bytes(content)
        read_image(path, spec, resize=True)

    file = ImageFile(name, lambda: content)
    yield Trial(f"predict: {name}", refuses(predict))
    yield Trial(f"size: {name}", refuses(lambda: image_size(file)))
    yield Trial(f"data set: {name}", refuses(lambda: read_images([file], spec, resize=True)))


def _formats() -> dict[str, bytes]:
    """Return a small picture in every format that can be written here."""
    from PIL import Image, features

    picture = Image.radial_gradient("L").resize((28, 28)).convert("RGB")
    found = {}
    for name in _FORMATS:
        if name == "AVIF" and not features.check("avif"):
            continue
        stream = io.BytesIO()
        picture.save(stream, name)
        found[name] = stream.getvalue()
    for mode in ("L", "LA", "P", "RGBA", "I;16", "1"):
        stream = io.BytesIO()
        (picture.convert("I").convert("I;16") if mode == "I;16" else picture.convert(mode)).save(
            stream, "PNG"
        )
        found[f"PNG {mode}"] = stream.getvalue()
    return found


def _png(width: int, height: int, depth: int, kind: int, data: bytes, more: bytes = b"") -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + more + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _hostile() -> Iterator[tuple[str, bytes]]:
    small = zlib.compress(bytes(72))
    yield "nothing", b""
    yield "a PNG of 65,000 x 65,000", _png(65_000, 65_000, 8, 2, small)
    yield "a PNG of 2^31", _png(2**31 - 1, 2**31 - 1, 16, 6, small)
    yield "a real PNG of 8,000 x 8,000", _png(8000, 8000, 8, 0, zlib.compress(bytes(8001 * 8000), 9))
    yield (
        "a real PNG of 13,000 x 13,000",
        _png(13_000, 13_000, 8, 2, zlib.compress(bytes(39_001 * 13_000), 9)),
    )
    bomb = zlib.compress(b"a" * (200 << 20), 9)
    yield "a text bomb", _png(8, 8, 8, 0, small, _chunk(b"zTXt", b"k\0\0" + bomb))
    yield "a profile bomb", _png(8, 8, 8, 0, small, _chunk(b"iCCP", b"k\0\0" + bomb))
    yield "100,000 texts", _png(8, 8, 8, 0, small, _chunk(b"tEXt", b"k\0" + b"a" * 60) * 100_000)
    for size in (b"99999999 99999999", b"8000 8000", b"9" * 5000 + b" 1"):
        yield f"a PPM of {size[:20]!r}", b"P6 " + size + b" 255\n"
    page = b"%%!PS-Adobe-3.0 EPSF-3.0\n%%%%BoundingBox: 0 0 %d %d\n%%%%EndComments\nshowpage\n%%%%EOF\n"
    yield "PostScript", page % (28, 28)
    yield "large PostScript", page % (999_999, 999_999)
    yield (
        "a BMP of 65,535",
        b"BM" + bytes(8) + struct.pack("<IIIIHHI", 54, 40, 65_535, 65_535, 1, 8, 1) + bytes(40),
    )
    fits = (
        b"SIMPLE  =                    T",
        b"BITPIX  =                    8",
        b"NAXIS   =                    2",
    )
    sides = (b"NAXIS1  =           2000000000", b"NAXIS2  =           2000000000", b"END")
    yield "a FITS of 2,000,000,000", b"".join(line.ljust(80) for line in (*fits, *sides))


ROW = Pictures()
