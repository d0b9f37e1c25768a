"""Right answers in another style."""

from grading.catalogue import Variants
from solution.tasks import PREDICT

prediction = Variants(PREDICT)


@prediction
def by_columns(x, weight, bias):
    return (x * weight).sum(dim=1) + bias
