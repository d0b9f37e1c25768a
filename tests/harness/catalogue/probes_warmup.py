"""Probes of the warm-up's model, from outside: the names of its layers are the student's own."""

import torch
from harness.catalogue.probes import F32, F64, Files, expect, probe
from harness.catalogue.probes_model import sampling_probes

D, H, L = 11, 13, 3


def _model(files: Files, dtype: torch.dtype = F64) -> torch.nn.Module:
    torch.manual_seed(9)
    return files.simple_vae.VAE(D, H, L).to(dtype)


def _data(rows: int, width: int, scale: float = 1.0, dtype: torch.dtype = F64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(rows)
    return (scale * torch.randn(rows, width, generator=generator, dtype=F64)).to(dtype)


def _encode(model: torch.nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    posterior = model.encode(x)
    expect(isinstance(posterior, tuple | list) and len(posterior) == 2, "encode gives no pair")
    return list(posterior)


def _forward(model: torch.nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    result = model(x)
    expect(isinstance(result, tuple | list) and len(result) == 3, "forward gives no three things")
    return list(result)


sampling_probes("warmup_model", _model)


@probe("warmup_model", "structure")
def shapes_follow_the_sizes(files: Files) -> None:
    model = _model(files)
    for rows in (5, 1):
        mu, logvar = _encode(model, _data(rows, D))
        expect(mu.shape == logvar.shape == (rows, L), f"shapes {tuple(mu.shape)}, {tuple(logvar.shape)}")
        expect(model.decode(_data(rows, L)).shape == (rows, D), "shape of decode")
        recon_x, mu, logvar = _forward(model, _data(rows, D))
        expect(recon_x.shape == (rows, D) and mu.shape == logvar.shape == (rows, L), "shapes of forward")


@probe("warmup_model", "structure")
def hidden_width_is_used(files: Files) -> None:
    expect(any(H in parameter.shape for parameter in _model(files).parameters()), "no layer of the hidden width")


@probe("warmup_model", "value")
def heads_differ_and_are_unbounded(files: Files) -> None:
    mu, logvar = _encode(_model(files), _data(200, D, scale=5.0))
    expect(not torch.allclose(mu, logvar), "mean and log-variance are equal")
    for head in (mu, logvar):
        expect(head.min() < 0 < head.max(), "a head has one sign only")
        expect(head.abs().max() > 1.2, "a head is bounded")


def _bend(values: torch.Tensor) -> torch.Tensor:
    """How far the middle third is from halfway between the others: 0 for a linear map of such inputs."""
    first, middle, last = values.chunk(3)
    return (first + last - 2 * middle).abs().max()


def _lines(width: int) -> torch.Tensor:
    start, end = _data(40, width, 5.0), _data(41, width, 5.0)[:40]
    return torch.cat([start, (start + end) / 2, end])


@probe("warmup_model", "value")
def encoder_is_not_linear(files: Files) -> None:
    mu, _ = _encode(_model(files), _lines(D))
    expect(_bend(mu) > 1e-3, "the encoder is linear")


@probe("warmup_model", "value")
def decoder_is_a_sigmoid_of_something_bent(files: Files) -> None:
    model = _model(files)
    values = model.decode(_lines(L))
    expect(((values > 0) & (values < 1)).all(), "values outside (0, 1)")
    expect(values.min() < 0.4 and values.max() > 0.75, "values from a part of (0, 1) only")
    expect(_bend(torch.logit(values)) > 1e-3, "the decoder is linear before its sigmoid")
    expect((values.sum(dim=1) - 1).abs().max() > 1e-3, "values add up to 1")


@probe("warmup_model", "value")
def hidden_layers_are_straight_between_kinks(files: Files) -> None:
    model = _model(files)
    for network, width in ((lambda x: torch.cat(_encode(model, x), 1), D), (lambda z: torch.logit(model.decode(z)), L)):
        start, end = 4 * _data(2, width)
        values = network(torch.lerp(start, end, torch.linspace(0, 1, 501, dtype=F64)[:, None])).detach()
        bends = values.diff(n=2, dim=0).abs().amax(1) > 1e-9
        expect(bends.double().mean() < 0.3, "bent everywhere")
        zero, near, far = (network(scale * _data(9, width)).detach() for scale in (0, 6, 12))
        back = network(-6 * _data(9, width)).detach()
        expect((near - back).abs().amax() > 0.3 * (near - zero).abs().amax(), "the same on both sides")
        expect((far - near).abs().amax() > 0.6 * (near - zero).abs().amax(), "bounded")


@probe("warmup_model", "value")
def rows_do_not_mix(files: Files) -> None:
    model = _model(files)
    x, z = _data(6, D), _data(6, L)
    for network, rows in ((lambda x: torch.cat(_encode(model, x), 1), x), (model.decode, z)):
        expect(torch.allclose(network(rows[:2]), network(rows)[:2]), "a row depends on others")


@probe("warmup_model", "state")
def other_numbers_in_turn(files: Files) -> None:
    model = _model(files)
    x, z = _data(8, D), _data(8, L)
    for network, rows in ((lambda x: torch.cat(_encode(model, x), 1), x), (model.decode, z)):
        whole = network(rows)
        for part in (slice(0, 4), slice(4, 8)):
            expect(torch.allclose(network(rows[part]), whole[part]), "an earlier batch decides")


@probe("warmup_model", "value")
def forward_returns_the_posterior(files: Files) -> None:
    model = _model(files)
    x = _data(5, D)
    for actual, expected in zip(_forward(model, x)[1:], _encode(model, x), strict=True):
        expect(actual.shape == expected.shape and torch.allclose(actual, expected), "not what encode gives")


@probe("warmup_model", "statistics")
def reconstruction_comes_from_posterior_samples(files: Files) -> None:
    model = _model(files)
    rows = 10_000
    with torch.no_grad():
        x = _data(1, D, 5.0).expand(rows, D)
        mu, logvar = _encode(model, x)
        recon_x = _forward(model, x)[0]
        wanted = model.decode(mu + torch.exp(logvar / 2) * torch.randn_like(mu))
    for power in (1, 2):
        first, second = recon_x.pow(power), wanted.pow(power)
        error = ((first.var(dim=0) + second.var(dim=0)) / rows).sqrt()
        expect(((first.mean(dim=0) - second.mean(dim=0)).abs() < 5.5 * error + 1e-12).all(), "another distribution")


@probe("warmup_model", "statistics")
def every_row_is_sampled_from_many_values(files: Files) -> None:
    model = _model(files)
    x = _data(1, D).expand(500, D)
    recon_x, mu, _ = _forward(model, x)
    expect(((recon_x - model.decode(mu)).abs() > 0).any(dim=1).all(), "a row is decoded from the mean")
    expect(len(recon_x.unique(dim=0)) > 490, "few reconstructions occur")


@probe("warmup_model", "state")
def every_pass_is_sampled(files: Files) -> None:
    model = _model(files)
    for _ in range(12):
        recon_x, mu, _ = _forward(model, _data(5, D))
        expect((recon_x != model.decode(mu)).any(), "a pass decodes the mean")


@probe("warmup_model", "gradient")
def gradients_go_through_the_posterior_of_forward(files: Files) -> None:
    for place in (1, 2):
        x = _data(5, D).requires_grad_()
        output = _forward(_model(files), x)[place]
        expect(output.requires_grad, "no gradient")


@probe("warmup_model", "gradient")
def gradients_go_through(files: Files) -> None:
    model = _model(files)
    for call in (lambda x: sum(_encode(model, x)), lambda x: _forward(model, x)[0]):
        x = _data(5, D).requires_grad_()
        output = call(x)
        expect(output.requires_grad, "no gradient")
        (grad,) = torch.autograd.grad(output.pow(2).sum(), x, allow_unused=True)
        expect(grad is not None and grad.abs().sum() > 0, "no gradient reaches the input")
    z = _data(5, L).requires_grad_()
    decoded = model.decode(z)
    expect(decoded.requires_grad, "no gradient")
    (grad,) = torch.autograd.grad(decoded.sum(), z, allow_unused=True)
    expect(grad is not None and grad.abs().sum() > 0, "no gradient reaches the code")


@probe("warmup_model", "state")
def forward_samples_in_both_modes(files: Files) -> None:
    model = _model(files)
    for mode in (True, False):
        model.train(mode)
        first, second = (_forward(model, _data(5, D))[0] for _ in range(2))
        expect((first != second).any(), "two calls agree")


@probe("warmup_model", "dtype")
def dtype_is_kept_by_the_model(files: Files) -> None:
    for dtype in (F32, F64):
        for output in _forward(_model(files, dtype), _data(5, D, dtype=dtype)):
            expect(output.dtype == dtype, f"{output.dtype} for {dtype}")
