"""Built-in schedules of the learning rate, one per file."""

from ...core.contracts.records import Component

_HERE = "mtl.plugins.schedules"

COMPONENTS: tuple[Component, ...] = (
    Component(
        "schedule",
        "constant",
        "The same rate throughout",
        f"{_HERE}.constant:Constant",
        default_for=("recipe",),
    ),
    Component("schedule", "linear", "A straight line down, step by step", f"{_HERE}.linear:Linear"),
    Component("schedule", "cosine", "Half a cosine down to zero", f"{_HERE}.cosine:Cosine"),
    Component("schedule", "one-cycle", "Up and down once, step by step", f"{_HERE}.one_cycle:OneCycle"),
    Component("schedule", "steps", "Times `decay` from each of the `milestones` on", f"{_HERE}.steps:Steps"),
)
