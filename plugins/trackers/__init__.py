"""Built-in trackers, one per file."""

from ...core.contracts.records import Component

_HERE = "mtl.plugins.trackers"

COMPONENTS: tuple[Component, ...] = (
    Component(
        "tracker", "jsonl", "One line of JSON per event, in the run's folder", f"{_HERE}.jsonl:JsonLines"
    ),
    Component("tracker", "tensorboard", "Event files for TensorBoard", f"{_HERE}.tensorboard:TensorBoard"),
    Component("tracker", "mlflow", "A run of an MLflow server or file store", f"{_HERE}.mlflow:Mlflow"),
    Component("tracker", "wandb", "A run of Weights & Biases, or of trackio", f"{_HERE}.wandb:Wandb"),
)
