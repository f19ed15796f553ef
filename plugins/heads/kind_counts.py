"""Classes that say how many there are of which kinds, from the number of each kind."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...core.base.errors import refuse
from ...core.contracts import Form, Head, HeadSpec
from ...core.contracts.batch import Features
from ..forms import Categorical
from ..layers import HiddenWidths, LayerActivations, LayerDropout, output_layers

_TERM = re.compile(r"(.+) ([0-9]+)")


class KindCounts(Head):
    """Logits `[B, K]` of classes named like `squares 3 + up 7`: log-probabilities of the numbers, added.

    For every kind that occurs in the classes there is a distribution over its numbers, 0 for a kind that a
    class does not name. What is learned about three squares in one class serves all classes with three
    squares: with GSN's 135 classes 60 values are learned instead of 135. Raises `Incompatible` for other
    classes, other targets, and when several activations are given but not one per layer.
    """

    index: Tensor

    def __init__(
        self,
        spec: HeadSpec,
        *,
        hidden: HiddenWidths = (128,),
        activation: LayerActivations = "relu",
        dropout: LayerDropout = 0.0,
    ) -> None:
        super().__init__()
        refuse(self.accepts(spec))
        counts = counts_of(spec.target)
        assert counts is not None
        self.kinds = tuple(dict.fromkeys(kind for row in counts for kind in row))
        self.numbers = 1 + max(number for row in counts for number in row.values())
        places = [
            [position * self.numbers + row.get(kind, 0) for position, kind in enumerate(self.kinds)]
            for row in counts
        ]
        self.register_buffer("index", torch.tensor(places), persistent=False)
        scores = len(self.kinds) * self.numbers
        layers = output_layers(spec.stages[-1].size, hidden, scores, activation, dropout)
        self.layers = nn.Sequential(nn.Flatten(), *layers)

    @classmethod
    def accepts(cls, spec: HeadSpec) -> str | None:
        """Return why the target cannot be answered (its classes name no numbers of kinds), or None."""
        if counts_of(spec.target) is None:
            return "needs classes named by numbers of kinds, such as 'a 3 + b 7'"
        return None

    def forward(self, features: Features) -> Tensor:
        scores = self.layers(features.stages[-1]).unflatten(1, (len(self.kinds), self.numbers))
        flat = scores.log_softmax(dim=2).flatten(1)
        logits: Tensor = flat[:, self.index.flatten()].unflatten(1, tuple(self.index.shape)).sum(dim=2)
        return logits


def counts_of(target: Form) -> Sequence[dict[str, int]] | None:
    """Return the number of each kind that each class names; None when a class names none.

    >>> counts_of(Categorical(("a 3 + b 7", "b 10")))
    [{'a': 3, 'b': 7}, {'b': 10}]
    >>> counts_of(Categorical(("cat", "dog")))
    """
    if not isinstance(target, Categorical):
        return None
    found = []
    for name in target.classes:
        terms = [_TERM.fullmatch(term) for term in name.split(" + ")]
        row = {term[1]: int(term[2]) for term in terms if term is not None}
        if len(row) != len(terms):
            return None
        found.append(row)
    return found
