"""What the person at the keyboard sees: progress, lines of numbers, tables. Foreign text is never read as markup."""

import errno
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from student.lab._app.folder import Row

LINES = 25  # of metrics at most, for a run of many epochs
STYLES = {"problem": "bold red", "note": "yellow", "good": "green"}


class Output(Console):
    """A console whose reader may go, as in ``| head``: rich would end the program with the status of a divergence."""

    def on_broken_pipe(self) -> None:
        """Tell the command."""
        self.quiet = True
        raise BrokenPipeError(errno.EPIPE, "nobody reads the output any more")


out = Output(highlight=False)
if not out.is_terminal:
    out = Output(highlight=False, width=130)  # a file or a log has no width of its own
err = Output(stderr=True, highlight=False)


def say(text: str, style: str = "") -> None:
    """Print one message, as it is."""
    out.print(Text(text, style=style), soft_wrap=True)


class TrainingView:
    """A progress bar with epochs, loss, rate and time left, and a line of measured numbers for the epochs."""

    def __init__(self, name: str, epochs: int, examples: int, latent_dim: int, first_epoch: int = 0) -> None:
        self.name, self.epochs, self.examples, self.latent_dim = name, epochs, examples, latent_dim
        self.every = max(1, -(-epochs // LINES))
        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[terms]}", markup=False),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=out,
            disable=not out.is_terminal,
        )
        self.task = self.progress.add_task(
            name, total=epochs * examples, completed=first_epoch * examples, epoch=first_epoch, epochs=epochs, terms=""
        )

    def __enter__(self) -> "TrainingView":
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def block(self, epoch: int, done: int, loss: float) -> None:
        """Some steps of an epoch are done."""
        self.progress.update(
            self.task, completed=epoch * self.examples + done, epoch=epoch + 1, terms=f"loss {loss:.1f}"
        )

    def row(self, row: Row) -> None:
        """An epoch is done and measured."""
        epoch = int(row["epoch"])
        if epoch > 1 and epoch % self.every and epoch != self.epochs:
            return
        told = (
            f"epoch {epoch:>3}  test −ELBO {row['test_neg_elbo']:8.2f} = reconstruction {row['test_recon']:7.2f} "
            f"+ KL {row['test_kl']:6.2f} nats   {row['active_units']:.0f}/{self.latent_dim} units active"
        )
        if epoch:
            told += f"   {row['examples_per_second']:,.0f} examples/s"
        self.progress.console.print(Text(told), soft_wrap=True)


def findings(found: list[dict[str, str]]) -> None:
    """Print a diagnosis."""
    for finding in found:
        out.print(Text.assemble((finding["title"] + ". ", STYLES[finding["level"]]), finding["text"]), soft_wrap=True)


def table(title: str, head: list[tuple[str, str]], rows: list[list[str]]) -> None:
    """Print a table. ``head`` holds a name and "left" or "right" for each column."""
    grid = Table(title=Text(title), title_justify="left", show_edge=False)
    for name, justify in head:
        grid.add_column(
            Text(name), justify="right" if justify == "right" else "left", overflow="fold", no_wrap=justify == "right"
        )
    for row in rows:
        grid.add_row(*[Text(cell) for cell in row])
    out.print(grid)
