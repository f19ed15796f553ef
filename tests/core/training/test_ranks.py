"""Several processes that train one model come to what one process comes to, whatever is trained and how."""

from __future__ import annotations

import inspect
import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.core.discovery.registry import discover

NEEDED: dict[str, dict[str, Any]] = {"weighted": {"weights": {"shape-class": 2.0}}}

PROGRAM = Path(__file__).with_name("rank_program.py")
TASKS = {"shape-class": {"head": {"name": "mlp", "hidden": [4]}}, "shape-count": {}}


def recipe(**changes: Any) -> dict[str, Any]:
    train = {"epochs": 2, "batch_size": 7, "optimizer": "sgd", "learning_rate": 0.02, "validation": 0.25}
    return {
        "tasks": TASKS,
        "dataset": {"name": "shapes-synthetic", "train_size": 30, "test_size": 8},
        "encoder": {"name": "mlp", "hidden": [6, 5]},
        "train": train | changes.pop("train", {}),
        **changes,
    }


def balancers() -> dict[str, dict[str, Any]]:
    registry = discover()
    names = registry.names("balancer")
    found = {f"balancer {name}": recipe(balancer={"name": name} | NEEDED.get(name, {})) for name in names}
    on = [
        name for name in names if "on" in inspect.signature(registry.find("balancer", name).load()).parameters
    ]
    return found | {
        f"features {name}": recipe(balancer={"name": name, "on": "features"} | NEEDED.get(name, {}))
        for name in on
    }


def sharings() -> dict[str, dict[str, Any]]:
    return {f"sharing {name}": recipe(sharing=name) for name in discover().names("sharing")}


DROPOUT = {"shape-class": {"head": {"name": "mlp", "hidden": [8], "dropout": 0.5}}, "shape-count": {}}
OTHERS = {
    "labels missing here and there": recipe(**{"without labels": "some"}),
    "labels that one rank has": recipe(train={"batch_size": 8}, **{"without labels": "first"}),
    "last batch of two": recipe(
        train={"batch_size": 10},
        encoder={"name": "small-resnet", "widths": [2, 2], "depth": 1},
        tasks=DROPOUT,
    ),
    "dropout": recipe(tasks=DROPOUT),
    "batch statistics": recipe(encoder={"name": "small-resnet", "widths": [2, 3], "depth": 1}),
    "mean of weights": recipe(train={"ema": 0.9}),
    "clipping": recipe(train={"clip": 0.1}),
    "accumulated": recipe(train={"accumulate": 2}),
    "adam, a schedule": recipe(train={"optimizer": "adam", "schedule": "cosine"}),
    "per task": recipe(train={"select": "per-task"}),
    "pictures": recipe(tasks={"denoise": {}, "shape-class": {}}, encoder="lenet", **{"in float32": True}),
    "mixed pictures": recipe(
        tasks={"shape-class": {}}, augmentations=["shift", "mixup"], **{"in float32": True}
    ),
    "sums in graphs": recipe(train={"epochs": 6}, captured="on all ranks"),
    "sums in no graph": recipe(train={"epochs": 6}, captured="but on rank 1"),
    "frozen": recipe(train={"freeze": ["encoder.*"], "unfreeze_after": 1}),
}


def started(recipes: Path, out: Path, world: int) -> list[subprocess.Popen[bytes]]:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    where = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port), "WORLD_SIZE": str(world)}
    where |= {"MTL_CAPTURE_RANKS": "1"}
    return [
        subprocess.Popen(
            [sys.executable, str(PROGRAM), str(recipes), str(out)],
            env=os.environ | where | {"RANK": str(rank), "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1"},
        )
        for rank in range(world)
    ]


def reached(recipes: dict[str, dict[str, Any]], world: int, folder: Path) -> list[dict[str, Any]]:
    """Return what every rank of a world came to."""
    file, out = folder / f"recipes-{world}.json", folder / f"reached-{world}"
    file.write_text(json.dumps(recipes))
    for process in started(file, out, world):
        assert process.wait(timeout=540) == 0
    return [torch.load(f"{out}.{rank}", weights_only=True) for rank in range(world)]


def furthest(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Return the largest difference between two trainings' weights and losses."""
    assert one["weights"].keys() == other["weights"].keys()
    found = [
        float((value.double() - other["weights"][name].double()).abs().max())
        for name, value in one["weights"].items()
        if value.numel()
    ]
    for row, another in zip(one["rows"], other["rows"], strict=True):
        assert row.keys() == another.keys()
        # Metrics of pictures are computed in float32.
        found += [abs(row[name] - another[name]) for name in row if name.endswith("/loss")]
    return max(found)


def compared(recipes: dict[str, dict[str, Any]], worlds: tuple[int, ...], folder: Path) -> None:
    with ThreadPoolExecutor() as at_once:
        one, *several = at_once.map(lambda world: reached(recipes, world, folder), (1, *worlds))
    for ranks in several:
        for name in recipes:
            for found in ranks:
                assert not isinstance(found.get(name), str), f"{name}: {found[name]}"
                allowed = 1e-5 if "in float32" in recipes[name] else 1e-10
                assert furthest(found[name], one[0][name]) < allowed, (name, len(ranks))


SOME = ("sum", "uncertainty", "gradnorm", "mgda", "pcgrad", "rlw", "moco")


def test_ranks_train_what_one_process_trains(tmp_path: Path) -> None:
    """A few of each kind; `-m slow` has all of them."""
    recipes = {f"balancer {name}": balancers()[f"balancer {name}"] for name in SOME}
    recipes |= {"features mgda": balancers()["features mgda"], "sharing mmoe": sharings()["sharing mmoe"]}
    compared(recipes | OTHERS, (2,), tmp_path)


@pytest.mark.slow
def test_every_balancer_and_sharing_in_two_and_three_ranks(tmp_path: Path) -> None:
    compared(balancers() | sharings() | OTHERS, (2, 3), tmp_path)
