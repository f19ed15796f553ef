"""Which values come next, and which trials are stopped early: optuna's samplers and pruners, nothing kept.

A study is made anew from the trials whenever something is asked. So values are a function of the space, the
seed, the number of the trial and what came of those that are known: a search that was interrupted goes on as
if it had not been.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from itertools import product
from typing import Any

from ..base.errors import MissingRequirementError
from ..contracts.randomness import derive_seed
from .space import Choices, Dimension, Value, combinations, relevant
from .trials import Trial

SAMPLERS, PRUNERS = ("tpe", "random"), ("median", "none")
STARTUP = 4
"""Trials that end before any is pruned."""
WARM_UP = 5
"""The part of the epochs, one of so many, before which no trial is pruned."""
_AGAIN = 10
"""How often values are drawn again that a trial had before."""
_FEW = 10_000
"""Combinations that are listed to find one that no trial had."""


def library() -> Any:
    """Return optuna, told to be silent; raise `MissingRequirementError` where it is not installed."""
    try:
        optuna = import_module("optuna")
    except ImportError:
        raise MissingRequirementError(
            "a search needs the package optuna, which is not installed",
            hint="pip install 'mtl-composer[search]'",
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


@dataclass(frozen=True)
class Sampler:
    """Draws values of trials from a space, by what came of those before."""

    space: Sequence[Dimension]
    directions: Sequence[str]
    name: str
    seed: int

    def draw(self, number: int, known: Sequence[Trial], others: Sequence[Trial]) -> dict[str, Value] | None:
        """Return the values of a trial; None when every combination was tried.

        `others` are trials whose ends are not known yet: their values are kept away from.
        """
        before = {self._key(trial.values) for trial in (*known, *others)}
        count = combinations(self.space)
        if count is not None and len(before) >= count:
            return None
        for attempt in range(_AGAIN):
            values = self._drawn(derive_seed(self.seed, "search", number, attempt), known, others)
            if count is None or self._key(values) not in before:
                return values
        return values if count is None or count > _FEW else self._left(before, number)

    def _key(self, values: Mapping[str, Value]) -> tuple[Value | None, ...]:
        return tuple(values.get(item.key) for item in self.space)

    def check(self, trials: Sequence[Trial]) -> None:
        """Raise `ValueError` when a trial has values or scores that none of this search has."""
        optuna = library()
        asked = {item.key: _distribution(item, optuna) for item in self.space}
        for trial in trials:
            found = _told(trial, asked, optuna)
            if found.values is not None and len(found.values) != len(self.directions):
                raise ValueError(f"trial {trial.number} has {len(found.values)} scores")

    def _drawn(self, seed: int, known: Sequence[Trial], others: Sequence[Trial]) -> dict[str, Value]:
        optuna = library()
        made = optuna.samplers
        random = self.name == "random"
        sampler = (
            made.RandomSampler(seed=seed % 2**32)
            if random
            else made.TPESampler(seed=seed % 2**32, constant_liar=bool(others))
        )
        study = optuna.create_study(sampler=sampler, directions=self.directions)
        asked = {item.key: _distribution(item, optuna) for item in self.space}
        study.add_trials([] if random else [_told(trial, asked, optuna) for trial in (*known, *others)])
        return relevant(self.space, study.ask(asked).params)

    def _left(self, before: set[Any], number: int) -> dict[str, Value] | None:
        """Return one of the combinations that no trial had; None where there is none."""
        keys = [item.key for item in self.space]
        every = (dict(zip(keys, values, strict=True)) for values in product(*map(_every, self.space)))
        all_of_them = {self._key(values): values for values in (relevant(self.space, one) for one in every)}
        left = [values for key, values in all_of_them.items() if key not in before]
        return left[derive_seed(self.seed, "left", number) % len(left)] if left else None


def _every(item: Dimension) -> Sequence[Value]:
    return item.texts if isinstance(item, Choices) else range(int(item.low), int(item.high) + 1)


def _distribution(item: Dimension, optuna: Any) -> Any:
    kinds = optuna.distributions
    if isinstance(item, Choices):
        return kinds.CategoricalDistribution(item.texts)
    kind = kinds.IntDistribution if item.whole else kinds.FloatDistribution
    return kind(item.low, item.high, log=item.log)


def _told(trial: Trial, asked: Mapping[str, Any], optuna: Any) -> Any:
    """Return a trial as optuna knows it."""
    states = optuna.trial.TrialState
    named = {
        "running": states.RUNNING,
        "finished": states.COMPLETE,
        "pruned": states.PRUNED,
        "failed": states.FAIL,
    }
    ended = trial.state in ("finished", "pruned")
    return optuna.trial.create_trial(
        state=named[trial.state],
        params=dict(trial.values),
        distributions={key: asked[key] for key in trial.values},
        values=list(trial.scores) if ended else None,
        intermediate_values=_steps(trial.curve),
    )


@dataclass(frozen=True)
class Rule:
    """When a trial is stopped: held against the `curves` of trials that ended before it was begun."""

    direction: str
    epochs: int
    curves: Sequence[Sequence[Sequence[float]]] = field(default=(), repr=False)


def _steps(curve: Sequence[Sequence[float]]) -> dict[int, float]:
    return {int(epoch): float(score) for epoch, score in curve}


class Stopping:
    """Says after each epoch whether a trial is to be stopped: worse than half of the others were there."""

    def __init__(self, rule: Rule | None) -> None:
        self._trial: Any = None
        if rule is None or len(rule.curves) < STARTUP:
            return
        optuna = library()
        pruner = optuna.pruners.MedianPruner(
            n_startup_trials=STARTUP, n_warmup_steps=-(-rule.epochs // WARM_UP)
        )
        study = optuna.create_study(direction=rule.direction, pruner=pruner)
        state = optuna.trial.TrialState.COMPLETE
        study.add_trials(
            [
                optuna.trial.create_trial(state=state, value=curve[-1][1], intermediate_values=_steps(curve))
                for curve in rule.curves
            ]
        )
        self._trial = study.ask()

    def reached(self, epoch: int, score: float) -> bool:
        """Take note of a score; return whether the trial is stopped here."""
        if self._trial is None:
            return False
        self._trial.report(score, epoch)
        return bool(self._trial.should_prune())
