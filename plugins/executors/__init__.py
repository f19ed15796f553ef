"""Built-in executors, one per file."""

from ...core.contracts.records import Component

_HERE = "mtl.plugins.executors"

COMPONENTS: tuple[Component, ...] = (
    Component(
        "executor",
        "local",
        "This machine: one after the other, or several processes, each with its cores or its card",
        f"{_HERE}.local:Local",
        default_for=("jobs",),
    ),
    Component("executor", "ray", "A Ray cluster: a task for each training", f"{_HERE}.ray:Ray"),
    Component("executor", "slurm", "A Slurm cluster, by submitit", f"{_HERE}.slurm:Slurm"),
)
