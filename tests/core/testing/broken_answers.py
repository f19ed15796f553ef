"""Tasks, losses, metrics and forms that break a promise, and what is said of each."""

from __future__ import annotations

ANSWERS = {
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
}
