"""Built-in augmentations, one per file."""

from ...core.contracts.records import Component

COMPONENTS: tuple[Component, ...] = (
    Component("augmentation", "flip", "Mirror images", "mtl.plugins.augmentations.flip:Flip"),
    Component(
        "augmentation",
        "rotate-90",
        "Turn images by a quarter",
        "mtl.plugins.augmentations.rotate_90:Rotate90",
    ),
    Component(
        "augmentation", "shift", "Shift images by a few pixels", "mtl.plugins.augmentations.shift:Shift"
    ),
    Component(
        "augmentation", "rotate", "Turn images by a few degrees", "mtl.plugins.augmentations.rotate:Rotate"
    ),
    Component(
        "augmentation",
        "brightness-contrast",
        "Change brightness and contrast",
        "mtl.plugins.augmentations.brightness_contrast:BrightnessContrast",
    ),
    Component(
        "augmentation",
        "gaussian-noise",
        "Add Gaussian noise",
        "mtl.plugins.augmentations.gaussian_noise:GaussianNoise",
    ),
    Component(
        "augmentation",
        "random-resized-crop",
        "Cut out a part and stretch it to the whole",
        "mtl.plugins.augmentations.random_resized_crop:RandomResizedCrop",
    ),
    Component(
        "augmentation",
        "colour-jitter",
        "Change brightness, contrast, saturation and hue",
        "mtl.plugins.augmentations.colour_jitter:ColourJitter",
    ),
    Component(
        "augmentation", "mixup", "Lay two images over each other", "mtl.plugins.augmentations.mixup:Mixup"
    ),
    Component(
        "augmentation",
        "cutmix",
        "Put a rectangle of another image in",
        "mtl.plugins.augmentations.cutmix:Cutmix",
    ),
    Component("augmentation", "erase", "Erase a random rectangle", "mtl.plugins.augmentations.erase:Erase"),
)
