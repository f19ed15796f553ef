"""A file that holds other bytes than were written is refused, wherever it is opened."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.core.base.errors import MtlError, UsageError, VerificationError
from mtl.exports.inference import ExportedModel
from mtl.exports.onnx_exporter import OnnxExporter
from mtl.exports.onnx_model import file_of
from mtl.exports.seal import sealed, unbroken

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 1, 8, 8), dtype=np.uint8)


@given(st.binary(), st.data())
def test_any_other_bytes_break_the_seal(body, data):
    whole = sealed(body)
    assert unbroken(whole) is True
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = whole[:at] + bytes([whole[at] ^ 1 << data.draw(st.integers(0, 7))]) + whole[at + 1 :]
    assert unbroken(flipped) is not True
    assert unbroken(whole[:at]) is not True
    assert unbroken(whole + whole) is not True


def _flipped_answers_are_refused(exported, folder: Path, data: st.DataObject) -> None:
    content = bytearray(exported.path.read_bytes())
    for at in data.draw(st.lists(st.integers(0, 8 * len(content) - 1), min_size=1, max_size=8, unique=True)):
        content[at // 8] ^= 1 << at % 8
    path = folder / "flipped.onnx"
    path.write_bytes(content)
    with pytest.raises(MtlError) as caught:
        ExportedModel(path)
    assert str(path) in caught.value.message
    with pytest.raises(VerificationError):
        OnnxExporter().verify(exported.subject, path)


@settings(deadline=None, max_examples=10)
@given(st.data())
def test_flipped_bits_are_refused(exported, tmp_path_factory, data):
    _flipped_answers_are_refused(exported, tmp_path_factory.mktemp("flipped"), data)


@pytest.mark.slow
@settings(deadline=None, max_examples=1000)
@given(st.data())
def test_many_flipped_bits_are_refused(exported, tmp_path_factory, data):
    _flipped_answers_are_refused(exported, tmp_path_factory.mktemp("flipped"), data)


def test_a_moved_file_answers_without_its_proof(exported, tmp_path):
    path = Path(shutil.copy(exported.path, tmp_path / "moved.onnx"))
    assert set(ExportedModel(path).run(IMAGES, number=1)) == set(exported.subject.targets)


def test_a_file_saved_again_unchanged_is_the_same(exported, tmp_path):
    onnx.save(onnx.load(exported.path), tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == exported.path.read_bytes()


def test_a_file_without_a_sum_is_refused(exported, tmp_path):
    model = onnx.load(exported.path)
    kept = [item for item in model.metadata_props if item.key != "mtl.sha256"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.save(model, tmp_path / "bare.onnx")
    with pytest.raises(VerificationError, match="has no sum"):
        ExportedModel(tmp_path / "bare.onnx")
    with pytest.raises(VerificationError, match="has no sum"):
        OnnxExporter().verify(exported.subject, tmp_path / "bare.onnx")


@pytest.fixture
def beside(exported, tmp_path):
    """A copy of the file with its proof beside it."""
    for name in ("model.onnx", "verify.json"):
        shutil.copy(exported.path.with_name(name), tmp_path)
    return tmp_path / "model.onnx"


def test_the_file_beside_its_proof_answers(beside):
    assert ExportedModel(beside).run(IMAGES, number=1)


def test_another_file_than_the_proof_beside_it_proves_is_refused(beside, exported, exported_raw):
    shutil.copy(exported_raw.path, beside)
    for use in (ExportedModel, lambda path: OnnxExporter().verify(exported.subject, path)):
        with pytest.raises(VerificationError, match="is not the file that was proven"):
            use(beside)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"file": 3}', "\ud800"])
def test_a_damaged_proof_is_named(content, beside):
    beside.with_name("verify.json").write_text(content, errors="surrogatepass")
    with pytest.raises(UsageError, match=r"verify\.json: cannot be read as the proof of model\.onnx"):
        ExportedModel(beside)


def test_a_proof_of_several_models_is_read_by_name(exported, exported_raw, tmp_path):
    proof = json.loads(exported.path.with_name("verify.json").read_text())
    (tmp_path / "verify.json").write_text(json.dumps({"models": {"other.onnx": proof}}))
    shutil.copy(exported_raw.path, tmp_path / "one.onnx")
    assert ExportedModel(tmp_path / "one.onnx").card
    shutil.copy(exported_raw.path, tmp_path / "other.onnx")
    with pytest.raises(VerificationError, match="is not the file that was proven"):
        ExportedModel(tmp_path / "other.onnx")


def test_a_changed_file_sealed_anew_is_another_file(exported):
    model = onnx.load(exported.path)
    model.graph.node[0].name = "other"
    data = file_of(model)
    assert unbroken(data)
    assert data != exported.path.read_bytes()


def test_a_large_file_is_not_copied_to_be_summed() -> None:
    data = sealed(bytes(20 << 20))
    tracemalloc.start()
    try:
        assert unbroken(data)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
