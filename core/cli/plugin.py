"""`mtl plugin`: for those who write plugins; its commands are imported when they run."""

from __future__ import annotations

from .group import LazyGroup

_COMMANDS = {
    "check": "Check that a plugin keeps the promises of its contracts.",
    "new": "Write a complete small plugin package.",
}

command = LazyGroup(
    "plugin",
    help="""Write plugins and check them.

\b
Examples:
  mtl plugin new my-plugin
  mtl plugin check
  mtl plugin check mtl-composer --kind balancer --name sum
""",
)
for _name, _summary in _COMMANDS.items():
    command.add_lazy(_name, f"{__package__}.plugin_{_name}:command", _summary)
