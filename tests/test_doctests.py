"""Every example in a docstring runs and gives what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import mtl

ELSEWHERE = "mtl.exports.elsewhere.work."
"""Programs of other runtimes' environments: they import what need not be installed here."""

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(mtl.__path__, "mtl.")
    if module.name.startswith(("mtl.core", "mtl.plugins", "mtl.exports"))
    and not module.name.startswith(ELSEWHERE)
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = [test for name in MODULES for test in finder.find(importlib.import_module(name)) if test.examples]
    assert len(found) > 30
