from __future__ import annotations

import pytest
import torch

from mtl.plugins.sharings.cgc import CGC

ENCODER = 344
GATED = 2 * 6 * 6


@pytest.mark.parametrize(("specific", "shared"), [(1, 1), (2, 1), (1, 3)])
def test_a_task_mixes_its_own_experts_with_the_shared_ones(make, image, specific, shared) -> None:
    sharing = make(CGC, specific=specific, shared=shared)
    outputs = sharing(image, {}, ("a", "b", "c"))
    for position, task in enumerate(("a", "b", "c")):
        experts = [*sharing.specific[position], *sharing.shared]
        weights = (image.flatten(1) @ sharing.gates[position].layer.weight.T).softmax(1)
        assert weights.shape == (4, specific + shared)
        for stage in range(3):
            features = [expert(image, {})[stage] for expert in experts]
            for sample in range(4):
                expected = sum(weights[sample, e] * features[e][sample] for e in range(len(experts)))
                torch.testing.assert_close(outputs[task][stage][sample], expected)


@pytest.mark.parametrize(("specific", "shared"), [(1, 1), (2, 3)])
def test_the_parameters_are_encoders_and_gates(make, specific, shared) -> None:
    sharing = make(CGC, specific=specific, shared=shared)
    encoders = 3 * specific + shared
    gates = 3 * (specific + shared) * GATED
    assert sum(p.numel() for p in sharing.parameters()) == encoders * ENCODER + gates
    assert sum(p.numel() for p in sharing.shared_parameters()) == shared * ENCODER


def test_the_experts_of_other_tasks_are_not_run(make, image) -> None:
    sharing, ran = make(CGC), []
    for position, group in enumerate(sharing.specific):
        group[0].stages[0].register_forward_hook(lambda *_, position=position: ran.append(position))
    sharing(image, {}, ("c",))
    assert ran == [2]


def test_a_gate_that_trusts_the_shared_expert_alone_is_hard_sharing(make, image) -> None:
    sharing = make(CGC)
    with torch.no_grad():
        for gate in sharing.gates:
            gate.layer.weight[0] = -1e4
            gate.layer.weight[1] = 1e4
    outputs = sharing(image, {}, ("a", "b"))
    for task in ("a", "b"):
        assert all(map(torch.equal, outputs[task], sharing.shared[0](image, {})))


def test_the_table_names_own_and_shared_experts(make, image) -> None:
    (table,) = make(CGC, specific=2).learned(image, {})
    assert table.columns == ("own 1", "own 2", "shared")
    torch.testing.assert_close(torch.tensor(table.values).sum(1), torch.ones(3))
