"""MNIST: handwritten digits."""

from __future__ import annotations

from .idx_images import IdxDataset


class Mnist(IdxDataset):
    """70,000 handwritten digits, 28 x 28 grey, 60,000 of them for training; label `digit`.

    Reads `DATA_DIR/MNIST/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte`.
    Source: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998.
    """

    title = "MNIST"
    folder = "MNIST/raw"
    column = "digit"
    classes = tuple("0123456789")
    torchvision_name = "MNIST"
