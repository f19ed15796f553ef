"""Built-in balancers, one per file."""

from ...core.records import Component

COMPONENTS: tuple[Component, ...] = (
    Component(
        "balancer",
        "sum",
        "The plain sum of the losses",
        "mtl.plugins.balancers.sum:Sum",
        default_for=("recipe",),
    ),
    Component("balancer", "weighted", "A fixed weight per task", "mtl.plugins.balancers.weighted:Weighted"),
)
