"""The mean intersection over union of the classes of pixels."""

from __future__ import annotations

from ...core.contracts import Form
from ..forms import PixelClasses
from .class_metric import ClassMetric


class MeanIou(ClassMetric):
    """The mean over classes of the Jaccard index: right pixels over all that are of the class or answered so.

    Pixels of all samples are counted together, as in Pascal VOC and Cityscapes; the mean is over the classes
    that occur among the labels or the predictions. Pixels without a label count nothing.

    >>> import torch
    >>> from mtl.contracts import PixelClasses
    >>> iou = MeanIou(PixelClasses(("sky", "ground"), 1, 4))
    >>> sky = torch.tensor([[[0.9, 0.9, 0.9, 0.1]]])
    >>> iou.update(torch.stack([sky, 1 - sky], 1), torch.tensor([[[0, 0, 1, -1]]]))
    >>> round(iou.compute().item(), 4)  # sky: 2 of 3 pixels; ground: 0 of 1
    0.3333
    """

    forms = (PixelClasses,)
    refusal = "needs a class per pixel, not the answer form {!r}"

    def __init__(self, target: Form) -> None:
        super().__init__(target, "torchmetrics:JaccardIndex", average="macro")
