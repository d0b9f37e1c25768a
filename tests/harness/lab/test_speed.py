"""What makes training fast changes no number: oneDNN's products and the short way to torch's Adam."""

from pathlib import Path

import pytest
import torch
from torch import nn

from student.lab import products, session
from student.lab.config import configure
from student.lab.data import load as load_data
from student.lab.implementation import load
from student.lab.optimizer import Adam

ROOT = Path(__file__).resolve().parents[3]
LAYER = (128, products.LARGE // 128)  # as small as a large layer can be
AMD, INTEL = "vendor_id\t: AuthenticAMD\n", "vendor_id\t: GenuineIntel\n"


@pytest.fixture(autouse=True)
def linear(monkeypatch):
    """oneDNN's product, or where torch has none of it an ordinary one in its place."""
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        monkeypatch.setattr(products, "linear", nn.functional.linear)


def gradients(layer, x, loss):
    """A layer's output for ``x``, and the gradients of a loss for input and parameters."""
    x = x.clone().requires_grad_()
    output = layer(x)
    return [output.detach(), *torch.autograd.grad(loss(output), [x, *layer.parameters()])]


LOSSES = {
    "squared": lambda output: output.square().sum(),
    "expanded": lambda output: output.sum(),  # its gradient is one number, seen in every place
    "transposed": lambda output: (output.T.contiguous() * torch.arange(len(output))).sum(),
    "first column": lambda output: output[:, 0].sum(),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [1, 2, 100])
def test_a_large_layer_computes_what_it_did(rows, bias, loss):
    layer, x = nn.Linear(*LAYER, bias=bias), torch.randn(rows, LAYER[0])
    before = gradients(layer, x, LOSSES[loss])
    products.speed_up(nn.Sequential(layer))
    assert type(layer) is not nn.Linear
    for old, new in zip(before, gradients(layer, x, LOSSES[loss]), strict=True):
        torch.testing.assert_close(new, old, rtol=1e-4, atol=1e-4)


OTHERS = {
    "float64": lambda layer: layer.double()(torch.ones(3, LAYER[0]).double()),
    "three dimensions": lambda layer: layer(torch.ones(2, 3, LAYER[0])),
    "one dimension": lambda layer: layer(torch.ones(LAYER[0])),
    "no rows": lambda layer: layer(torch.ones(0, LAYER[0])),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_inputs_go_the_usual_way(name):
    layer = nn.Linear(*LAYER)
    before = OTHERS[name](layer)
    products.speed_up(layer)
    assert torch.equal(OTHERS[name](layer), before)


def test_a_wrong_shape_is_told_as_torch_tells_it():
    layer = nn.Linear(*LAYER)
    products.speed_up(layer)
    with pytest.raises(RuntimeError, match=r"shapes cannot be multiplied \(3x5 and 128x256\)"):
        layer(torch.ones(3, 5))


def test_reduced_precision_goes_the_usual_way():
    layer = nn.Linear(*LAYER)
    products.speed_up(layer)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.ones(2, LAYER[0])).dtype is torch.bfloat16


def test_small_layers_and_those_of_the_students_own_are_left_alone():
    class Own(nn.Linear):
        pass

    model = nn.Sequential(nn.Linear(LAYER[0], LAYER[1] - 1), Own(*LAYER))
    products.speed_up(model)
    assert [type(layer) for layer in model] == [nn.Linear, Own]


@pytest.mark.parametrize(
    ("capability", "described", "gains"),
    [
        ("AVX512", AMD, True),
        ("AVX2", AMD, False),
        ("AVX512", INTEL, False),
        ("NEON", "", False),
    ],
)
def test_who_gains(monkeypatch, tmp_path, capability, described, gains):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(described)
    monkeypatch.setattr(products, "CPUINFO", cpuinfo)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert products.available() == (gains and hasattr(torch.ops.mkldnn, "_linear_pointwise"))
    cpuinfo.unlink()  # as on other systems than Linux
    assert not products.available()


def trained():
    """A network with large layers after an epoch, and its parameters."""
    cfg = configure("guide", train_examples=200, hidden_dim=products.LARGE // 64, latent_dim=5, epochs=1)
    material = session.prepare(load_data("digits"), cfg, torch.device("cpu"))
    trainer = session.make_trainer(load(ROOT / "reference" / "vae.py", "vae"), cfg, material)
    trainer.run_epoch()
    return trainer.model, dict(trainer.model.named_parameters())


def test_training_comes_to_the_same(monkeypatch):
    ways = {}
    for fast in (False, True):
        monkeypatch.setattr(products, "available", lambda fast=fast: fast)
        model, ways[fast] = trained()
        assert any(isinstance(layer, products.LargeLinear) for layer in model.modules()) == fast
    for name, parameter in ways[True].items():
        torch.testing.assert_close(parameter, ways[False][name], rtol=0, atol=1e-4)


def test_adam_is_torchs_adam_bit_for_bit():
    shapes = [(30, 40), (40,), (3,)]
    mine = [torch.randn(shape, requires_grad=True) for shape in shapes]
    theirs = [parameter.detach().clone().requires_grad_() for parameter in mine]
    ours, torchs = Adam(mine, 1e-2), torch.optim.Adam(theirs, lr=1e-2, fused=True)
    for step in range(60):
        for a, b in zip(mine, theirs, strict=True):
            a.grad, b.grad = (torch.sin(step + a.detach()), torch.sin(step + b.detach()))
        if step % 7 == 3:
            mine[2].grad = theirs[2].grad = None  # a parameter that this batch does not need
        ours.param_groups[0]["lr"] = torchs.param_groups[0]["lr"] = 1e-2 / (step + 1)
        ours.step()
        torchs.step()
        if step == 30:  # as in a run that is resumed
            state, ours = ours.state_dict(), Adam(mine, 1e-2)
            ours.load_state_dict(state)
    assert all(torch.equal(a, b) for a, b in zip(mine, theirs, strict=True))
    assert [float(ours.state[a]["step"]) for a in mine] == [float(torchs.state[b]["step"]) for b in theirs]
