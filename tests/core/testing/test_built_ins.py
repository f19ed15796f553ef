"""The built-in components keep the promises that strangers' components are held to."""

from __future__ import annotations

import pytest

from mtl.core.discovery.plugin_loading import HOME
from mtl.core.discovery.registry import discover
from mtl.core.testing import checks_for
from mtl.core.testing.subjects import Subject, subjects

OPTIONS = {
    "label-group": {"groups": {"low": ["0", "1"], "high": ["2", "3"]}},
    # Nobody's: a cluster that another test starts, and kills, is not to be joined.
    "ray": {"address": "127.0.0.1:1"},
}
SUBJECTS = subjects(discover(), [HOME], options=OPTIONS)
COSTLY = {
    "gradients-reach-every-parameter",
    "the-same-seed-gives-the-same-model",
    "what-is-frozen-stays-as-it-is",
    "overfits-eight-samples",
    "exports-and-agrees",
    "exports-and-verifies",
    "another-model-is-refused",
}
"""Checks that train or export a whole model."""

QUICK = {"loss", "balancer"}
"""Kinds whose training is a matter of a moment; of the others, the first of each kind is always trained."""

LARGE = {"shapenet", "resnet18", "alexnet"}
"""Encoders that take ten seconds and more, whatever is asked of them: the long tests have them."""


def failures(subject: Subject, costly: bool) -> list[str]:
    """Return what the kit finds wrong."""
    chosen = [check for check in checks_for(subject.kind) if (check.name in COSTLY) == costly]
    results = [check.run(subject) for check in chosen]
    return [f"{result.check}: {result.reason}" for result in results if result.status == "failed"]


def trained() -> list[object]:
    """Return the components that are trained or exported, most of them marked as slow."""
    found = []
    seen: set[str] = set()
    for subject in SUBJECTS:
        if any(check.name in COSTLY for check in checks_for(subject.kind)):
            always = subject.kind in QUICK or (subject.kind not in seen and subject.kind != "exporter")
            seen.add(subject.kind)
            marks = () if always else pytest.mark.slow
            found.append(pytest.param(subject, marks=marks, id=f"{subject.kind}-{subject.name}"))
    return found


def named(subject: Subject) -> object:
    """Return a component as a case of its name."""
    marks = pytest.mark.slow if subject.name in LARGE else ()
    return pytest.param(subject, marks=marks, id=f"{subject.kind}-{subject.name}")


@pytest.mark.parametrize("subject", [named(subject) for subject in SUBJECTS])
def test_a_built_in_component_keeps_its_promises(subject: Subject) -> None:
    assert failures(subject, costly=False) == []


@pytest.mark.parametrize("subject", trained())
def test_a_built_in_component_trains_and_exports(subject: Subject) -> None:
    assert failures(subject, costly=True) == []
