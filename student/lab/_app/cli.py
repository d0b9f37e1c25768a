"""The command ``vae-lab``: parses, calls, prints.

Exit status: 0 done; 1 training stopped at a number that is not finite, the last good state is kept; 2 bad usage or bad
input, memory or disk full; 3 the implementation cannot be run (stubs missing, or its code raised or broke its
contract); 130 stopped by Ctrl-C or a closed pipe, what is there is kept.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from student.lab._app.config import IMAGE_SETS, PRESETS, VECTOR_SETS, BoundSize, Place, RunConfig, configure, option
from student.lab._app.errors import BadInput, Interrupted, LabError, choose, out_of_memory
from student.lab._app.folder import RunFolder, free_folder
from student.lab._app.options import chosen, made, with_options

# torch and matplotlib are imported inside the commands: bad usage is answered before they have loaded.


class Commands(TyperGroup):
    """The commands, which can be stopped. typer would answer either of these itself, and without a word."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run a command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise Interrupted("stopped") from error
        except BrokenPipeError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # where Python puts what it still has, at its end
            raise Interrupted("stopped: nobody reads the output any more. What is done is kept") from error


app = typer.Typer(
    cls=Commands, help="Train a VAE on real data and see what it learned.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip

OPTIONAL = {"matplotlib", "safetensors", "jinja2"}
Preset = Annotated[str | None, typer.Option(help=f"Where the defaults come from: {', '.join(PRESETS)}.")]
Run = Annotated[Path, typer.Argument(help="A run's folder.")]


@app.command()
@with_options(RunConfig, BoundSize, Place)
def train(
    preset: Preset = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    **options: Any,
) -> None:
    """Train a model, measure it, and draw what it learned into a run's folder."""
    place, bound = made(Place, options), made(BoundSize, options)
    settings = chosen(RunConfig, options)
    if resume:
        if place.out is None:
            raise BadInput("--resume needs --out, the folder of the run to go on with")
        folder = RunFolder(place.out)
        cfg, about = folder.config()
        cfg, place = _resumed(cfg, settings | {"preset": preset}), _remembered(place, about)
    else:
        cfg = configure(preset, **settings)
        folder = RunFolder(place.out or free_folder(Path("runs"), f"{cfg.preset}-{cfg.data}-seed{cfg.seed}"))
        folder.refuse_if_taken()
    path, dataset = _inputs(cfg, place)
    from student.lab._app import workflow

    if resume:
        workflow.warn_if_changed(folder, path)
    workflow.tell(workflow.train_run(cfg, dataset, path, folder, place, bound, resume), folder.path)


@app.command()
@with_options(BoundSize, Place, without=("out",))
def evaluate(run: Run, **options: Any) -> None:
    """Measure a run again, with a larger importance-weighted bound if asked, and redraw its pictures and report."""
    place, bound = made(Place, options), made(BoundSize, options)
    folder = RunFolder(run)
    cfg, about = folder.config()
    path, dataset = _inputs(cfg, _remembered(place, about))
    from student.lab._app import workflow

    workflow.warn_if_changed(folder, path)
    workflow.tell(workflow.evaluate_run(folder, dataset, path, place, bound), folder.path)


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Two or more run folders.")],
    out: Annotated[Path, typer.Option(help="The picture to write.")] = Path("comparison.png"),
) -> None:
    """Runs beside each other: a table, and their test curves over each other."""
    from student.lab._app.compare import compare_runs

    compare_runs(runs, out)


@app.command()
@with_options(RunConfig, Place, without=("implementation", "beta", "autoencoder", "plane"))
def sweep(
    betas: Annotated[str, typer.Option(help="KL weights, separated by commas.")] = "0.1,0.25,0.5,1,2,4,8,16",
    preset: Preset = None,
    **options: Any,
) -> None:
    """Train one model for each of several betas and draw the rate-distortion curve."""
    weights = _numbers(betas)
    where = _new("sweep", preset, options)
    from student.lab._app.sweep import sweep_betas

    sweep_betas(weights, *where)


@app.command()
@with_options(RunConfig, Place, without=(
    "implementation", "binarise", "likelihood", "sigma", "beta", "warmup_epochs", "autoencoder", "plane", "precision",
))  # fmt: skip
def clinic(
    patients: Annotated[str | None, typer.Option(help="Names separated by commas. Default: all.")] = None,
    **options: Any,
) -> None:
    """Train sick implementations on purpose, beside a healthy one, and show how each sickness looks."""
    from student.lab.patients import NAMES

    names = [name.strip() for name in patients.split(",")] if patients else list(NAMES)
    for name in names:
        if "." not in name:  # as the catalogue's entries have one, where there is a catalogue
            choose("patient", name, NAMES)
    if options["data"] in VECTOR_SETS:
        raise BadInput(f"the clinic shows pictures and needs images ({', '.join(IMAGE_SETS)}), not {options['data']}")
    where = _new("clinic", "guide", options | {"warmup_epochs": 0.0})  # it would hide the early collapse to be shown
    from student.lab._app.clinic import open_clinic

    open_clinic(names, *where)


@app.command()
def presets() -> None:
    """List the presets and what each one sets."""
    from student.lab._app import console

    default = RunConfig().to_json()
    for name, (text, cfg) in PRESETS.items():
        console.say(f"{name}: {text}", "bold")
        told = [
            _spelled(*item) for item in cfg.to_json().items() if item[0] != "preset" and item[1] != default[item[0]]
        ]
        console.say("  " + " ".join(told))


def _spelled(name: str, value: Any) -> str:
    """A setting as it is typed on the command line."""
    if isinstance(value, bool):
        return option(name if value else f"no_{name}")
    return f"{option(name)} {value}"


def _new(kind: str, preset: str | None, options: dict[str, Any]) -> tuple[RunConfig, Any, Path, Path, Place]:
    """Settings, data, implementation, empty folder and place of a command that trains several models."""
    place = made(Place, options)
    cfg = configure(preset, **chosen(RunConfig, options))
    if cfg.implementation != "vae":
        raise BadInput(f"the {kind} needs vae.py; preset {cfg.preset!r} runs simple_vae.py")
    folder = place.out or free_folder(Path("runs"), f"{kind}-{cfg.data}-seed{cfg.seed}")
    RunFolder(folder).refuse_if_taken()
    path, dataset = _inputs(cfg, place)
    return cfg, dataset, path, folder, place


def _inputs(cfg: RunConfig, place: Place) -> tuple[Path, Any]:
    """The implementation's file, all its stubs written, and the data set; neither needs torch."""
    from student.lab._app import console, data
    from student.lab._app.stubs import find_file, read_source

    path = find_file(cfg.implementation, place.solution, place.student)
    read_source(path, cfg.implementation, cfg.likelihood)
    return path, data.load(cfg.data, place.data_dir, place.mirror, console.say)


def _remembered(place: Place, about: dict[str, Any]) -> Place:
    """The place of a run that is taken up again: the file and the data folder named now, else those it remembers."""
    known = {"student": about["implementation"]["path"], "data_dir": about["data"]["folder"]}
    for name, what in (("student", "file"), ("data_dir", "data folder")):
        if getattr(place, name) or known[name] is None or (name == "student" and place.solution):
            continue
        path = Path(known[name])
        if not path.exists():
            advice = f"If it has moved, name it with {option(name)}"
            raise BadInput(f"the run's {what} was {path}, and is not there any more. {advice}")
        place = replace(place, **{name: path})  # type: ignore[arg-type]
    return place


def _resumed(cfg: RunConfig, settings: dict[str, Any]) -> RunConfig:
    """The settings of a run that goes on: its own, and ``--epochs`` if given."""
    epochs = settings.pop("epochs")
    told = [
        f"{_spelled(name, value)} (the run has {getattr(cfg, name)})"
        for name, value in settings.items()
        if value is not None and value != getattr(cfg, name)
    ]
    if told:
        raise BadInput(f"--resume goes on with the run's own settings; not to be changed: {', '.join(told)}")
    return cfg.extended(epochs)


def _numbers(text: str) -> list[float]:
    try:
        numbers = sorted({float(part) for part in text.split(",")})
    except ValueError as error:
        raise BadInput(f"--betas {text!r}: give numbers separated by commas, such as 0.5,1,2") from error
    if len(numbers) < 2 or not all(0 < number < float("inf") for number in numbers):
        raise BadInput(f"--betas {text!r}: give at least two different positive numbers")
    return numbers


def main() -> None:
    """Run the command line; every expected fault becomes one message and its exit status."""
    os.environ["MPLBACKEND"] = "agg"  # a notebook's, handed down to its children, may not be importable here
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # where there is no "−", a "?" is better than no run
    try:
        app()
    except LabError as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("stopped", 130)
    except ValueError as error:
        if not sys.stdout.closed:
            raise
        _fail(f"something has closed the standard output ({error}); does the implementation?", 3)
    except OSError as error:
        _fail(f"{error.filename or 'the system'}: {error.strerror or error}", 2)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        told = next(iter(str(error).splitlines()), type(error).__name__)
        _fail(f"not enough memory ({told}). Try a smaller model, or a smaller --batch-size, or --device cpu", 2)
    except ModuleNotFoundError as error:
        if error.name not in OPTIONAL:
            raise
        _fail(f"the lab needs {error.name}: pip install 'vae-assignment[lab]'", 2)


def _fail(message: str, code: int) -> None:
    from rich.text import Text

    from student.lab._app.console import err

    err.print(Text.assemble(("vae-lab: ", "bold red"), message), soft_wrap=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
