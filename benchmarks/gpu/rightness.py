"""Whether what is trained on the device is right: end to end, captured, equal, resumable, without waits."""

from __future__ import annotations

import gc
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch

import mtl
from mtl.core.training.waits import noted_waits

from .configurations import EQUAL, RESUMED, configurations
from .setting import Line, Setting, epochs, graphs, host_splits, weights


def versions(setting: Setting) -> Iterator[Line]:
    """Tell what the figures depend on."""
    from mtl.core.base.device import accelerator, device_name

    yield {
        "what": "versions",
        "torch": torch.__version__,
        "mtl": mtl.__version__,
        "device": device_name(setting.device),
        "accelerator": accelerator(setting.device),
    }


def digits(setting: Setting) -> Iterator[Line]:
    """Compose, export and verify, in float32 and in bf16."""
    for precision, floor in (("float32", 0.95), ("bf16", 0.94)):
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            run = mtl.compose(
                tasks=["denoise", "classify"],
                encoder="mlp" if setting.tiny else "lenet",
                dataset="digits",
                epochs=setting.few(15),
                precision=precision,
                set={"train.validation": 0.95} if setting.tiny else {},
                device=str(setting.device),
                out=Path(folder) / "run",
            )
            assert isinstance(run, mtl.Run)
            test = run.metrics["test"]
            environment = json.loads((run.path / "environment.json").read_text())
            yield {
                "what": f"compose, {precision}",
                "ok": setting.tiny or test["classify"]["accuracy"] >= floor,
                "accuracy": test["classify"]["accuracy"],
                "psnr": test["denoise"]["psnr"],
                "verified": json.loads((run.path / "verify.json").read_text())["passed"],
                "seconds": round(time.perf_counter() - started, 1),
                "accelerator": environment["accelerator"],
            }


def matrix(setting: Setting) -> Iterator[Line]:
    """Train every built-in component: captured, or the reason; milliseconds of a step."""
    for name, tree in list(configurations())[:: setting.few(1, 45)]:
        try:
            made = setting.trainer(tree)
            may = made.eager_reason is None
            epochs(made, setting.few(3))
            setting.wait()
            started = time.perf_counter()
            made.train_epoch()
            setting.wait()
            yield {
                "what": name,
                "ok": not setting.on_cuda or (graphs(made) > 0) == may,
                "graphs": graphs(made),
                "reason": made.eager_reason,
                "ms_per_step": round(1000 * (time.perf_counter() - started) / made.steps, 3),
            }
        except Exception as error:
            yield {"what": name, "ok": False, "error": f"{type(error).__name__}: {error}"[:300]}


def no_wait(setting: Setting) -> Iterator[Line]:
    """Look for what waits for the device inside of a step, with its line."""
    if not setting.on_cuda:
        yield {"what": "waits are to be seen on CUDA alone"}
        return
    for name, tree in configurations():
        made = setting.trainer(tree, eager=True)
        if not getattr(made.composition.balancer, "capturable", True):
            continue
        made.composition.model.train()
        indices = torch.arange(64, device=setting.device)
        made._blocks.restart(1, 0)
        made._work(indices, 0)
        made._blocks.restart(1, 1)
        with noted_waits() as waits:
            made._work(indices, 1)
        yield {"what": name, "ok": not waits, "waits": waits[:3]}


def equal(setting: Setting) -> Iterator[Line]:
    """Compare replays with single steps over three epochs, with all operations deterministic."""
    for name, tree in EQUAL[: setting.few(len(EQUAL))]:
        tree = {**tree, "train": {**tree.get("train", {}), "deterministic": True}}
        runs = [setting.trainer(tree, eager=eager) for eager in (False, True, True)]
        losses = torch.tensor([epochs(made, setting.few(3)) for made in runs], dtype=torch.float64)
        graph, itself = (
            float(((losses[i] - losses[1]).abs() / losses[1].abs().clamp(min=1e-6)).max()) for i in (0, 2)
        )
        rows = [weights(made) for made in runs]
        yield {
            "what": name,
            "ok": graph <= max(1e-4, 10 * itself),
            "graphs": graphs(runs[0]),
            "graph_against_single": graph,
            "single_against_itself": itself,
            "weights_graph": float((rows[0] - rows[1]).abs().max()),
            "weights_itself": float((rows[2] - rows[1]).abs().max()),
        }


def resume(setting: Setting) -> Iterator[Line]:
    """Go on after two of four epochs, with and without `train.deterministic`."""
    for name, tree in RESUMED[: setting.few(len(RESUMED))]:
        for asked in (False, True):
            changed = {**tree, "train": {**tree.get("train", {}), "deterministic": asked}}
            whole, first, second = (setting.trainer(changed) for _ in range(3))
            epochs(whole, setting.few(4, 2))
            steps = first.epochs()
            kept = [next(steps) for _ in range(setting.few(2))][-1].checkpoint
            second.restore(kept)
            epochs(second, setting.few(2))
            one, other = weights(whole), weights(second)
            yield {
                "what": f"resumed, {name}",
                "ok": torch.equal(one, other) or (setting.on_cuda and not asked),
                "deterministic": asked,
                "same_bytes": torch.equal(one, other),
                "largest": float((one - other).abs().max()),
            }


def memory(setting: Setting) -> Iterator[Line]:
    """Look for memory that grows from epoch to epoch, or from one finished trainer to the next."""

    def held() -> int:
        return torch.cuda.memory_allocated(setting.device) if setting.on_cuda else 0

    made = setting.trainer({})
    epochs(made, setting.few(4))
    before = held()
    epochs(made, setting.few(20))
    after = held()
    yield {"what": "twenty epochs", "ok": after - before < 1 << 20, "allocated": [before, after]}
    gc.disable()
    try:
        grown = []
        for _ in range(setting.few(4, 2)):
            made = setting.trainer({})
            epochs(made, setting.few(2))
            grown.append(held())
    finally:
        gc.enable()
    yield {
        "what": "trainers one after the other",
        "ok": grown[-1] <= grown[0] + (1 << 20),
        "allocated": grown,
    }


def streaming(setting: Setting) -> Iterator[Line]:
    """Compare data that stays in the host's memory with data on the device: losses and time of an epoch."""
    splits = host_splits("digits", 0.1, setting.tiny)
    for name, placed in (
        ("resident", splits.to(setting.device)),
        ("streamed", splits.streamed_to(setting.device)),
    ):
        made = setting.trainer({"tasks": ["denoise", "classify"]}, splits=placed)
        epochs(made, setting.few(3))
        setting.wait()
        started = time.perf_counter()
        losses = made.train_epoch().tolist()
        setting.wait()
        milliseconds = round(1000 * (time.perf_counter() - started), 2)
        yield {
            "what": name,
            "graphs": graphs(made),
            "reason": made.eager_reason,
            "epoch_ms": milliseconds,
            "losses": losses,
        }
