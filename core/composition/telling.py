"""What is told of a data set once it is loaded: what is missing, left out or not used."""

from __future__ import annotations

from ..base.progress import Progress
from ..data.near_duplicates import near_duplicates, said
from ..data.samples import Splits, count_labels
from ..discovery.declared import ask
from ..recipe.recipe import Training
from .composition import Composition

_SPLITS = ("train", "validation", "test")


def tell_of_data(composition: Composition, splits: Splits, progress: Progress) -> None:
    """Tell what a data set remarks, what differs from its publication, and labels where some miss."""
    dataset = composition.dataset
    label = composition.owners.named(dataset)
    for line in splits.remarks:
        progress.warning(line)
    if splits.mapped and composition.recipe.train.memory == "auto":
        progress.warning(
            f"the pictures ({splits.size / 2**20:,.0f} MiB) would take more than half of the free memory: "
            "they are read from a file as they are needed (train.memory)"
        )
    found = {"train": len(splits.train) + len(splits.validation), "test": len(splits.test)}
    published = ask(label, dataset, "published_sizes")
    for split, count in found.items():
        if published.get(split, count) != count:
            progress.warning(
                f"the {split} split has {count} samples, as published it has {published[split]}: "
                "results are not those of the published data"
            )
    if splits.own_validation and composition.recipe.train.validation != Training().validation:
        progress.warning("train.validation is not used: the data set has a validation part of its own")
    if dataset.unsifted and composition.dataset_spec.image:
        for line in said(near_duplicates(splits)):
            progress.warning(line)
    labels = labels_by_task(composition, splits)
    whole = {name: len(splits.named(name)) for name in _SPLITS}
    if any(counts != whole for counts in labels.values()):
        progress.labelled(labels)


def labels_by_task(composition: Composition, splits: Splits) -> dict[str, dict[str, int]]:
    """Return how many samples of each split have what a task is told; tasks without labels are left out."""
    needs = {name: item.task.needs for name, item in composition.tasks.items()}
    return count_labels(splits, needs, composition.dataset_spec)
