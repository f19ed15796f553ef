"""R6: recipes and flags that nobody would write: each refusal names its place, no error is internal."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from .children import Child
from .mutating import mutated
from .row import Findings
from .trying import Trial, say, try_all

_LINES = r"""1e-3
yes
off
~
null
nan
.nan
-.inf
-1
0
1e400
0x1F
0b1
1_000
2020-01-01
[]
{}
[[[[]]]]
{name: }
{name: 3}
{name: [a]}
''
"\0"
"\ud800"
*x
&x 3
&x [*x]
<<: {a: 1}
? a
{1: 2}
{null: 1}
é
💥
../../etc/passwd
/dev/zero
~nosuchuser/x
!!binary aGVsbG8=
!!int x
!!float abc
!!bool maybe
!foo bar
!!set {a, b}
!!python/object/apply:os.system ['id']
@x
`x`
#
-
---
...
%YAML 9.9
18446744073709551616
[1e400]
[.nan]
[1000000000]
True
'5'
100000
x.y"""
_VALUES = [*_LINES.splitlines(), "9" * 30, "9" * 5000, "a" * 3000, "[" * 300 + "]" * 300, "|\n  text"]
_KEYS = (
    *(
        "dataset",
        "encoder",
        "tasks",
        "train",
        "epochs",
        "name",
        "seed",
        "mtl",
        "task",
        "weight",
        "head",
        "loss",
    ),
    *("metrics", "balancer", "sharing", "export", "views", "augmentations", "normalization", "mean", "std"),
    *(
        "learning_rate",
        "batch_size",
        "hidden",
        "of",
        "zero",
        "__class__",
        "",
        "on",
        "1",
        "a.b",
        "x y",
        "image",
    ),
)
_FLAGS = (
    *("--tasks", "--encoder", "--dataset", "--sharing", "--balancer", "--balance-on", "--epochs", "--seed"),
    *("--precision", "--set", "--data-dir"),
)
_WHOLE = """mtl: 1
seed: 3
dataset: digits
augmentations: [shift, {name: rotate}]
views: per-task
normalization: {mean: [0.1], std: [0.3]}
encoder: lenet
sharing: {name: mmoe}
balancer: {name: pcgrad}
tasks:
  - denoise
  - classify: {head: {name: mlp}, loss: cross-entropy, metrics: [accuracy], weight: 2}
train: {epochs: 2, optimizer: adam, patience: 3}
export: {name: onnx}
"""
_PLACE = re.compile(r":\d+:\d+: |--[a-z]|case\.yaml|[a-z.-]+: ")


class Recipes:
    """Seven of ten are mutated recipe files, the rest flags; bombs and odd encodings come first."""

    name = "R6"
    title = "mutated recipes and flags, bombs, odd encodings and numbers"
    promise = "planned or refused (status 2, 3 or 5), the place named, each refusal within 5 s and 1 GiB"
    count = 20_000

    def run(self, count: int, seed: int, work: Path) -> Findings:
        from mtl.core.contracts.records import KINDS
        from mtl.core.discovery.registry import discover
        from mtl.core.recipe.shipped_recipes import recipe_text

        registry = discover(())
        names = [name for kind in KINDS for name in registry.names(kind)]
        recipes = [recipe_text(registry, name) for name in registry.names("recipe")]
        random_numbers = random.Random(seed)
        mutations = Mutations(random_numbers, [*recipes, _WHOLE], [*_VALUES, *names], names)
        bombs = list(_bombs())
        random_numbers.shuffle(bombs)
        files = [Trial(name, _planned(work, content)) for name, content in bombs[: max(1, count // 10)]]
        for number in range(count - len(files)):
            if random_numbers.random() < 0.7:
                files.append(Trial(f"recipe {number}", _planned(work, mutations.recipe())))
            else:
                flags = mutations.flags()
                files.append(Trial(f"flags {flags}", _planned(work, None, *flags)))
        found = Findings()
        try_all(files, found, Child(memory=4 << 30))
        return found


def _planned(work: Path, content: bytes | None, *flags: str) -> Callable[[], tuple[str, str | None]]:
    def act() -> tuple[str, str | None]:
        given: tuple[object, ...] = ("--tasks", "classify")
        if content is not None:
            path = work / "case.yaml"
            path.write_bytes(content)
            given = ("--recipe", path)
        said = say("compose", *given, *flags, "--dry-run")
        broken = said.fault((0, 2, 3, 5))
        if broken and content is not None:
            broken += f" in {content[:300]!r}"
        if not broken and said.status == 2 and not _PLACE.search(said.errors.partition("error: ")[2]):
            broken = f"no place: {said.errors.strip()[:200]}"
        return f"status {said.status}", broken

    return act


class Mutations:
    """Recipes and flags made from good ones."""

    def __init__(
        self, random_numbers: random.Random, recipes: list[str], values: list[str], names: list[str]
    ) -> None:
        self.random, self.recipes, self.values, self.names = random_numbers, recipes, values, names

    def recipe(self) -> bytes:
        text = self.random.choice(self.recipes)
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            text = self.changed(text)
        data = text.encode("utf-8", "surrogatepass")
        return mutated(data, self.random) if self.random.random() < 0.2 else data

    def changed(self, text: str) -> str:
        kind = self.random.randrange(6)
        pattern = r"(?<=[:\[,\-] )[^,\]\}\{\[\n#]+" if kind < 2 else r"[A-Za-z_\-]+(?=:)"
        places = list(re.finditer(pattern, text))
        if kind < 3 and places:
            place = self.random.choice(places)
            word = self.random.choice(self.values if kind < 2 else [*_KEYS, *self.names])
            return text[: place.start()] + word + text[place.end() :]
        lines = text.split("\n")
        at = self.random.randrange(len(lines))
        if kind == 3:
            lines.insert(at, self.random.choice(lines))
        elif kind == 4:
            lines[at] = self.random.choice(("\t", " ", "    ", "- ")) + lines[at]
        else:
            lines.insert(at, f"{self.random.choice(_KEYS)}: {self.random.choice(self.values)}")
        return "\n".join(lines)

    def flags(self) -> list[str]:
        found: list[str] = []
        for flag in _FLAGS:
            if self.random.random() < 0.25:
                value = self.random.choice(["", ",", "a,a", "classify,classify", *self.values])
                if flag == "--set":
                    keys = [
                        self.random.choice([*_KEYS, *self.names]) for _ in range(self.random.randrange(1, 5))
                    ]
                    value = ".".join(keys) + self.random.choice(("=", "", "==")) + value
                found += [flag, value.replace("\0", "")]
        return found


def _bombs() -> Iterator[tuple[str, bytes]]:
    laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{level}: &a{level} [{','.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 10)
    )
    yield "a billion laughs", f"{laughs}tasks: *a9\n".encode()
    yield "a million laughs", "".join(laughs.splitlines(True)[:6]).encode() + b"tasks: [classify]\n"
    yield "an alias of itself", b"tasks: &a {classify: *a}\n"
    for depth in (250, 2000, 10_000):
        yield f"a list {depth} deep", b"tasks: " + b"[" * depth + b"]" * depth
        yield f"a map {depth} deep", b"\n".join(b" " * level + b"a:" for level in range(min(depth, 2000)))
    yield "a number of 5000 digits", b"tasks: [classify]\nseed: " + b"9" * 5000
    yield "a scalar of 5 MB", b"tasks: [classify]\nx: " + b"a" * (5 << 20)
    yield "5000 unknown keys", b"tasks: [classify]\n" + b"".join(b"k%d: 1\n" % key for key in range(5000))
    yield "NUL", b"tasks: [class\0ify]\n"
    for encoding in ("utf-16", "utf-16-le", "utf-32", "latin-1"):
        yield encoding, "tasks: [clässify]\n".encode(encoding)
    yield "two documents", b"tasks: [classify]\n---\ntasks: [denoise]\n"
    yield "nothing", b""
    yield "the same key twice", b"tasks: [classify]\ntasks: [denoise]\n"
    yield (
        "a name of 5000 characters",
        b"tasks: [classify]\ndataset: {name: image-folder, data_dir: %s}" % (b"a" * 5000),
    )
    yield "a long sum", b"tasks: [classify]\n" + b"a: " * 2000


ROW = Recipes()
