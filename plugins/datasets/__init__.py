"""Built-in data sets, one per file."""

from __future__ import annotations

from ...core.contracts.records import Component

_HERE = "mtl.plugins.datasets"

COMPONENTS: tuple[Component, ...] = (
    Component(
        "dataset",
        "digits",
        "1,797 real handwritten digits of scikit-learn, 28 x 28, no download",
        f"{_HERE}.digits:Digits",
        default_for=("recipe",),
    ),
    Component("dataset", "mnist", "70,000 handwritten digits, 28 x 28", f"{_HERE}.mnist:Mnist"),
    Component(
        "dataset",
        "fashion-mnist",
        "70,000 pictures of garments in ten classes, 28 x 28",
        f"{_HERE}.fashion_mnist:FashionMnist",
    ),
    Component(
        "dataset",
        "multi-mnist",
        "Two digits or garments in one picture, from the files of mnist and fashion-mnist, 28 x 28",
        f"{_HERE}.multi_mnist:MultiMnist",
    ),
    Component(
        "dataset",
        "cifar10",
        "60,000 colour photographs in ten classes, 32 x 32",
        f"{_HERE}.cifar10:Cifar10",
    ),
    Component(
        "dataset",
        "shapes",
        "10,000 GSN images of two kinds of figures to be counted, 28 x 28, from a folder or zip file",
        f"{_HERE}.shapes:Shapes",
    ),
    Component(
        "dataset",
        "shapes-synthetic",
        "Images of two kinds of figures to be counted, drawn by the program, 28 x 28",
        f"{_HERE}.shapes_synthetic:SyntheticShapes",
    ),
    Component(
        "dataset",
        "scenes",
        "Rooms with objects, drawn by the program with all that is known of every pixel, RGB, any size",
        f"{_HERE}.scenes:Scenes",
    ),
    Component(
        "dataset",
        "nyuv2",
        "NYUv2 as LibMTL and MTAN publish it: 1,449 rooms with classes, depth and normals of every pixel",
        f"{_HERE}.nyuv2:Nyuv2",
    ),
    Component(
        "dataset",
        "cityscapes",
        "Cityscapes as LibMTL and MTAN publish it: 3,475 streets with classes and inverse depth",
        f"{_HERE}.cityscapes:Cityscapes",
    ),
    Component(
        "dataset",
        "celeba",
        "CelebA as torchvision has it: 202,599 faces with forty attributes, a task each",
        f"{_HERE}.celeba:Celeba",
    ),
    Component(
        "dataset",
        "image-folder",
        "Your own images, a folder per class under train and test",
        f"{_HERE}.image_folder:ImageFolder",
    ),
    Component(
        "dataset",
        "mask-folders",
        "Your own pictures with masks or maps in folders beside them",
        f"{_HERE}.mask_folders:MaskFolders",
    ),
    Component(
        "dataset",
        "coco",
        "Your own pictures with COCO annotations: the categories shown, and keypoints",
        f"{_HERE}.coco:Coco",
    ),
    Component(
        "dataset",
        "table",
        "Your own pictures and labels, from a CSV, TSV, JSON lines, Parquet or Arrow file",
        f"{_HERE}.table:PictureTable",
        default_for=("file",),
    ),
    Component(
        "dataset",
        "hf",
        "A data set of Hugging Face's datasets on this machine: Parquet, Arrow, folders of pictures",
        f"{_HERE}.hf:HuggingFace",
    ),
    Component(
        "dataset",
        "mix",
        "Several data sets behind one encoder, each with its own labels",
        f"{_HERE}.mix:Mix",
    ),
)
