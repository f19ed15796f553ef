"""`mtl recipes`: the shipped recipes; its commands are imported when they run."""

from __future__ import annotations

from .group import LazyGroup

_COMMANDS = {
    "copy": "Write a shipped recipe to a file, to change it.",
    "list": "List the shipped recipes.",
    "show": "Print a shipped recipe as it was written.",
}

command = LazyGroup(
    "recipes",
    help="""List, show and copy the recipes that come with mtl and its plugins.

\b
Examples:
  mtl recipes list 'mnist-*'
  mtl recipes show mnist-even-third
""",
)
for _name, _summary in _COMMANDS.items():
    command.add_lazy(_name, f"{__package__}.recipes_{_name}:command", _summary)
