from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import click

from mtl import exports
from mtl.exports.onnx_exporter import OnnxExporter


def load(target):
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)


def test_the_plugin_offers_the_onnx_exporter_as_the_default():
    components = {component.name: component for component in exports.mtl_components()}
    assert all(component.problems() == [] for component in components.values())
    assert [name for name, item in components.items() if item.default_for] == ["onnx"]
    assert components["onnx"].default_for == ("recipe",)
    assert load(components["onnx"].target) is OnnxExporter


def test_the_plugin_adds_its_commands_without_importing_them():
    added = []

    class Group:
        def add_lazy(self, name, target, summary):
            added.append((name, target, summary))

    exports.mtl_commands(Group())
    assert {"predict", "bench"} <= {name for name, _, _ in added}
    for name, target, summary in added:
        command = load(target)
        assert isinstance(command, click.Command)
        assert (name, summary) == (command.name, command.get_short_help_str())


def test_importing_the_plugin_imports_nothing_heavy():
    script = (
        "import sys, mtl.exports\n"
        "print(*sorted({'torch', 'numpy', 'onnx', 'onnxruntime', 'pydantic', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.strip() == ""
