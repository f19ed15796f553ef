"""`mtl runs`: what was trained before; its commands are imported when they run."""

from __future__ import annotations

from .group import LazyGroup

_COMMANDS = {
    "diff": "Say what two or more runs have in recipe and metrics that differs.",
    "list": "List the runs in a folder.",
    "open": "Open a run's report in the browser.",
    "remove": "Delete runs.",
    "show": "Show a run: its state, tags, recipe and metrics.",
    "tag": "Give a run tags, or take them from it.",
}

command = LazyGroup(
    "runs",
    help="""List, compare, tag and remove the runs that are there.

\b
Examples:
  mtl runs list --sort=-classify/accuracy
  mtl runs list --where dataset=digits --where train.epochs=20
""",
)
for _name, _summary in _COMMANDS.items():
    command.add_lazy(_name, f"{__package__}.runs_{_name}:command", _summary)
