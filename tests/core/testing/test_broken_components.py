"""Every check of the kit can fail: for each there is a component that breaks its promise."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mtl.core.discovery.registry import discover
from mtl.core.testing import CheckFailed, checks_for
from mtl.core.testing.running import CHECKS
from mtl.core.testing.subjects import Subject, subjects

BROKEN = {
    ("encoder", "target-is-a-class-of-its-kind"): (
        "class Broken(GoodHead): pass",
        "a subclass of mtl.contracts.Encoder",
    ),
    ("encoder", "options-are-described"): (
        """
        class Broken(GoodEncoder):
            def __init__(self, image, inputs, *, width: int = 4):
                super().__init__(image, inputs, width=width)
        """,
        "a description of option 'width'",
    ),
    ("encoder", "options-survive-yaml"): (
        """
        class Broken(GoodEncoder):
            def __init__(self, image, inputs, *,
                         widths: Annotated[set[int] | int, Field(description="Widths.")] = "wide"):
                super().__init__(image, inputs)
        """,
        "options that can be given as YAML",
    ),
    ("encoder", "bad-options-are-refused"): (
        """
        class Broken(GoodEncoder):
            def __init__(self, image, inputs, *, width: Annotated[Any, Field(description="Width.")] = 4):
                super().__init__(image, inputs)
        """,
        "option 'width' to refuse a value of a wrong type",
    ),
    ("encoder", "output-matches-its-spec"): (
        """
        class Broken(GoodEncoder):
            def __init__(self, image, inputs):
                super().__init__(image, inputs)
                self.feature_specs = (FeatureSpec(32 if image.channels == 1 else 33),)
        """,
        "expected outputs [[4, 33]] for image [3, 32, 32]; got [[4, 32]]",
    ),
    ("encoder", "a-batch-does-not-change-its-samples"): (
        """
        class Broken(GoodEncoder):
            def forward(self, image, inputs):
                return super().forward(image - image.mean(), inputs)
        """,
        "the same results one by one",
    ),
    ("encoder", "state-survives-safetensors"): (
        """
        class Broken(GoodEncoder):
            def __init__(self, image, inputs):
                super().__init__(image, inputs)
                self.scale = torch.rand(())

            def forward(self, image, inputs):
                return super().forward(image * self.scale, inputs)
        """,
        "the same results from a new module with the saved state",
    ),
    ("encoder", "moves-to-another-type-and-device"): (
        """
        class Broken(GoodEncoder):
            def forward(self, image, inputs):
                return super().forward(image + torch.zeros(image.shape), inputs)
        """,
        "it to work after `.to('meta')`",
    ),
    ("encoder", "gradients-reach-every-parameter"): (
        """
        class Broken(GoodEncoder):
            def __init__(self, image, inputs):
                super().__init__(image, inputs)
                self.forgotten = nn.Linear(2, 2)
        """,
        "none for encoder.forgotten.weight, encoder.forgotten.bias",
    ),
    ("encoder", "the-same-seed-gives-the-same-model"): (
        """
        class Broken(GoodEncoder):
            def forward(self, image, inputs):
                return super().forward(image + float(np.random.default_rng().random()), inputs)
        """,
        "the same weights from the same seed",
    ),
    ("encoder", "overfits-eight-samples"): (
        """
        class Broken(GoodEncoder):
            def forward(self, image, inputs):
                return super().forward(0 * image, inputs)
        """,
        "updates on eight samples",
    ),
    ("encoder", "what-is-frozen-stays-as-it-is"): (
        """
        class Broken(GoodEncoder):
            def forward(self, image, inputs):
                if self.training:
                    self.stages[0][1].weight.data.mul_(0.99)
                return super().forward(image, inputs)
        """,
        "frozen parameters that stay as they are; got changed ones: encoder.stages.fc.1.weight",
    ),
    ("encoder", "exports-and-agrees"): (
        """
        class Broken(GoodEncoder):
            def forward(self, image, inputs):
                return super().forward(image if float(image.mean()) > 0.5 else 1 - image, inputs)
        """,
        "an export that computes what the model computes",
    ),
    ("loss", "one-finite-loss-per-sample"): (
        """
        class Broken(GoodLoss):
            def forward(self, raw, target):
                return -raw.softmax(1).gather(1, target[:, None]).squeeze(1).log()
        """,
        "finite losses [B] for a categorical target and raw outputs of size 100",
    ),
    ("loss", "better-answers-have-a-lower-loss"): (
        "class Broken(GoodLoss):\n    def forward(self, raw, target): return -super().forward(raw, target)",
        "a lower loss for right answers than for wrong ones (categorical)",
    ),
    ("loss", "an-absent-number-costs-nothing"): (
        """
        class Broken(Loss):
            @classmethod
            def accepts(cls, target): return None if isinstance(target, Multilabel) else "needs attributes"
            def forward(self, raw, target):
                wanted = target.clamp(min=0).float()
                return nn.functional.binary_cross_entropy_with_logits(raw, wanted, reduction="none").mean(1)
        """,
        "no gradient where a number of a multilabel target is absent",
    ),
    ("head", "values-are-standardised-or-in-units"): (
        """
        class Broken(Head):
            def __init__(self, spec):
                super().__init__()
                self.layer = nn.Linear(spec.stages[-1].size, prod(spec.target.output_shape))
                self.shape = spec.target.output_shape

            def forward(self, features):
                return self.layer(features.stages[-1].flatten(1)).sigmoid().reshape(-1, *self.shape)
        """,
        "expected some values below 0: half of all standardised values are",
    ),
    ("metric", "value-lies-in-its-range"): (
        "class Broken(GoodMetric):\n    def compute(self): return 100 * super().compute()",
        "expected values in 0..1 (categorical, right answers); got [100.0]",
    ),
    ("metric", "batches-do-not-change-the-value"): (
        """
        class Broken(GoodMetric):
            def update(self, prediction, target):
                self.right += (prediction.argmax(dim=1) == target).float().mean()
                self.count += 1
        """,
        "for batches of [1, 23], too",
    ),
    ("metric", "better-answers-score-better"): (
        "class Broken(GoodMetric):\n    direction = 'lower'",
        "a lower value for right answers than for random ones",
    ),
    ("metric", "an-absent-number-is-not-judged"): (
        """
        class Broken(GoodMetric):
            @classmethod
            def accepts(cls, target): return None if isinstance(target, Multilabel) else "needs attributes"
            def update(self, prediction, target):
                self.right += ((prediction >= 0.5) == target.clamp(min=0)).float().mean(1).sum()
                self.count += len(target)
        """,
        "the same value whatever is answered where a multilabel target is absent",
    ),
    ("task", "targets-match-their-spec"): (
        "class Broken(GoodTask):\n    def target(self, batch): return batch.labels['class'] + 1",
        "it must lie in 0..3, or be -1 where absent; entry [",
    ),
    ("task", "views-are-images"): (
        "class Broken(GoodTask):\n    def corrupt(self, image, random): return image + 1",
        "expected corrupted images float32 [8, 1, 16, 16] in 0..1",
    ),
    ("task", "a-batch-does-not-change-its-samples"): (
        "class Broken(GoodTask):\n    def corrupt(self, image, random): return torch.rand_like(image)",
        "the same view and target of a sample in any batch",
    ),
    ("task", "absent-labels-stay-absent"): (
        "class Broken(GoodTask):\n    def target(self, batch): return batch.labels['class'].clamp(min=0)",
        "no target where the label is absent",
    ),
    ("task", "answers-move-with-the-image"): (
        "class Broken(GoodTask):\n    symmetry = Symmetry(quarter_turn=(1, 0, 2, 3), mirror=(0, 1, 2, 3))",
        "expected targets that move with the image as `symmetry` says; got others after 1 quarter turns",
    ),
    ("sharing", "shared-parameters-are-those-that-are-shared"): (
        "class Broken(GoodSharing):\n    def shared_parameters(self): return []",
        "parameters that both tasks depend on",
    ),
    ("sharing", "a-task-alone-sees-the-same"): (
        """
        class Broken(GoodSharing):
            def forward(self, image, inputs, tasks):
                return dict.fromkeys(tasks, tuple(len(tasks) * s for s in self.encoder(image, inputs)))
        """,
        "the same features of task 'first' alone and together",
    ),
    ("sharing", "it-settles-on-the-same"): (
        """
        class Broken(GoodSharing):
            def settled(self):
                other = type(self).__new__(type(self))
                torch.nn.Module.__init__(other)
                other.__dict__.update({k: v for k, v in self.__dict__.items() if k[0] != "_"})
                other.encoder = self.encoder
                other.forward = lambda image, inputs, tasks: dict.fromkeys(
                    tasks, tuple(2 * s for s in self.encoder(image, inputs))
                )
                return other
        """,
        "the same features of task 'first' from `settled()`",
    ),
    ("sharing", "what-was-learned-can-be-told"): (
        """
        class Broken(GoodSharing):
            def learned(self, image, inputs):
                return (LearnedTable("gates", "", ("a", "b"), ("c",), ((0.5,), (float("nan"),))),)
        """,
        "finite values [2, 1] in table 'gates'",
    ),
    ("balancer", "weights-are-usable"): (
        "class Broken(GoodBalancer):\n    def weights(self, losses, gradients): return 1 / losses",
        "finite weights [2] for losses [0.0, 2.0]",
    ),
    ("balancer", "state-survives-safetensors"): (
        """
        class Broken(GoodBalancer):
            def __init__(self, tasks):
                super().__init__(tasks)
                self.register_buffer("mean", torch.ones(len(tasks)), persistent=False)
        """,
        "the same weights after saving and loading",
    ),
    ("balancer", "a-capturable-step-never-waits"): (
        """
        class Broken(GoodBalancer):
            def weights(self, losses, gradients):
                return torch.ones_like(losses) if losses.sum() > 1 else losses / losses.sum()
        """,
        "its value is read",
    ),
    ("dataset", "columns-match-the-spec"): (
        """
        class Broken(GoodDataset):
            def spec(self):
                return DatasetSpec(ImageSpec(1, 12, 12), {"class": Categorical(("only",))})
        """,
        "label column 'class' must lie in 0..0, or be -1 where absent; entry [",
    ),
    ("dataset", "the-same-samples-every-time"): (
        """
        class Broken(GoodDataset):
            def load(self):
                order = np.random.default_rng().permutation(8)
                splits = super().load()
                return {**splits, "test": Columns(splits["test"].image[order], splits["test"].labels)}
        """,
        "the same samples of split 'test' every time",
    ),
    ("form", "a-file-brings-it-back"): (
        """
        @dataclass(frozen=True)
        class Broken(GoodForm):
            form = "other"
        """,
        "the name 'broken' in JSON",
    ),
    ("form", "predictions-are-the-same-without-torch"): (
        """
        @dataclass(frozen=True)
        class Broken(GoodForm):
            form = "broken"
            def predict(self, raw): return raw.softmax(0)
        """,
        "the same predictions [12, 3] from both",
    ),
    ("form", "right-answers-are-targets"): (
        """
        @dataclass(frozen=True)
        class Broken(GoodForm):
            form = "broken"
            def ideal(self, target): return target
        """,
        "the prediction for an ideal output to be the certain one",
    ),
    ("form", "targets-move-as-the-square-does"): (
        """
        @dataclass(frozen=True)
        class Broken(GoodForm):
            form = "broken"
            def move(self, target, turns, mirrored, symmetry): return target.roll(int(mirrored), 1)
        """,
        "expected the target again",
    ),
    ("form", "every-prediction-is-described"): (
        """
        @dataclass(frozen=True)
        class Silent(Values):
            def describe(self, predictions): return super().describe(predictions[1:])

        @dataclass(frozen=True)
        class Broken(GoodForm):
            form = "broken"
            drawing = property(lambda self: Silent(self.names))
        """,
        "expected 12 descriptions; got 11",
    ),
    ("augmentation", "images-stay-images"): (
        """
        class Broken(Augmentation):
            def __call__(self, batch, random):
                return replace(batch, image=batch.image + random.normal(1, 1, 1))
        """,
        "expected float32 images [32, 1, 16, 16] in 0..1",
    ),
    ("augmentation", "labels-move-with-the-pixels"): (
        """
        class Broken(Augmentation):
            def __call__(self, batch, random):
                return replace(batch, image=batch.image.flip(-1))
        """,
        "labels that moved with the pixels (0 quarter turns after a mirror)",
    ),
    ("augmentation", "the-same-seed-gives-the-same-images"): (
        """
        class Broken(Augmentation):
            def __call__(self, batch, random):
                return replace(batch, image=torch.rand_like(batch.image))
        """,
        "the same images from the same random source",
    ),
    ("optimizer", "every-parameter-is-held-once"): (
        """
        class Broken(GoodOptimizer):
            def build(self, groups):
                return [GoodDescent(list(groups[:1]), {})]
        """,
        "4 parameters, each held once; got 2 held",
    ),
    ("optimizer", "steps-are-finite-and-follow-the-rate"): (
        """
        class Broken(GoodOptimizer):
            def build(self, groups):
                return [torch.optim.Rprop(list(groups))]
        """,
        "no step at a learning rate of 0",
    ),
    ("optimizer", "parameters-without-a-gradient-stay"): (
        """
        class Shrinking(GoodDescent):
            @torch.no_grad()
            def step(self):
                super().step()
                for group in self.param_groups:
                    for parameter in group["params"]:
                        parameter.mul_(0.9)

        class Broken(GoodOptimizer):
            def build(self, groups):
                return [Shrinking(list(groups), {})]
        """,
        "a parameter that stays as it is",
    ),
    ("optimizer", "a-skipped-step-changes-nothing"): (
        """
        class Counting(GoodDescent):
            steps = 0

            @torch.no_grad()
            def step(self):
                self.steps += 1
                for group in self.param_groups:
                    for parameter in group["params"]:
                        if parameter.grad is not None:
                            parameter.sub_(group["lr"] * parameter.grad / self.steps)

        class Broken(GoodOptimizer):
            def build(self, groups):
                return [Counting(list(groups), {})]
        """,
        "the same parameters with a skipped step as without",
    ),
    ("optimizer", "state-survives-safetensors"): (
        """
        class Remembering(GoodDescent):
            @torch.no_grad()
            def step(self):
                for group in self.param_groups:
                    for parameter in group["params"]:
                        if parameter.grad is not None:
                            state = self.state[parameter]
                            state["count"] = state.get("count", 0) + 1
                            parameter.sub_(group["lr"] * parameter.grad / state["count"])

        class Broken(GoodOptimizer):
            def build(self, groups):
                return [Remembering(list(groups), {})]
        """,
        "the same step after saving and loading",
    ),
    ("schedule", "factors-are-usable"): (
        """
        class Broken(Schedule):
            def factor(self, at):
                return 1 - at.step
        """,
        "finite factors of 0 or more in 1 epochs of 7 steps",
    ),
    ("schedule", "factors-depend-on-the-moment-alone"): (
        """
        class Broken(Schedule):
            rate = 1.0

            def factor(self, at):
                self.rate *= 0.9
                return self.rate
        """,
        "the same factors in any order",
    ),
    ("exporter", "exports-and-verifies"): (
        """
        class Broken(GoodExporter):
            def export(self, subject, path):
                return ExportReport((path,), {})
        """,
        "model.weights, which is not there",
    ),
    ("exporter", "another-model-is-refused"): (
        "class Broken(GoodExporter):\n    def verify(self, subject, path): return {'passed': True}",
        "VerificationError for the file of a model with other weights",
    ),
}

MODULES = {
    "records-are-valid": ("raise RuntimeError('no luck')", "broken (import): RuntimeError: no luck"),
    "import-is-light": ("import torch", "torch in sys.modules"),
}
RECIPES = {"recipe-resolves": ("tasks: [no-such-task]", "unknown task 'no-such-task'")}


def test_there_is_a_broken_component_for_every_check() -> None:
    covered = {(kind, name) for kind, name in BROKEN}
    covered |= {("plugin", name) for name in MODULES} | {("recipe", name) for name in RECIPES}
    uncovered = [check for check in CHECKS if not any((kind, check.name) in covered for kind in check.kinds)]
    assert uncovered == []


@pytest.mark.parametrize(("kind", "name"), [pytest.param(*key, id="-".join(key)) for key in BROKEN])
def test_a_check_finds_what_it_looks_for(
    kind: str, name: str, spoiled: Callable[[str, str], Subject]
) -> None:
    source, expected = BROKEN[kind, name]
    with pytest.raises(CheckFailed) as caught:
        run(spoiled(kind, source), name)
    message = str(caught.value)
    assert message.startswith(f"{kind} 'broken' of broken-plugin 1.0: {name}: expected ")
    assert expected in message
    assert len(message.splitlines()) == 2
    assert "\n  what to do: " in message


@pytest.mark.parametrize("name", MODULES)
def test_a_check_of_a_plugin_finds_what_it_looks_for(name: str, install_plugin: Callable[..., str]) -> None:
    source, expected = MODULES[name]
    install_plugin("broken-plugin", source)
    (subject,) = subjects(discover(), ["broken-plugin"])
    with pytest.raises(CheckFailed, match="what to do: ") as caught:
        run(subject, name)
    assert expected in str(caught.value)


def test_a_slow_import_is_named_with_its_time(install_plugin: Callable[..., str]) -> None:
    install_plugin("broken-plugin", "import time; time.sleep(0.12)")
    (subject,) = subjects(discover(), ["broken-plugin"])
    with pytest.raises(CheckFailed, match=r"an import in under 100 ms; got 1\d\d ms"):
        run(subject, "import-is-light")


def test_a_recipe_that_names_the_unknown_is_found(
    install_plugin: Callable[..., str], tmp_path: object
) -> None:
    source = """
    from mtl import Component, hookimpl
    @hookimpl
    def mtl_components():
        yield Component("recipe", "odd", "An odd recipe", "recipe_folder:odd.yaml")
    """
    install_plugin("broken-plugin", source)
    folder = tmp_path / "site-broken-plugin" / "recipe_folder"  # type: ignore[operator]
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    text, expected = RECIPES["recipe-resolves"]
    (folder / "odd.yaml").write_text(text)
    (subject,) = subjects(discover(), ["broken-plugin"], kind="recipe")
    with pytest.raises(CheckFailed, match=expected):
        run(subject, "recipe-resolves")


def run(subject: Subject, name: str) -> None:
    """Run one check of a subject."""
    (check,) = (check for check in checks_for(subject.kind) if check.name == name)
    check(subject)


def test_a_symmetry_that_names_no_entries_is_found_beside_a_transform(
    spoiled: Callable[[str, str], Subject],
) -> None:
    source = """
    class Broken(GoodTask):
        symmetry = Symmetry(quarter_turn=(1, 0), mirror=(0, 1))
        def transform(self, batch, random): return batch
    """
    with pytest.raises(CheckFailed, match="expected a `symmetry` of the entries of a categorical answer"):
        run(spoiled("task", source), "answers-move-with-the-image")
