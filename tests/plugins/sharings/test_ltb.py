from __future__ import annotations

import pytest
import torch

from mtl.plugins.sharings.hard import Hard
from mtl.plugins.sharings.ltb import LTB
from mtl.plugins.sharings.none import Separate

ENCODER = 344
TASKS = ("a", "b", "c")


def choose(sharing: LTB, branches: list[list[int]], leaves: list[int]) -> None:
    """Make parents certain: `branches[l][node]` before stage `l + 1`, and the task's node at the end."""
    with torch.no_grad():
        for logits, parents in zip([*sharing.branches, *sharing.leaves], [*branches, *leaves], strict=True):
            logits.zero_()
            if isinstance(parents, int):
                logits[parents] = 50.0
            else:
                for node, parent in enumerate(parents):
                    logits[node, parent] = 50.0


def by_hand(sharing: LTB, image, choices, leaves) -> dict[str, list[torch.Tensor]]:
    """The tree, node by node: `choices[l][i][j]` is how much node `i` reads of node `j`."""
    nodes = [[node.stages[0](image) for node in sharing.nodes]]
    for level in (1, 2):
        above = nodes[-1]
        read = [sum(weights[j] * above[j] for j in range(len(above))) for weights in choices[level - 1]]
        nodes.append([node.stages[level](seen) for node, seen in zip(sharing.nodes, read, strict=True)])
    outputs = {}
    for task, leaf in zip(TASKS, leaves, strict=True):
        weights, stages = list(leaf), []
        for level in (2, 1, 0):
            stages.insert(0, sum(weight * part for weight, part in zip(weights, nodes[level], strict=True)))
            if level:
                above = choices[level - 1]
                weights = [
                    sum(weights[i] * above[i][j] for i in range(len(weights))) for j in range(len(above[0]))
                ]
        outputs[task] = stages
    return outputs


def draw(sharing: LTB, temperature: float) -> list[torch.Tensor]:
    """Return the relaxed choices of the next forward pass, from the same random numbers."""
    drawn = []
    for logits in [*sharing.branches, *sharing.leaves]:
        noise = -torch.empty_like(logits).exponential_().log()
        drawn.append(((10.0 * logits + noise) / temperature).softmax(-1))
    return drawn


@pytest.mark.parametrize("width", [2, 3])
def test_training_reads_one_drawn_parent(make, image, width) -> None:
    sharing = make(LTB, width=width, temperature=0.7).train()
    with torch.no_grad():
        for logits in [*sharing.branches, *sharing.leaves]:
            logits.normal_(std=0.1)
    torch.manual_seed(3)
    outputs = sharing(image, {}, TASKS)
    torch.manual_seed(3)
    drawn = [
        torch.nn.functional.one_hot(soft.argmax(-1), width).float() for soft in draw(sharing, temperature=0.7)
    ]
    expected = by_hand(sharing, image, drawn[:2], drawn[2:])
    for task in TASKS:
        for one, other in zip(outputs[task], expected[task], strict=True):
            torch.testing.assert_close(one, other)


def test_the_gradient_is_that_of_the_relaxed_draw(make) -> None:
    sharing = make(LTB, temperature=0.7).train()
    logits = torch.tensor([0.03, -0.02, 0.05], requires_grad=True)
    value = torch.tensor([1.0, 2.0, 5.0])
    torch.manual_seed(1)
    (found,) = torch.autograd.grad(sharing._choose(logits) @ value, logits)
    torch.manual_seed(1)
    noise = -torch.empty_like(logits).exponential_().log()
    (expected,) = torch.autograd.grad(((10.0 * logits + noise) / 0.7).softmax(-1) @ value, logits)
    torch.testing.assert_close(found, expected)


def test_the_temperature_falls_with_the_root_of_the_epoch(make) -> None:
    sharing, fixed = make(LTB), make(LTB, temperature=3.0)
    place = sharing.now.data_ptr()
    for epoch, wanted in ((1, 2.0), (4, 1.0), (16, 0.5)):
        sharing.pre_epoch(epoch, 40)
        fixed.pre_epoch(epoch, 40)
        assert sharing.now.item() == pytest.approx(wanted)
        assert fixed.now.item() == pytest.approx(1.5 * wanted)
    assert sharing.now.data_ptr() == place  # a captured step reads it there


@pytest.mark.parametrize(
    ("epochs", "settle", "mixed", "settled"),
    [(20, 0.25, [1], [16, 17, 18, 19, 20]), (200, 0.0, [1, 2], []), (2, 0.5, [1], [2]), (1, 0.25, [], [])],
)
def test_it_mixes_first_and_settles_last(make, epochs, settle, mixed, settled) -> None:
    sharing = make(LTB, settle=settle).train()
    found: dict[str, list[int]] = {"mixed": [], "settled": []}
    for epoch in range(1, epochs + 1):
        sharing.pre_epoch(epoch, epochs)
        choices = [sharing._choose(torch.tensor([0.0, 0.01, 0.0, 0.0])) for _ in range(8)]
        if all((choice == 0.25).all() for choice in choices):
            found["mixed"].append(epoch)
        elif all(choice[1] == 1.0 for choice in choices):
            found["settled"].append(epoch)
    assert found == {"mixed": mixed, "settled": settled}


def test_evaluation_takes_the_likeliest_parent_everywhere(make, image) -> None:
    sharing = make(LTB).eval()
    choose(sharing, [[1, 0, 0], [2, 2, 1]], [0, 1, 2])
    outputs = sharing(image, {}, TASKS)
    paths = {"a": (0, 2, 0), "b": (0, 2, 1), "c": (0, 1, 2)}
    for task, path in paths.items():
        features = image
        for level, node in enumerate(path):
            features = sharing.nodes[node].stages[level](features)
            assert torch.equal(outputs[task][level], features)


def test_all_on_one_branch_is_hard_sharing(make, image) -> None:
    sharing, hard = make(LTB).eval(), make(Hard).eval()
    choose(sharing, [[0, 0, 0], [0, 0, 0]], [0, 0, 0])
    one, two = sharing(image, {}, TASKS), hard(image, {}, TASKS)
    for task in TASKS:
        assert all(map(torch.equal, one[task], two[task]))


def test_a_branch_for_every_task_is_no_sharing(make, image) -> None:
    sharing, separate = make(LTB).eval(), make(Separate).eval()
    choose(sharing, [[0, 1, 2], [0, 1, 2]], [0, 1, 2])
    one, two = sharing(image, {}, TASKS), separate(image, {}, TASKS)
    for task in TASKS:
        assert all(map(torch.equal, one[task], two[task]))


def test_certain_parents_are_sampled_always(make, image) -> None:
    sharing = make(LTB)
    choose(sharing, [[1, 0, 0], [2, 2, 1]], [0, 1, 2])
    expected = sharing.eval()(image, {}, TASKS)
    found = sharing.train()(image, {}, TASKS)
    for task in TASKS:
        assert all(map(torch.allclose, found[task], expected[task]))


def test_samples_follow_the_probabilities(make) -> None:
    sharing = make(LTB).train()
    logits = torch.tensor([0.1, 0.6, 0.3]).log().expand(20_000, 3) / 10.0
    torch.manual_seed(0)
    shares = sharing._choose(logits).argmax(-1).bincount() / 20_000
    torch.testing.assert_close(shares, torch.tensor([0.1, 0.6, 0.3]), atol=0.015, rtol=0)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_the_parameters_are_nodes_and_probabilities(make, width) -> None:
    sharing = make(LTB, width=width)
    choices = 2 * width * width
    assert sum(p.numel() for p in sharing.parameters()) == width * ENCODER + choices + 3 * width
    assert sum(p.numel() for p in sharing.shared_parameters()) == width * ENCODER + choices


@pytest.mark.parametrize(
    ("branches", "leaves", "kept"),
    [
        ([[0, 0, 0], [0, 0, 0]], [0, 0, 0], [1, 1, 1]),
        ([[1, 0, 0], [2, 2, 1]], [0, 1, 2], [1, 2, 3]),
        ([[0, 1, 2], [0, 1, 2]], [0, 1, 2], [3, 3, 3]),
    ],
)
def test_it_settles_on_the_tree_alone(make, image, branches, leaves, kept) -> None:
    sharing = make(LTB).eval()
    choose(sharing, branches, leaves)
    before = {name: value.clone() for name, value in sharing.state_dict().items()}
    tree = sharing.settled()
    for asked in (TASKS, ("b",)):
        one, two = sharing(image, {}, asked), tree(image, {}, asked)
        assert list(one) == list(two)
        for task in asked:
            assert all(map(torch.equal, one[task], two[task]))
    sizes = [57, 140, 147]
    left = sum(count * size for count, size in zip(kept, sizes, strict=True))
    assert sum(p.numel() for p in tree.parameters()) == left
    assert all(torch.equal(before[name], value) for name, value in sharing.state_dict().items())


def test_a_settled_tree_runs_each_node_once_and_those_asked_for_alone(make, image) -> None:
    sharing, ran = make(LTB).eval(), []
    choose(sharing, [[1, 0, 0], [2, 2, 1]], [0, 1, 2])
    tree = sharing.settled()
    for number, node in enumerate(tree.nodes):
        for name, stage in node.stages.named_children():
            stage.register_forward_hook(lambda *_, ran_as=(number, name): ran.append(ran_as))
    tree(image, {}, ("b", "a"))
    assert sorted(ran) == [(0, "flat"), (0, "wide"), (1, "flat"), (2, "narrow")]


def test_the_tables_are_the_probabilities(make, image) -> None:
    sharing = make(LTB, width=2).eval()
    with torch.no_grad():
        sharing.branches[0].copy_(torch.tensor([[0.2, 0.8], [0.5, 0.5]]).log() / 10.0)
    tables = sharing.learned(image, {})
    assert [table.title for table in tables] == [
        "Parents of stage narrow",
        "Parents of stage flat",
        "Nodes of stage flat by task",
    ]
    assert tables[0].values[0] == pytest.approx((0.2, 0.8))
    assert tables[2].rows == TASKS
