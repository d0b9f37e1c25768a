"""Pictures and reports: complete, escaped, comparable, drawn without a display."""

import json
import math
import re

import pytest
import torch

from student.lab.compare import compare_runs, warnings
from student.lab.config import configure
from student.lab.errors import BadInput
from student.lab.figures import curves, images, latent, style
from student.lab.figures.curves import draw_comparison, draw_curves
from student.lab.measure import Floors
from student.lab.published import comparable
from student.lab.report import nats


def row(epoch, value):
    return {
        "epoch": epoch, "reported_loss": value,
        **{f"{part}_{key}": value for part in ("train", "test") for key in ("neg_elbo", "recon", "kl")},
    }  # fmt: skip


@pytest.mark.slow
def test_a_report_is_one_whole_file_with_foreign_text_escaped(finished_run):
    html = (finished_run / "report.html").read_text()
    assert "<img src=x" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    pictures = sorted(path.stem for path in (finished_run / "pictures").iterdir())
    assert pictures == [
        "autoencoder", "curves", "interpolations", "kl-dimensions", "latent-map", "manifold", "reconstructions",
        "samples", "traversals",
    ]  # fmt: skip
    assert len(re.findall(r'<img src="data:image/png;base64,[A-Za-z0-9+/=]+"', html)) == len(pictures)
    assert not re.search(r'(src|href)="(?!data:)', html)
    for word in ("threshold binarisation", "active units", "importance-weighted bound", "floor: one constant example"):
        assert word in html


@pytest.mark.slow
def test_evaluate_takes_a_larger_bound_and_leaves_the_weights_alone(inside, finished_run):
    before = (finished_run / "checkpoint.safetensors").read_bytes()
    ended = inside("evaluate", finished_run, "--samples", 300, "--examples", 50, "--threads", 1)
    assert ended.status == 0, ended.err
    summary = json.loads((finished_run / "summary.json").read_text())
    bound = summary["importance_weighted_bound"]
    assert (bound["samples"], bound["examples"]) == (300, 50)
    assert bound["value"] < bound["neg_elbo"]
    assert (finished_run / "checkpoint.safetensors").read_bytes() == before


@pytest.mark.slow
def test_compare_shows_runs_beside_each_other(lab, finished_run, tmp_path):
    ended = lab("compare", finished_run, finished_run)
    assert ended.status == 0, ended.err
    assert "[red]" in ended.out
    assert (tmp_path / "comparison.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_compare_needs_whole_runs(finished_run, tmp_path):
    copy, picture = tmp_path / "copy", tmp_path / "c.png"
    copy.mkdir()
    (copy / "config.json").write_bytes((finished_run / "config.json").read_bytes())
    refusals = [
        ([finished_run], "at least two"),
        ([finished_run, tmp_path], "holds no run"),
        ([finished_run, copy], "stopped before its first epoch"),
    ]
    for runs, message in refusals:
        with pytest.raises(BadInput, match=message):
            compare_runs(runs, picture)
    whole = (finished_run / "checkpoint.safetensors").read_bytes()
    (copy / "checkpoint.safetensors").write_bytes(whole[:-100])
    with pytest.raises(BadInput, match="is damaged"):
        compare_runs([finished_run, copy], picture)
    (copy / "checkpoint.safetensors").write_bytes(whole)
    compare_runs([finished_run, copy], picture)  # without its summary a run lacks only the bound
    assert picture.exists()


@pytest.mark.slow
def test_a_sweep_draws_the_rate_distortion_curve(inside, tmp_path):
    ended = inside(
        "sweep",
        "--solution",
        "--betas",
        "4,0.25,1",
        "--epochs",
        15,
        "--warmup-epochs",
        0,
        "--out",
        "sweep",
        "--threads",
        1,
    )
    assert ended.status == 0, ended.err
    points = json.loads((tmp_path / "sweep" / "sweep.json").read_text())["points"]
    assert [point["beta"] for point in points] == [0.25, 1, 4]
    rates, distortions = ([point[key] for point in points] for key in ("rate", "distortion"))
    assert rates == sorted(rates, reverse=True)
    assert distortions == sorted(distortions)
    assert min(points, key=lambda point: point["neg_elbo"])["beta"] == 1
    assert "rate-distortion" in " ".join(path.name for path in (tmp_path / "sweep").iterdir())


def test_curves_survive_numbers_that_are_not_finite(tmp_path):
    wild = [row(n, value) for n, value in enumerate([550.0, math.nan, 1e30, -math.inf, -5.0])]
    tame = [row(n, 100.0 + n) for n in range(3)]
    style.save(draw_curves(wild, Floors(543.4, 205.8), "$\\broken ${"), tmp_path / "a.png")
    style.save(draw_comparison([("_hidden $x", wild), ("$", tame)], reported=True), tmp_path / "b.png")
    style.save(curves.draw_rate_distortion([(0.5, 20.0, 80.0), (1.0, 10.0, 88.0)]), tmp_path / "c.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png", "c.png"]


def test_the_manifold_is_a_grid_of_equal_prior_probability():
    codes = latent.manifold_codes(10)
    share = torch.distributions.Normal(0.0, 1.0).cdf(codes)
    assert torch.allclose(share[:10, 0], (torch.arange(10) + 0.5) / 10, atol=1e-5)
    assert torch.allclose(share[::10, 1], ((torch.arange(10) + 0.5) / 10).flip(0), atol=1e-5)


def test_a_traversal_moves_one_dimension_and_an_interpolation_all():
    code = torch.tensor([1.0, 2.0, 3.0])
    codes = images.traverse(code, [2, 0], 3.0).view(2, images.STEPS, 3)
    assert codes[0, :, :2].eq(code[:2]).all()
    assert codes[1, :, 1:].eq(code[1:]).all()
    assert torch.allclose(codes[0, :, 2], torch.linspace(-3, 3, images.STEPS))
    path = images.line(code, -code)
    assert torch.equal(path[0], code)
    assert torch.allclose(path[images.STEPS // 2], torch.zeros(3), atol=1e-6)


def test_tiles_keep_every_image_in_its_place():
    numbered = torch.arange(5.0).view(5, 1, 1).expand(5, 28, 28).numpy()
    sheet = style.tiles(numbered, 3)
    assert sheet.shape == (57, 86)
    assert [sheet[10, 10], sheet[10, 40], sheet[10, 70], sheet[40, 10], sheet[40, 40]] == [0, 1, 2, 3, 4]


def test_figures_are_only_held_against_runs_of_their_setting():
    dynamic = comparable(configure("lab", binarise="dynamic"))
    assert dynamic[0].value < 86.76
    assert {figure.binarise for figure in dynamic} == {"dynamic"}
    assert comparable(configure("lab")) == []
    assert comparable(configure("lab", binarise="dynamic", likelihood="gaussian")) == []


def test_runs_that_cannot_be_compared_are_named():
    lab, other = configure("lab"), configure("lab", binarise="dynamic")
    assert warnings([lab, lab]) == []
    assert "different binarisation" in warnings([lab, other])[0]
    assert "different data sets" in warnings([lab, configure("guide")])[0]


@pytest.mark.parametrize(
    ("value", "text"), [(105.56, "105.6"), (None, "–"), (math.nan, "–"), (2.1e20, "2.1e+20"), (-3.0, "-3.0")]
)
def test_numbers_are_written_for_people(value, text):
    assert nats(value) == text
