"""The command ``vae-lab``: parses, calls, prints.

Exit status: 0 done; 1 training stopped at a number that is not finite, the last good state is kept; 2 bad usage or bad
input, memory or disk full; 3 the implementation cannot be run (stubs missing, or its code raised or broke its
contract); 130 stopped by Ctrl-C or a closed pipe, what is there is kept.
"""

import os
import sys
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from student.lab._app import options as o
from student.lab._app.config import IMAGE_SETS, PRESETS, VECTOR_SETS, RunConfig, configure, option
from student.lab._app.errors import BadInput, Interrupted, LabError, out_of_memory

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


@app.command()
def train(
    preset: o.Preset = None, implementation: o.Which = None, solution: o.Solution = False, student: o.Student = None,
    data: o.Data = None, data_dir: o.DataDir = None, mirror: o.Mirror = None, binarise: o.Binarise = None,
    train_examples: o.TrainExamples = None, likelihood: o.Likelihood = None, hidden_dim: o.HiddenDim = None,
    hidden_layers: o.HiddenLayers = None, latent_dim: o.LatentDim = None, activation: o.Activation = None,
    beta: o.Beta = None, sigma: o.Sigma = None, warmup_epochs: o.Warmup = None, epochs: o.Epochs = None,
    batch_size: o.BatchSize = None, learning_rate: o.LearningRate = None, lr_schedule: o.LrSchedule = None,
    seed: o.Seed = None, autoencoder: o.Autoencoder = None, plane: o.Plane = None, precision: o.Precision = None,
    samples: o.Samples = 100, examples: o.Examples = 1000, device: o.Device = "auto", threads: o.Threads = 0,
    out: o.Out = None, resume: o.Resume = False,
) -> None:  # fmt: skip
    """Train a model, measure it, and draw what it learned into a run's folder."""
    chosen = _settings(locals())
    _check(samples, examples, threads)
    from student.lab._app.folder import RunFolder, free_folder

    if resume:
        if out is None:
            raise BadInput("--resume needs --out, the folder of the run to go on with")
        folder = RunFolder(out)
        cfg, about = folder.config()
        cfg = _resumed(cfg, chosen | {"preset": preset})
        student, data_dir = _same(about, solution, student, data_dir)
    else:
        cfg = configure(preset, **chosen)
        folder = RunFolder(out or free_folder(Path("runs"), f"{cfg.preset}-{cfg.data}-seed{cfg.seed}"))
        folder.refuse_if_taken()
    path, dataset = _inputs(cfg, solution, student, data_dir, mirror)
    from student.lab._app import workflow
    from student.lab._app.machine import Machine

    if resume:
        workflow.warn_if_changed(folder, path)
    summary = workflow.train_run(
        cfg,
        dataset,
        path,
        folder,
        Machine(device, threads),
        workflow.BoundSize(samples, examples),
        data_dir,
        resume,
    )
    workflow.tell(summary, folder.path)


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="A run's folder.")],
    samples: o.Samples = 100, examples: o.Examples = 1000, device: o.Device = "auto", threads: o.Threads = 0,
    data_dir: o.DataDir = None, mirror: o.Mirror = None, solution: o.Solution = False, student: o.Student = None,
) -> None:  # fmt: skip
    """Measure a run again, with a larger importance-weighted bound if asked, and redraw its pictures and report."""
    from student.lab._app.folder import RunFolder

    _check(samples, examples, threads)
    folder = RunFolder(run)
    cfg, about = folder.config()
    student, data_dir = _same(about, solution, student, data_dir)
    path, dataset = _inputs(cfg, solution, student, data_dir, mirror)
    from student.lab._app import workflow
    from student.lab._app.machine import Machine

    workflow.warn_if_changed(folder, path)
    machine, bound = Machine(device, threads), workflow.BoundSize(samples, examples)
    workflow.tell(workflow.evaluate_run(folder, dataset, path, machine, bound), folder.path)


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Two or more run folders.")],
    out: Annotated[Path, typer.Option(help="The picture to write.")] = Path("comparison.png"),
) -> None:
    """Runs beside each other: a table, and their test curves over each other."""
    from student.lab._app.compare import compare_runs

    compare_runs(runs, out)


@app.command()
def sweep(
    betas: Annotated[str, typer.Option(help="KL weights, separated by commas.")] = "0.1,0.25,0.5,1,2,4,8,16",
    preset: o.Preset = None, solution: o.Solution = False, student: o.Student = None, data: o.Data = None,
    data_dir: o.DataDir = None, mirror: o.Mirror = None, binarise: o.Binarise = None, likelihood: o.Likelihood = None,
    train_examples: o.TrainExamples = None, hidden_dim: o.HiddenDim = None, hidden_layers: o.HiddenLayers = None,
    latent_dim: o.LatentDim = None, warmup_epochs: o.Warmup = None, epochs: o.Epochs = None,
    batch_size: o.BatchSize = None, learning_rate: o.LearningRate = None, seed: o.Seed = None,
    device: o.Device = "auto", threads: o.Threads = 0, out: o.Out = None,
) -> None:  # fmt: skip
    """Train one model for each of several betas and draw the rate-distortion curve."""
    chosen = _settings(locals())
    weights = _numbers(betas)
    cfg, folder, path, dataset = _new("sweep", preset, chosen, out, solution, student, data_dir, mirror, threads)
    from student.lab._app.machine import Machine
    from student.lab._app.sweep import sweep_betas

    sweep_betas(weights, cfg, dataset, path, folder, Machine(device, threads))


@app.command()
def clinic(
    patients: Annotated[str | None, typer.Option(help="Names separated by commas. Default: all.")] = None,
    solution: o.Solution = False, student: o.Student = None, data: o.Data = None, data_dir: o.DataDir = None,
    mirror: o.Mirror = None, train_examples: o.TrainExamples = None, hidden_dim: o.HiddenDim = None,
    latent_dim: o.LatentDim = None, epochs: o.Epochs = None, batch_size: o.BatchSize = None, seed: o.Seed = None,
    device: o.Device = "auto", threads: o.Threads = 0, out: o.Out = None,
) -> None:  # fmt: skip
    """Train sick implementations on purpose, beside a healthy one, and show how each sickness looks."""
    from student.lab._app.errors import choose
    from student.lab.patients import NAMES

    names = [name.strip() for name in patients.split(",")] if patients else list(NAMES)
    for name in names:
        if "." not in name:  # as the catalogue's entries have one, where there is a catalogue
            choose("patient", name, NAMES)
    chosen = _settings(locals())
    if data in VECTOR_SETS:
        raise BadInput(f"the clinic shows pictures and needs images ({', '.join(IMAGE_SETS)}), not {data}")
    chosen["warmup_epochs"] = 0.0  # a warm-up hides the early collapse that is to be shown
    cfg, folder, path, dataset = _new("clinic", "guide", chosen, out, solution, student, data_dir, mirror, threads)
    from student.lab._app.clinic import open_clinic
    from student.lab._app.machine import Machine

    open_clinic(names, cfg, dataset, path, folder, Machine(device, threads))


@app.command()
def presets() -> None:
    """List the presets and what each one sets."""
    from student.lab._app import console

    default = RunConfig()
    for name, (text, cfg) in PRESETS.items():
        console.say(f"{name}: {text}", "bold")
        shown = {key: value for key, value in cfg.to_json().items() if key != "preset"}
        told = [_spelled(key, value) for key, value in shown.items() if value != getattr(default, key)]
        console.say("  " + " ".join(told))


def _spelled(name: str, value: Any) -> str:
    """A setting as it is typed on the command line."""
    if isinstance(value, bool):
        return option(name if value else f"no_{name}")
    return f"{option(name)} {value}"


def _settings(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a command that are settings of a run."""
    known = {field.name for field in fields(RunConfig)} - {"preset"}
    return {name: value for name, value in arguments.items() if name in known}


def _new(
    kind: str, preset: str | None, chosen: dict[str, Any], out: Path | None, solution: bool, student: Path | None,
    data_dir: Path | None, mirror: str | None, threads: int,
) -> tuple[RunConfig, Path, Path, Any]:  # fmt: skip
    """Settings, empty folder, implementation and data of a command that trains several models."""
    from student.lab._app.folder import RunFolder, free_folder

    cfg = configure(preset, **chosen)
    if cfg.implementation != "vae":
        raise BadInput(f"the {kind} needs vae.py; preset {cfg.preset!r} runs simple_vae.py")
    folder = out or free_folder(Path("runs"), f"{kind}-{cfg.data}-seed{cfg.seed}")
    RunFolder(folder).refuse_if_taken()
    _check(threads=threads)
    path, dataset = _inputs(cfg, solution, student, data_dir, mirror)
    return cfg, folder, path, dataset


def _inputs(
    cfg: RunConfig, solution: bool, student: Path | None, data_dir: Path | None, mirror: str | None
) -> tuple[Path, Any]:
    """The implementation's file, all its stubs written, and the data set; neither needs torch."""
    from student.lab._app import console, data
    from student.lab._app.stubs import find_file, read_source

    path = find_file(cfg.implementation, solution, student)
    read_source(path, cfg.implementation, cfg.likelihood)
    return path, data.load(cfg.data, data_dir, mirror, console.say)


def _same(
    about: dict[str, Any], solution: bool, student: Path | None, data_dir: Path | None
) -> tuple[Path | None, Path | None]:
    """The file and the data folder of a run that is taken up again: those named now, else those that it remembers."""
    if student is None and not solution:
        student = _remembered(about["implementation"]["path"], "file", "name it with --student")
    if data_dir is None:
        data_dir = _remembered(about["data"]["folder"], "data folder", "name it with --data-dir")
    return student, data_dir


def _resumed(cfg: RunConfig, chosen: dict[str, Any]) -> RunConfig:
    """The settings of a run that goes on: its own, and ``--epochs`` if given."""
    given = {name: value for name, value in chosen.items() if value is not None and name != "epochs"}
    changed = {name: value for name, value in given.items() if value != getattr(cfg, name)}
    if changed:
        told = ", ".join(
            f"{_spelled(name, value)} (the run has {getattr(cfg, name)})" for name, value in changed.items()
        )
        raise BadInput(f"--resume goes on with the run's own settings; not to be changed: {told}")
    return cfg.extended(chosen["epochs"])


def _numbers(text: str) -> list[float]:
    try:
        numbers = sorted({float(part) for part in text.split(",")})
    except ValueError as error:
        raise BadInput(f"--betas {text!r}: give numbers separated by commas, such as 0.5,1,2") from error
    if len(numbers) < 2 or not all(0 < number < float("inf") for number in numbers):
        raise BadInput(f"--betas {text!r}: give at least two different positive numbers")
    return numbers


def _check(samples: int = 1, examples: int = 0, threads: int = 0) -> None:
    most = max(64, 4 * (os.cpu_count() or 1))  # beyond what it can start, the threads' library ends the program
    for name, value, low, high in (
        ("samples", samples, 1, 10_000_000), ("examples", examples, 0, 1_000_000_000), ("threads", threads, 0, most),
    ):  # fmt: skip
        if not low <= value <= high:
            raise BadInput(f"{option(name)} must be between {low} and {high:,}, not {value}")


def _remembered(text: str | None, what: str, advice: str) -> Path | None:
    """A path that a run remembers, which must still be there."""
    if text is None:
        return None
    path = Path(text)
    if not path.exists():
        raise BadInput(f"the run's {what} was {path}, and is not there any more. If it has moved, {advice}")
    return path


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
