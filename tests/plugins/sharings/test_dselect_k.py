from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mtl.core.base.errors import Incompatible
from mtl.plugins.sharings.dselect_k import DSelectK, SelectionGate, selection_entropy, smooth_step

ENCODER = 344
TASKS = ("a", "b", "c")


@given(value=st.floats(-3, 3), gamma=st.floats(0.1, 4))
def test_the_smooth_step_is_the_papers_cubic(value: float, gamma: float) -> None:
    if value <= -gamma / 2:
        expected = 0.0
    elif value >= gamma / 2:
        expected = 1.0
    else:
        expected = -2 / gamma**3 * value**3 + 3 / (2 * gamma) * value + 0.5
    found = float(smooth_step(torch.tensor(value, dtype=torch.float64), gamma))
    assert found == pytest.approx(expected, abs=1e-9)


def test_the_smooth_step_has_no_jump_in_its_slope() -> None:
    edge = torch.tensor([-0.5, 0.5], dtype=torch.float64, requires_grad=True)
    smooth_step(edge, 1.0).sum().backward()
    assert edge.grad.abs().max() < 1e-12


def weights_by_hand(gate, seen: torch.Tensor, gamma: float) -> list[list[float]]:
    """The gate of the paper for every image: digits, products, and the softmax over selectors."""
    found = []
    for vector in seen:
        shares = (gate.shares.weight @ vector).softmax(0)
        logits = (gate.choices.weight.detach() @ vector).reshape(len(shares), -1)
        digits = logits.shape[1]
        row = [0.0] * 2**digits
        for selector, share in enumerate(shares.tolist()):
            for expert in range(2**digits):
                weight = share
                for place in range(digits):
                    step = float(smooth_step(logits[selector, place], gamma))
                    weight *= step if expert >> place & 1 else 1 - step
                row[expert] += weight
        found.append(row)
    return found


@pytest.mark.parametrize(("experts", "selected"), list(product((2, 4, 8), (1, 2))))
def test_a_task_sees_the_experts_weighed_by_its_selectors(make, image, experts, selected) -> None:
    sharing = make(DSelectK, experts=experts, selected=selected, gamma=0.8).eval()
    outputs = sharing(image, {}, TASKS)
    for position, task in enumerate(TASKS):
        weights = weights_by_hand(sharing.gates[position], image.flatten(1), 0.8)
        assert [sum(row) for row in weights] == pytest.approx([1.0] * 4, abs=1e-5)
        for stage in range(3):
            features = [expert(image, {})[stage] for expert in sharing.experts]
            for sample in range(4):
                expected = sum(weights[sample][e] * features[e][sample] for e in range(experts))
                torch.testing.assert_close(outputs[task][stage][sample], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("selected", [1, 2, 3])
def test_once_all_digits_are_settled_exactly_one_expert_per_selector_has_a_weight(
    make, image, selected
) -> None:
    sharing = make(DSelectK, experts=8, selected=selected).eval()
    with torch.no_grad():
        for gate in sharing.gates:
            gate.choices.weight.normal_().mul_(1e4)
    for task, weights in sharing.gate_weights(image, TASKS).items():
        gate = sharing.gates[TASKS.index(task)]
        logits = (image.flatten(1) @ gate.choices.weight.T).reshape(4, selected, 3)
        for sample in range(4):
            numbers = {sum(2**p for p in range(3) if digit[p] > 0) for digit in logits[sample].tolist()}
            assert set(weights[sample].nonzero().flatten().tolist()) == numbers
            assert len(numbers) <= selected
        torch.testing.assert_close(weights.sum(1), torch.ones(4))


@pytest.mark.parametrize(("experts", "selected"), [(2, 1), (4, 2), (8, 3)])
def test_the_parameters_are_encoders_and_gates(make, experts, selected) -> None:
    sharing = make(DSelectK, experts=experts, selected=selected)
    gate = 2 * 6 * 6 * selected * (1 + int(math.log2(experts)))
    assert sum(p.numel() for p in sharing.parameters()) == experts * ENCODER + 3 * gate
    assert sum(p.numel() for p in sharing.shared_parameters()) == experts * ENCODER


def test_no_digit_is_settled_at_the_start(make, image) -> None:
    sharing = make(DSelectK)
    for weights in sharing.gate_weights(image, TASKS).values():
        assert bool((weights > 0).all())


def test_the_entropy_is_that_of_the_selectors_and_its_gradient_is_finite() -> None:
    chosen = torch.tensor([[0.2, 0.8], [0.0, 1.0]], requires_grad=True)
    expected = -(0.2 * math.log(0.2) + 0.8 * math.log(0.8))
    assert selection_entropy(chosen).tolist() == pytest.approx([expected, 0.0])
    selection_entropy(chosen).sum().backward()
    assert bool(chosen.grad.isfinite().all())


def test_in_training_the_loss_has_the_entropy_of_every_task_asked_for(make, image) -> None:
    """The gradient is that of the loss and the penalty written out, whatever the loss is."""
    plain, charged = (make(DSelectK, entropy=weight).train() for weight in (0.0, 0.3))
    for sharing in (plain, charged):
        outputs = sharing(image, {}, ("a", "c"))
        loss = sum(5.0 * outputs[task][-1].square().mean() for task in ("a", "c"))
        if sharing is plain:
            for position in (0, 2):
                _, selections = sharing.gates[position](sharing.reader(image))
                loss = loss + 0.3 * selection_entropy(selections).sum(1).mean()
        loss.backward()
    for one, other in zip(plain.parameters(), charged.parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None)
        if one.grad is not None:
            torch.testing.assert_close(one.grad, other.grad)


def test_more_than_there_are_cannot_be_selected(make) -> None:
    with pytest.raises(Incompatible, match="cannot select 3 of 2 experts"):
        make(DSelectK, experts=2, selected=3)


def test_the_tables_tell_weights_and_how_often_an_expert_is_used(make, image) -> None:
    sharing = make(DSelectK, experts=2, selected=1).eval()
    with torch.no_grad():
        sharing.gates[0].choices.weight.fill_(1e4)
    gates, used = sharing.learned(image, {})
    assert gates.values[0] == (0.0, 1.0)
    assert used.values[0] == (0.0, 1.0)
    assert used.values[1] == (1.0, 1.0)


def test_the_gates_gradient_reads_nothing_back() -> None:
    """What autograd's formulas read shows in the profiler alone; that of `prod` counts what is 0."""
    gate = SelectionGate(6, experts=8, selected=2, gamma=1.0)
    with torch.profiler.profile() as profile:
        gate(torch.ones(3, 6))[1].sum().backward()
    assert not {event.key for event in profile.key_averages()} & {"aten::item", "aten::_local_scalar_dense"}
