"""What each tensor of a model's state belongs to, so that it is found again in another model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .composition import Composition
from .parameter_groups import HEADS

Part = Literal["encoder", "head", "vector", "sharing", "other"]


@dataclass(frozen=True)
class Place:
    """Where a tensor of a state is: a part of the model, whose, and its name there.

    The owner is the number of an encoder in the order in which they were made, the task of a head, the name
    of a vector that is prepared; 0 for the sharing scheme's own and all else.
    """

    part: Part
    owner: int | str
    name: str

    @property
    def shown(self) -> str:
        """The name for messages, as patterns of the recipe have it."""
        return {"encoder": f"encoder.{self.name}", "head": f"{HEADS}.{self.owner}.{self.name}"}.get(
            self.part, self.name
        )


def places(composition: Composition) -> dict[str, Place]:
    """Return the place of each tensor of the model's state, by its name there."""
    model = composition.model
    inside = {
        id(tensor): Place("encoder", number, name)
        for number, encoder in enumerate(composition.encoders)
        for name, tensor in encoder.state_dict(keep_vars=True).items()
    }
    vectors = tuple(model.vectors)
    found = {}
    for key, tensor in model.state_dict(keep_vars=True).items():
        room, _, rest = key.partition(".")
        index, _, inner = rest.partition(".")
        if id(tensor) in inside:
            found[key] = inside[id(tensor)]
        elif room == HEADS:
            found[key] = Place("head", model.tasks[int(index)], inner)
        elif room == "preparations":
            found[key] = Place("vector", vectors[int(index)], inner)
        else:
            found[key] = Place("sharing" if room == "sharing" else "other", 0, key)
    return found
