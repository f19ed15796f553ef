"""The command `mtl`: options for all commands, errors as one line with a hint, exit statuses."""

from __future__ import annotations

import errno
import gc
import io
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path

import click

from ..base.errors import ComponentError, LostRankError, MtlError, UsageError, described
from ..base.places import refuse_deleted_folder
from ..base.world import PATIENCE, rank, refuse_together, world
from ..discovery.home import HOME
from ..discovery.plugin_discovery import version_of
from ..discovery.plugin_loading import next_step
from .group import LazyGroup
from .session import Session

_COMMANDS = {
    "affinity": "Find out which tasks to train together, and the best grouping under a budget.",
    "card": "Write the card of a run's model.",
    "compare": "Compare sharing schemes, balancers or anything else with single-task training.",
    "compose": "Train, evaluate, export and verify a multitask model.",
    "doctor": "Check this machine and the installation.",
    "evaluate": "Evaluate a run's model on a split.",
    "export": "Export a run's model, verified.",
    "extend": "Add tasks to a trained model; the others stay as they are, or what they lose is told.",
    "init": "Write a recipe from five questions.",
    "list": "List the components of a kind.",
    "open": "Open a run's report in the browser.",
    "plugin": "Write plugins and check them.",
    "plugins": "List the installed plugins, broken ones included.",
    "prune": "Take channels away from a trained model and train it on; what that costs is told.",
    "pull": "Bring a run from the Hugging Face hub.",
    "push": "Send a run to the Hugging Face hub.",
    "recipes": "List, show and copy the recipes that come with mtl and its plugins.",
    "resume": "Continue an interrupted run.",
    "runs": "List, compare, tag and remove runs.",
    "schema": "Print the JSON Schema of recipes.",
    "search": "Search for the values of options that are best on validation.",
    "show": "Show a component and its options.",
    "verify": "Prove that an exported file computes what the run's model computes.",
}

_HELP = """Name the tasks, get one trained multitask model and a verified ONNX file.

\b
Examples:
  mtl compose --tasks denoise,classify --encoder lenet
  mtl list task
"""

INTERRUPTED = 130


def build_cli() -> LazyGroup:
    """Return the command `mtl` with its own commands; plugins' commands join when they are asked for."""
    group = LazyGroup(
        "mtl",
        help=_HELP,
        callback=_remember_debug,
        context_settings={"help_option_names": ["-h", "--help"]},
        params=[
            click.Option(
                ["--plugin", "plugin_files"],
                multiple=True,
                metavar="FILE",
                is_eager=True,
                type=click.Path(path_type=Path),
                help="Load a plugin from a Python file; may be repeated.",
            ),
            click.Option(["--debug"], is_flag=True, help="Show tracebacks."),
            click.Option(
                ["--version"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_tell_version,
                help="Show the version and exit.",
            ),
        ],
    )
    for name, summary in _COMMANDS.items():
        module = {"list": "list_", "open": "runs_open"}.get(name, name)
        group.add_lazy(name, f"{__package__}.{module}:command", summary)
    group.before_listing = _add_plugin_commands
    return group


def _tell_version(context: click.Context, option: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        click.echo(f"mtl {version_of(HOME) or 'of no known version'}")
        context.exit()


@click.pass_context
def _remember_debug(context: click.Context, plugin_files: tuple[Path, ...], debug: bool) -> None:
    _session(context).debug = debug
    if (command := context.invoked_subcommand) not in ("compose", "resume"):
        refuse_together(f"mtl {command}")
    # torch, for one, ends the process there without a word of sense.
    refuse_deleted_folder()


def _session(context: click.Context) -> Session:
    """Return the invocation's session, made when it is first needed: `--help` lists plugins' commands too."""
    root = context.find_root()
    session = root.ensure_object(Session)
    session.plugin_files = root.params.get("plugin_files") or ()
    return session


def _add_plugin_commands(context: click.Context) -> None:
    root = context.find_root()
    if not root.meta.get("mtl.commands added") and isinstance(root.command, LazyGroup):
        root.meta["mtl.commands added"] = True
        _session(context).add_commands(root.command)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its status; SIGTERM ends it as Ctrl-C does, everything tidied up."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks is shown escaped; without this it ends the command.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = run(arguments, has_process=True)
    finally:
        # The system takes it all back at once; Python would go through a million objects of torch first.
        gc.freeze()
    if world() > 1:
        # Threads of torch.distributed may abort a process that is torn down while another rank is gone.
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(status)
    sys.exit(status)


def run(arguments: list[str] | None = None, *, has_process: bool = False) -> int:
    """Run the command line and return its exit status; `has_process`: the process ends with it."""
    # Read when torch loads OpenMP. Left to itself it spins for milliseconds at every wait: a small model's
    # epoch becomes up to a hundred times slower as soon as another process wants the same cores. Without
    # any spinning it is half as fast on a quiet machine. This many turns lose neither.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    session = Session(has_process=has_process, arguments=given)
    try:
        build_cli().main(given, prog_name="mtl", standalone_mode=False, obj=session)
    except MtlError as error:
        _report(f"error: {error}", debug, last=isinstance(error, LostRankError))
        return error.status
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        return _answer(error, debug)
    except (KeyboardInterrupt, click.Abort) as interrupt:
        # click turns an interrupt into its own; what was interrupted, and what is kept, is said by the first.
        first = interrupt.__cause__ or interrupt
        said = (f"interrupted {first}".rstrip(), *getattr(first, "__notes__", ()))
        _report("\n".join(said), debug)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`mtl list task | head`); Python must not complain when it flushes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit:
        raise
    except BaseException as error:
        if (plugin := session.plugin_at_fault(error)) is not None:
            _report(f"error: {plugin.named} failed: {described(error)}\n  hint: {next_step(plugin)}", debug)
            return ComponentError.status
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            # Whoever asked for it first: no file has a name like that, and a user wrote it.
            shown = f"{str(error.filename)[:40]}...: {error.strerror}"
            _report(f"error: {shown}\n  hint: choose a shorter name", debug)
            return UsageError.status
        _report(
            f"error: internal: {described(error)}\n"
            "  hint: repeat with `mtl --debug ...` and report the traceback",
            debug,
        )
        return 1
    return 0


def _answer(error: click.ClickException, debug: bool) -> int:
    """Say what is wrong with a command line, or show the help that a bare command asks for."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message())
        return 0
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "mtl"
    hint = _before_the_command(error, command) or f"{command} --help shows what is possible"
    _report(f"error: {error.format_message()}\n  hint: {hint}", debug)
    return 2


def _before_the_command(error: click.ClickException, command: str) -> str | None:
    """Return where an option of all commands stands, when it was written after one."""
    known = {"--plugin": "--plugin FILE", "--debug": "--debug", "--version": "--version"}
    shown = known.get(getattr(error, "option_name", ""))
    words = command.split()
    return f"it stands before the command: mtl {shown} {' '.join(words[1:])}" if shown and words[1:] else None


def _report(text: str, debug: bool, *, last: bool = False) -> None:
    """Write a text to stderr; the `last` thing to be said where somebody else knows better what happened."""
    if debug:
        traceback.print_exc()
    if last or rank() > 0:
        # What is wrong with all processes is told once: who told it first ends the others meanwhile.
        try:
            time.sleep(PATIENCE)
        except KeyboardInterrupt:
            return
    click.echo(f"rank {rank()}: {text}" if rank() > 0 else text, err=True)
