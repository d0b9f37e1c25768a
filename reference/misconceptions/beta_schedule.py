"""Wrong answers to ``beta_schedule``."""

from grading.catalogue import Misconceptions
from reference.tasks import BETA_SCHEDULE

misconception = Misconceptions(BETA_SCHEDULE)


@misconception("There is no warm-up: the final weight is returned at every step.")
def constant(step, warmup_steps, beta_max=1.0):
    return float(beta_max)


@misconception(
    "The weight is always zero, so the KL term never counts: a plain autoencoder whose samples look like nothing."
)
def always_zero(step, warmup_steps, beta_max=1.0):
    return 0.0


@misconception("The schedule is one step ahead: at step 0 the weight should be 0.")
def one_step_early(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return beta_max
    return beta_max * min(1.0, (step + 1) / warmup_steps)


@misconception("The schedule is one step late: at the last step of the warm-up the final weight should be reached.")
def one_step_late(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return beta_max
    return beta_max * min(1.0, max(step - 1, 0) / warmup_steps)


@misconception("You reach the final weight one step too soon, as if the steps were the points of a closed interval.")
def divides_by_one_less(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 1:
        return beta_max if step >= warmup_steps else 0.0
    return beta_max * min(1.0, step / (warmup_steps - 1))


@misconception("You reach the final weight one step too late: it is due at the step that ends the warm-up.")
def divides_by_one_more(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return beta_max
    return beta_max * min(1.0, step / (warmup_steps + 1))


@misconception("The weight goes on growing after the warm-up. It stays at its final value from there.")
def without_plateau(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return beta_max
    return beta_max * step / warmup_steps


@misconception("Without a warm-up (0 steps) you divide by zero. Then the final weight holds from the first step.")
def division_by_zero(step, warmup_steps, beta_max=1.0):
    return beta_max * min(1.0, step / warmup_steps)


@misconception("You guard against 0 warm-up steps but not against a negative number, which means none as well.")
def negative_warmup_forgotten(step, warmup_steps, beta_max=1.0):
    if warmup_steps == 0:
        return beta_max
    return beta_max * min(1.0, step / warmup_steps)


@misconception("A negative number of warm-up steps raises an error. It means the same as 0 here: no warm-up.")
def negative_warmup_refused(step, warmup_steps, beta_max=1.0):
    if warmup_steps < 0:
        raise ValueError("warmup_steps must not be negative")
    return beta_max if warmup_steps == 0 else beta_max * min(1.0, step / warmup_steps)


misconception.edit(
    "zero_without_warmup",
    "Without a warm-up you return 0, so the KL term never counts. No warm-up means the final weight at once.",
    ("float(beta_max)", "0.0"),
)


@misconception("Without a warm-up you return 1 instead of the final weight that was asked for.")
def one_without_warmup(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return 1.0
    return beta_max * min(1.0, step / warmup_steps)


@misconception(
    "Without a warm-up the weight is 0 at step 0, as where 0 steps are replaced by 1 or a small number is added to "
    "them. The final weight holds from the first step."
)
def at_least_one_step(step, warmup_steps, beta_max=1.0):
    return beta_max * min(1.0, step / max(warmup_steps, 1))


@misconception(
    "Without a warm-up the weight is 0 at step 0, as where 0 steps are replaced by 1 or a small number is added to "
    "them. The final weight holds from the first step."
)
def epsilon_in_denominator(step, warmup_steps, beta_max=1.0):
    return beta_max * min(1.0, step / (max(warmup_steps, 0) + 1e-8))


@misconception("The final weight is ignored: your schedule always ends at 1.")
def ignores_beta_max(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return 1.0
    return min(1.0, step / warmup_steps)


@misconception("The ramp goes to 1 and jumps to the final weight afterwards. It should lead to the final weight.")
def ramp_to_one_then_jump(step, warmup_steps, beta_max=1.0):
    if step >= warmup_steps:
        return beta_max
    return step / warmup_steps


misconception.edit(
    "cut_off_at_beta_max",
    "You cut a ramp to 1 off at the final weight: smaller weights are reached too early and larger ones too late or "
    "never. The ramp's slope depends on the final weight.",
    ("beta_max * min(step / warmup_steps, 1.0)", "min(beta_max, step / warmup_steps)"),
)


@misconception(
    "The ramp is cut off at 1 and not at the final weight: a larger one is never reached, and a smaller one is passed."
)
def cut_off_at_one(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return beta_max
    return min(1.0, beta_max * step / warmup_steps)


@misconception("After the warm-up you return 1 instead of the final weight.")
def plateau_at_one(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return beta_max
    return beta_max * step / warmup_steps if step < warmup_steps else 1.0


@misconception("A final weight of 0 becomes 1, as where zero counts as false. Zero is a weight like any other.")
def beta_max_zero_means_default(step, warmup_steps, beta_max=1.0):
    beta_max = beta_max or 1.0
    if warmup_steps <= 0:
        return beta_max
    return beta_max * min(1.0, step / warmup_steps)


@misconception("Your ramp is a half cosine. It agrees at both ends and in the middle; the contract's ramp is linear.")
def cosine(step, warmup_steps, beta_max=1.0):
    import math

    if warmup_steps <= 0:
        return beta_max
    return beta_max * 0.5 * (1 - math.cos(math.pi * min(1.0, step / warmup_steps)))


@misconception("Your ramp is a sigmoid, which is neither 0 at the start nor straight. The contract's ramp is linear.")
def sigmoid(step, warmup_steps, beta_max=1.0):
    import math

    if warmup_steps <= 0 or step >= warmup_steps:
        return beta_max
    return beta_max / (1 + math.exp(-10 * (step / warmup_steps - 0.5)))


@misconception("Your ramp approaches the final weight exponentially and never reaches it. The contract's is linear.")
def exponential(step, warmup_steps, beta_max=1.0):
    import math

    if warmup_steps <= 0:
        return beta_max
    return beta_max * (1 - math.exp(-5 * step / warmup_steps))


@misconception("Your ramp is quadratic: it agrees at both ends and is too low between. The contract's ramp is linear.")
def quadratic(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return beta_max
    return beta_max * min(1.0, step / warmup_steps) ** 2


@misconception("Your ramp is a square root: it agrees at both ends and is too high between. The contract's is linear.")
def square_root(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return beta_max
    return beta_max * min(1.0, step / warmup_steps) ** 0.5


@misconception(
    "The weight jumps from 0 to its final value at the end of the warm-up. A whole-number division does that too. It "
    "should grow in a straight line."
)
def jump(step, warmup_steps, beta_max=1.0):
    return float(beta_max) if step >= warmup_steps else 0.0


misconception.edit(
    "cyclical",
    "The weight starts again when the warm-up is over (a cyclical schedule). Here it stays at its final value.",
    ("beta_max * min(step / warmup_steps, 1.0)", "beta_max * (step % warmup_steps) / warmup_steps"),
)


@misconception("Your weight falls from its final value to 0. A warm-up starts without the KL term and brings it in.")
def falling(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return beta_max
    return beta_max * (1 - min(1.0, step / warmup_steps))


misconception.edit(
    "larger_for_smaller",
    "You take the larger of the two where the smaller belongs, so the weight is final at once and then grows.",
    ("min(step", "max(step"),
)


@misconception("The weight starts at a small positive value. At step 0 it is 0.")
def small_start(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return beta_max
    return beta_max * (0.01 + 0.99 * min(1.0, step / warmup_steps))


@misconception("You stop at half the final weight. At the end of the warm-up the whole of it is due.")
def half_of_beta_max(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return beta_max
    return 0.5 * beta_max * min(1.0, step / warmup_steps)


@misconception("The length of the warm-up is fixed in your code. Take it from the argument.")
def hard_coded_warmup(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return beta_max
    return beta_max * min(1.0, step / 1000)


@misconception("You round the weight to two decimals, so a long warm-up becomes a staircase.")
def rounded(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return beta_max
    return round(beta_max * min(1.0, step / warmup_steps), 2)


@misconception(
    "You count calls instead of reading the step. The weight is a function of the step: evaluation, or a run that is "
    "resumed, may ask in any order."
)
def counts_calls(step, warmup_steps, beta_max=1.0, calls=[]):
    if warmup_steps <= 0:
        return beta_max
    calls.append(step)
    return beta_max * min(1.0, (len(calls) - 1) / warmup_steps)


@misconception("You return a percentage as text. The loss multiplies with the weight: it is a number.")
def text(step, warmup_steps, beta_max=1.0):
    beta = beta_max if warmup_steps <= 0 else beta_max * min(1.0, step / warmup_steps)
    return f"{beta:.6f}"


@misconception("You return the whole schedule as a list. One number is asked for: the weight at this step.")
def whole_schedule(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return [beta_max]
    return [beta_max * k / warmup_steps for k in range(warmup_steps + 1)]


@misconception("The default of the final weight should be 1; yours is another.")
def default_beta_four(step, warmup_steps, beta_max=4.0):
    if warmup_steps <= 0:
        return beta_max
    return beta_max * min(1.0, step / warmup_steps)
