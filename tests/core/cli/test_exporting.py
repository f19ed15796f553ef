"""`mtl export` and `mtl verify`: variants, parts, bundles, runtimes, and what they say when it cannot be."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]


@pytest.fixture(scope="session")
def bundle(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the finished run that lies in no run."""
    from mtl.core.cli.main import run

    path = tmp_path_factory.mktemp("bundle") / "deploy"
    assert run(["export", str(demo), "--format", "bundle", "--to", str(path)]) == 0
    return path


def test_a_part_of_the_tasks_is_a_smaller_verified_file(mtl: Command, demo: Path, tmp_path: Path) -> None:
    made = mtl("export", str(demo), "--tasks", "classify", "--to", "part.onnx")
    assert made.status == 0, made.err
    assert made.out == "part.onnx\npart.verify.json\n"
    size = (tmp_path / "part.onnx").stat().st_size
    assert made.err.strip().endswith(f"; {size:,} bytes")
    assert size < (demo / "model.onnx").stat().st_size
    checked = mtl("verify", "part.onnx", "--run", str(demo), "--json")
    assert json.loads(checked.out)["tasks"] == ["classify"]


def test_an_int8_file_that_loses_too_much_is_not_published(mtl: Command, demo: Path, tmp_path: Path) -> None:
    options = ("--precision", "int8", "--to", "small.onnx", "--set", "calibration=1", "--max-drop", "psnr=0")
    refused = mtl("export", str(demo), *options, "--max-drop", "accuracy=100", "--set", "max_size=0")
    assert refused.status == 4
    assert "small.onnx: task 'denoise' loses too much quality: psnr" in refused.err
    assert "keep_float=[denoise]" in refused.err
    assert list(tmp_path.iterdir()) == []


def test_a_smaller_file_tells_people_what_each_task_loses(mtl: Command, demo: Path) -> None:
    allowed = ("--max-drop", "accuracy=100", "--max-drop", "denoise=100")
    made = mtl("export", str(demo), "--precision", "float16", "--to", "half.onnx", *allowed)
    assert made.status == 0, made.err
    lost = r"[+-]\d+\.\d\d on"
    ending = rf"{lost} validation, {lost} test \(in points; 100 allowed on validation\)"
    assert re.search(rf"^classify: accuracy lost {ending}$", made.err, re.MULTILINE), made.err


def test_an_int8_file_says_what_it_loses(mtl: Command, demo: Path) -> None:
    allowed = ("--max-drop", "accuracy=100", "--max-drop", "denoise=100")
    made = mtl("export", str(demo), "--precision", "int8", "--to", "small.onnx", *allowed, "--json")
    assert made.status == 0, made.err
    report = json.loads(made.out)["verification"]
    assert report["quality"]["classify"]["unit"] == "points"
    assert report["quality"]["denoise"]["allowed"] == 100
    assert report["settings"]["calibration"]["samples"] == 256
    assert report["file"]["bytes"] <= 0.35 * (demo / "model.onnx").stat().st_size


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--tasks", "clasify"), "there is no task 'clasify'\n  hint: did you mean 'classify'?"),
        (("--tasks", "classify,classify"), "name at least one task, and each once"),
        (("--max-drop", "much"), "--max-drop 'much' is not NAME=VALUE with a number"),
        (
            ("--precision", "int8", "--max-drop", "acuracy=1"),
            "max_drop names 'acuracy'\n  hint: did you",
        ),
        (("--precision", "int4"), "exporter 'onnx': option 'precision'"),
        (("--precision", "int8", "--set", "keep_float=[x]"), "keep_float names 'x', which is no task"),
    ],
)
def test_mistakes_are_said_with_a_way_out(
    options: tuple[str, ...], message: str, mtl: Command, demo: Path, tmp_path: Path
) -> None:
    result = mtl("export", str(demo), "--to", "x.onnx", *options)
    assert result.status == 2
    assert message in result.err
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_verified_in_other_runtimes(mtl: Command, demo: Path) -> None:
    result = mtl("verify", str(demo), "--runtime", "onnxruntime,reference")
    assert result.status == 0, result.err
    lines = result.out.splitlines()
    assert [line.partition(":")[0] for line in lines[1:]] == ["onnxruntime", "reference"]


def test_a_runtime_that_is_missing_has_a_status_of_its_own(
    mtl: Command, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    result = mtl("verify", str(demo), "--runtime", "openvino")
    assert result.status == 5
    assert result.err == "error: OpenVINO is not installed\n  hint: pip install 'mtl-composer[openvino]'\n"


def test_an_unknown_runtime_is_answered_with_the_known_ones(mtl: Command, demo: Path) -> None:
    result = mtl("verify", str(demo), "--runtime", "onnxruntim")
    assert result.status == 2
    assert "did you mean 'onnxruntime'?" in result.err


def test_openvino_computes_the_same_where_it_is_installed(mtl: Command, demo: Path) -> None:
    # To import it here would send who uses it.
    if find_spec("openvino") is None:
        pytest.skip("needs OpenVINO")
    assert mtl("verify", str(demo), "--runtime", "openvino").status == 0


def test_a_bundle_is_checked_by_itself_and_against_its_run(mtl: Command, demo: Path, bundle: Path) -> None:
    alone = mtl("verify", str(bundle))
    assert (alone.status, alone.out.splitlines()[0]) == (0, f"{bundle} is as it was exported")
    beside = mtl("verify", str(bundle), "--run", str(demo))
    assert beside.out.splitlines()[0] == f"{bundle} computes what the model of {demo} computes"
    each = mtl("verify", str(bundle), "--runtime", "onnxruntime", "--json")
    assert json.loads(each.out)["onnxruntime"]["passed"]


def test_a_bundle_with_a_changed_byte_is_refused_by_name(mtl: Command, bundle: Path, tmp_path: Path) -> None:
    import shutil

    copy = shutil.copytree(bundle, tmp_path / "deploy")
    data = bytearray((copy / "samples.npz").read_bytes())
    data[-1] ^= 1
    (copy / "samples.npz").write_bytes(data)
    result = mtl("verify", "deploy")
    assert result.status == 4
    assert result.err == "error: deploy is not as it was published: samples.npz was changed\n"


def test_a_bundle_goes_into_its_run_unasked(mtl: Command, demo_copy: Path) -> None:
    assert mtl("export", str(demo_copy), "--format", "bundle").out.startswith(f"{demo_copy / 'bundle'}\n")
    assert mtl("verify", str(demo_copy / "bundle")).out.startswith(
        f"{demo_copy / 'bundle'} computes what the model of"
    )
    assert mtl("predict", str(demo_copy / "bundle"), "digit.png").status == 0
    assert mtl("bench", str(demo_copy / "bundle"), "--batch", "1", "--seconds", "0.01").status == 0


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_damaged_files_are_refused_by_every_command(
    content: bytes | None, mtl: Command, demo: Path, tmp_path: Path
) -> None:
    data = (demo / "model.onnx").read_bytes()[:20_000] if content is None else content
    (tmp_path / "bad.onnx").write_bytes(data)
    verified = mtl("verify", "bad.onnx", "--run", str(demo))
    assert (verified.status, verified.err.count("\n")) == (4, 1), verified.err
    assert verified.err.startswith("error: bad.onnx is not a valid export: ")
    for command in (("predict", "bad.onnx", "digit.png"), ("bench", "bad.onnx")):
        result = mtl(*command)
        assert result.status == 2
        assert result.err.startswith("error: bad.onnx: cannot be read as an ONNX file: ")


def test_what_no_exporter_knows_is_refused(mtl: Command, demo: Path, tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(b"x")
    result = mtl("verify", "model.tflite", "--run", str(demo))
    assert result.status == 2
    assert "model.tflite is no export that an exporter here knows" in result.err
    (tmp_path / "lonely.onnx").write_bytes(b"x")
    alone = mtl("verify", "lonely.onnx")
    assert alone.status == 2
    assert "lies in no run folder" in alone.err


def test_a_torch_program_is_exported_and_verified(mtl: Command, demo: Path, tmp_path: Path) -> None:
    made = mtl("export", str(demo), "--format", "torch-export", "--to", "model.pt2")
    assert made.status == 0, made.err
    assert sorted(item.name for item in tmp_path.iterdir()) == ["model.pt2", "model.pt2.verify.json"]
    assert mtl("verify", "model.pt2", "--run", str(demo)).status == 0
    refused = mtl("verify", "model.pt2", "--run", str(demo), "--runtime", "openvino")
    assert refused.status == 2
    assert "model.pt2 is not run in 'openvino'" in refused.err
