"""Every check of the kit can fail: for each there is a component that breaks its promise."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mtl.core.discovery.registry import discover
from mtl.core.testing import CheckFailed, checks_for
from mtl.core.testing.running import CHECKS
from mtl.core.testing.subjects import Subject, subjects

from .broken_answers import ANSWERS
from .broken_models import MODELS
from .broken_training import TRAINING

BROKEN = {**MODELS, **ANSWERS, **TRAINING}

MODULES = {
    "records-are-valid": ("raise RuntimeError('no luck')", "broken (import): RuntimeError: no luck"),
    "import-is-light": ("import torch", "torch in sys.modules"),
}
RECIPES = {"recipe-resolves": ("tasks: [no-such-task]", "unknown task 'no-such-task'")}


def test_there_is_a_broken_component_for_every_check() -> None:
    covered = {(kind, name) for kind, name in BROKEN}
    covered |= {("plugin", name) for name in MODULES} | {("recipe", name) for name in RECIPES}
    uncovered = [check for check in CHECKS if not any((kind, check.name) in covered for kind in check.kinds)]
    assert uncovered == []


@pytest.mark.parametrize(("kind", "name"), [pytest.param(*key, id="-".join(key)) for key in BROKEN])
def test_a_check_finds_what_it_looks_for(
    kind: str, name: str, spoiled: Callable[[str, str], Subject]
) -> None:
    source, expected = BROKEN[kind, name]
    with pytest.raises(CheckFailed) as caught:
        run(spoiled(kind, source), name)
    message = str(caught.value)
    assert message.startswith(f"{kind} 'broken' of broken-plugin 1.0: {name}: expected ")
    assert expected in message
    assert len(message.splitlines()) == 2
    assert "\n  what to do: " in message


@pytest.mark.parametrize("name", MODULES)
def test_a_check_of_a_plugin_finds_what_it_looks_for(name: str, install_plugin: Callable[..., str]) -> None:
    source, expected = MODULES[name]
    install_plugin("broken-plugin", source)
    (subject,) = subjects(discover(), ["broken-plugin"])
    with pytest.raises(CheckFailed, match="what to do: ") as caught:
        run(subject, name)
    assert expected in str(caught.value)


def test_a_slow_import_is_named_with_its_time(install_plugin: Callable[..., str]) -> None:
    install_plugin("broken-plugin", "import time; time.sleep(0.12)")
    (subject,) = subjects(discover(), ["broken-plugin"])
    with pytest.raises(CheckFailed, match=r"an import in under 100 ms; got 1\d\d ms"):
        run(subject, "import-is-light")


def test_a_recipe_that_names_the_unknown_is_found(
    install_plugin: Callable[..., str], tmp_path: object
) -> None:
    source = """
    from mtl import Component, hookimpl
    @hookimpl
    def mtl_components():
        yield Component("recipe", "odd", "An odd recipe", "recipe_folder:odd.yaml")
    """
    install_plugin("broken-plugin", source)
    folder = tmp_path / "site-broken-plugin" / "recipe_folder"  # type: ignore[operator]
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    text, expected = RECIPES["recipe-resolves"]
    (folder / "odd.yaml").write_text(text)
    (subject,) = subjects(discover(), ["broken-plugin"], kind="recipe")
    with pytest.raises(CheckFailed, match=expected):
        run(subject, "recipe-resolves")


def run(subject: Subject, name: str) -> None:
    """Run one check of a subject."""
    (check,) = (check for check in checks_for(subject.kind) if check.name == name)
    check(subject)


def test_a_symmetry_that_names_no_entries_is_found_beside_a_transform(
    spoiled: Callable[[str, str], Subject],
) -> None:
    source = """
    class Broken(GoodTask):
        symmetry = Symmetry(quarter_turn=(1, 0), mirror=(0, 1))
        def transform(self, batch, random): return batch
    """
    with pytest.raises(CheckFailed, match="expected a `symmetry` of the entries of a categorical answer"):
        run(spoiled("task", source), "answers-move-with-the-image")
