"""Gives a run more epochs than it was begun with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from ..base.errors import UsageError
from ..base.files import read_bytes, write_bytes
from ..composition.composer import compose
from ..composition.composition import Composition
from ..contracts import Moment, Sharing
from ..discovery.registry import Registry
from ..folders.run_folder import RunFolder
from ..recipe.recipe import Recipe
from ..recipe.several_runs import several_around, several_in
from ..training.checkpoint import Checkpoint
from ..training.selection import Selection
from .recomposing import compose_again

Tell = Callable[[str], None]

_MOST = 2**26
"""Bytes of a recipe that none comes near."""


@contextmanager
def lengthened(
    folder: RunFolder, recipe: Recipe, epochs: int, registry: Registry, warn: Tell, note: Tell
) -> Iterator[Recipe]:
    """Write into a run that it has so many epochs, for a block that makes it ready; yield its recipe.

    The folder is entered. Where the block fails, the run is again what it was.

    Where the learning rates of the epochs done are those of the longer training, so is everything: it is then
    bit for bit the run that had so many epochs from the start. Where they are not, `note` is told. Raises
    `UsageError` for fewer epochs than are done or planned, and for a run that stopped early.
    """
    checkpoint = folder.checkpoints.latest(warn)
    planned = int(checkpoint.state["recipe"]["train"]["epochs"])
    if epochs == planned == recipe.train.epochs and checkpoint.epoch < planned:
        yield recipe  # asked for before, and interrupted
        return
    if epochs < planned or (epochs == planned and checkpoint.epoch == planned):
        raise UsageError(
            f"{folder.path} has {checkpoint.epoch} of {planned} epochs: {epochs} is not more",
            hint=f"ask for more than {planned}, or leave --epochs out",
        )
    # Killed between the two writes below, the checkpoint knows more epochs than the recipe.
    known = recipe.train.model_copy(update={"epochs": planned}) if epochs == planned else recipe.train
    _refuse_stopped(folder, recipe, checkpoint)
    old = compose_again(folder, replace(recipe, train=known), registry, checkpoint.state)
    longer = replace(old.recipe, train=old.recipe.train.model_copy(update={"epochs": epochs}))
    new = compose(longer, registry, starts=False)
    for line in _differs(old, new, checkpoint.epoch):
        note(line)
    # The checkpoint first: were the job killed in between, the same command would find it and go on.
    state = {**checkpoint.state, "recipe": new.recipe.portable()}
    path = folder.path / "recipe.yaml"
    before = read_bytes(path, "a recipe", hint="give read access to it", most=_MOST)
    folder.checkpoints.save(Checkpoint(checkpoint.epoch, checkpoint.tensors, state))
    folder.write_recipe(new.recipe.to_plain())
    try:
        yield new.recipe
    except BaseException:
        write_bytes(path, before)
        folder.checkpoints.save(checkpoint)
        raise


def refuse_one_of_several(folder: RunFolder) -> None:
    """Raise `UsageError` for a run of several seeds or a comparison, whose results are of one length."""
    kind = several_around(folder.path) or several_in(folder.path)
    if kind is not None and kind.equally_long:
        raise UsageError(
            f"{folder.path} belongs to {kind.name}, whose runs are equally long",
            hint="train all of them anew with --epochs, or copy the run's folder elsewhere and lengthen that",
        )


def _refuse_stopped(folder: RunFolder, recipe: Recipe, checkpoint: Checkpoint) -> None:
    waited = checkpoint.state["selection"].get("waited", 0)
    if Selection(waited=waited).out_of_patience(recipe.train):
        raise UsageError(
            f"{folder.path} stopped early, after epoch {checkpoint.epoch}: more epochs would change nothing",
            hint=f"start from its weights: mtl compose --recipe {folder.path / 'recipe.yaml'} "
            f"--init-from {folder.path} --out FOLDER",
        )


def _differs(old: Composition, new: Composition, done: int) -> list[str]:
    """Return why the longer training is not the one that had all epochs from the start; empty where it is."""
    found = []
    steps = 64  # a schedule is a function of the moment: so many show whether it looks at the end
    mine, other = (
        [
            made.training.schedule.factor(Moment(step, epochs * steps, step // steps + 1, epochs))
            for step in range(done * steps)
        ]
        for made, epochs in ((old, old.recipe.train.epochs), (new, new.recipe.train.epochs))
    )
    if mine != other:
        found.append(
            f"the schedule looks at the whole length: from epoch {done + 1} on it is that of "
            f"{new.recipe.train.epochs} epochs, and the {done} before had another one"
        )
    if type(old.model.sharing).pre_epoch is not Sharing.pre_epoch:
        found.append(
            f"the sharing scheme {old.recipe.sharing.name!r} follows the whole length of a training: the "
            f"{done} epochs before were those of a shorter one"
        )
    return found
