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
    (component,) = exports.mtl_exporters()
    assert component.problems() == []
    assert (component.kind, component.name, component.default_for) == ("exporter", "onnx", ("recipe",))
    assert load(component.target) is OnnxExporter


def test_the_plugin_adds_predict_without_importing_it():
    class Group:
        added: tuple[str, str, str] | None = None

        def add_lazy(self, name, target, summary):
            self.added = (name, target, summary)

    group = Group()
    exports.mtl_commands(group)
    assert group.added is not None
    name, target, summary = group.added
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
