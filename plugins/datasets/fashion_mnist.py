"""Fashion-MNIST: garments."""

from __future__ import annotations

from .idx_images import IdxDataset


class FashionMnist(IdxDataset):
    """70,000 pictures of garments, 28 x 28 grey, 60,000 of them for training; label `garment`.

    Reads `DATA_DIR/FashionMNIST/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte`.
    Source: Xiao, Rasul, Vollgraf, "Fashion-MNIST", 2017.
    """

    title = "Fashion-MNIST"
    folder = "FashionMNIST/raw"
    column = "garment"
    classes = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )
    torchvision_name = "FashionMNIST"
