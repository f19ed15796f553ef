"""How a command line says what to train: the options that `compose` and `compare` share, declared once."""

from __future__ import annotations

import click

recipe_option = click.option(
    "--recipe", metavar="NAME|FILE", help="Start from a shipped recipe, a YAML file or a run folder."
)
dataset_option = click.option("--dataset", metavar="NAME", help="The data set (mtl list dataset).")
data_option = click.option(
    "--data", metavar="FILE|FOLDER", help="Your own table of pictures, or a folder with one."
)
data_dir_option = click.option(
    "--data-dir", metavar="DIR", help="The folder (or archive) the data set is in."
)
epochs_option = click.option("--epochs", type=click.IntRange(min=1), help="Passes over the training split.")
precision_option = click.option(
    "--precision", type=click.Choice(["float32", "bf16"]), help="Arithmetic of the forward pass."
)
tracker_option = click.option(
    "--tracker",
    multiple=True,
    metavar="NAME",
    callback=lambda context, option, given: given or None,
    help="Tell a tracker of the run (mtl list tracker); may be repeated.",
)
device_option = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
json_option = click.option("--json", "as_json", is_flag=True, help="End with one JSON object on stdout.")


def names_in(text: str | None) -> list[str] | None:
    """Return the names in a text with commas between them; None where nothing was said.

    >>> names_in("denoise, classify,")
    ['denoise', 'classify']
    """
    return None if text is None else [name for part in text.split(",") if (name := part.strip())]
