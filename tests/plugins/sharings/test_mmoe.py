from __future__ import annotations

import math

import pytest
import torch

from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.sharings.experts import ImageReader
from mtl.plugins.sharings.hard import Hard
from mtl.plugins.sharings.mmoe import MMoE

ENCODER = 344


def test_a_task_sees_the_experts_weighed_by_the_softmax_of_its_gate(make, image) -> None:
    sharing = make(MMoE, experts=3)
    outputs = sharing(image, {}, ("a", "b", "c"))
    for position, task in enumerate(("a", "b", "c")):
        matrix = sharing.gates[position].layer.weight.detach()
        for sample in range(4):
            logits = [
                sum(row[i] * value for i, value in enumerate(image[sample].flatten())) for row in matrix
            ]
            total = sum(math.exp(logit) for logit in logits)
            expected = [
                sum(
                    math.exp(logit) / total * expert(image, {})[stage][sample]
                    for logit, expert in zip(logits, sharing.experts, strict=True)
                )
                for stage in range(3)
            ]
            for stage in range(3):
                torch.testing.assert_close(outputs[task][stage][sample], expected[stage])


def test_one_expert_is_hard_sharing(make, image) -> None:
    mixed, hard = make(MMoE, experts=1), make(Hard)
    one, two = mixed(image, {}, ("a", "b")), hard(image, {}, ("a", "b"))
    for task in ("a", "b"):
        assert all(map(torch.allclose, one[task], two[task]))


@pytest.mark.parametrize(("tasks", "experts"), [(1, 2), (2, 2), (3, 3), (5, 5)])
def test_by_default_there_are_as_many_experts_as_tasks_but_two_at_least(make, tasks, experts) -> None:
    sharing = make(MMoE, tuple(f"task{i}" for i in range(tasks)))
    assert sum(p.numel() for p in sharing.parameters()) == experts * ENCODER + tasks * experts * 2 * 6 * 6
    assert len(sharing.experts) == experts


def test_the_table_is_the_mean_of_the_gates_over_the_images(make, image) -> None:
    sharing = make(MMoE)
    (table,) = sharing.learned(image, {})
    weights = (image.flatten(1) @ sharing.gates[1].layer.weight.T).softmax(1).mean(0)
    assert table.rows == ("a", "b", "c")
    assert table.columns == ("expert 1", "expert 2", "expert 3")
    torch.testing.assert_close(torch.tensor(table.values[1]), weights)


def test_only_the_gates_asked_for_are_run(make, image) -> None:
    sharing, ran = make(MMoE), []
    for position, gate in enumerate(sharing.gates):
        gate.register_forward_hook(lambda *_, position=position: ran.append(position))
    sharing(image, {}, ("b",))
    assert ran == [1]


def test_gates_read_large_images_in_blocks() -> None:
    reader = ImageReader(ImageSpec(1, 70, 33))
    image = torch.rand(2, 1, 70, 33)
    seen = reader(image)
    assert seen.shape == (2, reader.size) == (2, 23 * 16)
    torch.testing.assert_close(seen[1, 17], image[1, 0, 3:6, 2:4].mean())
