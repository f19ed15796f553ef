"""Exported files: ONNX with a sum that is right, their metadata, the sum itself, and folders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .changes import replace
from .good_run import GoodRun
from .target import Read, Target, written


def model_files(good: GoodRun) -> Iterator[Target]:
    """Yield the targets."""
    yield Target("onnx", [good.unsealed], written("model.onnx", _answered), "model.onnx", together=100)
    yield Target("metadata", [], _told(good.unsealed), "model.onnx", _cards(good.unsealed), together=200)
    yield Target("seal", [good.run / "model.onnx", b"\0" * 200], written("model.onnx", _unbroken), None)
    for name in ("mtl.json", "samples.npz", "SHA256SUMS"):
        yield Target(
            f"bundle {name}", [good.bundle / name], _bundle(good.bundle, name), "bundle", together=40
        )
    yield Target("labels", ["déjà\nvu\n".encode()], written("labels.txt", _names), "labels.txt")
    yield Target("pt2", [good.program], written("model.pt2", _program), "model.pt2", together=40)
    yield Target("triton SHA256SUMS", [good.triton / "SHA256SUMS"], _sums(good.triton), "triton")


def _unbroken(path: Path) -> object:
    from mtl.exports.seal import unbroken

    return unbroken(path.read_bytes())


def _answered(path: Path) -> object:
    import numpy as np

    from mtl.exports.inference import ExportedModel
    from mtl.exports.seal import sealed

    path.write_bytes(sealed(path.read_bytes()))
    model = ExportedModel(path, threads=1)
    return model.answers(model.run(np.zeros((1, *model.card.image.shape), np.uint8)))


def _told(plain: Path) -> Callable[[Path], Read]:
    """Return what reads a model with other metadata: a JSON object of texts."""

    def opened(work: Path) -> Read:
        import onnx

        def act(content: bytes) -> object:
            try:
                properties = {str(key): str(value) for key, value in json.loads(content).items()}
            except (ValueError, AttributeError, RecursionError):  # damage that left no object
                return None
            model = onnx.load_model(plain)
            for entry in model.metadata_props:
                entry.value = properties.get(entry.key, entry.value).encode("utf-8", "replace").decode()
            (work / "model.onnx").write_bytes(model.SerializeToString())
            return _answered(work / "model.onnx")

        return act

    return opened


def _cards(plain: Path) -> Any:
    """Return a strategy of changes to a model's metadata."""
    import onnx
    from hypothesis import strategies as st

    strange = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=6),
        st.lists(st.integers(), max_size=3),
    )

    @st.composite
    def changed(draw: Any) -> bytes:
        texts = {entry.key: entry.value for entry in onnx.load_model(plain).metadata_props}
        key = draw(st.sampled_from(sorted(texts)))
        if draw(st.booleans()):
            value = json.loads(texts[key])
            replace(draw, value, draw(strange))
            text = json.dumps(value)
        else:
            text = draw(st.one_of(strange.map(json.dumps), st.text(max_size=20)))
        return json.dumps({key: text}).encode()

    return changed()


def _bundle(bundle: Path, name: str) -> Callable[[Path], Read]:
    def opened(work: Path) -> Read:
        copy = work / "bundle"
        shutil.copytree(bundle, copy)

        def act(content: bytes) -> object:
            from mtl.exports.bundle.exporter import BundleExporter
            from mtl.exports.folder import SUMS, sums_of

            (copy / name).write_bytes(content)
            if name != SUMS:
                lines = [f"{digest}  {file}\n" for file, digest in sums_of(copy).items()]
                (copy / SUMS).write_text("".join(lines))
            return BundleExporter().check(copy, ())

        return act

    return opened


def _sums(folder: Path) -> Callable[[Path], Read]:
    def opened(work: Path) -> Read:
        copy = work / "triton"
        shutil.copytree(folder, copy)

        def act(content: bytes) -> object:
            from mtl.exports.folder import check_folder

            (copy / "SHA256SUMS").write_bytes(content)
            return check_folder(copy)

        return act

    return opened


def _program(path: Path) -> object:
    import numpy as np

    from mtl.exports.model_file import read_model
    from mtl.exports.torch_program import Program

    program = Program(read_model(path), path.name)
    program.check_contents()
    return program.run({"image": np.zeros((1, *program.card.image.shape), np.float32)})


def _names(path: Path) -> object:
    from mtl.exports.bundle.contents import read_names

    return read_names(path)
