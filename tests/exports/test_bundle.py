"""A bundle: complete or not there, every file named when it changes, code that runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mtl.core.base.errors import MissingRequirementError, UsageError, VerificationError
from mtl.exports.bundle import exporter as bundle_exporter
from mtl.exports.bundle.contents import Samples, labels_of
from mtl.exports.bundle.exporter import BundleExporter
from mtl.exports.folder import SUMS, check_folder
from mtl.exports.inference import ExportedModel
from mtl.exports.metadata import ModelCard
from mtl.plugins.forms import Binary, Categorical, Image

from .conftest import LOOSE, Exported, tiny_subject

VARIANTS = ("float32", "float16", "int8")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    path = tmp_path_factory.mktemp("bundle") / "tiny"
    subject = tiny_subject()
    BundleExporter(variants=VARIANTS, max_drop=LOOSE).export(subject, path)
    return Exported(subject, path)


@pytest.fixture
def copied(bundle: Exported, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle.path, tmp_path / "tiny"))


def renew_sums(folder: Path) -> None:
    """Make the sums those of a forger."""
    from mtl.exports.folder import sums_of

    (folder / SUMS).write_text("".join(f"{digest}  {name}\n" for name, digest in sums_of(folder).items()))


def test_a_bundle_holds_models_labels_samples_proofs_and_sums(bundle: Exported) -> None:
    files = {item.relative_to(bundle.path).as_posix() for item in bundle.path.rglob("*") if item.is_file()}
    assert files == {
        *("model.onnx", "model-float16.onnx", "model-int8.onnx"),
        *("mtl.json", "verify.json", "samples.npz", "README.md", "SHA256SUMS"),
        *("labels/classify.txt", "labels/shade.txt", "labels/even-odd.txt", "labels/count.txt"),
        *("sample/image.bin", "sample/number.bin"),
    }
    assert set(check_folder(bundle.path)) == files - {SUMS}


def test_the_labels_are_in_the_order_of_the_outputs(bundle: Exported) -> None:
    assert (bundle.path / "labels" / "classify.txt").read_text() == "cat\ndog\nowl\n"
    assert (bundle.path / "labels" / "even-odd.txt").read_text() == "odd\neven\n"
    assert (bundle.path / "labels" / "count.txt").read_text() == "squares\ncircles\n"


def test_every_model_answers_the_samples_as_the_reference_does(bundle: Exported) -> None:
    samples = Samples.read(bundle.path)
    assert set(samples.inputs) == {"image", "number"}
    for name, room in (("model.onnx", 1e-4), ("model-float16.onnx", 1e-2), ("model-int8.onnx", 0.1)):
        outputs = ExportedModel(bundle.path / name).run(
            samples.inputs["image"], number=samples.inputs["number"]
        )
        for task, expected in samples.outputs.items():
            np.testing.assert_allclose(outputs[task], expected, atol=room)


def test_the_description_names_inputs_outputs_and_what_each_file_is(bundle: Exported) -> None:
    described = json.loads((bundle.path / "mtl.json").read_text())
    assert [model["precision"] for model in described["models"]] == list(VARIANTS)
    assert described["model"]["inputs"][1]["description"] == "a number to add"
    assert described["model"]["tasks"] == list(bundle.subject.targets)


def test_a_bundle_is_proven_against_its_model_and_by_itself(bundle: Exported) -> None:
    report = BundleExporter().verify(bundle.subject, bundle.path)
    assert list(report["models"]) == ["model.onnx", "model-float16.onnx", "model-int8.onnx"]
    assert report["models"] == json.loads((bundle.path / "verify.json").read_text())["models"]
    assert BundleExporter().check(bundle.path, ())["passed"]
    assert list(BundleExporter().check(bundle.path, ("reference",))) == ["reference"]


@pytest.mark.parametrize(
    "name", ["model-int8.onnx", "model.onnx", "samples.npz", "labels/shade.txt", "README.md", "verify.json"]
)
def test_a_changed_byte_is_named(name: str, bundle: Exported, copied: Path) -> None:
    content = bytearray((copied / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / name).write_bytes(content)
    for check in (
        lambda: BundleExporter().verify(bundle.subject, copied),
        lambda: BundleExporter().check(copied, ()),
    ):
        with pytest.raises(VerificationError, match=f"is not as it was published: {name} was changed$"):
            check()


def test_altered_labels_with_new_sums_are_noticed(bundle: Exported, copied: Path) -> None:
    (copied / "labels" / "classify.txt").write_text("dog\ncat\nowl\n")
    renew_sums(copied)
    with pytest.raises(VerificationError, match=r"classify\.txt does not hold the names of task 'classify'"):
        BundleExporter().verify(bundle.subject, copied)


def test_altered_samples_with_new_sums_are_noticed(bundle: Exported, copied: Path) -> None:
    samples = Samples.read(copied)
    outputs = {**samples.outputs, "shade": samples.outputs["shade"][:, ::-1]}
    (copied / "samples.npz").unlink()
    shutil.rmtree(copied / "sample")
    Samples(samples.inputs, outputs).write(copied)
    renew_sums(copied)
    with pytest.raises(VerificationError, match="the samples' output 'shade' is not the trained model's"):
        BundleExporter().verify(bundle.subject, copied)
    with pytest.raises(VerificationError, match="does not answer as the samples beside it: output 'shade'"):
        BundleExporter().check(copied, ())


@pytest.mark.parametrize(
    ("role", "change"),
    [
        ("input", lambda image: image[..., :-1]),
        ("input", lambda image: image.astype("U8")),
        ("input", lambda image: image[:0]),
        ("input", lambda image: image[0, 0, 0, 0]),
        ("output", lambda answers: answers.astype("U8")),
        ("output", lambda answers: answers[:1]),
        ("output", None),
    ],
)
def test_samples_of_another_form_are_named(role: str, change: Any, bundle: Exported, copied: Path) -> None:
    samples = Samples.read(copied)
    arrays = {"input": dict(samples.inputs), "output": dict(samples.outputs)}
    name = next(iter(arrays[role]))
    value = arrays[role].pop(name)
    if change is not None:
        arrays[role][name] = change(value)
    content = {f"{kind}/{key}": array for kind, found in arrays.items() for key, array in found.items()}
    np.savez(copied / "samples.npz", **content)
    renew_sums(copied)
    for check in (
        lambda: BundleExporter().check(copied, ()),
        lambda: BundleExporter().verify(bundle.subject, copied),
    ):
        with pytest.raises(VerificationError, match=f"tiny: the samples.* {role}s? "):
            check()


def test_a_model_in_the_place_of_another_is_noticed(bundle: Exported, copied: Path) -> None:
    shutil.copy(copied / "model-int8.onnx", copied / "model.onnx")
    renew_sums(copied)
    for check in (
        lambda: BundleExporter().verify(bundle.subject, copied),
        lambda: BundleExporter().check(copied, ()),
    ):
        with pytest.raises(VerificationError, match="is int8, and the bundle says that it is float32"):
            check()


def test_a_bundle_of_another_model_is_noticed(bundle: Exported) -> None:
    subject = tiny_subject()
    subject.model.shade.weight.data.mul_(1.1)
    with pytest.raises(VerificationError, match="does not compute what the trained model computes"):
        BundleExporter().verify(subject, bundle.path)


def test_a_failing_variant_leaves_no_bundle(tmp_path: Path) -> None:
    strict = BundleExporter(variants=("float32", "int8"), max_drop={"count": 0.0, "psnr": 0.0}, max_size=0.0)
    with pytest.raises(VerificationError, match=r"^model-int8\.onnx: task '.*' loses too much quality"):
        strict.export(tiny_subject(), tmp_path / "tiny")
    assert not list(tmp_path.iterdir())


def test_an_interrupted_bundle_leaves_nothing(
    bundle: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(bundle_exporter, "readme", interrupt)
    with pytest.raises(KeyboardInterrupt):
        BundleExporter().export(bundle.subject, tmp_path / "tiny")
    assert not list(tmp_path.iterdir())


def test_only_bundles_are_taken_for_bundles(bundle: Exported, tmp_path: Path) -> None:
    assert BundleExporter.recognizes(bundle.path)
    assert not BundleExporter.recognizes(bundle.path / "model.onnx")
    assert not BundleExporter.recognizes(tmp_path)


def test_what_was_not_exported_is_not_replaced(bundle: Exported, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(UsageError, match="a folder without SHA256SUMS is there"):
        BundleExporter().export(bundle.subject, tmp_path / "mine")


def code_of(folder: Path, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def check_answers(text: str, folder: Path) -> None:
    """Compare what the code printed with the reference outputs."""
    card = ModelCard.from_properties(
        {f"mtl.{k}": json.dumps(v) for k, v in json.loads((folder / "mtl.json").read_text())["model"].items()}
    )
    found = [line.split("\t") for line in text.splitlines()]
    expected: list[tuple[str, str | None, float]] = []
    outputs, labels = Samples.read(folder).outputs, labels_of(card)
    for output in card.outputs:
        first, task = outputs[output.name][0], output.name
        if isinstance(output.target, Image):
            expected.append((task, None, float(first.mean())))
        elif isinstance(output.target, Categorical):
            expected.append((task, labels[task][int(first.argmax())], float(first.max())))
        elif isinstance(output.target, Binary):
            expected.append((task, labels[task][int(first >= 0.5)], float(first)))
        else:
            expected += [(task, *pair) for pair in zip(labels[task], map(float, first), strict=True)]
    assert [(row[0], row[1] if len(row) == 3 else None) for row in found] == [row[:2] for row in expected]
    np.testing.assert_allclose([float(row[-1]) for row in found], [row[2] for row in expected], atol=1e-3)


def test_the_python_code_runs_and_answers(bundle: Exported) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code_of(bundle.path, "python")],
        cwd=bundle.path,
        capture_output=True,
        text=True,
        check=True,
    )
    check_answers(done.stdout, bundle.path)


def test_the_code_of_a_uint8_bundle_reads_bytes(tmp_path: Path) -> None:
    subject = tiny_subject().only(["shade", "de-noise"])
    BundleExporter(input="uint8").export(subject, tmp_path / "tiny")
    done = subprocess.run(
        [sys.executable, "-c", code_of(tmp_path / "tiny", "python")],
        cwd=tmp_path / "tiny",
        capture_output=True,
        text=True,
        check=True,
    )
    check_answers(done.stdout, tmp_path / "tiny")
    assert "new Float32Array" not in code_of(tmp_path / "tiny", "js")
    assert "load<uint8_t>" in code_of(tmp_path / "tiny", "cpp")


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """A folder with onnxruntime-node, installed once; skips where that is not possible."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed: the JavaScript of a bundle was not run")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mtl-tests" / "node"
    if not (cache / "node_modules" / "onnxruntime-node" / "package.json").is_file():
        cache.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "onnxruntime-node@1.30.0"]
        try:
            subprocess.run(command, cwd=cache, capture_output=True, check=True, timeout=180)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"onnxruntime-node cannot be installed here, its JavaScript was not run: {error}")
    return cache


def test_the_javascript_code_runs_and_answers(bundle: Exported, node_modules: Path, tmp_path: Path) -> None:
    (tmp_path / "main.js").write_text(code_of(bundle.path, "js"))
    (tmp_path / "node_modules").symlink_to(node_modules / "node_modules")
    done = subprocess.run(
        ["node", str(tmp_path / "main.js")], cwd=bundle.path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    check_answers(done.stdout, bundle.path)


def test_the_cpp_code_compiles(bundle: Exported, tmp_path: Path) -> None:
    compiler = shutil.which("g++") or shutil.which("clang++")
    places = [os.environ.get("ONNXRUNTIME_INCLUDE", ""), "/usr/include/onnxruntime", "/usr/local/include"]
    headers = [place for place in places if place and (Path(place) / "onnxruntime_cxx_api.h").is_file()]
    if compiler is None or not headers:
        pytest.skip("no C++ compiler or no headers of onnxruntime here: the C++ of a bundle was not compiled")
    (tmp_path / "main.cpp").write_text(code_of(bundle.path, "cpp"))
    command = [compiler, "-std=c++17", "-Wall", "-fsyntax-only", "-I", headers[0], "main.cpp"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class Gelu(nn.Module):
    """A head whose operator is one node from opset 20 on, and five before."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, image: torch.Tensor, inputs: Any, tasks: Any = None, **options: Any
    ) -> dict[str, torch.Tensor]:
        answers = self.model(image, inputs, tasks, **options)
        return {task: nn.functional.gelu(answer) for task, answer in answers.items()}


def test_a_bundle_of_another_opset_is_proven_by_any_exporter(tmp_path: Path) -> None:
    subject = tiny_subject()
    model = Gelu(subject.model)
    subject = replace(subject, model=model, judge=type(subject.judge)(model))
    BundleExporter(variants=("float32", "float16"), opset=18, max_drop=LOOSE).export(subject, tmp_path / "b")
    assert BundleExporter().verify(subject, tmp_path / "b")["passed"]


def test_a_full_disk_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(MissingRequirementError, match="the disk is full: cannot write"):
        BundleExporter(variants=("float32",)).export(tiny_subject(), tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []
