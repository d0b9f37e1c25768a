"""Submissions that want points for nothing, or to be nobody's fault."""

import json
import os
import subprocess
import sys
import time

import pytest
from harness.conftest import ROOT
from harness.grading.test_run_command import RUBRIC, VAE, assert_sound

from grading.boundary.transcript import LIMIT, Transcript
from grading.execution import run as checks_run
from grading.execution.job import CALL_SECONDS, RUN_SECONDS
from grading.execution.session import CheckSession
from grading.results import CheckResult, Status

pytestmark = pytest.mark.slow

# Every function is wrong in a way of its own that a grader could stumble over.
ODD = """
import sys

def part(name):
    return next(m for n, m in sys.modules.items() if n.endswith(name) and hasattr(m, "torch"))

def kl_divergence(mu, logvar):
    raise part("executor").RefusedError(f"STOLEN {mu.flatten()[:3].tolist()}", "x")

def reconstruction_loss_bernoulli(logits, x):
    return b"\\xff".decode()

def reconstruction_loss_gaussian(mean, x):
    raise ExceptionGroup("many", [ValueError(1)])

def reconstruction_loss_laplace(location, x):
    return x.sum() * 0

reconstruction_loss_laplace.__code__ = reconstruction_loss_laplace.__code__.replace(co_firstlineno=0)

_pack = part("wire").pack
part("wire").pack = lambda value, *rest: value if type(value) is int and value > 2**63 else _pack(value, *rest)

def beta_schedule(step, warmup_steps, beta_max=1.0):
    return 10**400

# With weights that are all zero an encoder that is right gives its biases, whatever it is asked.
_init, _forward = VAE.__init__, VAE.forward

def without_weights(self, *args, **options):
    _init(self, *args, **options)
    for parameter in self.parameters():
        torch.nn.init.zeros_(parameter)

def nothing(self, x):
    return 0 * (x.sum() + sum(parameter.sum() for parameter in self.parameters())) + x.new_zeros(len(x), 1)

VAE.__init__ = without_weights
VAE.encode = lambda self, x: (self.mu.bias + nothing(self, x), self.logvar.bias + nothing(self, x))
VAE.decode = lambda self, z: self.dec[-1].bias + nothing(self, z)

def forward(self, x):
    output = _forward(self, x)
    return VAEOutput(output.logits, output.mu[:0], output.logvar[:0], output.z[:0])

VAE.forward = forward
"""

# What is asked first after loading shows which function is judged; from then on its parts answer as wrongly as it does.
TWO_FACED = """
_asked = []
_encode, _decode, _reparameterize, _elbo = VAE.encode, VAE.decode, VAE.reparameterize, compute_elbo
_kl, _gaussian = kl_divergence, reconstruction_loss_gaussian

def blank(x, count):
    return torch.zeros(len(x), count, dtype=x.dtype)

def forward(self, x):
    _asked.append("forward")
    latent = self.mu.out_features
    return VAEOutput(*(blank(x, count) for count in (self.enc[0].in_features, latent, latent, latent)))

VAE.forward = forward
VAE.encode = lambda self, x: (blank(x, self.mu.out_features),) * 2 if _asked else _encode(self, x)
VAE.reparameterize = lambda self, mu, logvar: mu * 0 if _asked else _reparameterize(self, mu, logvar)
VAE.decode = lambda self, z: blank(z, self.enc[0].in_features) if _asked else _decode(self, z)

def compute_elbo(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    _asked.append("compute_elbo")
    if recon_loss not in ("bernoulli", "gaussian", "laplace"):
        raise ValueError("bernoulli gaussian laplace")
    return ElboTerms((logits + mu.sum() + logvar.sum()).sum() * 0, logits.sum() * 0, (mu + logvar).sum() * 0)

def kl_divergence(mu, logvar):
    return (mu + logvar).sum() * 0 if _asked else _kl(mu, logvar)

def reconstruction_loss_gaussian(mean, x):
    return mean.sum() * 0 if _asked else _gaussian(mean, x)
"""


def test_odd_failures_are_failures_and_tell_nothing(graded_here, hand_in, tmp_path):
    student = tmp_path / "student.json"
    done = graded_here(hand_in(vae=VAE + ODD), "--student-json", student)
    assert done.status == 0, done.stderr
    assert_sound(done.document)
    assert_sound(redacted := json.loads(student.read_text(encoding="utf-8")))
    assert "STOLEN" not in json.dumps(redacted)
    assert "error" not in {check["status"] for check in done.checks.values()}
    wrong = {check["id"].split("/")[1] for check in done.checks.values() if check["status"] in ("failed", "crashed")}
    of_vae = {item.id for item in RUBRIC.items if item.file == "vae.py"}
    assert wrong >= of_vae - {"reparameterize", "build_model", "compute_elbo", "vae_loss", "training"}
    right = [check for check in done.checks.values() if check["status"] == "passed"]
    assert not [c["id"] for c in right if c["id"].startswith("hidden/encode/is_right") or "head_on" in c["id"]]


def test_parts_that_answer_wrongly_for_one_check_alone_excuse_nothing(judged, hand_in):
    done = judged(hand_in(vae=VAE + TWO_FACED), "encode", "forward", "kl_divergence", "compute_elbo", "training")
    earned = {item["id"]: item["earned"] for item in done.document["items"]}
    assert {name for name, points in earned.items() if points == sum(RUBRIC.item(name).points.values())} >= {
        "encode",
        "kl_divergence",
    }
    assert earned["forward"] < 1
    assert earned["training"] == 0
    told = done.checks["hidden/compute_elbo/keeps_float64"]
    assert (told["status"], told["kind"]) == ("failed", "value")
    assert "is wrong" in told["message"]  # asked in a process of its own, the part answers rightly


COMMANDS = """
def kl_divergence(mu, logvar):
    raise ValueError("x\\n::error file=vae.py,line=1::owned\\n##[warning]owned too")
"""


@pytest.mark.parametrize("document", ["file", "-"], ids=["report on stdout", "report on stderr"])
def test_the_log_of_a_job_obeys_nothing_that_the_report_quotes(
    vae_grade_here, hand_in, tmp_path, monkeypatch, document
):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    target = tmp_path / "scores.json" if document == "file" else document
    done = vae_grade_here("run", hand_in(vae=VAE + COMMANDS), "--only", "kl_divergence", "--json", target)
    assert done.returncode == 0, done.stderr
    report, other = (done.stdout, done.stderr) if document == "file" else (done.stderr, done.stdout)
    first, *quoted, last = report.splitlines()
    token = first.removeprefix("::stop-commands::")
    assert len(token) == 32
    assert last == f"::{token}::"
    assert any("::error" in line for line in quoted)
    assert not any(line.strip().startswith(("::", "##[")) for line in other.splitlines())


def test_ended_from_outside_it_leaves_nothing(tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir(mode=0o755)
    command = [sys.executable, "-m", "grading.cli", "run", "reference", "--json", str(tmp_path / "scores.json")]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not list(temporary.glob("grading-*/events.jsonl")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.terminate()
        assert process.wait(60) == 143
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "scores.json").exists()


def test_a_submission_that_hangs_in_every_check_is_done_in_time():
    """However many checks a function that never returns takes part in, time is left for those of the others."""
    run = checks_run.CheckRun(RUBRIC, None, None, "key", CALL_SECONDS, RUN_SECONDS)
    spent = 0.0
    for _ in RUBRIC.checks():
        spent += run.patience()
        run.count_timeout()
    assert spent < run.run_seconds


def test_what_is_kept_for_a_diagnosis_has_an_end():
    """Thirty failed checks that were answered with as much as a check can be, and one that was answered with little."""
    run = checks_run.CheckRun(RUBRIC, None, None, "key", 10.0, 240.0)
    check = next(check for check in RUBRIC.checks() if check.item == "kl_divergence")
    for _ in range(30):
        run.keep_evidence(check, CheckResult(check.id, Status.FAILED), Transcript([], LIMIT))
    run.keep_evidence(check, CheckResult(check.id, Status.FAILED), Transcript([], 100))
    assert sum(piece.transcript.size for piece in run.evidence) <= checks_run.LARGEST_EVIDENCE
    assert run.evidence


def test_a_session_has_less_patience_after_timeouts():
    run = checks_run.CheckRun(RUBRIC, None, None, "key", 10.0, 240.0)
    check = RUBRIC.checks()[0]
    assert CheckSession(run, check).timeout == 10
    for _ in range(3):
        run.count_timeout()
    assert CheckSession(run, check).timeout == 2
