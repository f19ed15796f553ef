"""What a checkpoint relies on, looked at once an epoch: the form of the state, the losses as they are."""

from __future__ import annotations

from ..composition.composition import Composition
from ..composition.state import Form, buffers_of, form_of, refuse_moved, refuse_other_form


class Kept:
    """The state of a composition as its training begins; what is fitted to the data is fitted by then."""

    def __init__(self, composition: Composition) -> None:
        self._composition = composition
        self._model = form_of(composition.model)
        # A balancer may know the size of a buffer only at the first step.
        self._balancer: Form | None = None
        self._losses = {name: buffers_of(item.loss) for name, item in composition.tasks.items()}

    def refuse_changed(self) -> None:
        """Raise `ComponentError`, naming the component, for a state that no checkpoint could bring back."""
        owners, balancer = self._composition.owners, self._composition.balancer
        refuse_other_form(owners, self._composition.model, self._model)
        self._balancer = self._balancer or form_of(balancer)
        refuse_other_form(owners, balancer, self._balancer)
        for name, item in self._composition.tasks.items():
            refuse_moved(owners, item.loss, self._losses[name])
