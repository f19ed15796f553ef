from __future__ import annotations

import pytest
import torch

from mtl.core.contracts import EncoderBuilder
from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.encoders.mlp import MLP
from mtl.plugins.sharings.cgc import CGC
from mtl.plugins.sharings.ple import PLE

TASKS = ("a", "b", "c")
ENCODER = 344


def seen(level: int, features: torch.Tensor) -> torch.Tensor:
    if level == 0:
        return features.flatten(1)
    return features.mean((2, 3)) if features.dim() == 4 else features


def reference(sharing: PLE, image: torch.Tensor) -> dict[str, list[torch.Tensor]]:
    """The equations, one task, stage and expert at a time."""
    state = dict.fromkeys(TASKS, image)
    common = image
    outputs: dict[str, list[torch.Tensor]] = {task: [] for task in TASKS}
    for level in range(3):
        shared = [expert.stages[level](common) for expert in sharing.shared]
        own = {
            task: [expert.stages[level](state[task]) for expert in sharing.specific[position]]
            for position, task in enumerate(TASKS)
        }
        fresh = {}
        for position, task in enumerate(TASKS):
            selected = [*own[task], *shared]
            matrix = sharing.gates[level][position].layer.weight
            weights = (seen(level, state[task]) @ matrix.T).softmax(1)
            fresh[task] = sum(
                weights[:, e].reshape(-1, *[1] * (part.dim() - 1)) * part for e, part in enumerate(selected)
            )
            outputs[task].append(fresh[task])
        if level < 2:
            everyone = [*own["a"], *own["b"], *own["c"], *shared]
            weights = (seen(level, common) @ sharing.shared_gates[level].layer.weight.T).softmax(1)
            common = sum(
                weights[:, e].reshape(-1, *[1] * (part.dim() - 1)) * part for e, part in enumerate(everyone)
            )
        state = fresh
    return outputs


@pytest.mark.parametrize(("specific", "shared"), [(1, 1), (2, 3)])
def test_every_stage_is_what_the_equations_say(make, image, specific, shared) -> None:
    sharing = make(PLE, specific=specific, shared=shared)
    outputs, expected = sharing(image, {}, TASKS), reference(sharing, image)
    for task in TASKS:
        for one, other in zip(outputs[task], expected[task], strict=True):
            torch.testing.assert_close(one, other)


@pytest.mark.parametrize(("specific", "shared"), [(1, 1), (2, 3)])
def test_the_parameters_are_experts_and_gates(make, specific, shared) -> None:
    sharing = make(PLE, specific=specific, shared=shared)
    experts = (3 * specific + shared) * ENCODER
    gates = 3 * (specific + shared) * (2 * 6 * 6 + 3 + 5)
    shared_gates = (3 * specific + shared) * (2 * 6 * 6 + 3)
    assert sum(p.numel() for p in sharing.parameters()) == experts + gates + shared_gates


def test_with_one_stage_it_is_customized_gate_control(image) -> None:
    builder = EncoderBuilder(ImageSpec(2, 6, 6), lambda: MLP(ImageSpec(2, 6, 6), (), hidden=(5,)))
    torch.manual_seed(0)
    progressive = PLE(TASKS, builder)
    torch.manual_seed(0)
    single = CGC(TASKS, builder)
    one, two = progressive(image, {}, TASKS), single(image, {}, TASKS)
    for task in TASKS:
        torch.testing.assert_close(one[task], two[task])
    shared = sum(p.numel() for p in progressive.shared_parameters())
    assert shared == sum(p.numel() for p in single.shared_parameters()) == 5 * 73


def test_at_the_last_stage_the_experts_of_other_tasks_are_not_run(make, image) -> None:
    sharing, ran = make(PLE), []
    for position, group in enumerate(sharing.specific):
        for name, stage in group[0].stages.named_children():
            stage.register_forward_hook(lambda *_, ran_as=(position, name): ran.append(ran_as))
    sharing(image, {}, ("b",))
    assert sorted(ran) == sorted([(p, name) for p in range(3) for name in ("wide", "narrow")] + [(1, "flat")])


def test_there_is_a_table_per_stage_and_none_reads_the_experts_of_another_task(make, image) -> None:
    tables = make(PLE).learned(image, {})
    assert [table.title for table in tables] == [
        "Gates of stage wide",
        "Gates of stage narrow",
        "Gates of stage flat",
    ]
    assert tables[0].rows == (*TASKS, "shared features")
    assert tables[2].rows == TASKS
    for table in tables:
        assert table.columns == (*TASKS, "shared")
        values = torch.tensor(table.values)
        torch.testing.assert_close(values.sum(1), torch.ones(len(table.rows)))
        assert (values[:3, :3].fill_diagonal_(0) == 0).all()
