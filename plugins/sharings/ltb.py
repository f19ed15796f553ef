"""A tree of stages for all tasks, whose branches are learned."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from math import ceil, sqrt
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from ...core.contracts import EncoderBuilder, LearnedTable, Sharing
from .cross_stitch import stitch
from .experts import encoders_of, fused, numbered, parameters_of


class LTB(Sharing):
    """Learning to branch (Guo et al. 2020): every stage exists several times, and each chooses its parent.

    A stage has `width` nodes. A node, and at the end a task, reads one node of the stage before it, node `i`
    with the learned probability `softmax(a)_i`. Training draws one parent anew at every step, by Gumbel
    noise; its gradient is that of `softmax((a + noise) / temperature)`, a temperature that falls with the
    root of the epoch. In the first hundredth of the epochs all parents are read alike, and in the last ones
    the likeliest alone, which is what evaluation takes: a tree. What a task sees of an earlier stage is its
    ancestor there. When all choose the same nodes this is hard sharing, and with no two tasks in common on
    the way it is none. An exported file holds the tree alone.
    """

    now: Tensor
    mixes: Tensor
    settles: Tensor

    def __init__(
        self,
        tasks: Sequence[str],
        build_encoder: EncoderBuilder,
        *,
        width: Annotated[
            Annotated[int, Field(ge=1)] | None, Field(description="Nodes per stage; null: one per task.")
        ] = None,
        temperature: Annotated[
            Annotated[float, Field(gt=0)] | None,
            Field(description="Of the gradient, in the first epoch; null: a twentieth of the epochs."),
        ] = None,
        rate: Annotated[
            float, Field(gt=0, description="How much faster than all else the probabilities are learned.")
        ] = 10.0,
        settle: Annotated[
            float, Field(ge=0, lt=1, description="Share of the epochs, at the end, that train one tree.")
        ] = 0.25,
    ) -> None:
        super().__init__(tasks, build_encoder)
        self.temperature, self.rate, self.settle = temperature, rate, settle
        # They follow from the epoch alone, and a captured step reads them.
        self.register_buffer("now", torch.tensor(temperature or 1.0), persistent=False)
        for name in ("mixes", "settles"):
            self.register_buffer(name, torch.tensor(False), persistent=False)
        count = len(self.tasks) if width is None else width
        self.nodes = nn.ModuleList(build_encoder() for _ in range(count))
        first = encoders_of(self.nodes)[0]
        self.stage_names = tuple(name for name, _ in first.stages.named_children())
        # `a` over `rate`, 0 at the start: all parents alike. Row: the node that chooses; column: its parent.
        self.branches = nn.ParameterList(torch.zeros(count, count) for _ in self.stage_names[1:])
        self.leaves = nn.ParameterList(torch.zeros(count) for _ in self.tasks)
        self.feature_specs = dict.fromkeys(self.tasks, first.feature_specs)
        self.fuses = fused(self.nodes)

    def forward(
        self, image: Tensor, inputs: Mapping[str, Tensor], tasks: Sequence[str]
    ) -> dict[str, tuple[Tensor, ...]]:
        choices = [self._choose(logits) for logits in self.branches]
        features: list[Tensor] = []
        for index in range(len(self.stage_names)):
            if index == 0:
                given = [image] * len(self.nodes)
            else:
                given = list(stitch(features[-1], choices[index - 1].unsqueeze(-1)).unbind())
            run = [
                node.forward_stage(index, seen, inputs)
                for node, seen in zip(encoders_of(self.nodes), given, strict=True)
            ]
            features.append(torch.stack(run))
        leaves = dict(zip(self.tasks, self.leaves, strict=True))
        found = {task: _ancestors(self._choose(leaves[task]), choices, features) for task in tasks}
        shows = encoders_of(self.nodes)[0].tap
        return {
            task: tuple(shows(index, stage) for index, stage in enumerate(stages))
            for task, stages in found.items()
        }

    def pre_epoch(self, epoch: int, epochs: int) -> None:
        first = epochs / 20 if self.temperature is None else self.temperature
        self.now.fill_(first / sqrt(epoch))
        self.mixes.fill_(epoch <= min(ceil(epochs / 100), epochs - 1))
        self.settles.fill_(epoch > epochs - int(self.settle * epochs))

    def shared_parameters(self) -> list[nn.Parameter]:
        return parameters_of(self.nodes, self.branches) if len(self.tasks) > 1 else []

    def learned(self, image: Tensor, inputs: Mapping[str, Tensor]) -> tuple[LearnedTable, ...]:
        nodes = numbered("node", len(self.nodes))
        meaning = "Probability that a row reads a node of the stage before it; the likeliest is in the tree."
        last = self.stage_names[-1]
        tables = [
            LearnedTable.of(f"Parents of stage {name}", meaning, nodes, nodes, self._probabilities(logits))
            for name, logits in zip(self.stage_names[1:], self.branches, strict=True)
        ]
        leaves = torch.stack([self._probabilities(logits) for logits in self.leaves])
        tables.append(LearnedTable.of(f"Nodes of stage {last} by task", meaning, self.tasks, nodes, leaves))
        return tuple(tables)

    def settled(self) -> Sharing:
        return Tree(self)

    def paths(self) -> dict[str, tuple[int, ...]]:
        """Return for every task the likeliest node of each stage that leads to it."""
        parents = [logits.argmax(-1).tolist() for logits in self.branches]
        found = {}
        for task, logits in zip(self.tasks, self.leaves, strict=True):
            path = [int(logits.argmax())]
            for choices in reversed(parents):
                path.insert(0, choices[path[0]])
            found[task] = tuple(path)
        return found

    def _choose(self, logits: Tensor) -> Tensor:
        """Return weights over parents of the logits' shape: 1 for one that is drawn, or for the likeliest."""
        likeliest = _largest(logits)
        if not self.training:
            return likeliest
        noise = -torch.empty_like(logits).exponential_().log()
        soft = ((self.rate * logits + noise) / self.now).softmax(-1)
        drawn = _largest(soft) - soft.detach() + soft
        mean = torch.full_like(logits, 1.0 / logits.shape[-1])
        return torch.where(self.mixes, mean, torch.where(self.settles, likeliest, drawn))

    def _probabilities(self, logits: Tensor) -> Tensor:
        return (self.rate * logits).softmax(-1)


class Tree(Sharing):
    """The tree that learning to branch settled on: every node that a task descends from, computed once."""

    def __init__(self, learned: LTB) -> None:
        super().__init__(learned.tasks, lambda: encoders_of(learned.nodes)[0])
        self.paths = learned.paths()
        self.feature_specs, self.fuses = learned.feature_specs, learned.fuses
        self.nodes = copy.deepcopy(learned.nodes)
        for number, node in enumerate(encoders_of(self.nodes)):
            for index in range(len(node.stages)):
                if number not in {path[index] for path in self.paths.values()}:
                    node.stages[index] = nn.Identity()

    def forward(
        self, image: Tensor, inputs: Mapping[str, Tensor], tasks: Sequence[str]
    ) -> dict[str, tuple[Tensor, ...]]:
        computed: dict[tuple[int, ...], Tensor] = {(): image}
        for task in tasks:
            path = self.paths[task]
            for index, node in enumerate(path):
                if path[: index + 1] not in computed:
                    run = encoders_of(self.nodes)[node].forward_stage
                    computed[path[: index + 1]] = run(index, computed[path[:index]], inputs)
        return {
            task: tuple(
                encoders_of(self.nodes)[node].tap(index, computed[self.paths[task][: index + 1]])
                for index, node in enumerate(self.paths[task])
            )
            for task in tasks
        }

    def shared_parameters(self) -> list[nn.Parameter]:
        return []


def _largest(values: Tensor) -> Tensor:
    """Return 1 where the last dimension is largest, 0 elsewhere."""
    places = torch.arange(values.shape[-1], device=values.device)
    return (places == values.argmax(-1, keepdim=True)).to(values.dtype)


def _ancestors(leaf: Tensor, choices: Sequence[Tensor], features: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return a task's answer of every stage: the mix of nodes `[width, B, ...]` that leads to its leaf."""
    seen: list[Tensor] = []
    weights = leaf
    for index in reversed(range(len(features))):
        stage = features[index]
        seen.append(torch.einsum("j,jbf->bf", weights, stage.flatten(2)).reshape(stage.shape[1:]))
        if index:
            weights = weights @ choices[index - 1]
    return tuple(reversed(seen))
