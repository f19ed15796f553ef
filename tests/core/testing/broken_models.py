"""Encoders, heads and sharing schemes that break a promise, and what is said of each."""

from __future__ import annotations

MODELS = {
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
}
