"""onnxruntime-web's files: from a folder that the user names, or fetched once through npm and kept.

The build is the smallest that needs no special headers of the server: WebAssembly on one thread. Another one
computes by WebGPU where a browser has it.
"""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ...core.base.errors import MissingRequirementError
from ...core.base.files import make_folder, read_bytes, write_bytes, writing_to
from ...core.base.places import from_root

_MOST = 2**28
"""Bytes of a file of onnxruntime-web that none comes near."""

VERSION = "1.30.0"
INTEGRITY = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""SHA-512 of the package's archive as npm publishes it, base64."""

WASM = "ort-wasm-simd-threaded.wasm"
FILES = {
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    WASM: "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
"""The files of the package's folder `dist` that a page needs, with their SHA-256."""

WEBGPU_WASM = "ort-wasm-simd-threaded.asyncify.wasm"
WEBGPU_FILES = {
    "ort.webgpu.bundle.min.mjs": "0730816731ce2cdfb06f273da065d4a1c7091eb9d1756a83b2916c8a89d015e2",
    WEBGPU_WASM: "39f9f0894d478800487ed9f7dbe92618498db320cf55c8e3d89adff8dce658da",
}
"""Those that a page needs beside them to compute by WebGPU."""

_PACKAGE = f"onnxruntime-web@{VERSION}"
_PATIENCE = 300.0
_BY_HAND = f"unpack {_PACKAGE} yourself and pass --set runtime=DIR, its folder `dist`"


def runtime_files(folder: Path | None = None, *, webgpu: bool = False) -> dict[str, bytes]:
    """Return the content of each of `FILES` by name, with `webgpu` that of `WEBGPU_FILES` too.

    With `folder`, they are taken from there, whatever their version. Without, those of `VERSION` come from
    the cache, which `npm pack` fills the first time. Raises `UsageError` when the folder lacks one, and
    `MissingRequirementError` when there is neither cache nor npm nor network.
    """
    wanted = FILES | WEBGPU_FILES if webgpu else FILES
    if folder is not None:
        return {name: _read(folder / name) for name in wanted}
    kept = cache_folder()
    found = {name: _read(kept / name) for name in wanted if (kept / name).is_file()}
    if {name: hashlib.sha256(content).hexdigest() for name, content in found.items()} == wanted:
        return found
    fetched = _fetch(wanted)
    make_folder(kept)
    for name, content in fetched.items():
        write_bytes(kept / name, content)
    return fetched


def cache_folder() -> Path:
    """Return where fetched files are kept: in the user's cache folder, as the XDG standard has it."""
    base = os.environ.get("XDG_CACHE_HOME") or ""
    root = Path(base) if Path(base).is_absolute() else from_root(Path("~/.cache"))
    return root / "mtl" / f"onnxruntime-web-{VERSION}"


def _read(path: Path) -> bytes:
    names = ", ".join((*FILES, *WEBGPU_FILES))
    hint = f"runtime is the folder `dist` of the package onnxruntime-web; it holds {names}"
    return read_bytes(path, "a file of onnxruntime-web (runtime)", hint=hint, most=_MOST)


def _fetch(wanted: Iterable[str]) -> dict[str, bytes]:
    with writing_to(Path(tempfile.gettempdir())), tempfile.TemporaryDirectory() as folder:
        archive = _pack(Path(folder))
        digest = base64.b64encode(hashlib.sha512(_read(archive)).digest()).decode()
        if digest != INTEGRITY:
            raise MissingRequirementError(
                f"{_PACKAGE} as npm delivered it is not the package that was published "
                f"(sha512-{digest}, not sha512-{INTEGRITY})",
                hint="your registry or mirror serves another file; " + _BY_HAND,
            )
        with tarfile.open(archive) as opened:
            return {name: _member(opened, f"package/dist/{name}") for name in wanted}


def _pack(folder: Path) -> Path:
    command = ["npm", "pack", _PACKAGE, "--ignore-scripts", "--silent", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE)
    except FileNotFoundError:
        raise MissingRequirementError(
            f"the page needs {_PACKAGE}, and there is no npm to fetch it", hint=f"install npm, or {_BY_HAND}"
        ) from None
    except subprocess.TimeoutExpired:
        raise MissingRequirementError(
            f"npm did not deliver {_PACKAGE} within {_PATIENCE:.0f} s", hint=_BY_HAND
        ) from None
    archives = list(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        said = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise MissingRequirementError(
            f"npm cannot fetch {_PACKAGE}: {said[0][:300] if said else 'it says nothing'}",
            hint=f"is there a network? Once fetched it is kept in {cache_folder()}; or {_BY_HAND}",
        )
    return archives[0]


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    stream = archive.extractfile(name)
    if stream is None:
        raise MissingRequirementError(f"{_PACKAGE} holds no {name}", hint=_BY_HAND)
    return stream.read()
