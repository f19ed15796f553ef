"""Data sets, exporters and what trains a model: each breaks a promise, and what is said of it."""

from __future__ import annotations

TRAINING = {
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
    ("augmentation", "what-it-reads-is-enough"): (
        """
        class Broken(Augmentation):
            by_sample = True
            def __call__(self, batch, random):
                return replace(batch, image=batch.image * random.uniform().mean())
        """,
        "the same images and labels from the samples it reads as from the whole batch",
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
    ("tracker", "a-whole-run-is-taken"): (
        """
        class Broken(GoodTracker):
            def scalars(self, epoch, values):
                import json
                json.dumps(values, allow_nan=False)
        """,
        "ValueError: Out of range float values",
    ),
    ("tracker", "a-run-may-go-on"): (
        """
        class Broken(GoodTracker):
            def start(self, run):
                run.own.mkdir(parents=True)
                self.file = run.own / "epochs.txt"
        """,
        "FileExistsError",
    ),
    ("tracker", "only-its-own-folder-is-written"): (
        """
        class Broken(GoodTracker):
            def start(self, run):
                self.file = run.folder / "epochs.txt"
        """,
        "a run's folder with the files that were in it; got epochs.txt",
    ),
    ("tracker", "random-numbers-are-left-alone"): (
        """
        class Broken(GoodTracker):
            def scalars(self, epoch, values):
                torch.rand(1)
        """,
        "torch's and NumPy's global generators as they were",
    ),
    ("tracker", "nothing-is-printed"): (
        """
        class Broken(GoodTracker):
            def finish(self, ended):
                print("bye")
        """,
        "got 'bye",
    ),
    ("executor", "each-job-ends-once"): (
        """
        class Broken(GoodExecutor):
            def execute(self, jobs, work):
                for ending in super().execute(jobs, work):
                    yield ending
                    if ending.reason:
                        return
        """,
        "got 0: done, 1: as it was told",
    ),
    ("executor", "jobs-are-taken-when-there-is-a-place"): (
        """
        class Broken(GoodExecutor):
            def execute(self, jobs, work):
                yield from super().execute(list(jobs), work)
        """,
        "got 4 taken",
    ),
    ("executor", "nothing-to-do-ends"): (
        """
        class Broken(GoodExecutor):
            def execute(self, jobs, work):
                yield from super().execute(jobs, work)
                yield JobEnding("none")
        """,
        "got 1",
    ),
}
