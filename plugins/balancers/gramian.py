"""What balancers solve for: the lengths of the tasks' gradients and the angles between them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Gramian:
    """Lengths and angles of the tasks' gradients, float64, on their device.

    `there`, bool `[T]`, says which tasks have a gradient; one without (no label in the batch) takes no part:
    it would otherwise hold back, or blow up, what the others agree on. `products` `[T, T]` are 0 in its row
    and column; its length in `lengths` `[T]` is 1, and `cosines` `[T, T]` say that it stands at right angles
    to all others. So every length may be divided by, and every matrix of cosines has ones on its diagonal.
    """

    there: Tensor
    products: Tensor
    lengths: Tensor
    cosines: Tensor

    @property
    def mean(self) -> Tensor:
        """The weights `[T]` of the mean gradient of the tasks that are there."""
        there = self.there.to(self.lengths)
        return there / there.sum().clamp(min=1)

    def regular(self, ridge: float) -> Tensor:
        """Return the cosines `[T, T]` with a little more than 1 on their diagonal: no gradients are alike."""
        return self.cosines + torch.diag(torch.full_like(self.lengths, ridge))

    def weights(self, found: Tensor, like: Tensor) -> Tensor:
        """Return `[T]` weights as those of gradients such as `like`, 0 for the tasks that are not there."""
        return torch.where(self.there, found, 0.0).to(like)


def gramian_of(gradients: Tensor) -> Gramian:
    """Return the Gramian of gradients `[T, P]`; nothing is read back from the device.

    >>> found = gramian_of(torch.tensor([[3.0, 4.0], [0.0, 0.0], [0.0, 2.0]]))
    >>> found.there.tolist(), found.lengths.tolist(), found.cosines[2].tolist()
    ([True, False, True], [5.0, 1.0, 2.0], [0.8, 0.0, 1.0])
    """
    values = gradients.detach()
    products = (values @ values.T).double()
    squares = products.diagonal()
    # What is not finite has no direction; it shows in the update itself.
    there = (squares > 0) & (squares < torch.inf)
    lengths = torch.where(there, squares, 1.0).sqrt()
    products = torch.where(there & there[:, None], products, 0.0)
    cosines = products / lengths / lengths[:, None] + torch.diag(~there)
    return Gramian(there, products, lengths, cosines)
