"""What is said of weights and networks that do not fit, before anything is trained or written.

The expected messages are the files in `golden_weights/`; after a deliberate change run with
`MTL_GOLDEN=write` and read the difference.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models import get_model

from mtl.core.cli.main import run

pytest.importorskip("timm", reason="the extra timm is not installed")

GOLDEN = Path(__file__).parent / "golden_weights"
INVERTED = [[1, 8, 1, 1], [2, 8, 1, 2]]
TINY = {"inverted_residual_setting": INVERTED, "width_mult": 0.1}


class Running:
    def __reduce__(self) -> Any:
        return (os.system, ("touch ran",))


def torchvision(weights: str, **options: Any) -> dict[str, Any]:
    return {"name": "torchvision", "model": "mobilenet_v2", "arguments": TINY, "weights": weights, **options}


def timm(model: str, **arguments: Any) -> dict[str, Any]:
    return {"name": "timm", "model": model, "arguments": arguments}


CASES: dict[str, tuple[dict[str, Any], int]] = {
    "another-architecture": (timm("resnet18", layers=[1] * 4, channels=[4] * 4) | {"weights": "own.pth"}, 32),
    "other-widths": (torchvision("own.pth", arguments=TINY | {"width_mult": 1.0}), 32),
    "corrupt": (torchvision("corrupt.pth"), 32),
    "corrupt-safetensors": (torchvision("corrupt.safetensors"), 32),
    "code-inside": (torchvision("code.pth"), 32),
    "not-there": (torchvision("gone.pth"), 32),
    "unknown-model": (timm("resnet81"), 32),
    "unknown-model-of-torchvision": (torchvision("none", model="mobilenet_v22", arguments={}), 32),
    "no-stages": (torchvision("none", model="squeezenet1_1", arguments={}), 64),
    "size": (timm("coatnet_pico_rw_224", depths=[1] * 4, embed_dim=[32] * 4, stem_width=[8, 8]), 50),
    "own-argument": (timm("resnet18", num_classes=3), 32),
    "unknown-argument": (timm("resnet18", layer=1), 32),
}  # fmt: skip


def files(folder: Path, classes: int = 7) -> None:
    """Write weights of the tiny network: whole, cut off, and with code inside."""
    torch.manual_seed(0)
    network = get_model("mobilenet_v2", num_classes=classes, **TINY)
    torch.save(network.state_dict(), folder / "own.pth")
    whole = (folder / "own.pth").read_bytes()
    (folder / "corrupt.pth").write_bytes(whole[: len(whole) // 2])
    (folder / "corrupt.safetensors").write_bytes(whole[:100])
    torch.save({"features.0.0.weight": Running()}, folder / "code.pth")


def said(encoder: dict[str, Any], size: int, folder: Path) -> tuple[int, str]:
    recipe = {
        "dataset": {"name": "scenes", "train_size": 12, "test_size": 4, "size": size},
        "encoder": encoder,
        "tasks": {"objects": {}},
    }
    (folder / "recipe.yaml").write_text(json.dumps(recipe))
    told = io.StringIO()
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
        status = run(["compose", "--recipe", "recipe.yaml", "--dry-run"])
    return status, told.getvalue()


@pytest.mark.parametrize("name", CASES)
def test_bad_weights_and_networks_get_their_message(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files(tmp_path)
    encoder, size = CASES[name]
    status, told = said(encoder, size, tmp_path)
    told = told.replace(f"{tmp_path}/", "HERE/")
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("MTL_GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(told)
    assert told == golden.read_text()
    assert status == 2
    assert not (tmp_path / "ran").exists()
    first, *others = told.splitlines()
    assert first.startswith("error: ")
    assert [line.startswith("  hint: ") for line in others] == [True]


def test_weights_of_another_class_count_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files(tmp_path, classes=3)
    status, told = said(torchvision("own.pth"), 32, tmp_path)
    assert status == 0, told


def test_every_golden_file_belongs_to_a_case() -> None:
    assert sorted(path.stem for path in GOLDEN.iterdir()) == sorted(CASES)
