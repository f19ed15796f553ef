"""Plugins that break: whole files, and encoders."""

from __future__ import annotations

_HEAD = "from mtl import Component, hookimpl\n"


def _hook(body: str) -> str:
    return f"{_HEAD}@hookimpl\ndef mtl_components(): {body}\n"


PLUGINS: dict[str, str] = {
    "exits at import": "import sys; sys.exit(0)",
    "is interrupted at import": "raise KeyboardInterrupt",
    "raises GeneratorExit": "raise GeneratorExit",
    "raises a BaseException": "class X(BaseException): pass\nraise X('x')",
    "prints at import": "print('{\"a\": 1}')",
    "writes to stdout at import": "import os; os.write(1, b'NOISE\\n')",
    "recurses at import": "def f(): f()\nf()",
    "has no memory": "raise MemoryError",
    "is no Python": "def",
    "imports what is missing": "import nothing_of_this_name",
    "has a text for a version": "mtl_api = 'x'",
    "raises for every attribute": "def __getattr__(name): raise RuntimeError(name)",
    "exits in its hook": _hook("raise SystemExit(0)"),
    "is interrupted in its hook": _hook("raise KeyboardInterrupt"),
    "returns nothing": _hook("return None"),
    "returns a number": _hook("return 5"),
    "returns a text": _hook("return ['x']"),
    "claims a name": _hook("return [Component('task', 'classify', 'mine', f'{__name__}:X')]"),
    "names an unknown kind": _hook("return [Component('foo', 'x', 'mine', 'a:b')]"),
    "has an odd name": _hook("return [Component('task', '<b>\\x1b[31m/../x', 'mine', 'a:b')]"),
    "names a target that is not there": _hook("return [Component('encoder', 'x', 'mine', 'no.no:X')]"),
    "has a hook of an old draft": f"{_HEAD}@hookimpl\ndef mtl_tasks(): return []\n",
    "goes to /": "import os; os.chdir('/')",
    "makes warnings errors": "import warnings; warnings.simplefilter('error')",
    "seeds torch": "import torch; torch.manual_seed(0)",
    "starts a thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(5,)).start()",
    "fails at the end": "import atexit\natexit.register(lambda: 1 / 0)",
    "exits after an epoch": f"{_HEAD}@hookimpl\ndef mtl_epoch_ended(run, epoch, row): raise SystemExit(0)\n",
    "empties the row": f"{_HEAD}@hookimpl\ndef mtl_epoch_ended(run, epoch, row): row.clear()\n",
    "empties the metrics": f"{_HEAD}@hookimpl\ndef mtl_run_finished(run, metrics): metrics.clear()\n",
    "wants another argument": f"{_HEAD}@hookimpl\ndef mtl_epoch_ended(nope): pass\n",
    "fails in a hook": f"{_HEAD}@hookimpl\ndef mtl_run_started(run, recipe): raise RuntimeError('x')\n",
}
"""Plugin files by what is wrong with them."""

_ENCODER = """
from math import prod
from mtl.contracts import Encoder, FeatureSpec
class X(Encoder):
    def __init__(self, image, inputs):
        super().__init__()
        self.stages = nn.Sequential(nn.Linear(prod(image.shape), 8))
        self.feature_specs = (FeatureSpec(8),)
    def forward_stage(self, i, f, inputs):
        BODY
"""
_RIGHT = "self.stages[i](f.flatten(1))"


def _working(body: str) -> str:
    return _ENCODER.replace("BODY", body)


def _built(body: str, options: str = "") -> str:
    return f"class X(nn.Module):\n    def __init__(self, image, inputs{options}): {body}"


_META = """
class Meta(type):
    def __new__(*given): raise RuntimeError('meta')
class X(metaclass=Meta): pass
"""

ENCODERS: dict[str, str] = {
    "works": _working(f"return {_RIGHT}"),
    "its class cannot be made": _META,
    "its constructor exits": _built("raise SystemExit(0)"),
    "its constructor is interrupted": _built("raise KeyboardInterrupt"),
    "its constructor fails": _built("raise KeyError('x')"),
    "is a bare module": _built("super().__init__()"),
    "is a number": "X = 5",
    "is nothing": "X = None",
    "has no default": _built("super().__init__()", ", *, width: int"),
    "has an unknown type": _built("super().__init__()", ", *, width: 'Nope' = 3"),
    "raises RuntimeError": _working("raise RuntimeError('boom')"),
    "raises KeyError": _working("raise KeyError('x')"),
    "divides by zero": _working("1 / 0"),
    "exits": _working("raise SystemExit(0)"),
    "raises a BaseException": _working("raise GeneratorExit"),
    "answers nothing": _working("return None"),
    "answers another shape": _working("return torch.zeros(len(f), 9)"),
    "answers another type": _working("return 'x'"),
    "answers NaN": _working("return torch.full((len(f), 8), float('nan'))"),
    "fails in training only": _working(f"return 1 / 0 if self.training else {_RIGHT}"),
    "fails in evaluation only": _working(f"return {_RIGHT} if self.training else 1 / 0"),
    "lies about its features": _working(f"return {_RIGHT}").replace("FeatureSpec(8)", "FeatureSpec(5)"),
    "is random": _working(f"return {_RIGHT} + torch.rand(len(f), 8)"),
    "depends on the batch": _working(f"x = {_RIGHT}; return x - x.mean(0)"),
}
"""Encoders by what is wrong with them: the source of a class `X`."""


def plugin_of(body: str) -> str:
    """Return a plugin file that offers such an encoder as `bad`."""
    hook = _hook("return [Component('encoder', 'bad', 'breaks', f'{__name__}:X')]")
    return f"import torch\nfrom torch import nn\n{body}\n{hook}"
