"""Training at the level of use: the presets, resuming, interrupting, numbers that are not finite."""

import csv
import errno
import json
import math
import os
import shutil
import signal
import time

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from student.lab import measure
from student.lab._app import checkpoint, evaluate, session
from student.lab._app.config import PRESETS, Place, configure
from student.lab._app.data import load as load_data
from student.lab._app.errors import BadInput
from student.lab._app.folder import COLUMNS, RunFolder
from student.lab._app.implementation import load
from student.lab._app.trainer import claim

CLOCK = ("seconds", "examples_per_second")
SMALL = ("--train-examples", 200, "--hidden-dim", 24, "--samples", 10, "--threads", 1)


def metrics(folder):
    """The metrics of a run without what a clock measured."""
    with (folder / "metrics.csv").open() as file:
        return [{name: value for name, value in row.items() if name not in CLOCK} for row in csv.DictReader(file)]


def weights(folder, name="checkpoint"):
    with safe_open(folder / f"{name}.safetensors", framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def trainer_for(path, **options):
    cfg = configure("guide", **({"train_examples": 200, "hidden_dim": 24, "latent_dim": 5, "epochs": 3} | options))
    material = session.prepare(load_data("digits"), cfg, torch.device("cpu"))
    return session.make_trainer(load(path, "vae", "bernoulli"), cfg, material), material


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS)
def test_each_preset_makes_a_whole_run(inside, tmp_path, data_dir, preset):
    where = ["--data-dir", data_dir] if PRESETS[preset][1].data == "mnist" else []
    ended = inside("train", "--preset", preset, "--solution", "--epochs", 2, *SMALL, *where, "--out", "run")
    assert ended.status == 0, ended.err
    run = tmp_path / "run"
    summary = json.loads((run / "summary.json").read_text())
    assert summary["unit"] == "nats per example"
    assert summary["test"]["neg_elbo"] == pytest.approx(summary["test"]["recon"] + summary["test"]["kl"])
    assert summary["test"]["neg_elbo"] == pytest.approx(float(metrics(run)[-1]["test_neg_elbo"]), rel=1e-4)
    assert [row["epoch"] for row in metrics(run)] == ["0", "1", "2"]
    config = json.loads((run / "config.json").read_text())["config"]
    wanted = PRESETS[preset][1].to_json() | {"epochs": 2, "hidden_dim": 24, "train_examples": 200}
    assert config == wanted
    drawn = {path.stem for path in (run / "pictures").iterdir()}
    assert {"curves", "reconstructions", "samples", "latent-map", "kl-dimensions"} <= drawn
    assert ("manifold" in drawn) == (preset == "lab")
    assert (run / "autoencoder.safetensors").exists() == (preset == "notes")
    assert (run / "report.html").read_text().count("data:image/png;base64,") == len(drawn)


@pytest.mark.slow
def test_a_run_stopped_by_ctrl_c_and_resumed_gives_the_numbers_of_an_uninterrupted_one(
    start, inside, undrawn, tmp_path
):
    options = ["--solution", *SMALL, "--no-plane", "--binarise", "dynamic", "--warmup-epochs", 3, "--latent-dim", 3]
    parts, whole = tmp_path / "parts", tmp_path / "whole"
    process = start("train", *options, "--epochs", 100_000, "--autoencoder", "--out", parts)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not ((parts / "metrics.csv").exists() and len(metrics(parts)) > 3):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "--resume" in err
    assert "Traceback" not in err
    done = len(metrics(parts)) - 1
    assert f"{done} of 100000 epochs" in (parts / "report.html").read_text()
    assert not list(parts.glob(".*"))

    more = done + 2
    ended = inside("train", "--resume", "--epochs", more, "--threads", 1, "--samples", 5, "--out", parts)
    assert ended.status == 0, ended.err
    assert f"after epoch {done} of {more}" in ended.out
    assert inside("train", *options, "--epochs", more, "--autoencoder", "--out", whole).status == 0
    assert metrics(parts) == metrics(whole)
    for name in ("checkpoint", "autoencoder"):
        before, after = weights(whole, name), weights(parts, name)
        assert before.keys() == after.keys()
        assert all(torch.equal(before[name], after[name]) for name in before)

    before = (parts / "config.json").read_bytes()
    refused = inside("train", "--resume", "--epochs", 1, "--out", parts)
    assert (refused.status, f"--epochs 1: {more} epochs" in refused.err) == (2, True)
    assert (parts / "config.json").read_bytes() == before
    assert (parts / "autoencoder.safetensors").exists()
    refused = inside("train", "--resume", "--beta", 2, "--out", parts)
    assert (refused.status, "--beta 2.0 (the run has 1.0)" in refused.err) == (2, True)


@pytest.mark.slow
def test_a_term_that_is_not_finite_stops_training_and_keeps_the_last_good_checkpoint(
    inside, undrawn, student_file, tmp_path
):
    explode = "    if mu.requires_grad and mu.shape[0] == 25 and calls.append(0) is None and len(calls) == 30:\n"
    path = student_file(
        ("def kl_divergence(", "calls = []\n\n\ndef kl_divergence("),
        ("    return 0.5 * (mu.pow(2)", explode + "        return mu.sum() / 0\n    return 0.5 * (mu.pow(2)"),
    )
    ended = inside("train", "--student", path, *SMALL, "--batch-size", 25, "--epochs", 9, "--out", "run")
    assert ended.status == 1, ended.err
    assert "stopped at step 29 (epoch 4): kl is" in ended.err
    assert [row["epoch"] for row in metrics(tmp_path / "run")] == ["0", "1", "2", "3"]
    assert all(tensor.isfinite().all() for tensor in weights(tmp_path / "run").values())
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["findings"][0]["title"] == "Stopped early"
    assert (summary["setting"]["epochs"], summary["setting"]["epochs_done"]) == (9, 3)
    assert "its report run/report.html" in ended.err

    assert inside("evaluate", "run", "--student", path, "--samples", 2, "--threads", 1).status == 0
    again = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert again["findings"][0] == summary["findings"][0]


@pytest.mark.slow
def test_ctrl_c_while_the_report_is_made_says_how_to_make_it(inside, monkeypatch):
    monkeypatch.setattr(evaluate, "importance_bound", lambda *ignored: os.kill(os.getpid(), signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a tests' worker may ignore it
    try:
        ended = inside("train", "--solution", *SMALL, "--no-plane", "--epochs", 1, "--out", "r")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended.status == 130, ended.err
    assert "stopped before the report was made. 1 epoch is kept in r." in ended.err
    assert "vae-lab evaluate r" in ended.err
    assert "Traceback" not in ended.err


METADATA = {
    "an epoch in words": ({"epoch": "three"}, "does not hold the metrics"),
    "no number": ({"test_kl": None}, "does not hold the metrics"),
    "a truth": ({"test_kl": True}, "does not hold the metrics"),
}


@pytest.mark.slow
@pytest.mark.parametrize("damage", METADATA)
def test_a_checkpoint_with_damaged_metrics_is_refused(student_file, tmp_path, damage):
    changed, message = METADATA[damage]
    trainer, _ = trainer_for(student_file())
    folder = RunFolder(tmp_path / "run")
    folder.create(trainer.cfg, {})
    rows = [dict.fromkeys(COLUMNS, 0.0) | changed]
    checkpoint.save(folder, trainer.model, trainer.optimizer, rows)
    with pytest.raises(BadInput, match=message):
        session.resume(trainer, folder)


def test_a_checkpoint_with_a_damaged_optimiser_is_refused(student_file, tmp_path):
    trainer, _ = trainer_for(student_file())
    folder = RunFolder(tmp_path / "run")
    folder.create(trainer.cfg, {})
    checkpoint.save(folder, trainer.model, trainer.optimizer, [dict.fromkeys(COLUMNS, 0.0)])
    with safe_open(folder.checkpoint_file, framework="pt") as file:
        metadata = file.metadata()
    save_file(weights(folder.path) | {"optimizer.first.step": torch.zeros(())}, folder.checkpoint_file, metadata)
    with pytest.raises(BadInput, match="does not hold the state of the optimiser"):
        session.resume(trainer, folder)


def full(path, content):
    """A disk that is full in the middle of a file."""
    with path.open("wb") as file:
        file.write(content[:100])
    raise OSError(errno.ENOSPC, "No space left on device")


def test_what_cannot_be_written_is_named_and_the_old_checkpoint_survives(student_file, tmp_path, monkeypatch):
    trainer, material = trainer_for(student_file())
    folder = RunFolder(tmp_path / "run")
    folder.create(trainer.cfg, {})
    rows = [session.measured_row(trainer, material, None)]
    checkpoint.save(folder, trainer.model, trainer.optimizer, rows)
    before = folder.checkpoint_file.read_bytes()
    assert folder.checkpoint_file.stat().st_mode == folder.config_file.stat().st_mode
    with monkeypatch.context() as patch:
        patch.setattr(type(tmp_path), "write_bytes", full)
        with pytest.raises(BadInput, match=r"cannot write .*run/checkpoint\.safetensors: No space left on device"):
            checkpoint.save(folder, trainer.model, trainer.optimizer, rows)
    assert folder.checkpoint_file.read_bytes() == before
    assert not list(folder.path.glob(".*"))
    shutil.rmtree(folder.path)
    with pytest.raises(BadInput, match=r"cannot write .*checkpoint\.safetensors: No such file"):
        checkpoint.save(folder, trainer.model, trainer.optimizer, rows)


def test_equal_settings_give_equal_numbers_and_another_seed_others(student_file):
    path = student_file()
    runs = [trainer_for(path, seed=seed, binarise="dynamic") for seed in (1, 1, 2)]
    first, again, other = ([trainer.run_epoch().reported for _ in range(2)] for trainer, _ in runs)
    assert first == again
    assert first != other


def test_every_example_is_seen_once_an_epoch_in_another_order(student_file):
    trainer, material = trainer_for(student_file(), batch_size=64)
    seen = []
    healthy = trainer.objective
    trainer.objective = lambda model, x, beta: (seen.append(x.clone()), healthy(model, x, beta))[1]
    trainer.run_epoch()
    trainer.run_epoch()
    assert [len(x) for x in seen] == [64, 64, 64, 8] * 2
    first, second = torch.cat(seen[:4]), torch.cat(seen[4:])
    assert not torch.equal(first, second)
    for epoch in (first, second):
        assert torch.equal(epoch.sum(dim=0), material.train.sum(dim=0))


def test_dynamic_binarisation_draws_anew_and_the_others_do_not(student_file):
    def batches(how):
        trainer, _ = trainer_for(student_file(), binarise=how, batch_size=200)
        seen = []
        healthy = trainer.objective
        trainer.objective = lambda model, x, beta: (seen.append(x.sum(dim=1).sort().values), healthy(model, x, beta))[1]
        trainer.run_epoch()
        trainer.run_epoch()
        return seen

    for how, same in (("none", True), ("threshold", True), ("fixed", True), ("dynamic", False)):
        first, second = batches(how)
        assert torch.equal(first, second) == same, how


def test_the_schedules_are_those_of_the_settings(student_file):
    trainer, _ = trainer_for(student_file(), warmup_epochs=2.0, beta=4.0, batch_size=50, lr_schedule="cosine", epochs=4)
    assert [trainer.beta_at(step) for step in (0, 4, 8, 100)] == [0, 2, 4, 4]
    rates = [trainer.learning_rate(step) for step in range(17)]
    assert rates[0] == 1e-3
    assert rates[8] == pytest.approx(5e-4)
    assert rates[16] == pytest.approx(0)


def test_training_has_its_precision_and_everything_else_the_highest(student_file):
    seen = []
    for precision in ("highest", "medium"):
        trainer, material = trainer_for(student_file(), precision=precision)
        healthy = trainer.objective
        trainer.objective = lambda *given: (seen.append(torch.get_float32_matmul_precision()), healthy(*given))[1]
        trainer.run_epoch()
        assert torch.get_float32_matmul_precision() == "highest"
        assert session.measured_row(trainer, material, None)["test_neg_elbo"] < 60
        trainer.objective = lambda *given: 1 / 0
        with pytest.raises(ZeroDivisionError):
            trainer.run_epoch()
        assert torch.get_float32_matmul_precision() == "highest"
    assert set(seen) == {"highest", "medium"}


@pytest.mark.parametrize("sigma", ["0.3", "learned"])
def test_with_sigma_the_gaussian_elbo_is_what_is_trained_and_measured(student_file, sigma):
    trainer, material = trainer_for(student_file(), likelihood="gaussian", sigma=sigma, beta=3.0)
    model, x = trainer.model, material.train[:50]
    log_sigma = torch.tensor(measure.sigma_of(model)).log().requires_grad_()
    torch.manual_seed(0)
    terms = trainer.objective(model, x, 3.0)
    terms.loss.backward()
    found = [parameter.grad.clone() for parameter in model.enc.parameters()]
    of_sigma = model.get_parameter(measure.SIGMA).grad
    model.zero_grad()
    torch.manual_seed(0)
    mean, mu, logvar, _ = model(x)
    density = torch.distributions.Normal(mean, log_sigma.exp()).log_prob(x).sum(dim=1).mean()
    kl = ((mu**2 + logvar.exp() - logvar - 1) / 2).sum(dim=1).mean()
    loss = -density + 3 * kl - 32 * math.log(math.pi)
    loss.backward()
    assert torch.allclose(terms.loss, loss, rtol=1e-5)
    assert torch.allclose(terms.recon + 3 * terms.kl, loss, rtol=1e-5)
    for parameter, gradient in zip(model.enc.parameters(), found, strict=True):
        assert torch.allclose(parameter.grad, gradient, rtol=1e-3, atol=1e-5)
    if sigma == "learned":
        assert torch.allclose(of_sigma, log_sigma.grad, rtol=1e-4)
    else:
        assert of_sigma is None


@pytest.mark.slow
def test_a_learned_sigma_fits_the_errors_and_is_kept(student_file, tmp_path):
    options = {"likelihood": "gaussian", "sigma": "learned", "epochs": 40, "batch_size": 50, "learning_rate": 0.01}
    trainer, material = trainer_for(student_file(), **options)
    folder = RunFolder(tmp_path / "run")
    folder.create(trainer.cfg, {})
    rows: list[dict[str, float]] = []
    session.train(trainer, material, folder, rows, lambda: False)
    assert rows[-1]["sigma"] < 0.9 * rows[0]["sigma"]
    mean = trainer.model(material.train)[0].detach()
    error = float((mean - material.train).square().mean().sqrt())
    assert rows[-1]["sigma"] == pytest.approx(error, rel=0.1)
    again, _ = trainer_for(student_file(), **options)
    session.resume(again, folder)
    assert measure.sigma_of(again.model) == rows[-1]["sigma"]


def test_tanh_replaces_every_relu(student_file):
    trainer, _ = trainer_for(student_file(), activation="tanh", hidden_layers=2)
    kinds = [type(module).__name__ for module in trainer.model.modules()]
    assert kinds.count("Tanh") == 4
    assert "ReLU" not in kinds


def test_a_device_that_is_not_there_is_refused():
    assert claim(Place(device="cpu")).type == "cpu"
    with pytest.raises(BadInput, match="no device 'cuda:77'"):
        claim(Place(device="cuda:77"))
    with pytest.raises(BadInput, match="no device 'meta'"):
        claim(Place(device="meta"))
    with pytest.raises(BadInput, match="no device 'gpu'"):
        claim(Place(device="gpu"))
