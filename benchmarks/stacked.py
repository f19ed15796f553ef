"""Many small models on one core of a CPU: one after the other, or their parameters stacked.

    python -m benchmarks.stacked    # prints the rows of docs/performance.md, *Many seeds*; a minute, quiet

Written out by hand, without mtl: what stacking could give at best. A step is forward, backward and fused Adam
on one resident batch per model; times are CPU time of one thread, the least of five rounds, in turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Step = Callable[[], object]
ROUNDS, SECONDS = 5, 0.4
WIDTHS = (784, 64, 64, 64)
LINEAR = ((784, 120), (120, 84), (84, 10))


class Perceptrons:
    """`count` perceptrons of two answers, batch 128: products of batches of matrices."""

    def __init__(self, count: int) -> None:
        shapes = [*pairwise(WIDTHS), (WIDTHS[-1], 2)]
        self.layers = [_linear(count, before, after) for before, after in shapes]
        self.image, self.target = torch.rand(count, 128, WIDTHS[0]), torch.rand(count, 128, 2).round()
        self.rule = torch.optim.Adam([one for layer in self.layers for one in layer], fused=True)

    def step(self) -> None:
        """Train each of them once."""
        answer = _through(self.image, self.layers)
        loss = F.binary_cross_entropy_with_logits(answer, self.target, reduction="none").mean((1, 2)).sum()
        _update(loss, self.rule)


class LeNets:
    """`count` LeNets that answer ten classes and an image, batch 32: convolutions in groups."""

    def __init__(self, count: int, layout: torch.memory_format) -> None:
        self.count = count
        sizes = ((1, 6, 5), (6, 16, 5), (16, 16, 3), (16, 1, 3))
        self.convolutions = nn.ModuleList(
            nn.Conv2d(count * before, count * after, size, padding=size // 2, groups=count)
            for before, after, size in sizes
        ).to(memory_format=layout)
        self.layers = [_linear(count, before, after) for before, after in LINEAR]
        self.image = torch.rand(32, count, 28, 28).contiguous(memory_format=layout)
        self.target = torch.randint(0, 10, (count * 32,))
        linear = [one for layer in self.layers for one in layer]
        self.rule = torch.optim.Adam([*self.convolutions.parameters(), *linear], fused=True)

    def step(self) -> None:
        """Train each of them once."""
        first, second, third, last = self.convolutions
        features = F.max_pool2d(second(F.max_pool2d(first(self.image).relu(), 2)).relu(), 2)
        rows = features.reshape(32, self.count, 784).transpose(0, 1)
        answer = _through(rows, self.layers).reshape(-1, 10)
        shown = last(F.interpolate(third(features).relu(), scale_factor=4.0))
        loss = F.cross_entropy(answer, self.target, reduction="sum") / 32
        _update(loss + (shown - self.image).square().mean((0, 2, 3)).sum(), self.rule)


def _linear(count: int, before: int, after: int) -> tuple[Tensor, Tensor]:
    weight = torch.randn(count, before, after) / before**0.5
    return weight.requires_grad_(), torch.zeros(count, 1, after, requires_grad=True)


def _through(rows: Tensor, layers: list[tuple[Tensor, Tensor]]) -> Tensor:
    for place, (weight, bias) in enumerate(layers):
        rows = torch.baddbmm(bias, rows.relu() if place else rows, weight)
    return rows


def _update(loss: Tensor, rule: torch.optim.Optimizer) -> None:
    loss.backward()  # type: ignore[no-untyped-call]
    rule.step()
    rule.zero_grad()


def taken(steps: dict[str, Step]) -> dict[str, float]:
    """Return the milliseconds of CPU time that each step takes."""
    found = dict.fromkeys(steps, float("inf"))
    for _ in range(ROUNDS):
        for name, step in steps.items():
            step()
            started, times = time.process_time(), 0
            while (spent := time.process_time() - started) < SECONDS:
                step()
                times += 1
            found[name] = min(found[name], 1e3 * spent / times)
    return found


def row(title: str, make: Callable[[int], Perceptrons | LeNets]) -> str:
    """Return a row of the table."""
    one, several = make(1), [make(1) for _ in range(8)]
    steps: dict[str, Step] = {
        "one": one.step,
        "eight in turn": lambda: [model.step() for model in several],
        "eight stacked": make(8).step,
        "four stacked": make(4).step,
    }
    found = taken(steps)
    times = " | ".join(f"{found[name] / found['one']:.1f}x" for name in list(steps)[1:])
    return f"| {title} | {found['one']:.2f} ms | {times} |"


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print("| | one | eight in turn | eight stacked | four stacked |\n|---|---|---|---|---|")
    print(row("MLP (784, 64, 64, 64, two answers), batch 128", Perceptrons), flush=True)
    for title, layout in (
        ("LeNet, ten classes and an image, batch 32", torch.contiguous_format),
        ("the same, channels innermost", torch.channels_last),
    ):
        print(row(title, lambda count, layout=layout: LeNets(count, layout)), flush=True)


if __name__ == "__main__":
    main()
