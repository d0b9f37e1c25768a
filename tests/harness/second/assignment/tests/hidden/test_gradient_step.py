"""``gradient_step`` on fresh inputs."""

from steps import assert_step


def test_is_right_on_fresh_shapes(submission, draws):
    rows, columns = draws.distinct(2, 3, 9)
    x, y = draws.normal(rows, columns), draws.normal(rows)
    assert_step(submission, x, y, draws.normal(columns), draws.normal(), 0.1)
