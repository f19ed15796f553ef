"""A program of `torch.export` passes the gate of the ONNX file, and a wrong one does not."""

from __future__ import annotations

import copy
import dataclasses
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mtl.core.base.errors import ComponentError, UsageError, VerificationError
from mtl.core.contracts import ExportSubject
from mtl.exports import torch_export_exporter, torch_program
from mtl.exports.export import Export
from mtl.exports.torch_export_exporter import TorchExportExporter
from mtl.exports.torch_program import Program, build_program, program_bytes
from mtl.plugins.forms import Categorical

from .conftest import Exported, tiny_subject


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    path = tmp_path_factory.mktemp("program") / "model.pt2"
    subject = tiny_subject()
    TorchExportExporter().export(subject, path)
    return Exported(subject, path)


def test_the_proof_lies_beside_the_file_and_covers_every_batch(program: Exported) -> None:
    names = sorted(item.name for item in program.path.parent.iterdir())
    assert names == ["model.pt2", "model.pt2.verify.json"]
    proof = json.loads(program.path.with_name("model.pt2.verify.json").read_text())
    assert proof["passed"]
    assert {case["batch"] for case in proof["cases"]} == {1, 2, 7, 64, 1000}
    assert TorchExportExporter().verify(program.subject, program.path) == proof


def test_torch_alone_runs_it_and_answers_by_task(program: Exported) -> None:
    module = torch.export.load(program.path).module()
    answers = module(torch.rand(3, 1, 8, 8), torch.tensor([0, 1, 2]))
    assert list(answers) == list(program.subject.targets)
    np.testing.assert_allclose(answers["classify"].sum(dim=1).detach().numpy(), 1, rtol=1e-5)


def test_the_same_weights_give_the_same_bytes(program: Exported, tmp_path: Path) -> None:
    TorchExportExporter().export(program.subject, tmp_path / "again.pt2")
    assert (tmp_path / "again.pt2").read_bytes() == program.path.read_bytes()


def test_the_file_holds_no_path_of_a_source_file(program: Exported) -> None:
    assert b"conftest" not in program.path.read_bytes()


def test_a_part_of_a_model_holds_no_weights_of_the_rest(program: Exported, tmp_path: Path) -> None:
    part = program.subject.only(["shade"])
    assert part.inputs == ()
    report = TorchExportExporter().export(part, tmp_path / "part.pt2")
    assert report.verification["tasks"] == ["shade"]
    weights = torch.export.load(tmp_path / "part.pt2").state_dict
    sizes = {name.rpartition("model.")[2]: value.numel() for name, value in weights.items()}
    assert sizes["shade.weight"] > 0
    assert sizes["classify.weight"] == sizes["clean.weight"] == 0
    assert TorchExportExporter().verify(program.subject, tmp_path / "part.pt2")["tasks"] == ["shade"]


def without_normalisation(subject: ExportSubject) -> ExportSubject:
    subject.model.mean.zero_()
    return subject


def changed_weight(subject: ExportSubject) -> ExportSubject:
    with torch.no_grad():
        subject.model.count.weight[0, 0] += 0.1
    return subject


MUTATIONS: list[Callable[[ExportSubject], ExportSubject]] = [without_normalisation, changed_weight]


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_a_wrong_program_is_refused_and_nothing_is_published(
    mutate, program: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoiled = mutate(dataclasses.replace(program.subject, model=copy.deepcopy(program.subject.model)))
    wrong = build_program(Export(spoiled))
    monkeypatch.setattr(torch_export_exporter, "build_program", lambda *_: wrong)
    with pytest.raises(VerificationError, match=r"^model\.pt2 does not compute what the trained model"):
        TorchExportExporter().export(program.subject, tmp_path / "model.pt2")
    assert not list(tmp_path.iterdir())


def test_swapped_outputs_are_refused(
    program: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = torch_program._Named.forward

    def crossed(self, image, *extra):
        found = forward(self, image, *extra)
        return {**found, "shade": found["classify"], "classify": found["shade"]}

    monkeypatch.setattr(torch_program._Named, "forward", crossed)
    with pytest.raises(VerificationError, match=r"output '(classify|shade)' differs"):
        TorchExportExporter().export(program.subject, tmp_path / "model.pt2")
    assert not list(tmp_path.iterdir())


def test_a_fixed_batch_is_refused(program: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export = torch.export.export
    monkeypatch.setattr(
        torch.export, "export", lambda *arguments, dynamic_shapes, **others: export(*arguments, **others)
    )
    with pytest.raises(VerificationError, match=r"^model\.pt2 cannot be run"):
        TorchExportExporter().export(program.subject, tmp_path / "model.pt2")


def test_altered_names_are_refused(program: Exported, tmp_path: Path) -> None:
    targets = {**program.subject.targets, "classify": Categorical(("cat", "dog", "cow"))}
    card = Export(dataclasses.replace(program.subject, targets=targets)).card
    (tmp_path / "model.pt2").write_bytes(program_bytes(torch.export.load(program.path), card))
    with pytest.raises(VerificationError, match=r"metadata mtl\.outputs does not agree"):
        TorchExportExporter().verify(program.subject, tmp_path / "model.pt2")


def test_a_changed_byte_is_refused(program: Exported, tmp_path: Path) -> None:
    data = program.path.read_bytes()
    assert data.count(b"owl") == 1
    (tmp_path / "model.pt2").write_bytes(data.replace(b"owl", b"cow"))
    with pytest.raises(VerificationError, match=r"^model\.pt2 is not a valid export: "):
        TorchExportExporter().verify(program.subject, tmp_path / "model.pt2")


@pytest.mark.parametrize("data", [b"", b"not a program", None])
def test_anything_else_is_refused_in_one_line(data, program: Exported, tmp_path: Path) -> None:
    path = tmp_path / "model.pt2"
    path.write_bytes(program.path.read_bytes()[:5000] if data is None else data)
    with pytest.raises(VerificationError, match=r"^model\.pt2 is not a valid export: [^\n]+$"):
        Program(path.read_bytes(), path.name)
    with pytest.raises(UsageError, match=r"none\.pt2: cannot be read as a model: No such"):
        TorchExportExporter().verify(program.subject, tmp_path / "none.pt2")


def test_a_model_that_cannot_be_traced_is_refused_in_one_line(program: Exported, tmp_path: Path) -> None:
    class Branching(torch.nn.Module):
        def forward(self, image, inputs, tasks=None):
            return program.subject.model(image if image.sum() > 0 else -image, inputs, tasks)

    subject = dataclasses.replace(program.subject, model=Branching())
    with pytest.raises(ComponentError, match=r"^torch cannot export the model: [^\n]+$"):
        TorchExportExporter().export(subject, tmp_path / "model.pt2")


class Harm:
    """What a stranger's file would run."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (Path("harmed"),)


def rewritten(data: bytes, change: Callable[[str, bytes], bytes], **extra: bytes) -> bytes:
    """Return the archive with changed entries, and others."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
        root = old.namelist()[0].partition("/")[0]
        for name, content in extra.items():
            new.writestr(f"{root}/{name}", content)
    return stream.getvalue()


def pickled(name: str, content: bytes) -> bytes:
    """Say of every weight that it is pickled, and make it what is run when it is."""
    if name.endswith("_weights_config.json"):
        return content.replace(b'"use_pickle": false', b'"use_pickle": true')
    return pickle.dumps(Harm()) if "/weights/weight_" in name else content


def harmful_samples(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    torch.save((Harm(),), stream)
    return stream.getvalue() if name.endswith(".pt") else content


@pytest.mark.parametrize(
    ("change", "extra"),
    [
        (pickled, {}),
        (harmful_samples, {}),
        (lambda name, content: content, {"data/aotinductor/model/x.so": b"x"}),
    ],
    ids=["pickled weights", "pickled samples", "a compiled library"],
)
def test_a_file_that_could_run_code_is_refused_before_it_does(
    change: Any, extra: dict[str, bytes], program: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = rewritten(program.path.read_bytes(), lambda name, content: content)
    assert Program(data, "same").card is not None
    harmful = rewritten(data, change, **extra)
    assert harmful != data
    with pytest.raises(VerificationError, match="model could run code when it is loaded"):
        Program(harmful, "model")
    assert not (tmp_path / "harmed").exists()
