"""What the explorer's page gets of a network, and what it refuses."""

import json
import math

import pytest
import torch
from harness.lab.written import Branching, Model, Odd, Softplus, scene
from torch import nn

from student.lab._app.explorer.page import Shown, make_explorer

CANNOT = [(Softplus, "contains softplus"), (Branching, "cannot be traced"), (Odd, "does more than its layers")]


@pytest.mark.parametrize(("kind", "reason"), CANNOT)
def test_what_the_page_cannot_run_is_left_out_and_said(kind, reason):
    explorer = make_explorer("A title", [Shown("good", Model()), Shown("bad", kind())], scene())
    assert [model["name"] for model in explorer.data["models"]] == ["good"]
    assert len(explorer.left_out) == 1
    assert explorer.left_out[0].startswith("bad: ")
    assert reason in explorer.left_out[0]
    assert make_explorer("A title", [Shown("bad", kind())], scene()).data["models"] == []


def test_a_network_that_is_not_finite_is_left_out():
    broken = Model()
    with torch.no_grad():
        broken.out[2].bias[3] = math.inf
    assert "not finite" in make_explorer("A title", [Shown("broken", broken)], scene()).left_out[0]


def test_a_large_decoder_stays_near_half_a_megabyte():
    decoder = nn.Sequential(nn.Linear(2, 400), nn.ReLU(), nn.Linear(400, 784))
    data = make_explorer("A title", [Shown("one", Model(latent=2, decoder=decoder))], scene()).data
    assert len(json.dumps(data["models"][0]["decoder"])) < 650_000
