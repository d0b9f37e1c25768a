"""Students' files: which stubs are missing, and whose fault it is when something breaks."""

import hashlib
import json
from pathlib import Path

import pytest
import torch

from student.lab._app import checkpoint, console, session
from student.lab._app.config import BoundSize, configure
from student.lab._app.data import load as load_data
from student.lab._app.errors import NotRunnable
from student.lab._app.evaluate import evaluate
from student.lab._app.folder import RunFolder
from student.lab._app.implementation import blamed, load
from student.lab._app.stubs import NEEDED, find_file, missing_stubs

ROOT = Path(__file__).resolve().parents[3]
STUB = '    raise NotImplementedError("task 2.5, kl_divergence")\n'


@pytest.fixture
def skeleton(reference_text):
    """The reference with every marked region replaced by the stub that its task names."""
    lines, inside = [], False
    for line in reference_text.splitlines():
        if "# >>> solution:" in line:
            indent, task = line.split("# >>> solution:")
            lines.append(f'{indent}raise NotImplementedError("{task.strip()}")')
            inside = True
        elif "# <<< solution" in line:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


@pytest.mark.parametrize("likelihood", ["bernoulli", "laplace"])
def test_a_skeleton_gives_the_list_of_the_stubs_that_the_run_calls(inside, tmp_path, skeleton, likelihood):
    (tmp_path / "student").mkdir()
    (tmp_path / "student" / "vae.py").write_text(skeleton)
    ended = inside("train", "--likelihood", likelihood)
    assert ended.status == 3, ended.err
    for number, name in enumerate(NEEDED["vae"], start=1):
        called = name in (f"reconstruction_loss_{likelihood}",) or not name.startswith("reconstruction_loss_")
        assert (f"{name} (task 2.{number})" in ended.err) == called
    assert "10 of 10" in ended.err
    assert "--solution" in ended.err
    assert "Traceback" not in ended.err


def test_only_the_missing_stubs_are_listed(reference_text, tmp_path):
    whole = "    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()\n"
    assert missing_stubs(reference_text, tmp_path, NEEDED["vae"]) == []
    assert missing_stubs(reference_text.replace(whole, STUB), tmp_path, NEEDED["vae"]) == ["kl_divergence (task 2.5)"]


@pytest.mark.slow
def test_a_loss_that_the_run_does_not_call_may_be_missing(inside, undrawn, student_file, reference_text):
    start = reference_text.index("def reconstruction_loss_laplace")
    laplace = reference_text[start : reference_text.index("\ndef ", start)]
    path = student_file((laplace, "def reconstruction_loss_laplace(recon_x, x):\n    raise NotImplementedError\n"))
    ended = inside(
        "train",
        "--student",
        path,
        "--epochs",
        1,
        "--hidden-dim",
        8,
        "--train-examples",
        64,
        "--samples",
        1,
        "--no-plane",
    )
    assert ended.status == 0, ended.err
    ended = inside("train", "--student", path, "--likelihood", "laplace")
    assert ended.status == 3
    assert "1 of 10" in ended.err


@pytest.mark.slow
def test_naming_simple_vae_is_enough(inside, undrawn):
    ended = inside(
        "train", "--implementation", "simple_vae", "--solution", "--epochs", 1, "--train-examples", 64, "--samples", 1
    )
    assert ended.status == 0, ended.err
    assert "simple_vae.py on digits" in ended.out


def test_the_mark_with_which_windows_editors_begin_a_file_is_no_syntax_error(tmp_path, reference_text):
    path = tmp_path / "vae.py"
    path.write_bytes(b"\xef\xbb\xbf" + reference_text.replace("return 0.5 * (mu", "return 1 / 0 * (mu").encode())
    implementation = load(path, "vae", "bernoulli")
    assert implementation.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    line = 1 + reference_text[: reference_text.index("return 0.5 * (mu")].count("\n")
    with pytest.raises(NotRunnable, match=f"vae.py line {line}, in kl_divergence"), blamed(path):
        implementation.module.kl_divergence(torch.zeros(1, 1), torch.zeros(1, 1))


def test_a_stub_of_the_warm_up_may_stand_after_other_code(tmp_path):
    text = "class VAE:\n    def __init__(self):\n        super().__init__()\n        raise NotImplementedError\n"
    assert missing_stubs(text, tmp_path, NEEDED["simple_vae"]) == ["VAE.__init__"]


def test_a_branch_that_raises_is_not_a_stub(tmp_path):
    text = "def beta_schedule(step):\n    if step < 0:\n        raise NotImplementedError('x')\n    return 1.0\n"
    assert missing_stubs(text, tmp_path, NEEDED["vae"]) == []


FAULTS = {
    "a syntax error": ([("def build_model(", "def build_model((")], ["is not valid Python", "line"]),
    "an import that fails": ([("import torch\n", "import torch\nimport no_such_package\n")], ["no_such_package"]),
    "a lost function": ([("def beta_schedule(", "def beta_plan(")], ["does not define beta_schedule"]),
    "an error in encode": ([("        h = self.enc(x)\n", "        h = self.encoder(x)\n")], ["in encode", "line"]),
    "decode returns too few features": (
        [("        return self.dec(z)\n", "        return self.dec(z)[:, :5]\n")],
        ["VAE.forward gives the mean as a tensor of shape (2, 5)"],
    ),
    "forward returns two things": (
        [("        return VAEOutput(logits=self.decode(z), mu=mu, logvar=logvar, z=z)", "        return mu, logvar")],
        ["VAE.forward must return 4 tensors, not a tuple of 2"],
    ),
    "the loss is not one number": (
        [("ElboTerms(loss=recon + beta * kl,", "ElboTerms(loss=(recon + beta * kl).expand(2),")],
        ["vae_loss gives loss as a tensor of shape (2,), expected a scalar"],
    ),
    "the loss is detached": (
        [("ElboTerms(loss=recon + beta * kl,", "ElboTerms(loss=(recon + beta * kl).detach(),")],
        ["no gradient flows"],
    ),
    "vae_loss returns a number": (
        [("    return compute_elbo(x, output.logits,", "    return 1.0\n    return compute_elbo(x, output.logits,")],
        ["vae_loss must return loss, recon and kl, not a float"],
    ),
    "vae_loss leaves the KL out": (
        [("ElboTerms(loss=recon + beta * kl, recon=recon, kl=kl)", "(recon + beta * kl, recon)")],
        ["vae_loss must return loss, recon and kl, not a tuple of 2"],
    ),
    "beta_schedule forgets to return": (
        [("    # >>> solution: task 2.10, beta_schedule\n", "    return None\n")],
        ["beta_schedule must return a number, not a NoneType"],
    ),
    "exit at the end of the file": ([("import torch\n", "import torch\nexit()\n")], ["line", "ends the program here"]),
    "exit in the model": (
        [("        h = self.enc(x)\n", "        raise SystemExit(0)\n")],
        ["in encode", "ends the program here"],
    ),
    "exit in the loss": (
        [("    return compute_elbo(x, output.logits,", "    exit()\n    return compute_elbo(x, output.logits,")],
        ["in vae_loss", "ends the program here"],
    ),
    "encode changes the data": (
        [("        h = self.enc(x)\n", "        x -= 0.5\n        h = self.enc(x)\n")],
        ["the model changes its input in place"],
    ),
    "vae_loss changes the data": (
        [("    return compute_elbo(x, output.logits,", "    x.zero_()\n    return compute_elbo(x, output.logits,")],
        ["vae_loss changes its input in place"],
    ),
    "what the gradient needs is overwritten": (
        [
            (
                "        h = self.enc(x)\n",
                "        h = self.enc(x)\n        self.mu(h)\n        h = h.tanh()\n        h.zero_()\n",
            )
        ],
        ["the gradient of your loss cannot be computed", "inplace operation"],
    ),
    "the model is no module": (
        [("    # >>> solution: task 2.12, build_model\n", "    return 3\n")],
        ["build_model returned a int"],
    ),
}


def test_the_warm_ups_loss_is_a_tensor(tmp_path):
    text = (ROOT / "reference" / "simple_vae.py").read_text(encoding="utf-8")
    path = tmp_path / "simple_vae.py"
    path.write_text(text.replace("def vae_loss(", "def vae_loss(*ignored):\n    return 3.0\n\n\ndef unused("))
    cfg = configure("interview", data="digits")
    material = session.prepare(load_data("digits"), cfg, torch.device("cpu"))
    with pytest.raises(NotRunnable, match=r"simple_vae\.py: vae_loss must return a scalar tensor, not a float"):
        session.make_trainer(load(path, "simple_vae", "gaussian"), cfg, material)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_implementation_is_named_as_its_own(student_file, fault):
    replacements, messages = FAULTS[fault]
    path = student_file(*replacements)
    cfg = configure("guide", train_examples=50)
    material = session.prepare(load_data("digits"), cfg, torch.device("cpu"))
    with pytest.raises(NotRunnable) as refused:
        session.make_trainer(load(path, "vae", "bernoulli"), cfg, material)
    for message in [*messages, str(path)]:
        assert message in str(refused.value)


@pytest.mark.slow
def test_code_that_changes_its_input_later_cannot_change_what_is_measured(student_file):
    """The contract is checked in training mode; this one waits for the evaluation."""
    slily = "        if not self.training:\n            x.zero_()\n        h = self.enc(x)\n"
    cfg = configure("guide", train_examples=50, hidden_dim=16)
    material = session.prepare(load_data("digits"), cfg, torch.device("cpu"))
    trainer = session.make_trainer(
        load(student_file(("        h = self.enc(x)\n", slily)), "vae", "bernoulli"), cfg, material
    )
    trainer.model.eval()
    before = material.test.clone(), material.train_measured.clone()
    session.measured_row(trainer, material, None)
    evaluate(trainer.model, trainer.objective, cfg, material, [{"epoch": 0.0}], BoundSize(2, 5))
    assert torch.equal(material.test, before[0])
    assert torch.equal(material.train_measured, before[1])


@pytest.mark.parametrize("part", ["progress", "metrics"])
def test_what_the_lab_itself_does_wrong_is_not_blamed_on_the_student(student_file, tmp_path, monkeypatch, part):
    cfg = configure("guide", train_examples=50, hidden_dim=16, epochs=1)
    material = session.prepare(load_data("digits"), cfg, torch.device("cpu"))
    trainer = session.make_trainer(load(student_file(), "vae", "bernoulli"), cfg, material)
    folder = RunFolder(tmp_path / "run")
    folder.create(cfg, {})

    def fail(*ignored):
        raise ValueError("the lab's own")

    monkeypatch.setattr(console, part, fail)
    with pytest.raises(ValueError, match="the lab's own"):
        session.train(trainer, material, folder, [], lambda: False)


@pytest.mark.slow
def test_an_implementation_that_closes_the_output_is_told_of_it(lab, student_file):
    path = student_file(("import torch\n", "import sys\n\nimport torch\n\nsys.stdout.close()\n"))
    ended = lab("train", "--student", path, "--train-examples", 50)
    assert (ended.status, "does the implementation?" in ended.err) == (3, True), ended.err
    assert "Traceback" not in ended.err


@pytest.mark.slow
def test_an_error_in_the_middle_of_training_keeps_what_is_there(inside, undrawn, student_file, tmp_path):
    broken = (
        "    if mu.shape[0] == 36 and calls.append(0) is None and len(calls) > 4:\n        raise KeyError('oops')\n"
    )
    path = student_file(
        ("def kl_divergence(", "calls = []\n\n\ndef kl_divergence("),
        ("    return 0.5 * (mu.pow(2)", broken + "    return 0.5 * (mu.pow(2)"),
    )
    ended = inside(
        "train", "--student", path, "--train-examples", 100, "--batch-size", 64, "--epochs", 9, "--out", "run"
    )
    assert ended.status == 3, ended.err
    assert "in kl_divergence: KeyError: 'oops'" in ended.err
    assert "4 epochs are kept in run. Go on with: vae-lab train --resume --out run" in ended.err
    assert "Traceback" not in ended.err
    assert len((tmp_path / "run" / "metrics.csv").read_text().splitlines()) == 6  # heading, untrained, four epochs


def test_the_file_is_found_by_folder_and_by_name(tmp_path):
    (tmp_path / "student").mkdir()
    (tmp_path / "student" / "vae.py").write_text("")
    expected = (tmp_path / "student" / "vae.py").resolve()
    assert find_file("vae", False, tmp_path) == expected
    assert find_file("vae", False, tmp_path / "student") == expected
    assert find_file("vae", False, expected) == expected


def test_a_tied_decoder_and_other_liberties_can_be_trained(student_file, tmp_path):
    path = student_file(
        (
            "        self.recon_loss = recon_loss\n",
            "        self.recon_loss = recon_loss\n        self.twin = self.mu.weight\n",
        ),
        ("ElboTerms(loss=recon + beta * kl, recon=recon, kl=kl)", "[recon + beta * kl, recon, kl]"),
    )
    cfg = configure("guide", train_examples=50, epochs=1)
    material = session.prepare(load_data("digits"), cfg, torch.device("cpu"))
    trainer = session.make_trainer(load(path, "vae", "bernoulli"), cfg, material)
    trainer.run_epoch()
    folder = RunFolder(tmp_path / "run")
    folder.create(cfg, {})
    row = session.measured_row(trainer, material, None)
    checkpoint.save(folder, trainer.model, trainer.optimizer, [row])
    again = session.make_trainer(load(path, "vae", "bernoulli"), cfg, material)
    assert session.resume(again, folder)[0]["test_kl"] == row["test_kl"]
    assert all(torch.equal(a, b) for a, b in zip(trainer.model.parameters(), again.model.parameters(), strict=True))


@pytest.mark.slow
def test_a_file_that_ends_the_program_behind_pythons_back_is_told(lab, student_file):
    path = student_file(("        h = self.enc(x)\n", "        import os\n\n        os._exit(0)\n"))
    ended = lab("train", "--student", path)
    assert ended.status == 3
    assert "in encode: the code ends the program here" in ended.err


@pytest.mark.slow
def test_noise_that_is_left_out_in_evaluation_is_found(inside, undrawn, student_file, tmp_path, reference_text):
    start = reference_text.index("    def reparameterize")
    body = reference_text[start : reference_text.index("\n    def ", start + 10)]
    text = "    def reparameterize(self, mu, logvar):\n        eps = torch.randn_like(mu) if self.training else 0\n"
    text += "        return mu + (logvar / 2).exp() * eps\n"
    arguments = ("--epochs", 5, "--samples", 1, "--warmup-epochs", 0, "--no-plane", "--out", tmp_path / "run")
    ended = inside("train", "--student", student_file((body, text)), *arguments)
    assert ended.status == 0, ended.err
    assert "The noise is left out in evaluation" in ended.out
    assert "no usual factor" not in ended.out


@pytest.mark.slow
def test_a_squared_error_on_grey_digits_is_told_its_cause_and_sigma_helps(inside, undrawn, tmp_path):
    shared = ("--solution", "--likelihood", "gaussian", "--epochs", 15, "--samples", 1, "--no-plane")
    wide = inside("train", *shared, "--out", tmp_path / "wide")
    assert "The observation noise is too wide for these pixels" in wide.out
    assert "a Gaussian of variance 1/2" in wide.out
    assert "more epochs" not in wide.out
    narrow = inside("train", *shared, "--sigma", 0.2, "--out", tmp_path / "narrow")
    assert narrow.status == 0, narrow.err
    assert "too wide" not in narrow.out
    assert "20 of 20 units active" not in wide.out
    learned = inside("train", *shared, "--sigma", "learned", "--out", tmp_path / "learned")
    assert "too wide" not in learned.out
    found = [json.loads((tmp_path / name / "summary.json").read_text()) for name in ("narrow", "learned")]
    assert [summary["setting"]["sigma"] for summary in found] == [pytest.approx(0.2), pytest.approx(0.16, abs=0.03)]
    assert found[1]["test"]["neg_elbo"] < found[0]["test"]["neg_elbo"] < found[0]["baselines"]["constant"]
    again = inside("evaluate", tmp_path / "learned", "--samples", 1, "--threads", 1)
    assert again.status == 0, again.err
    assert json.loads((tmp_path / "learned" / "summary.json").read_text())["test"] == found[1]["test"]
