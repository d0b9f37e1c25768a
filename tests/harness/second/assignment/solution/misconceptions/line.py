"""Wrong answers, each in one function."""

from grading.catalogue import Misconceptions
from solution.tasks import GRADIENT_STEP, MEAN_SQUARED_ERROR, PREDICT

prediction = Misconceptions(PREDICT)
error = Misconceptions(MEAN_SQUARED_ERROR)
descent = Misconceptions(GRADIENT_STEP)

prediction.edit("without_bias", "The bias is missing: every line goes through the origin.", (" + bias", ""))
error.edit("sums", "The squared errors are added up instead of averaged.", (".mean()", ".sum()"))


@error("The errors are not squared, so that a large one counts no more than many small ones.")
def absolute(prediction, target):
    return (prediction - target).abs().mean()


descent.edit(
    "ascends",
    "You go up the gradient, and the error grows with every step.",
    ("weight - rate", "weight + rate"),
    ("bias - rate", "bias + rate"),
)


@descent("The step changes the caller's own weight and bias instead of returning new ones.")
def in_place(x, y, weight, bias, rate):
    error = predict(x, weight, bias) - y  # noqa: F821
    weight -= rate * 2 * (x.T @ error) / len(x)
    bias -= rate * 2 * error.mean()
    return weight, bias
