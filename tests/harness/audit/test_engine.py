"""The audit's engine: wrong answers lose points in their own item alone, right ones lose none, and nothing hangs."""

import pytest
from harness.conftest import ROOT

from grading import assignment, catalogue, pooled
from grading.authoring.audit import config, executor, judge, plan
from grading.authoring.audit.tasks import Setting, Task

RUBRIC = assignment.load(ROOT)
SETTINGS = config.load(ROOT / "tests" / "audit.toml")


def broken(verdict):
    """What speaks against the assignment, for a readable failure."""
    return {r.title: r.violations for r in verdict.requirements if not r.met}


def audited(**options):
    return judge.judge(plan.run(RUBRIC, plan.Options(jobs=pooled.processors(), **options)), SETTINGS)


def results(setting, tasks):
    """The results of these submissions, by name, from one process."""
    solution = Task("reference", "reference", "key", setting.catalogue.solution, setting.tiers)
    found = {result.name: result for result in executor.run(setting, [solution, *tasks], 1)}
    return {task.name: found[task.name] for task in tasks}


@pytest.mark.slow
def test_a_few_answers_to_a_few_items_get_what_they_deserve():
    verdict = audited(items=("kl_divergence", "beta_schedule", "build_model"), limit=3)
    assert broken(verdict) == {}
    assert len(verdict.findings) == 9
    assert all(finding.diagnosis in ("right", "among") for finding in verdict.findings)


@pytest.mark.slow
@pytest.mark.long
def test_wrong_answers_to_every_item_cost_that_item_and_variants_cost_nothing():
    verdict = audited(limit=2)
    assert broken(verdict) == {}
    assert len(verdict.findings) >= 26
    assert len({result.name for result in verdict.audit.group("variant")}) >= 16
    assert {finding.answer.item for finding in verdict.findings} == {item.id for item in RUBRIC.items if item.functions}


HANGING = {
    "in a loop of Python": "while True:\n        pass",
    "and refuses to be interrupted": "while True:\n        try:\n            while True: pass\n        except: pass",
}


@pytest.mark.slow
@pytest.mark.parametrize("how", HANGING)
def test_a_submission_that_hangs_costs_its_own_time_only(how):
    answers = catalogue.load(ROOT / "reference", RUBRIC.files)
    hanging = f"def beta_schedule(step, warmup_steps, beta_max=1.0):\n    {HANGING[how]}\n".encode()
    setting = Setting(RUBRIC, answers, ("public",), ("beta_schedule",), call_seconds=0.3, task_seconds=5.0)
    tasks = [
        Task("misconception", name, "key", {**answers.solution, "vae.py": source}, ("public",))
        for name, source in (("hangs", hanging), ("right", answers.solution["vae.py"]))
    ]
    found = results(setting, tasks)
    assert {outcome.status for outcome in found["hangs"].checks.values()} == {"timeout"}
    assert all(outcome.passed for outcome in found["right"].checks.values())


# Wrong parts and a wrong function that calls them: each has to be told its own mistake.
TOGETHER = [
    ("reconstruction_loss_gaussian.mean_over_features", "compute_elbo.beta_twice"),
    ("kl_divergence.mean_over_latents", "compute_elbo.subtracts_kl"),
    ("kl_divergence.wrong_sign", "reconstruction_loss_bernoulli.mean_over_features", "compute_elbo.ignores_beta"),
    ("kl_divergence.sum_over_batch", "vae_loss.drops_beta"),
    ("compute_elbo.kl_returned_weighted", "vae_loss.std_for_logvar"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    "together", [TOGETHER[2:4], pytest.param(TOGETHER, marks=pytest.mark.long)], ids=["three, and two", "all"]
)
def test_several_mistakes_at_once_are_each_told(together):
    answers = catalogue.load(ROOT / "reference", RUBRIC.files)
    by_name = {answer.name: answer for answer in answers.misconceptions}
    items = tuple(dict.fromkeys(by_name[name].item for names in together for name in names))
    tiers = ("public", "hidden")
    tasks = [
        Task(
            "misconception",
            " and ".join(names),
            "key",
            {
                **answers.solution,
                "vae.py": catalogue.combined(answers.solution["vae.py"], [by_name[name] for name in names]),
            },
            tiers,
            diagnose=True,
        )
        for names in together
    ]
    found = results(Setting(RUBRIC, answers, tiers, items), tasks)
    told = {name: {outcome.named for outcome in r.checks.values() if outcome.named} for name, r in found.items()}
    assert told == {" and ".join(names): {(name,) for name in names} for names in together}
