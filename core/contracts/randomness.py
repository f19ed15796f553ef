"""Random numbers as a pure function of (seed, purpose, epoch, step or sample).

No generator is ever saved or restored: the same names give the same numbers, on any machine of the
same kind, whatever was drawn before. `StepRandom` is fast and belongs to one training step;
`SampleRandom` gives every sample its own numbers, whatever batch it is in.

>>> one = SampleRandom(torch.tensor([7, 8]), seed=1).stream("noise").uniform(3)
>>> two = SampleRandom(torch.tensor([8]), seed=1).stream("noise").uniform(3)
>>> bool((one[1] == two[0]).all())
True
"""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor

_SIGN = 1 << 63
_RANGE = 1 << 64


def derive_seed(seed: int, *names: str | int) -> int:
    """Return a 63-bit seed that depends on the seed and on every name, in order.

    >>> derive_seed(0, "order", 1) == derive_seed(0, "order", 1) != derive_seed(0, "order", 2)
    True
    """
    text = "\x1f".join([str(seed), *(f"{type(name).__name__}:{name}" for name in names)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(device: torch.device | str, seed: int, *names: str | int) -> torch.Generator:
    """Return a new generator on `device`, seeded by `derive_seed(seed, *names)`."""
    return torch.Generator(device=device).manual_seed(derive_seed(seed, *names))


@contextmanager
def seeded_generators(device: torch.device | str = "cpu") -> Iterator[Callable[[int], None]]:
    """Give a function that seeds torch's own generators, and leave them afterwards as they were.

    Layers such as dropout, and parameter initialisation, draw from these and take no generator.
    """
    device = torch.device(device)
    generators = [torch.default_generator]
    if device.type == "cuda":
        generators.append(torch.cuda.default_generators[device.index or 0])
    states = [found.get_state() for found in generators]

    def seed(value: int) -> None:
        for found in generators:
            found.manual_seed(value)

    try:
        yield seed
    finally:
        for found, state in zip(generators, states, strict=True):
            found.set_state(state)


class Random(ABC):
    """A source of random tensors for one batch; every tensor starts with the batch dimension `B`."""

    batch_size: int
    device: torch.device

    @abstractmethod
    def stream(self, name: str) -> Random:
        """Return an independent source for a purpose; the same name gives the same numbers again."""

    @abstractmethod
    def uniform(self, *shape: int) -> Tensor:
        """Return float32 `[B, *shape]` in [0, 1)."""

    @abstractmethod
    def normal(self, *shape: int) -> Tensor:
        """Return float32 `[B, *shape]`, mean 0, standard deviation 1."""

    def integers(self, count: int, *shape: int) -> Tensor:
        """Return int64 `[B, *shape]` in `0..count - 1`, each equally likely."""
        return (self.uniform(*shape) * count).long().clamp_(max=count - 1)

    def alternating(self) -> Tensor:
        """Return bool `[B]`: half of the samples, and in the next epoch of a training the other half.

        Where no epochs are known each sample is drawn anew.
        """
        return self.uniform() < 0.5


@dataclass(frozen=True)
class Turns:
    """The samples of a batch, int64 `[B]`, the epoch they are shown in, int64 `[]`, and the training's seed.

    Tensors, so that a captured step finds new ones in their place.
    """

    samples: Tensor
    epoch: Tensor
    seed: int


class Generators:
    """Generators that live as long as a training, so that a captured step can keep drawing from them.

    Each is known by the names of its stream and by how often that stream was asked for since `restart`:
    asking again for a stream gives the same numbers from a generator of its own.
    """

    def __init__(self, device: torch.device | str) -> None:
        self.device = torch.device(device)
        self._found: dict[tuple[tuple[str, ...], int], torch.Generator] = {}
        self._asked: dict[tuple[str, ...], int] = {}

    def restart(self, seed: int, *names: str | int) -> None:
        """Seed every generator as a `StepRandom` of the same seed and names will want it."""
        self._asked.clear()
        seed = derive_seed(seed, *names)
        for (stream, _), found in self._found.items():
            found.manual_seed(_stream_seed(seed, stream))

    def take(self, seed: int, names: tuple[str, ...]) -> torch.Generator:
        """Return the seeded generator of a stream that was not yet drawn from."""
        number = self._asked.get(names, 0)
        self._asked[names] = number + 1
        found = self._found.get((names, number))
        if found is None:
            found = torch.Generator(device=self.device).manual_seed(_stream_seed(seed, names))
            self._found[names, number] = found
        return found

    def __iter__(self) -> Iterator[torch.Generator]:
        return iter(self._found.values())


class StepRandom(Random):
    """The source of a step, or of a block of steps: one seeded generator per purpose.

    With `rows` int64 `[n]` it gives the numbers of these samples of `batch_size`: the same that they get
    where all are asked for.

    >>> some = StepRandom(4, "cpu", 0, rows=torch.tensor([1, 3])).uniform()
    >>> bool((some == StepRandom(4, "cpu", 0).uniform()[[1, 3]]).all())
    True
    """

    def __init__(
        self,
        batch_size: int,
        device: torch.device | str,
        seed: int,
        *names: str | int,
        generators: Generators | None = None,
        turns: Turns | None = None,
        rows: Tensor | None = None,
    ) -> None:
        self.batch_size = batch_size if rows is None else len(rows)
        self._whole, self._rows = batch_size, rows
        self.device = torch.device(device)
        self._seed = derive_seed(seed, *names)
        self._generators = generators or Generators(self.device)
        self._turns = turns
        self._names: tuple[str, ...] = ()
        self._generator: torch.Generator | None = None

    def stream(self, name: str) -> StepRandom:
        source = copy(self)
        source._names = (*self._names, name)
        source._generator = None
        return source

    def uniform(self, *shape: int) -> Tensor:
        return self._own(torch.rand((self._whole, *shape), generator=self._source(), device=self.device))

    def normal(self, *shape: int) -> Tensor:
        return self._own(torch.randn((self._whole, *shape), generator=self._source(), device=self.device))

    def alternating(self) -> Tensor:
        if (turns := self._turns) is None:
            return super().alternating()
        seed = _stream_seed(derive_seed(turns.seed, "alternating"), self._names)
        return SampleRandom(turns.samples, seed=seed).alternating() ^ (turns.epoch % 2).bool()

    def _own(self, whole: Tensor) -> Tensor:
        return whole if self._rows is None else whole.index_select(0, self._rows)

    def _source(self) -> torch.Generator:
        if self._generator is None:
            self._generator = self._generators.take(self._seed, self._names)
        return self._generator


def _stream_seed(seed: int, names: tuple[str, ...]) -> int:
    for name in names:
        seed = derive_seed(seed, name)
    return seed


class SampleRandom(Random):
    """A counter-based source: sample `samples[i]` gets the same numbers in any batch and order.

    The bits are the SplitMix64 finalizer (Steele, Lea, Flood 2014) of (seed, sample, counter).
    """

    def __init__(self, samples: Tensor, *, seed: int) -> None:
        self.samples = samples
        self.batch_size = len(samples)
        self.device = samples.device
        self._seed = seed
        self._drawn = 0

    def stream(self, name: str) -> SampleRandom:
        return SampleRandom(self.samples, seed=derive_seed(self._seed, name))

    def uniform(self, *shape: int) -> Tensor:
        # The upper 24 bits are exact in float32.
        return ((self._bits(*shape) >> 40) & 0xFFFFFF).float() * (1.0 / (1 << 24))

    def normal(self, *shape: int) -> Tensor:
        # Box and Muller (1958); 1 - u is never 0.
        radius = torch.sqrt(-2.0 * torch.log(1.0 - self.uniform(*shape)))
        return radius * torch.cos(2.0 * math.pi * self.uniform(*shape))

    def _bits(self, *shape: int) -> Tensor:
        count = math.prod(shape)
        counters = torch.arange(self._drawn, self._drawn + count, device=self.device)
        self._drawn += count
        keys = _mix(self.samples.long() * _signed(0x9E3779B97F4A7C15) + _signed(self._seed))
        return _mix(keys.unsqueeze(1) + counters * _signed(0xD1B54A32D192ED03)).reshape(-1, *shape)


def _signed(value: int) -> int:
    return (value + _SIGN) % _RANGE - _SIGN


def _mix(value: Tensor) -> Tensor:
    value = (value ^ _shift(value, 30)) * _signed(0xBF58476D1CE4E5B9)
    value = (value ^ _shift(value, 27)) * _signed(0x94D049BB133111EB)
    return value ^ _shift(value, 31)


def _shift(value: Tensor, bits: int) -> Tensor:
    """Shift right without the sign: torch has no unsigned 64-bit arithmetic on every device."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)
