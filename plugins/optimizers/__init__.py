"""Built-in optimizers, one per file."""

from ...core.contracts.records import Component

_HERE = "mtl.plugins.optimizers"

COMPONENTS: tuple[Component, ...] = (
    Component(
        "optimizer",
        "adam",
        "Steps by running means of the gradients and their squares",
        f"{_HERE}.adam:Adam",
        default_for=("recipe",),
    ),
    Component("optimizer", "adamw", "Adam with decoupled weight decay", f"{_HERE}.adamw:AdamW"),
    Component("optimizer", "sgd", "Gradient descent with momentum", f"{_HERE}.sgd:Sgd"),
    Component(
        "optimizer",
        "rmsprop",
        "Steps by the running mean square of the gradients",
        f"{_HERE}.rmsprop:RmsProp",
    ),
    Component("optimizer", "muon", "Orthogonal steps for matrices, AdamW for the rest", f"{_HERE}.muon:Muon"),
)
