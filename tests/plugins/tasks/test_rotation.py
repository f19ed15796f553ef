"""Where the rotation task can serve; what it does to pixels and labels is in test_equivariance."""

import pytest
import torch

from mtl.core.base.errors import Incompatible
from mtl.core.contracts.batch import Batch
from mtl.core.contracts.randomness import SampleRandom
from mtl.core.contracts.specs import DatasetSpec, ImageSpec
from mtl.plugins.tasks.rotation import Rotation


def test_oblong_images_are_refused():
    with pytest.raises(Incompatible, match="needs a square image, got 28 x 32"):
        Rotation(DatasetSpec(ImageSpec(3, 28, 32), {}))


def test_turns_of_a_sample_do_not_depend_on_its_batch():
    task = Rotation(DatasetSpec(ImageSpec(1, 4, 4), {}))

    def turns(samples):
        batch = Batch(torch.zeros(len(samples), 1, 4, 4), {})
        return task.target(task.transform(batch, SampleRandom(torch.tensor(samples), seed=3))).tolist()

    together = turns([3, 4, 5, 6])
    assert together == [turns([sample])[0] for sample in (3, 4, 5, 6)]
    assert turns([6, 3]) == [together[3], together[0]]
