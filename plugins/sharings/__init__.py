"""Built-in sharing schemes, one per file."""

from ...core.records import Component

COMPONENTS: tuple[Component, ...] = (
    Component(
        "sharing",
        "hard",
        "One encoder for all tasks",
        "mtl.plugins.sharings.hard:Hard",
        default_for=("recipe",),
    ),
    Component("sharing", "none", "An encoder per task", "mtl.plugins.sharings.none:Separate"),
    Component(
        "sharing",
        "cross-stitch",
        "An encoder per task, with learned mixing after chosen stages",
        "mtl.plugins.sharings.cross_stitch:CrossStitch",
    ),
)
