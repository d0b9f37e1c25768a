"""Bad usage and bad input: one clear message, the documented exit status, and no traceback."""

import json

import pytest

from student.lab._app.config import configure
from student.lab._app.errors import BadInput
from student.lab._app.folder import FORMAT, RunFolder

SETTINGS = {
    "a data set that does not exist": ({"data": "fashon-mnist"}, "Did you mean 'fashion-mnist'"),
    "a likelihood that does not exist": ({"likelihood": "gausian"}, "Did you mean 'gaussian'?"),
    "a binarisation that does not exist": ({"binarise": "xyz"}, "none, threshold, fixed, dynamic"),
    "a schedule that does not exist": ({"lr_schedule": "cosin"}, "Did you mean 'cosine'?"),
    "a sigma of nothing": ({"likelihood": "gaussian", "sigma": "0"}, "--sigma must be a positive number or 'learned'"),
    "a sigma in words": ({"likelihood": "gaussian", "sigma": "small"}, "not 'small'"),
    "a sigma for another likelihood": ({"sigma": "learned"}, "--sigma is for vae.py with --likelihood gaussian"),
    "a negative beta": ({"beta": -1.0}, "--beta must be"),
    "a beta that is not a number": ({"beta": float("nan")}, "--beta must be"),
    "no epochs": ({"epochs": 0}, "--epochs must be between 1 and"),
    "a learning rate of nothing": ({"learning_rate": 0.0}, "--learning-rate must be between 1e-30 and"),
    "a layer that no memory holds": ({"hidden_dim": 2_000_000_000}, "--hidden-dim must be between 1 and 1,000,000"),
    "a batch that torch cannot count": ({"batch_size": 10**20}, "--batch-size must be between 1 and 1,000,000,000"),
    "a warm-up without end": ({"warmup_epochs": 1e308}, "--warmup-epochs must be between 0 and 10,000,000"),
    "Bernoulli on real-valued features": ({"data": "wine", "likelihood": "bernoulli"}, "--likelihood gaussian"),
    "binarised features": ({"data": "wine", "likelihood": "laplace", "binarise": "fixed"}, "no pixels to binarise"),
    "a warm-up for simple_vae": ({"preset": "interview", "warmup_epochs": 2.0}, "warmup epochs 0.0 built in"),
    "another likelihood for simple_vae": ({"preset": "interview", "likelihood": "bernoulli"}, "'gaussian' built in"),
    "features for simple_vae": ({"preset": "interview", "data": "wine"}, "ends in a sigmoid"),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_settings_that_make_no_sense_are_refused(case):
    settings, message = SETTINGS[case]
    with pytest.raises(BadInput) as refused:
        configure(**({"preset": "guide"} | settings))
    assert message in str(refused.value)


CASES = {
    "a preset that does not exist": (["train", "--preset", "lba"], ["unknown preset 'lba'", "Did you mean 'lab'?"]),
    "a wrong setting": (["train", "--beta", "-1"], ["--beta must be", "-1"]),
    "no such student file": (["train", "--student", "nowhere.py"], ["nowhere.py: no such file"]),
    "both implementations": (["train", "--student", "x.py", "--solution"], ["not both"]),
    "no such data folder": (
        ["train", "--solution", "--preset", "lab", "--data-dir", "gone"],
        ["gone lacks train-images"],
    ),
    "a data folder for digits": (["train", "--solution", "--data-dir", "."], ["digits comes with scikit-learn"]),
    "resuming nothing": (["train", "--resume", "--out", "gone"], ["gone holds no run"]),
    "resuming without a folder": (["train", "--resume"], ["--resume needs --out"]),
    "evaluating nothing": (["evaluate", "gone"], ["gone holds no run"]),
    "a sweep of one": (["sweep", "--betas", "1"], ["at least two"]),
    "a sweep of words": (["sweep", "--betas", "1,two"], ["separated by commas"]),
    "a sweep of simple_vae": (["sweep", "--preset", "interview"], ["needs vae.py"]),
    "a patient that does not exist": (["clinic", "--patients", "no-nose"], ["Did you mean 'no-noise'"]),
    "an unknown option": (["train", "--epoch", "3"], ["--epoch"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_bad_usage_is_answered_with_one_message(lab, tmp_path, case):
    arguments, messages = CASES[case]
    ended = lab(*arguments)
    assert ended.status == 2, ended.err
    assert "Traceback" not in ended.err
    for message in messages:
        assert message in ended.err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_another_run_is_left_alone(lab, tmp_path):
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "config.json").write_text("{}")
    ended = lab("train", "--solution", "--out", taken)
    assert (ended.status, "holds another run" in ended.err) == (2, True)
    assert [path.name for path in taken.iterdir()] == ["config.json"]


@pytest.mark.slow
def test_a_folder_with_something_else_is_left_alone(lab, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
    ended = lab("train", "--solution", "--out", tmp_path / "thesis")
    assert (ended.status, "is not an empty folder" in ended.err) == (2, True)


def test_memory_that_runs_out_is_not_the_students_fault(inside, student_file):
    path = student_file(("    # >>> solution: task 2.12, build_model\n", "    torch.empty(2**60)\n"))
    ended = inside("train", "--student", path, "--out", "run")
    assert (ended.status, "not enough memory" in ended.err) == (2, True), ended.err


ABOUT = {
    "implementation": {"path": "/gone/vae.py", "sha256": "0"},
    "data": {"input_dim": 64, "folder": "/gone/data"},
    "machine": {"device": "cpu"},
}


def config(path, settings=None, **about):
    """Write a configuration as a run has it."""
    path.mkdir(exist_ok=True)
    content = {"format": FORMAT, "config": settings or {}, "about": ABOUT | about}
    (path / "config.json").write_text(json.dumps(content))


TAKEN_UP_AGAIN = {
    "no samples": (["evaluate", "run", "--samples", "0"], ["--samples must be between 1 and 10,000,000, not 0"]),
    "more threads than any machine": (["evaluate", "run", "--threads", "100000"], ["--threads must be between 0 and"]),
    "evaluate, the file": (["evaluate", "run"], ["the run's file was /gone/vae.py", "--student"]),
    "evaluate, the data": (["evaluate", "run", "--solution"], ["the run's data folder was /gone/data", "--data-dir"]),
    "resume, the file": (["train", "--resume", "--out", "run"], ["the run's file was /gone/vae.py", "--student"]),
    "another preset": (
        ["train", "--resume", "--out", "run", "--preset", "lab"],
        ["--preset lab (the run has guide)"],
    ),
    "another switch": (
        ["train", "--resume", "--out", "run", "--autoencoder"],
        ["to be changed: --autoencoder (the run has False)"],
    ),
}


@pytest.mark.parametrize("case", TAKEN_UP_AGAIN)
def test_a_run_that_is_taken_up_again_says_what_is_no_longer_as_it_was(inside, tmp_path, case):
    arguments, messages = TAKEN_UP_AGAIN[case]
    config(tmp_path / "run")
    ended = inside(*arguments)
    assert ended.status == 2, ended.err
    for message in messages:
        assert message in ended.err


def test_a_clinic_for_features_is_refused_without_options_that_it_does_not_have(inside):
    ended = inside("clinic", "--solution", "--data", "wine")
    assert (ended.status, "needs images (digits, mnist" in ended.err) == (2, True)
    assert "--likelihood" not in ended.err


def test_what_the_run_remembers_must_be_whole(tmp_path):
    for part in ABOUT:
        for broken in (None, {}, {**ABOUT[part], next(iter(ABOUT[part])): ["x"]}):
            config(tmp_path, **{part: broken})
            with pytest.raises(BadInput, match=rf"config\.json: .* of '{part}' in 'about' is missing or damaged"):
                RunFolder(tmp_path).config()
    config(tmp_path)
    assert RunFolder(tmp_path).config()[1] == ABOUT


def _config(**settings):
    return json.dumps({"format": FORMAT, "config": settings, "about": ABOUT})


DAMAGED_CONFIGS = {
    "not JSON": ("{", "not valid JSON"),
    "a list": ("[]", "does not hold a JSON object"),
    "another format": (json.dumps({"format": 99, "config": {}, "about": ABOUT}), "of another version"),
    "an unknown setting": (_config(colour="red"), r"unknown settings \['colour'\]"),
    "a setting of another type": (_config(epochs="many"), "setting 'epochs' is 'many', expected int"),
    "a switch for a number": (_config(hidden_dim=True), "setting 'hidden_dim' is True, expected int"),
}


@pytest.mark.parametrize("damage", DAMAGED_CONFIGS)
def test_a_damaged_configuration_is_refused(tmp_path, damage):
    content, message = DAMAGED_CONFIGS[damage]
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(BadInput, match=rf"config\.json.* {message}"):
        RunFolder(tmp_path).config()


def test_markup_in_a_name_is_printed_as_it_is(lab):
    ended = lab("train", "--preset", "[bold red]x[/]")
    assert ended.status == 2
    assert "'[bold red]x[/]'" in ended.err


@pytest.mark.slow
def test_without_a_network_the_message_says_what_to_fetch_and_where_to_put_it(lab, tmp_path):
    """No mirror answers: a proxy at the discard port stands for the missing network."""
    ended = lab(
        "train", "--solution", "--preset", "lab", VAE_LAB_DATA=str(tmp_path / "cache"),
        http_proxy="http://127.0.0.1:9", https_proxy="http://127.0.0.1:9",
    )  # fmt: skip
    assert ended.status == 2, ended.err
    for message in ("train-images-idx3-ubyte.gz", str(tmp_path / "cache"), "--data-dir", "--data digits"):
        assert message in ended.err


TINY = ["--train-examples", 50, "--hidden-dim", 8, "--latent-dim", 2, "--epochs", 1, "--samples", 2, "--threads", 1]


@pytest.mark.slow
def test_a_run_needs_neither_utf_8_nor_the_callers_drawing_library(start):
    process = start("train", "--solution", *TINY, encoding="latin-1", PYTHONIOENCODING="cp1252", MPLBACKEND="foo")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "epoch   1  test ?ELBO" in out


@pytest.mark.slow
def test_a_reader_that_goes_away_ends_the_run_with_a_word(start):
    process = start("train", "--solution", *TINY[:-6], "--epochs", 100_000, "--threads", 1)
    assert process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=120) == 130
    told = process.stderr.read()
    process.stderr.close()
    assert "nobody reads the output any more" in told
    assert "Traceback" not in told


def test_the_presets_are_listed(lab):
    ended = lab("presets")
    assert ended.status == 0
    for name in ("interview", "notes", "guide", "lab"):
        assert f"{name}: " in ended.out
    assert "--batch-size 32 --autoencoder\n" in ended.out
