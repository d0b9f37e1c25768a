"""Pictures and reports: complete, escaped, comparable, drawn without a display."""

import json
import math
import re

import numpy as np
import pytest
import torch
from matplotlib.patches import Circle, Ellipse

from student.lab._app import clinic, gallery, session
from student.lab._app import data as datasets
from student.lab._app.compare import compare_runs, warnings
from student.lab._app.config import BoundSize, configure
from student.lab._app.errors import BadInput
from student.lab._app.evaluate import evaluate
from student.lab._app.implementation import load
from student.lab._app.published import comparable
from student.lab._app.report import nats, options, render
from student.lab.figures import curves, images, latent, style, vectors
from student.lab.figures.curves import draw_comparison, draw_curves
from student.lab.measure import Baselines
from student.lab.patients import PATIENTS


def row(epoch, value):
    return {
        "epoch": epoch, "reported_loss": value,
        **{f"{part}_{key}": value for part in ("train", "validation", "test") for key in ("neg_elbo", "recon", "kl")},
    }  # fmt: skip


@pytest.mark.slow
def test_a_report_is_one_whole_file_with_foreign_text_escaped(finished_run):
    html = (finished_run / "report.html").read_text()
    assert "<img src=x" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    pictures = sorted(path.stem for path in (finished_run / "pictures").iterdir())
    assert pictures == [
        "aggregate-posterior", "autoencoder", "bound", "curves", "interpolations", "kl-dimensions", "latent-map",
        "manifold", "reconstructions",
        "samples", "traversals",
    ]  # fmt: skip
    assert len(re.findall(r'<img [^>]*src="data:image/png;base64,[A-Za-z0-9+/=]+"', html)) == len(pictures)
    assert not re.search(r'(src|href)="(?!data:)', html)
    for word in (
        "threshold binarisation",
        "active units",
        "importance-weighted bound",
        "baseline: one constant example",
    ):
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
def test_the_first_picture_of_a_default_run_is_the_decoded_plane(inside, tmp_path, request):
    shared = ("train", "--solution", "--epochs", 1, "--hidden-dim", 8, "--train-examples", 64, "--samples", 1)
    ended = inside(*shared, "--out", tmp_path / "run")
    assert ended.status == 0, ended.err
    html = (tmp_path / "run" / "report.html").read_text()
    assert re.search(r'<img [^>]*alt="([^"]*)"', html).group(1) == "Two latents: the decoded plane"
    (tmp_path / "run" / "plane.safetensors").unlink()
    request.getfixturevalue("undrawn")
    ended = inside("evaluate", tmp_path / "run", "--samples", 1)
    assert "Training ended after 1 of 1 epochs" in ended.out  # it was stopped before the second network
    ended = inside("train", "--resume", "--out", tmp_path / "run", "--samples", 1)
    assert (tmp_path / "run" / "plane.safetensors").exists()
    assert "Training ended" not in ended.out


@pytest.mark.slow
def test_compare_shows_runs_beside_each_other(inside, finished_run, tmp_path):
    ended = inside("compare", finished_run, finished_run)
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


@pytest.mark.slow
def test_curves_survive_numbers_that_are_not_finite(tmp_path):
    wild = [row(n, value) for n, value in enumerate([550.0, math.nan, 1e30, -math.inf, -5.0])]
    tame = [row(n, 100.0 + n) for n in range(3)]
    gallery.save(draw_curves(wild, Baselines(543.4, 205.8), "$\\broken ${"), tmp_path / "a.png")
    gallery.save(draw_comparison([("_hidden $x", wild), ("$", tame)]), tmp_path / "b.png")
    gallery.save(curves.draw_patients([("_hidden $x", tame), ("$", wild)], 44.4), tmp_path / "d.png")
    gallery.save(curves.draw_bound([(1, 20.0), (10, 19.0)], 20.1), tmp_path / "e.png")
    gallery.save(curves.draw_rate_distortion([(0.5, 20.0, 80.0), (1.0, 10.0, 88.0)]), tmp_path / "c.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png", "c.png", "d.png", "e.png"]


EXPLODED = [row(n, value) for n, value in enumerate([45.0, 40.0, 1e5, 2e20, 2e24])]
TAME = [row(n, value) for n, value in enumerate([45.0, 27.0, 23.0, 21.0, 19.0])]


def test_an_exploded_run_leaves_every_panel_and_its_numbers_are_told():
    figure = draw_curves(EXPLODED, Baselines(44.4, 25.2), "")
    for place, axes in enumerate(figure.axes):
        assert axes.get_ylim()[1] < 100
        assert axes.get_xlim()[1] > 4
        zoomed = place >= 3
        heights = np.asarray(axes.get_lines()[0].get_ydata(), dtype=float)[1 if zoomed else 2 :]
        assert (heights > axes.get_ylim()[1]).all()  # it leaves the picture, and no plateau is left behind in it
        if zoomed:
            told = [text.get_text() for text in axes.get_legend().get_texts()]
            assert told[:3] == [f"{part}, last 2.0e24" for part in ("train", "validation", "test")]
            assert place == 5 or told[3:] == ["zero output: 44.4", "one constant example: 25.2"]
    early = [{**row(0, 0.27431), "train_kl": 0.27432}, row(1, 1e20)]
    low, high = draw_curves(early, Baselines(44.4, 25.2), "").axes[2].get_ylim()
    assert high - low > 0.1


@pytest.mark.slow
def test_no_legend_covers_a_curve(tmp_path):
    figure = draw_curves(TAME, Baselines(44.4, 25.2), "")
    gallery.save(figure, tmp_path / "curves.png")  # lays everything out
    for axes in figure.axes[3:]:
        assert not axes.get_legend().get_window_extent().overlaps(axes.get_window_extent())


def test_the_pixels_of_a_sheet_are_squares_of_whole_pixels(tmp_path):
    figure = style.sheets([(np.zeros((10, 20), np.float32), "a"), (np.zeros((30, 7), np.float32), "b")], 500, left=33)
    gallery.save(figure, tmp_path / "sheets.png")
    boxes = [axes.get_window_extent() for axes in figure.axes]
    for box, (down, across) in zip(boxes, [(10, 20), (30, 7)], strict=True):
        assert box.width / across == pytest.approx(round(box.width / across))
        assert box.height / down == pytest.approx(box.width / across)
        assert box.x0 == pytest.approx(round(box.x0))


def test_pictures_of_pixels_are_marked_and_others_are_not(tmp_path):
    sheet = style.sheets([(np.zeros((10, 20), np.float32), "a")])
    assert style.has_pixels(sheet)
    assert not style.has_pixels(draw_curves(TAME, Baselines(44.4, 25.2), ""))
    gallery.save(sheet, tmp_path / "a.png")
    pictures = [gallery.Picture("a.png", "sheet", "", pixels=True), gallery.Picture("a.png", "other", "")]
    render("table.html", tmp_path / "page.html", pictures, tmp_path, name="", setting="", head=[], text_columns=(),
           rows=[], findings=[])  # fmt: skip
    page = (tmp_path / "page.html").read_text()
    assert page.count('<img class="pixels" ') == 1
    assert "img.pixels { max-width: none; image-rendering: pixelated; }" in page


@pytest.mark.parametrize("shape", [(8, 8), (28, 28)])
def test_the_clinics_images_are_drawn_in_whole_pixels_with_a_name_beside_each_row(shape, tmp_path):
    count, size = clinic.SHOWN, shape[0] * shape[1]
    case = clinic.Case(PATIENTS[1], [], 1.0, [], torch.rand(count, size), torch.rand(count, size), torch.nn.Identity())
    figure = clinic.draw_images([case, case], torch.rand(2 * count, size), shape)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["test images", "no-noise", "no-noise"]
    for axes in figure.axes:
        down, across = axes.images[0].get_size()
        box = axes.get_window_extent()
        assert box.width / across == pytest.approx(round(box.width / across))
        assert box.height / down == pytest.approx(round(box.height / down))
    assert figure.get_window_extent().width <= 992


def test_the_clinic_draws_every_patient_over_the_healthy_one():
    figure = curves.draw_patients([("healthy", TAME), ("a", TAME), ("b", EXPLODED)], 44.4)
    assert len({axes.get_ylim() for axes in figure.axes[:3]}) == 1
    for axes in figure.axes[1:3]:
        assert [line.get_color() for line in axes.get_lines()[::2]] == ["#bbbbbb", "#bbbbbb"]


def latent_map(count, sigma, latent_dim):
    codes, labels = torch.randn(count, 2), np.arange(count) % 10
    names = tuple("0123456789")
    axes = latent.draw_latent_map(codes, torch.full((count, 2), sigma), labels, names, ("z1", "z2"), latent_dim).axes[0]
    ellipses = [patch for patch in axes.patches if isinstance(patch, Ellipse) and not isinstance(patch, Circle)]
    size = axes.collections[0].get_sizes()[0]  # type: ignore[attr-defined]
    return axes.get_title(loc="left"), size, len(ellipses) / 10, max(ellipses[0].get_edgecolor()[:3])


def test_a_latent_map_suits_the_number_of_its_points():
    title, size, ellipses, edge = latent_map(360, 0.1, 20)
    assert "two of 20 latent dimensions" in title
    assert (size, ellipses) == (26.0, 1)
    assert edge > 0.5  # the colour of its class
    title, size, ellipses, edge = latent_map(5000, 0.1, 2)
    assert "the latent plane" in title
    assert (size, ellipses, edge) == (5.0, 6, 0.0)
    assert latent_map(5000, 0.9, 2)[2] == 1


def test_both_kinds_of_data_say_how_far_the_codes_spread(reference_text, tmp_path):
    path = tmp_path / "vae.py"
    path.write_text(reference_text, encoding="utf-8")
    implementation = load(path, "vae", "bernoulli")
    for data, name in (("wine", "samples.png"), ("digits", "autoencoder.png")):
        cfg = configure("guide", data=data, likelihood="gaussian", latent_dim=3, hidden_dim=16)
        material = session.prepare(datasets.load(data, None), cfg, torch.device("cpu"))
        model, objective = session.make_model(implementation, cfg, material)
        found = evaluate(model, objective, cfg, material, [{"epoch": 0.0, "beta": 1.0}], BoundSize(2, 5))
        subject = gallery.Subject(found, material, model, autoencoder=model)
        plan = gallery._of_vectors(subject) if data == "wine" else gallery._of_images(subject)
        caption, figure = next((caption, fig) for file, _, caption, fig in plan if file == name)
        vae, plain, fitted = [axes.get_title(loc="left") for axes in figure.axes]
        assert re.search(r"codes spread by \d\.\d", vae)
        assert re.search(r"codes spread by \d\.\d", plain)
        assert "a Gaussian\nfitted to its codes" in fitted
        assert re.search(r"nats: VAE \d+\.\d, autoencoder \d+\.\d", caption)


def test_exploded_codes_leave_titles_and_names_readable():
    title = curves.draw_kl_dimensions(torch.tensor([6e22, 1e20]), torch.ones(2)).axes[0].get_title(loc="left")
    assert title.endswith("6.0e22 nats in all")
    for scale in (1.0, 100.0):
        codes = scale * torch.randn(50, 2)
        axes = latent.draw_latent_map(codes, codes.abs(), np.zeros(50, dtype=int), ("a",), ("z1", "z2")).axes[0]
        assert axes.get_legend_handles_labels()[1] == ["a", "50 % of the prior", "95 % of the prior"]
        assert not axes.texts  # nothing is written over the points


def test_a_bound_that_its_noise_lifts_over_the_elbo_is_not_called_below_it():
    titles = [curves.draw_bound([(1, 5.0), (9, last)], 4.8).axes[0].get_title(loc="left") for last in (4.5, 4.9)]
    assert "0.30 nats below" in titles[0]
    assert "0.10 nats above" in titles[1]


def test_options_in_a_finding_are_not_broken_and_the_rest_is_escaped():
    assert options("<b> --sigma 0.2") == '&lt;b&gt; <span class="option">--sigma</span> 0.2'


@pytest.mark.slow
def test_no_chart_is_wider_than_the_column():
    x = torch.randn(40, 3)
    drawn = (
        draw_curves(TAME, Baselines(44.4, 25.2), ""),
        draw_comparison([("a", TAME)]),
        curves.draw_patients([("a", TAME)], 44.4),
        curves.draw_rate_distortion([(0.5, 2.0, 1.0), (1.0, 1.0, 2.0)]),
        curves.draw_kl_dimensions(torch.ones(256), torch.ones(256)),
        vectors.draw_reconstructions(x, x),
        vectors.draw_clouds(x, [("", x)] * 3),
    )
    assert max(figure.get_window_extent().width for figure in drawn) <= 979


def test_two_latent_dimensions_fill_their_axis():
    axes = curves.draw_kl_dimensions(torch.tensor([1.0, 3.0]), torch.tensor([0.5, 0.9])).axes[0]
    assert axes.get_xlim() == (-0.6, 1.6)


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


def test_every_figure_says_its_own_network():
    for figure in comparable(configure("lab", binarise="dynamic")) + comparable(configure("lab", binarise="fixed")):
        assert re.search(r"784-[\d-]+", figure.model), figure
        assert "samples" in figure.model, figure


def test_figures_are_only_held_against_runs_of_their_setting():
    dynamic = comparable(configure("lab", binarise="dynamic"))
    assert dynamic[0].value < 86.35 < dynamic[-1].value
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
