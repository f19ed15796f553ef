"""How fast: steps against the usual loop and the bare graph, balancers, seeds, an MNIST-sized training."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import torch

from .. import extras
from ..contenders import Contender, Limit, Ours, Usual
from ..jobs import JOBS, registry
from .setting import Line, Setting, graphs

MEASURED = (0, 1, 2, 3)
"""The jobs whose steps are timed: LeNet with two batch sizes, the MLP, AlexNet."""


def steps(setting: Setting) -> Iterator[Line]:
    """Time a step of each job: the usual loop, mtl, and the bare graph in both memory formats."""
    for job in [JOBS[index] for index in MEASURED][: setting.few(len(MEASURED))]:
        count = setting.few(10 * job.steps, 1)
        ours = Ours(job, setting.device, count)
        built: dict[str, Contender] = {
            "mtl": ours,
            "bare": Limit(job, setting.device, False),
            "bare, channels last": Limit(job, setting.device, True),
        }
        found = _turns(setting, {name: _work(one, count) for name, one in built.items()})
        usual = Usual(job, setting.device, 0)
        found["usual"] = _turns(setting, {"usual": _work(usual, setting.few(20))}, rounds=2)["usual"]
        bare = min(found["bare"], found["bare, channels last"])
        captured = ours.trainer._captured
        yield {
            "what": job.name,
            "ms_per_step": {name: round(value, 4) for name, value in found.items()},
            "usual_over_mtl": round(found["usual"] / found["mtl"], 2),
            "bare_over_mtl": round(bare / found["mtl"], 3),
            "channels_last": ours.trainer.composition.recipe.train.channels_last,
            "graphs": graphs(ours.trainer),
            "reason": None if captured is None else captured.reason,
            "kernels_per_step": _kernels(ours, count) if setting.on_cuda else None,
        }


def libmtl(setting: Setting) -> Iterator[Line]:
    """Time LibMTL's own trainer at equal work, where it is installed."""
    from ..libmtl import LibMTL, available

    job = JOBS[0]
    if not (setting.on_cuda and available(job)):
        yield {"what": "LibMTL is not in PYTHONPATH, or there is no CUDA device"}
        return
    count = 10 * job.steps
    built: dict[str, Contender] = {
        "LibMTL": LibMTL(job, setting.device),
        "mtl": Ours(job, setting.device, count),
    }
    found = _turns(setting, {"LibMTL": _work(built["LibMTL"], 20), "mtl": _work(built["mtl"], count)})
    yield {
        "what": job.name,
        "ms_per_step": {name: round(value, 3) for name, value in found.items()},
        "libmtl_over_mtl": round(found["LibMTL"] / found["mtl"], 2),
    }


def balancers(setting: Setting) -> Iterator[Line]:
    """Time a step with each balancer against one with the plain sum."""
    plain: float | None = None
    names = ["sum", *(name for name in registry().names("balancer") if name != "sum")]
    for name in names[: setting.few(len(names), 2)]:
        made = setting.trainer({"balancer": name})
        steps_of_epoch = made.steps

        def epoch(made=made, count: int = steps_of_epoch) -> int:  # type: ignore[no-untyped-def]
            made.train_epoch()
            setting.wait()
            return count

        found = _turns(setting, {name: epoch}, rounds=2)[name]
        plain = plain or found
        yield {
            "what": name,
            "ms_per_step": round(found, 3),
            "over_sum": round(found / plain, 2),
            "graphs": graphs(made),
            "reason": made.eager_reason,
        }


def seeds(setting: Setting) -> Iterator[Line]:
    """Train eight and sixteen seeds as `mtl compose --seeds` does, against one."""
    for index, count in ((0, 8), (2, 8), (0, 16))[: setting.few(3)]:
        found = extras.seeds(setting.device, setting.few(3), JOBS[index], setting.few(count, 2))
        yield {
            "what": f"{found['seeds']} seeds against one, {found['job']}",
            "ratio": round(found["ratio"]["median"], 2),
            "side_by_side": found["side_by_side"],
        }


def mnist(setting: Setting) -> Iterator[Line]:
    """Time epochs of the first job over as many images as MNIST trains on; twenty take so many seconds."""
    job = JOBS[0]
    count = setting.few(54_000 // job.batch_size, 2)
    ours = Ours(job, setting.device, count)
    ours.run(count)
    ours.run(count)
    started = time.perf_counter()
    done = setting.few(5)
    for _ in range(done):
        ours.run(count)
    seconds = 20 * (time.perf_counter() - started) / done
    yield {"what": "twenty epochs, training only", "seconds": round(seconds, 2), "measured_epochs": done}


def _work(contender: Contender, count: int) -> Callable[[], int]:
    def work() -> int:
        contender.run(count)
        return count

    return work


def _turns(setting: Setting, contenders: dict[str, Callable[[], int]], rounds: int = 5) -> dict[str, float]:
    """Return each one's milliseconds of a step: medians over rounds in turns, after three of warm-up."""
    for work in [*contenders.values()] * setting.few(3):
        work()
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(setting.few(rounds)):
        for name, work in contenders.items():
            setting.wait()
            started = time.perf_counter()
            units = work()
            setting.wait()
            found[name].append(1000 * (time.perf_counter() - started) / units)
    return {name: statistics.median(values) for name, values in found.items()}


def _kernels(ours: Ours, count: int) -> float:
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as seen:
        ours.run(count)
    return round(sum("CUDA" in str(event.device_type) for event in seen.events()) / count, 1)
