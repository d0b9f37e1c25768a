"""The latent explorer in a real browser, with real mouse, keys and fingers: it draws what PyTorch decodes."""

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from harness.browser import browser
from harness.lab.conftest import run_here
from harness.lab.written import Chunked, Model, scene, write
from playwright.sync_api import Page
from safetensors.torch import load_file
from torch import nn

from student.lab._app import data as datasets
from student.lab._app.explorer.page import Shown, make_explorer
from student.lab._app.implementation import load

DESK, PHONE = {"width": 1200, "height": 900}, {"width": 390, "height": 844}
pytestmark = pytest.mark.slow

__all__ = ["browser"]


@dataclass
class Explorer:
    """A page with an explorer, as a reader uses it."""

    page: Page
    asked_for: list[str]

    def part(self, name):
        return self.page.locator(f'[data-part="{name}"]')

    def press(self, name):
        self.page.locator(f'[data-do="{name}"]').click()

    def z(self):
        return torch.tensor(json.loads(self.page.locator("#explorer").get_attribute("data-z")), dtype=torch.float64)

    def on_map(self, across, up):
        """A place of the map in the page's pixels, from fractions of its width and height."""
        self.part("map").scroll_into_view_if_needed()
        box = self.part("map").bounding_box()
        return box["x"] + across * box["width"], box["y"] + up * box["height"]

    def grey(self, canvas):
        """The levels of grey on a canvas, from 0 to 255, as a vector."""
        script = "canvas => Array.from(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data)"
        red, green, blue, alpha = np.array(canvas.evaluate(script)).reshape(-1, 4).T
        assert (red == green).all()
        assert (red == blue).all()
        assert (alpha == 255).all()
        return red

    def assert_draws(self, mean, canvas=None):
        """A canvas shows a mean within a level of grey."""
        shown = self.grey(canvas or self.part("picture"))
        wanted = np.rint(255 * mean.detach().double().numpy().clip(0, 1))
        assert np.abs(shown - wanted).max() <= 1
        return shown


@pytest.fixture
def open_page(browser):
    """Open a report; afterwards, nothing has gone wrong in it, and nothing but it has been asked for."""
    contexts, troubles = [], []

    def open_page(path, viewport=DESK, **options):
        context = browser.new_context(viewport=viewport, **options)
        contexts.append(context)
        page = context.new_page()
        asked_for = []
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: asked_for.append(request.url.partition(":")[0]))
        page.goto(path.as_uri())
        page.locator("#explorer[data-ready]").wait_for()
        return Explorer(page, asked_for)

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture(scope="module")
def trained(finished_run, reference_text, tmp_path_factory):
    """The networks of the finished run: the VAE and the plain autoencoder."""
    path = tmp_path_factory.mktemp("reference") / "vae.py"
    path.write_text(reference_text, encoding="utf-8")
    module = load(path, "vae", "bernoulli").module
    models = []
    for file in ("checkpoint", "autoencoder"):
        weights = load_file(finished_run / f"{file}.safetensors")
        model = module.build_model(module.VAEConfig(input_dim=64, hidden_dim=32, latent_dim=2))
        model.load_state_dict({name.removeprefix("model."): weights[name] for name in weights if "." in name
                               and name.removeprefix("model.") in model.state_dict()})  # fmt: skip
        models.append(model.double())
    return models


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


@pytest.fixture
def explorer(open_page, finished_run):
    return open_page(finished_run / "report.html")


def picture(model, z):
    return torch.sigmoid(model.decode(z[None])[0])


def test_pointing_at_the_map_draws_what_pytorch_decodes_there(explorer, trained):
    shown, places = [], [(0.5, 0.5), (0.75, 0.5), (0.5, 0.25), (0.1, 0.9), (0.93, 0.04)]
    for place in places:
        explorer.page.mouse.move(*explorer.on_map(*place))
        explorer.assert_draws(picture(trained[0], explorer.z()))
        shown.append(explorer.z())
    assert shown[0].abs().max() < 0.02
    extent = 2 * shown[1][0]
    for (across, up), z in zip(places, shown, strict=True):
        wanted = torch.tensor([(across - 0.5) * 2 * extent, (0.5 - up) * 2 * extent])
        assert (z - wanted).abs().max() < 0.05
    assert extent >= 3.5  # the prior is on it
    assert set(explorer.asked_for) <= {"file", "data", "blob"}


def test_a_code_that_was_only_pointed_at_goes_and_a_pressed_one_stays(explorer):
    mouse = explorer.page.mouse
    mouse.move(*explorer.on_map(0.3, 0.3))
    assert explorer.z().norm() > 0.5
    mouse.move(5, 5)
    assert explorer.z().norm() == 0
    mouse.move(*explorer.on_map(0.3, 0.3))
    mouse.down()
    mouse.move(*explorer.on_map(0.6, 0.7), steps=3)
    mouse.up()
    chosen = explorer.z()
    mouse.move(5, 5)
    assert torch.equal(explorer.z(), chosen)


KEYS = [
    ("ArrowRight", [0.1, 0.0]),
    ("ArrowUp", [0.1, 0.1]),
    ("Shift+ArrowLeft", [-0.4, 0.1]),
    ("ArrowDown", [-0.4, 0.0]),
    ("0", [0.0, 0.0]),
]


def test_keys_do_what_the_mouse_does(explorer, trained):
    explorer.part("map").focus()
    press = explorer.page.keyboard.press
    for key, wanted in KEYS:
        press(key)
        assert explorer.z().tolist() == pytest.approx(wanted)
        explorer.assert_draws(picture(trained[0], explorer.z()))
    press("r")
    assert explorer.z().abs().min() > 0
    press("i")
    assert "Choose A" in explorer.part("hint").inner_text()
    press("Enter")
    press("r")
    assert explorer.part("frames").is_visible()
    press("Escape")
    assert not explorer.part("strip").is_visible()
    press("p")
    assert set(explorer.grey(explorer.part("picture"))) <= {0, 255}


def test_sliders_show_and_change_each_coordinate(explorer, trained):
    sliders = explorer.part("sliders").locator("input")
    assert sliders.count() == 2
    sliders.nth(1).fill("-1.5")
    assert explorer.z().tolist() == [0, -1.5]
    sliders.nth(0).focus()
    explorer.page.keyboard.press("ArrowRight")
    assert explorer.z().tolist() == pytest.approx([0.01, -1.5])
    explorer.assert_draws(picture(trained[0], explorer.z()))
    share = 100 * (1 - math.exp(-(explorer.z().norm().item() ** 2) / 2))
    assert f"{share:.1f} % of the prior" in explorer.part("readout").inner_text()


def test_random_codes_come_from_the_prior(explorer):
    script = """() => Array.from({length: 400}, () => {
        document.querySelector('[data-do="random"]').click();
        return JSON.parse(document.getElementById("explorer").dataset.z); })"""
    values = torch.tensor(explorer.page.evaluate(script))
    assert values.shape == (400, 2)
    assert values.mean().abs() < 5 / math.sqrt(800)
    assert (values.var() - 1).abs() < 5 * math.sqrt(2 / 800)
    assert (values[:, 0] * values[:, 1]).mean().abs() < 5 / math.sqrt(400)


def test_the_way_between_two_points_is_a_straight_line_of_decoded_codes(explorer, trained):
    explorer.press("interpolate")
    ends = []
    for place in ((0.3, 0.4), (0.7, 0.6)):
        explorer.page.mouse.click(*explorer.on_map(*place))
        ends.append(explorer.z())
    frames = explorer.part("frames").locator("canvas")
    assert frames.count() == 9
    for index in range(9):
        code = ends[0] + index / 8 * (ends[1] - ends[0])
        explorer.assert_draws(picture(trained[0], code), frames.nth(index))
    explorer.part("way").fill("0.25")
    torch.testing.assert_close(explorer.z(), ends[0] + 0.25 * (ends[1] - ends[0]))
    frames.nth(4).click()
    torch.testing.assert_close(explorer.z(), (ends[0] + ends[1]) / 2)


def test_a_real_digit_is_encoded_and_can_be_dragged_away(explorer, trained, digits):
    binary = torch.from_numpy((digits.test >= 0.5).astype(np.float64))
    label = 3
    place = int(np.flatnonzero(digits.test_labels == label)[0])
    explorer.part("digits").locator("button").nth(2 * label).click()
    mu, _ = trained[0].encode(binary[place][None])
    torch.testing.assert_close(explorer.z(), mu[0].detach(), atol=1e-3, rtol=0)
    explorer.assert_draws(binary[place], explorer.part("source"))
    before = explorer.assert_draws(picture(trained[0], explorer.z()))
    mouse = explorer.page.mouse
    mouse.move(*explorer.on_map(0.5, 0.5))
    mouse.down()
    mouse.move(*explorer.on_map(0.9, 0.2), steps=4)
    mouse.up()
    assert (explorer.assert_draws(picture(trained[0], explorer.z())) != before).any()
    explorer.assert_draws(binary[place], explorer.part("source"))


def test_a_drawn_digit_is_encoded_as_pytorch_does(explorer, trained):
    paper = explorer.part("paper")
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    mouse = explorer.page.mouse
    mouse.move(box["x"] + 20, box["y"] + 15)
    mouse.down()
    for x, y in ((60, 15), (30, 80)):
        mouse.move(box["x"] + x, box["y"] + y, steps=5)
    mouse.up()
    seen = explorer.grey(explorer.part("source")).reshape(8, 8)
    assert set(seen.ravel()) == {0, 255}  # the run's data are black and white
    rows, columns = np.nonzero(seen)
    assert abs(rows.mean() - 3.5) <= 0.75  # in the middle
    assert abs(columns.mean() - 3.5) <= 0.75
    mu, _ = trained[0].encode(torch.from_numpy(seen.reshape(1, -1) / 255.0))
    torch.testing.assert_close(explorer.z(), mu[0].detach(), atol=0.05, rtol=0)
    explorer.press("clear")
    assert explorer.grey(paper).max() == 0


def test_the_autoencoder_beside_it_decodes_the_same_code(explorer, trained):
    explorer.page.mouse.click(*explorer.on_map(0.3, 0.7))
    z = explorer.z()
    models = explorer.part("models").locator("button")
    assert models.all_inner_texts() == ["VAE", "plain autoencoder"]
    for index in (1, 0):
        models.nth(index).click()
        assert torch.equal(explorer.z(), z)
        explorer.assert_draws(picture(trained[index], z))
        explorer.assert_draws(picture(trained[1 - index], z), models.nth(1 - index).locator("canvas"))


def test_a_finger_taps_and_drags(open_page, finished_run, trained):
    explorer = open_page(finished_run / "report.html", PHONE, has_touch=True, is_mobile=True, device_scale_factor=2)
    x, y = explorer.on_map(0.25, 0.5)
    explorer.page.touchscreen.tap(x, y)
    tapped = explorer.z()
    assert tapped[0] < -1
    devtools = explorer.page.context.new_cdp_session(explorer.page)
    for kind, points in (("Start", [(x, y)]), ("Move", [(x + 40, y)]), ("Move", [(x + 120, y + 60)]), ("End", [])):
        touches = [{"x": at[0], "y": at[1]} for at in points]
        devtools.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": touches})
    explorer.page.wait_for_function("before => document.getElementById('explorer').dataset.z !== before",
                                    arg=json.dumps(tapped.tolist(), separators=(",", ":")))  # fmt: skip
    assert explorer.z()[0] > tapped[0] + 1
    assert explorer.z()[1] < -0.5
    explorer.assert_draws(picture(trained[0], explorer.z()))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_a_report_fits_its_screen_in_light_and_dark(open_page, finished_run, scheme, viewport):
    explorer = open_page(finished_run / "report.html", viewport, color_scheme=scheme)
    explorer.part("digits").locator("button").nth(0).click()
    assert explorer.page.evaluate("document.scrollingElement.scrollWidth") <= viewport["width"]
    rightmost = (
        "root => Math.max(...Array.from(root.querySelectorAll('*'), part => part.getBoundingClientRect().right))"
    )
    assert explorer.page.locator("#explorer").evaluate(rightmost) <= viewport["width"]
    ink, paper = (
        explorer.page.locator("body").evaluate(f"body => getComputedStyle(body).{name}")
        for name in ("color", "backgroundColor")
    )
    lightness = [sum(map(int, color[4:-1].split(","))) for color in (ink, paper)]
    assert (lightness[0] < lightness[1]) == (scheme == "light")
    assert abs(lightness[0] - lightness[1]) > 400
    width = explorer.part("picture").bounding_box()["width"]
    assert width % 8 == 0  # whole pixels for each pixel
    assert explorer.part("picture").evaluate("canvas => getComputedStyle(canvas).imageRendering") == "pixelated"


def test_a_browser_that_cannot_unpack_the_networks_is_told(browser, finished_run):
    page = browser.new_page()
    page.add_init_script("delete window.DecompressionStream")
    page.goto((finished_run / "report.html").as_uri())
    assert "too old" in page.locator('[data-part="fact"]').inner_text()
    page.close()


@pytest.fixture(scope="module")
def clinic(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clinic")
    sizes = ("--hidden-dim", 16, "--latent-dim", 3, "--train-examples", 300, "--epochs", 5, "--threads", 1)
    patients = ("--patients", "no-kl,double-sigmoid")
    assert run_here(folder, "clinic", "--solution", *patients, *sizes, "--out", "clinic") == 0
    return folder / "clinic"


def test_the_live_clinic_switches_between_its_patients(open_page, clinic):
    explorer = open_page(clinic / "report.html")
    patients = explorer.part("models").locator("button")
    assert patients.all_inner_texts() == ["healthy", "double-sigmoid", "no-kl"]
    written = json.loads((clinic / "clinic.json").read_text())["patients"]
    numbers = {patient["name"]: patient["last"] for patient in written}
    explorer.page.mouse.click(*explorer.on_map(0.95, 0.05))
    z = explorer.z()
    shown = []
    for index, name in enumerate(numbers):
        patients.nth(index).click()
        assert torch.equal(explorer.z(), z)
        assert f"true −ELBO is {numbers[name]['test_neg_elbo']:.1f}" in explorer.part("fact").inner_text()
        shown.append(explorer.grey(explorer.part("picture")))
        assert (shown[-1] == explorer.grey(patients.nth(index).locator("canvas"))).all()
    assert shown[1].min() >= 127  # a sigmoid of a sigmoid lies between 0.5 and 0.73
    assert shown[1].max() <= 187
    assert (shown[0] != shown[2]).any()


def test_of_many_dimensions_two_are_on_the_map_and_the_others_stay(open_page, tmp_path):
    model = Model()
    explorer = open_page(write(make_explorer("A title", [Shown("one", model)], scene()), tmp_path))
    assert "</script><img" in explorer.part("legend").inner_text()
    explorer.press("random")
    before = explorer.z()
    explorer.part("across").select_option("7")
    explorer.part("up").select_option("11")
    explorer.page.mouse.click(*explorer.on_map(0.7, 0.2))
    moved = [axis for axis in range(20) if explorer.z()[axis] != before[axis]]
    assert moved == [7, 11]
    explorer.assert_draws(picture(model, explorer.z().float()))
    assert explorer.part("sliders").locator("input").count() == 20


def test_a_mean_is_drawn_as_it_is_and_cut_to_what_can_be_shown(open_page, tmp_path):
    model = Model(decoder=nn.Sequential(nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 784)))
    explorer = open_page(write(make_explorer("A title", [Shown("one", model)], scene(logits=False)), tmp_path))
    explorer.press("random")
    shown = explorer.assert_draws(model.decode(explorer.z().float()[None])[0])
    assert shown.min() == 0  # a negative mean
    assert shown.max() > 20
    assert not explorer.page.locator('[data-do="observe"]').is_visible()


def test_without_an_encoder_that_can_be_exported_only_drawing_is_missing(open_page, tmp_path):
    explorer = open_page(write(make_explorer("A title", [Shown("one", Chunked())], scene()), tmp_path))
    explorer.part("digits").locator("button").nth(1).click()
    assert explorer.z().norm() > 0
    assert not explorer.part("own").is_visible()
