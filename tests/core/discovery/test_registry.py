"""Components are found by kind and name; broken plugins and name collisions never pass silently."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mtl.core.base.errors import ComponentError, UsageError
from mtl.core.contracts.records import Component
from mtl.core.discovery.plugin_loading import Provider
from mtl.core.discovery.registry import Registry, discover

Install = Callable[..., str]

TINY = """
from mtl import Component, hookimpl

@hookimpl
def mtl_components():
    yield Component("encoder", "tiny", "A tiny encoder", "{module}:Tiny")

class Tiny:
    pass
"""


def named(registry: Registry, name: str) -> Provider:
    return next(provider for provider in registry.providers if provider.name == name)


def test_a_plugins_component_is_found_and_loaded(install_plugin: Install) -> None:
    install_plugin("good-plugin", TINY.format(module="good_plugin"))
    entry = discover().find("encoder", "tiny")
    assert entry.provider.label == "good-plugin 1.0"
    assert entry.load().__name__ == "Tiny"


def test_a_hook_of_a_draft_is_read_and_its_successor_named(install_plugin: Install) -> None:
    old = TINY.format(module="draft_plugin").replace("mtl_components", "mtl_encoders")
    install_plugin("draft-plugin", old)
    with pytest.warns(
        DeprecationWarning, match=r"'mtl_encoders' has become 'mtl_components'.* until mtl 0\.3"
    ):
        registry = discover()
    assert registry.find("encoder", "tiny").provider.label == "draft-plugin 1.0"


BROKEN = {
    "import": ("raise RuntimeError('no luck')", "RuntimeError: no luck"),
    "exit": ("import sys; sys.exit(3)", "it called sys.exit(3)"),
    "missing": (
        "import not_installed_anywhere",
        "ModuleNotFoundError: No module named 'not_installed_anywhere'",
    ),
    "misspelled": (
        "from mtl import hookimpl\n@hookimpl\ndef mtl_componets(): return ()",
        "unknown hook 'mtl_componets'; did you mean 'mtl_components' or 'mtl_commands'?",
    ),
    "kind": (
        (
            "from mtl import Component, hookimpl\n@hookimpl\ndef mtl_components():"
            " return [Component('encodr', 'x', 'X', 'a:B')]"
        ),
        "unknown kind 'encodr'; did you mean 'encoder'?",
    ),
    "no-record": (
        "from mtl import hookimpl\n@hookimpl\ndef mtl_components(): return ['x']",
        "must yield Component",
    ),
    "bad-name": (
        (
            "from mtl import Component, hookimpl\n@hookimpl\ndef mtl_components():"
            " return [Component('head', 'Bad Name', 'X', 'a:B')]"
        ),
        "name 'Bad Name' must be lower-case words",
    ),
    "twice": (
        (
            "from mtl import Component, hookimpl\n@hookimpl\ndef mtl_components():"
            " return [Component('head', 'x', 'X', 'a:B')] * 2"
        ),
        "it yields two components named 'x' of kind head",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_becomes_a_row_and_stops_nothing(install_plugin: Install, case: str) -> None:
    source, reason = BROKEN[case]
    install_plugin("bad-plugin", source)
    install_plugin("good-plugin", TINY.format(module="good_plugin"))
    registry = discover()
    provider = named(registry, "bad-plugin")
    assert provider.broken
    assert reason in (provider.reason or "")
    assert "Traceback" in (provider.trace or "")
    assert registry.find("encoder", "tiny").provider.distribution == "good-plugin"


def test_a_broken_plugin_is_named_when_an_unknown_name_is_looked_up(install_plugin: Install) -> None:
    install_plugin("bad-plugin", "raise RuntimeError('no luck')")
    with pytest.raises(UsageError) as caught:
        discover().find("encoder", "wonder")
    assert str(caught.value).endswith(
        "note: plugin 'bad-plugin' of bad-plugin 1.0 is broken (import): RuntimeError: no luck"
    )


def test_strict_mode_raises(install_plugin: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install_plugin("bad-plugin", "raise RuntimeError('no luck')")
    monkeypatch.setenv("MTL_STRICT", "1")
    with pytest.raises(ComponentError, match="no luck"):
        discover()


def test_a_name_claimed_twice_is_refused_and_both_are_named(install_plugin: Install) -> None:
    install_plugin("one-plugin", TINY.format(module="one_plugin"))
    install_plugin("two-plugin", TINY.format(module="two_plugin"))
    registry = discover()
    with pytest.raises(UsageError) as caught:
        registry.find("encoder", "tiny")
    assert str(caught.value) == (
        "encoder 'tiny' is claimed by one-plugin 1.0 and two-plugin 1.0\n"
        "  hint: write one-plugin/tiny or two-plugin/tiny"
    )
    assert registry.find("encoder", "two-plugin/tiny").load().__module__ == "two_plugin"
    assert {"one-plugin/tiny", "two-plugin/tiny"} <= set(registry.names("encoder"))


def test_a_stranger_cannot_take_over_a_default(install_plugin: Install, registry: Registry) -> None:
    default = registry.defaults("encoder", "recipe")[0]
    install_plugin(
        "greedy-plugin",
        f"""
        from mtl import Component, hookimpl

        @hookimpl
        def mtl_components():
            yield Component("encoder", "{default}", "Mine", "x:Y", default_for=("recipe",))
        """,
    )
    assert discover().defaults("encoder", "recipe") == [f"mtl-composer/{default}"]


def test_a_target_that_does_not_exist_names_the_distribution(install_plugin: Install) -> None:
    install_plugin("good-plugin", TINY.format(module="good_plugin").replace("class Tiny", "class Other"))
    with pytest.raises(ComponentError) as caught:
        discover().find("encoder", "tiny").load()
    assert str(caught.value) == (
        "encoder 'tiny' of good-plugin 1.0 cannot be loaded from 'good_plugin:Tiny': "
        "module 'good_plugin' has no attribute 'Tiny'\n"
        "  hint: mend or uninstall good-plugin; see: mtl plugins"
    )


def test_what_a_plugin_prints_on_import_is_kept_from_stdout(
    install_plugin: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install_plugin("loud-plugin", "print('hello')")
    assert named(discover(), "loud-plugin").printed == "hello"
    assert capsys.readouterr().out == ""


def test_a_plugin_file_adds_components(tmp_path, registry: Registry) -> None:
    path = tmp_path / "mine.py"
    path.write_text(TINY.replace('"{module}:Tiny"', '__name__ + ":Tiny"'))
    assert discover([path]).find("encoder", "tiny").load().__name__ == "Tiny"


def test_a_missing_plugin_file_is_a_broken_plugin(tmp_path) -> None:
    provider = named(discover([tmp_path / "none.py"]), "none")
    assert provider.reason == f"no such plugin file: {tmp_path / 'none.py'}"


@pytest.mark.parametrize(
    ("component", "problem"),
    [
        (Component("encodr", "x", "X", "a:B"), "unknown kind 'encodr'"),
        (Component("encoder", "x", " ", "a:B"), "summary must be one non-empty line"),
        (Component("encoder", "x", "X", "a.b"), "target 'a.b' must look like 'package.module:Class'"),
    ],
)
def test_an_invalid_record_says_what_is_wrong(component: Component, problem: str) -> None:
    assert component.problems()[0].startswith(problem)


def test_an_unknown_kind_is_refused(registry: Registry) -> None:
    with pytest.raises(UsageError, match="unknown kind 'encodr'"):
        registry.find("encodr", "x")


def test_a_hook_that_exits_stops_nothing(install_plugin: Install) -> None:
    install_plugin("rude", "import sys\nfrom mtl import hookimpl\n@hookimpl\ndef mtl_exported(): sys.exit(0)")
    (failure,) = discover().notify("mtl_exported", run=Path("run"), files=[])
    assert failure.startswith("plugin")
    assert "failed in mtl_exported: SystemExit: 0" in failure
