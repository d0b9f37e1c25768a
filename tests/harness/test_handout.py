"""The handout says what the rubric, the stubs and the solution say."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from matplotlib.image import imread
from sklearn.datasets import load_digits

from grading import assignment
from grading.authoring import tables

ROOT = Path(__file__).resolve().parents[2]
HANDOUT = (ROOT / "student" / "README.md").read_text(encoding="utf-8")
RUBRIC = tomllib.loads((ROOT / "tests" / "rubric.toml").read_text(encoding="utf-8"))
HEADINGS = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", HANDOUT, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
FILES = ("simple_vae.py", "vae.py")


@pytest.mark.parametrize("item", RUBRIC["item"], ids=lambda item: item["id"])
def test_the_section_that_a_report_names_is_a_heading(item):
    assert [heading for heading in HEADINGS if heading.startswith(item["section"] + ":")]


@pytest.mark.parametrize("name", FILES)
def test_each_stub_has_a_heading_with_its_task_and_name(name):
    stubs = re.findall(r'NotImplementedError\("task (\S+), (\S+)"\)', (ROOT / "student" / name).read_text("utf-8"))
    for task, function in stubs:
        heading = f"Task {task}: {function}".replace("__", r"\_\_")
        assert heading in HEADINGS


def test_the_tasks_are_in_order():
    tasks = [heading.partition(":")[0] for heading in HEADINGS if re.match(r"Task \d+\.\d+:", heading)]
    numbers = [tuple(map(int, task.removeprefix("Task ").split("."))) for task in tasks]
    assert numbers == sorted(numbers)


def test_the_table_of_points_is_the_rubric():
    text = tables.put(HANDOUT, tables.POINTS, tables.points(assignment.load(ROOT)))
    assert text == HANDOUT, "vae-grade tables writes it anew"
    assert "| Encoder | Task 2.1 | `vae.py` | 2 | 4 | 6 |\n" in HANDOUT


def test_links_within_the_page_lead_somewhere():
    slugs = {re.sub(r"[^\w\- ]", "", heading.replace("\\", "").lower()).replace(" ", "-") for heading in HEADINGS}
    for target in re.findall(r"\]\(#([^)]+)\)", HANDOUT):
        assert target in slugs


@pytest.mark.parametrize("name", FILES)
def test_no_line_of_the_solution_is_given_away(name):
    solution = (ROOT / "reference" / name).read_text(encoding="utf-8")
    regions = re.findall(r"# >>> solution.*?\n(.*?)# <<< solution", solution, re.DOTALL)
    lines = {line.strip().removeprefix("return ") for region in regions for line in region.splitlines()}
    assert lines
    for line in lines:
        assert len(line) < 12 or line not in HANDOUT


LINE = re.compile(r"step +(\d+) +loss +([\d.]+) +recon +([\d.]+) +kl +([\d.]+)")
SAMPLE = "mu + sigma * torch.randn_like(sigma)"
MISTAKES = {
    "no noise": (SAMPLE, "mu"),
    "without the half": ("torch.exp(0.5 * logvar)", "torch.exp(logvar)"),
    "uniform noise": ("torch.randn_like", "torch.rand_like"),
    "KL averaged over the latent": ("(mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1)", "(mu.pow(2) + logvar.exp() "
                                    "- logvar - 1).mean(dim=1)"),
    "cut off from the gradient": (SAMPLE, f"({SAMPLE}).detach()"),
}  # fmt: skip

RUN_ALL = """
import runpy, sys
for folder in sys.argv[1:]:
    print("folder")
    sys.path[0] = folder
    runpy.run_path(folder + "/try_it.py")
    for name in ("student.vae", "student"):
        del sys.modules[name]
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What the handout's script prints, as numbers, on the solution and with each mistake; all in one process."""
    text = (ROOT / "reference" / "vae.py").read_text(encoding="utf-8")
    code = re.search(r"^```python\n(.*?)^```", HANDOUT, re.MULTILINE | re.DOTALL)[1]
    folders = []
    for old, new in (("", ""), *MISTAKES.values()):
        assert old in text
        folder = tmp_path_factory.mktemp("script")
        (folder / "student").mkdir()
        (folder / "student" / "vae.py").write_text(text.replace(old, new) if old else text, encoding="utf-8")
        (folder / "try_it.py").write_text(code, encoding="utf-8")
        folders.append(folder)
    # Nothing of this repository is in the way: the script's folder comes first.
    command = [sys.executable, "-c", RUN_ALL, *map(str, folders)]
    done = subprocess.run(command, cwd=folders[0], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    each = [[tuple(map(float, found)) for found in LINE.findall(part)] for part in done.stdout.split("folder\n")[1:]]
    return dict(zip(("nothing", *MISTAKES), each, strict=True))


@pytest.mark.slow
def test_the_training_that_it_shows_runs_and_ends_where_it_says(printed):
    shown = [tuple(map(float, found)) for found in LINE.findall(HANDOUT)]
    assert len(printed["nothing"]) == len(shown) == 6
    # The numbers of another machine or version of PyTorch are near, not equal.
    for (step, loss, *_), (shown_step, shown_loss, *_) in zip(printed["nothing"], shown, strict=True):
        assert step == shown_step
        assert loss == pytest.approx(shown_loss, abs=1.0)


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_reports_the_loss_that_the_table_says(mistake, printed):
    row = re.search(rf"^\|[^|]*{mistake}[^|]*\| \**([\d.]+) to ([\d.]+)\** \|", HANDOUT, re.MULTILINE)
    least, most = map(float, row.groups())
    *_, (_, loss, _, _) = printed[mistake]
    assert least - 0.5 < loss < most + 0.5


def test_the_baseline_and_the_entropy_of_the_digits_are_what_it_says():
    digits = torch.tensor(load_digits().data / 16)
    train, test = digits[:1500], digits[1500:]
    mean = ((train.sum(0) + 1) / (len(train) + 2)).expand_as(test)
    baseline = F.binary_cross_entropy(mean, test, reduction="none").sum(1).mean()
    entropy = F.binary_cross_entropy(test, test, reduction="none").sum(1).mean()
    stated = re.findall(r"^- \*\*([\d.]+)\*\* is", HANDOUT, re.MULTILINE)
    assert stated == [f"{baseline:.1f}", f"{entropy:.1f}"]


@pytest.mark.slow
def test_the_diagram_is_the_one_that_its_script_draws(tmp_path):
    subprocess.run([sys.executable, "tools/diagram.py", str(tmp_path / "model.png")], cwd=ROOT, check=True)
    drawn, committed = (imread(folder / "model.png") for folder in (tmp_path, ROOT / "student" / "lab" / "pictures"))
    assert drawn.shape == committed.shape
    assert abs(drawn - committed).mean() < 0.01
