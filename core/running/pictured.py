"""What an exported file says of the pictures it answers for: how they are prepared, what training saw."""

from __future__ import annotations

from typing import Any

from ..base.errors import ComponentError
from ..composition.composition import Composition
from ..contracts import Preparation
from ..data.picture_statistics import KEY, picture_statistics, size_statistics
from ..data.samples import Splits
from ..discovery.declared import ask


def preparation_of(composition: Composition) -> Preparation:
    """Return how picture files become the images of a data set.

    Raises `ComponentError` when the data set says that it makes other images than it has.
    """
    image, dataset = composition.dataset_spec.image, composition.dataset
    label = composition.owners.named(dataset)
    preparation: Preparation = ask(label, dataset, "preparation") or Preparation(image)
    if preparation.image != image:
        raise ComponentError(
            f"{label}: its preparation makes {preparation.image}, and it has {image}",
            hint="`preparation` and `spec` say the same form",
        )
    return preparation


def picture_metadata(composition: Composition, splits: Splits | None) -> dict[str, Any]:
    """Return the entries of the metadata that speak of pictures; none where a model reads no images.

    With `splits`, those of the training pictures too. Raises `ComponentError` when a data set says that it
    makes other images than it has.
    """
    if not composition.dataset_spec.image:
        return {}
    dataset, label = composition.dataset, composition.owners.named(composition.dataset)
    preparation = preparation_of(composition)
    normalization = composition.model.normalization
    found: dict[str, Any] = {
        "preparation": {
            **preparation.to_json(),
            "mean": normalization.mean.tolist(),
            "std": normalization.std.tolist(),
            "normalization": "inside the model",
        }
    }
    if splits:
        sizes = size_statistics(ask(label, dataset, "picture_sizes"))
        found[KEY] = picture_statistics(splits.train) | sizes
    return found
