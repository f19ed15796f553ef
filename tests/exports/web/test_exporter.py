from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mtl.core.base.errors import MissingRequirementError, UsageError, VerificationError
from mtl.exports import onnx_exporter
from mtl.exports.folder import read_sums
from mtl.exports.inference import ExportedModel
from mtl.exports.metadata import IMAGE
from mtl.exports.web.exporter import WebExporter
from mtl.exports.web.runtime import FILES, INTEGRITY, VERSION, WEBGPU_FILES, cache_folder, runtime_files

from ..conftest import LOOSE


@pytest.fixture
def stand_in(tmp_path: Path) -> str:
    """A folder that looks like onnxruntime-web's; what is written of it is the same for any content."""
    folder = tmp_path / "dist"
    folder.mkdir()
    for name in FILES:
        (folder / name).write_text(f"this is {name}")
    return str(folder)


def test_the_folder_holds_page_model_samples_runtime_and_sums(exported, stand_in, tmp_path):
    path = tmp_path / "page"
    report = WebExporter(runtime=stand_in, samples=5).export(exported.subject, path)
    assert report.files == (path, path / "index.html", path / "model.onnx")
    assert report.verification["passed"] is True
    names = {file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()}
    assert set(read_sums(path)) == names - {"SHA256SUMS"}
    assets = {file.name for file in (Path(onnx_exporter.__file__).parent / "web" / "assets").iterdir()}
    assert assets < names
    assert names - assets == {
        "SHA256SUMS",
        "card.json",
        "model.onnx",
        "onnxruntime/ort-wasm-simd-threaded.wasm",
        "onnxruntime/ort.wasm.bundle.min.js",
        "page.json",
        "samples.bin",
        "verify.json",
    }
    samples = exported.subject.samples
    assert (path / "samples.bin").read_bytes() == samples[IMAGE][:5].tobytes()
    page = json.loads((path / "page.json").read_text())
    assert page["samples"] == {"count": 5, "inputs": {"number": samples["number"][:5].tolist()}}
    assert json.loads((path / "verify.json").read_text()) == report.verification
    assert WebExporter().verify(exported.subject, path)["passed"] is True


def test_with_webgpu_its_runtime_and_the_first_answers_are_beside(exported, stand_in, tmp_path):
    for name in WEBGPU_FILES:
        (Path(stand_in) / name).write_text("gpu")
    path = tmp_path / "page"
    WebExporter(runtime=stand_in, webgpu=True).export(exported.subject, path)
    assert (path / "onnxruntime" / "ort.webgpu.bundle.min.js").read_text() == "gpu"
    assert json.loads((path / "page.json").read_text())["bytes"]["webgpu"] == 3
    samples = exported.subject.samples
    expected = ExportedModel(path / "model.onnx").run(samples[IMAGE][:1], number=samples["number"][:1])
    flat = np.concatenate([values.reshape(-1) for values in expected.values()])
    assert np.array_equal(np.fromfile(path / "check.bin", "<f4"), flat)


@pytest.mark.usefixtures("traced_anew")
def test_the_same_model_gives_the_same_folder(exported, stand_in, tmp_path):
    for name in ("a", "b"):
        WebExporter(runtime=stand_in).export(exported.subject, tmp_path / name)
    assert read_sums(tmp_path / "a") == read_sums(tmp_path / "b")


def test_nothing_is_published_when_the_model_fails_its_gate(exported, stand_in, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise VerificationError("other numbers")

    monkeypatch.setattr(onnx_exporter, "verify_written", refuse)
    with pytest.raises(VerificationError, match="other numbers"):
        WebExporter(runtime=stand_in).export(exported.subject, tmp_path / "page")
    assert not (tmp_path / "page").exists()
    assert [item.name for item in tmp_path.iterdir()] == ["dist"]


def test_a_folder_with_one_byte_changed_is_refused_by_name(exported, stand_in, tmp_path):
    path = tmp_path / "page"
    WebExporter(runtime=stand_in).export(exported.subject, path)
    changed = bytearray((path / "samples.bin").read_bytes())
    changed[7] ^= 1
    (path / "samples.bin").write_bytes(changed)
    with pytest.raises(VerificationError, match=r"samples\.bin was changed"):
        WebExporter().verify(exported.subject, path)
    with pytest.raises(VerificationError, match=r"samples\.bin was changed"):
        WebExporter().check(path, ())


def test_a_task_stays_in_float_when_it_is_asked_for(exported, stand_in, tmp_path):
    options = {"precision": "int8", "keep_float": ("count",), "calibration": 32, "max_drop": LOOSE}
    report = WebExporter(runtime=stand_in, **options).export(exported.subject, tmp_path / "page")
    settings = report.verification["settings"]
    assert settings["keep_float"] == ["count"]
    assert settings["calibration"]["samples"] == 32


def test_a_folder_of_another_model_is_refused(exported, stand_in, tmp_path):
    from copy import deepcopy
    from dataclasses import replace

    other = deepcopy(exported.subject.model)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(1.1).add_(0.05)
    WebExporter(runtime=stand_in).export(exported.subject, tmp_path / "page")
    with pytest.raises(VerificationError, match="does not compute what the trained model computes"):
        WebExporter().verify(replace(exported.subject, model=other), tmp_path / "page")


def test_a_runtime_folder_without_the_files_is_told(tmp_path):
    with pytest.raises(
        UsageError, match=r"cannot be read as a file of onnxruntime-web \(runtime\)"
    ) as caught:
        runtime_files(tmp_path)
    assert "dist" in caught.value.hint


def test_without_npm_and_cache_the_way_out_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingRequirementError) as caught:
        runtime_files()
    assert caught.value.message == (
        f"the page needs onnxruntime-web@{VERSION}, and there is no npm to fetch it"
    )
    assert "--set runtime=DIR" in caught.value.hint


NPM = """#!/bin/sh
{action}
"""


PACKAGE = f"onnxruntime-web@{VERSION}"
NPM_FAILS = {
    "echo 'npm error network down' >&2; exit 1": f"npm cannot fetch {PACKAGE}: npm error network down",
    "echo forged > onnxruntime-web.tgz": f"{PACKAGE} as npm delivered it is not the package",
}


@pytest.mark.parametrize("action", NPM_FAILS)
def test_what_npm_cannot_do_or_does_wrong_is_told(action, monkeypatch, tmp_path):
    npm = tmp_path / "npm"
    npm.write_text(NPM.format(action=action))
    npm.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(MissingRequirementError) as caught:
        runtime_files()
    assert caught.value.message.startswith(NPM_FAILS[action])
    assert not cache_folder().exists()


def test_a_damaged_cache_is_not_used(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    cache_folder().mkdir(parents=True)
    for name in FILES:
        (cache_folder() / name).write_text("half")
    with pytest.raises(MissingRequirementError, match="there is no npm"):
        runtime_files()


def test_the_pinned_sum_is_a_sha512():
    import base64

    assert len(base64.b64decode(INTEGRITY)) == 64
    assert all(len(digest) == 64 for digest in FILES.values())


def test_samples_of_another_type_are_kept_out(exported, stand_in, tmp_path):
    from dataclasses import replace

    wrong = {**exported.subject.samples, IMAGE: exported.subject.samples[IMAGE].astype(np.float32)}
    with pytest.raises(VerificationError, match="not uint8"):
        WebExporter(runtime=stand_in).export(replace(exported.subject, samples=wrong), tmp_path / "page")


def test_columns_of_rows_keep_their_order_and_holes_are_null(row_subject, stand_in, tmp_path):
    WebExporter(runtime=stand_in).export(row_subject, tmp_path / "page")
    page = json.loads((tmp_path / "page" / "page.json").read_text())
    assert page["columns"] == {"row": [["area", None], ["7", None], ["town", ["Ulm", "Bonn"]]]}
    assert page["samples"]["inputs"]["row"][1][1:] == [None, 1.0]
    assert (tmp_path / "page" / "samples.bin").read_bytes() == b""
