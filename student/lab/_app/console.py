"""What the person at the keyboard sees: progress, lines of numbers, tables. Foreign text is never read as markup."""

import errno
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

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


@contextmanager
def progress(name: str, epochs: int, examples: int, done: int) -> Iterator[Callable[[int, int, float], None]]:
    """A bar with epochs, loss and time left.

    Args:
        name: of what is trained.
        epochs, examples: in all, and in each.
        done: epochs so far.

    Yields:
        What to call after some steps: with the epoch, the examples done in it, and their loss.
    """
    with Progress(
        TextColumn("{task.description}", markup=False), TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
        BarColumn(bar_width=24), TextColumn("{task.fields[terms]}", markup=False), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(), console=out, disable=not out.is_terminal,
    ) as shown:  # fmt: skip
        fields: dict[str, Any] = {"epoch": done, "epochs": epochs, "terms": ""}
        task = shown.add_task(name, total=epochs * examples, completed=done * examples, **fields)
        yield lambda epoch, now, loss: shown.update(
            task, completed=epoch * examples + now, epoch=epoch + 1, terms=f"loss {loss:.1f}"
        )


def metrics(row: Row, epochs: int, latent_dim: int) -> None:
    """Print an epoch's measured numbers, or only those of every so many of a run of many epochs."""
    epoch = int(row["epoch"])
    if epoch > 1 and epoch % max(1, -(-epochs // LINES)) and epoch != epochs:
        return
    told = (
        f"epoch {epoch:>3}  test −ELBO {row['test_neg_elbo']:8.2f} = reconstruction {row['test_recon']:7.2f} "
        f"+ KL {row['test_kl']:6.2f} nats   {row['active_units']:.0f}/{latent_dim} units active"
    )
    say(told + (f"   {row['examples_per_second']:,.0f} examples/s" if epoch else ""))


def findings(found: list[dict[str, str]]) -> None:
    """Print a diagnosis."""
    for finding in found:
        out.print(Text.assemble((finding["title"] + ". ", STYLES[finding["level"]]), finding["text"]), soft_wrap=True)


def table(title: str, head: list[str], rows: list[list[str]], text: Collection[str]) -> None:
    """Print a table; the columns named in ``text`` hold words, the others numbers."""
    grid = Table(title=Text(title), title_justify="left", show_edge=False)
    for name in head:
        words = name in text
        grid.add_column(Text(name), justify="left" if words else "right", overflow="fold", no_wrap=not words)
    for row in rows:
        grid.add_row(*[Text(cell) for cell in row])
    out.print(grid)
