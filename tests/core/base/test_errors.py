"""Errors carry a line, a hint and an exit status."""

from __future__ import annotations

import pytest

from mtl.core.base import errors


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.MtlError, 1),
        (errors.UsageError, 2),
        (errors.ComponentError, 3),
        (errors.VerificationError, 4),
        (errors.MissingRequirementError, 5),
    ],
)
def test_each_error_has_the_documented_status(kind: type[errors.MtlError], status: int) -> None:
    assert kind("x").status == status


def test_a_recipe_error_reports_every_problem() -> None:
    error = errors.RecipeError([errors.Problem("one", "a.yaml:1:2", "mend it"), errors.Problem("two")])
    assert str(error) == "a.yaml:1:2: one\n  hint: mend it\ntwo"


def test_a_recipe_error_needs_a_problem() -> None:
    with pytest.raises(ValueError):
        errors.RecipeError([])


def test_without_a_near_name_all_names_are_listed() -> None:
    assert errors.suggest("zzz", ["adam", "sgd"], "optimizers") == "optimizers: adam, sgd"
