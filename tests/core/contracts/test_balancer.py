"""What a balancer says of itself."""

from __future__ import annotations

import torch

from mtl.core.contracts import Balancer


def test_weights_of_their_own_are_asked_for_whatever_the_class_above_says() -> None:
    class Ones(Balancer):
        constant = plain = True

        def weights(self, losses: torch.Tensor, gradients: torch.Tensor | None) -> torch.Tensor:
            return torch.ones_like(losses)

    class Renamed(Ones):
        pass

    class Twos(Ones):
        def weights(self, losses: torch.Tensor, gradients: torch.Tensor | None) -> torch.Tensor:
            return 2 * torch.ones_like(losses)

    assert Renamed.plain
    assert Renamed.constant
    assert not Twos.plain
    assert not Twos.constant
