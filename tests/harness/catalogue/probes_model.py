"""Probes of the methods of part 2's model."""

from itertools import product

import torch
from harness.catalogue.probes import F32, F64, Files, check_noise, expect, expect_close, gradients, leaf, probe


def _model(files: Files, depth: int = 1, recon_loss: str = "bernoulli", dtype: torch.dtype = F64) -> torch.nn.Module:
    """A model with other sizes than the usual ones, whose heads and outputs reach far."""
    torch.manual_seed(7)
    model = files.vae.VAE(11, 13, 3, num_hidden_layers=depth, recon_loss=recon_loss, beta=2.0).to(dtype)
    with torch.no_grad():
        model.mu.bias.copy_(torch.tensor([-8.0, 0.1, 8.0]))
        model.logvar.bias.copy_(torch.tensor([-14.0, -0.2, 14.0]))
        model.dec[-1].bias.copy_(torch.linspace(-60, 60, 11))
        for parameter in model.parameters():
            parameter.mul_(1.5)
    return model


def _models(files: Files) -> list[torch.nn.Module]:
    return [_model(files, depth, recon_loss) for depth, recon_loss in product((1, 2), ("bernoulli", "laplace"))]


def _mlp(layers: torch.nn.Sequential, values: torch.Tensor) -> torch.Tensor:
    """A multi-layer perceptron written out: a ReLU between two linear layers."""
    linear = [layer for layer in layers if isinstance(layer, torch.nn.Linear)]
    for layer in linear[:-1]:
        values = (values @ layer.weight.T + layer.bias).clamp(min=0)
    return values @ linear[-1].weight.T + linear[-1].bias


def _true_encode(model: torch.nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    h = _mlp(model.enc, x).clamp(min=0)
    return [h @ head.weight.T + head.bias for head in (model.mu, model.logvar)]


def _data(batch: int, width: int, dtype: torch.dtype = F64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(batch + width)
    return torch.randn(batch, width, generator=generator, dtype=F64).to(dtype)


def _method_probes(item: str, method: str, width: int, shapes: tuple[int, ...], oracle) -> None:
    """The probes of a deterministic method from one tensor to ``len(shapes)`` tensors of these widths."""

    def call(model, argument):
        outputs = getattr(model, method)(argument)
        if len(shapes) == 1:
            outputs = [outputs]
        expect(isinstance(outputs, tuple | list), f"a {type(outputs).__name__}")
        expect(len(outputs) == len(shapes), f"{len(outputs)} outputs")
        return list(outputs)

    @probe(item, "structure")
    def shapes_are_right(files: Files) -> None:
        for batch in (5, 1):
            for output, out_width in zip(call(_model(files), _data(batch, width)), shapes, strict=True):
                expect(isinstance(output, torch.Tensor), f"a {type(output).__name__}")
                expect(output.shape == (batch, out_width), f"shape {tuple(output.shape)}")

    @probe(item, "value")
    def values_are_right(files: Files) -> None:
        for model, batch in product(_models(files), (5, 1)):
            argument = _data(batch, width)
            for actual, expected in zip(call(model, argument.clone()), oracle(model, argument), strict=True):
                expect_close(actual, expected)

    @probe(item, "gradient")
    def gradients_are_right(files: Files) -> None:
        for model in _models(files):
            mine, theirs = leaf(_data(5, width)), leaf(_data(5, width))
            parameters = list(model.parameters())
            expected = gradients(oracle(model, mine), [mine, *parameters])
            for actual, exact in zip(gradients(call(model, theirs), [theirs, *parameters]), expected, strict=True):
                expect_close(actual, exact, "gradient")

    @probe(item, "dtype")
    def dtype_is_kept(files: Files) -> None:
        for dtype in (F32, F64):
            for output in call(_model(files, dtype=dtype), _data(5, width, dtype)):
                expect(output.dtype == dtype, f"{output.dtype} for {dtype}")

    @probe(item, "mutation")
    def argument_is_unchanged(files: Files) -> None:
        argument = _data(5, width)
        copy = argument.clone()
        with torch.no_grad():
            call(_model(files), argument)
        expect(torch.equal(argument, copy), "the argument has changed")

    @probe(item, "state")
    def other_numbers_in_turn(files: Files) -> None:
        model = _model(files)
        for scale in (1.0, 0.5, 1.0):
            argument = scale * _data(5, width)
            for actual, expected in zip(call(model, argument), oracle(model, argument), strict=True):
                expect_close(actual, expected, "value after other calls")

    @probe(item, "state")
    def repeatable_in_both_modes(files: Files) -> None:
        model = _model(files)
        results = []
        for mode in (True, True, False):
            results.append(call(model.train(mode), _data(5, width)))
            expect(model.training == mode, "the mode has changed")
        for first, *others in zip(*results, strict=True):
            expect(all(torch.equal(first, other) for other in others), "two calls differ")


_method_probes("encode", "encode", 11, (3, 3), _true_encode)
_method_probes("decode", "decode", 3, (11,), lambda model, z: [_mlp(model.dec, z)])


def sampling_probes(item: str, build) -> None:
    """Register the probes of a ``reparameterize`` method; ``build(files)`` makes a model with it."""

    def posterior(rows: int = 6, latents: int = 3, dtype: torch.dtype = F64) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(rows + latents)
        mu = 2 * torch.randn(rows, latents, generator=generator, dtype=F64)
        logvar = 16 * torch.rand(rows, latents, generator=generator, dtype=F64) - 8
        return mu.to(dtype), logvar.to(dtype)

    @probe(item, "structure")
    def shape_is_kept(files: Files) -> None:
        for rows, latents in ((6, 3), (1, 3), (4, 1), (1, 1)):
            z = build(files).reparameterize(*posterior(rows, latents))
            expect(isinstance(z, torch.Tensor), f"a {type(z).__name__}")
            expect(z.shape == (rows, latents), f"shape {tuple(z.shape)}")

    @probe(item, "value")
    def finite_and_moving(files: Files) -> None:
        for rows in (6, 1):
            mu, logvar = posterior(rows)
            z = build(files).reparameterize(mu, logvar)
            expect(torch.isfinite(z).all(), "not finite")
            expect((z != mu).all(), "z is mu")

    @probe(item, "value")
    def certain_posterior_gives_mean(files: Files) -> None:
        mu, logvar = posterior()
        z = build(files).reparameterize(mu, torch.full_like(logvar, -60.0))
        expect_close(z, mu)

    @probe(item, "statistics")
    def noise_is_standard_normal(files: Files) -> None:
        mu, logvar = posterior(10_000)
        z = build(files).reparameterize(mu, logvar)
        expect(z.shape == mu.shape, "the shape is another")
        check_noise((z - mu).detach() / torch.exp(logvar / 2))

    @probe(item, "gradient")
    def gradients_are_those_of_the_trick(files: Files) -> None:
        mu, logvar = map(leaf, posterior())
        z = build(files).reparameterize(mu, logvar)
        z = z if isinstance(z, torch.Tensor) else torch.zeros_like(mu)
        actual = gradients([z], [mu, logvar])
        weights = torch.randn(z.shape, generator=torch.Generator().manual_seed(5), dtype=F64)
        expect_close(actual[0], weights, "gradient of the mean")
        expect_close(actual[1], weights * (z - mu).detach() / 2, "gradient of the log-variance")

    @probe(item, "dtype")
    def dtype_is_kept(files: Files) -> None:
        for dtype in (F32, F64):
            z = build(files).reparameterize(*posterior(dtype=dtype))
            expect(z.dtype == dtype, f"{z.dtype} for {dtype}")

    @probe(item, "mutation")
    def arguments_are_unchanged(files: Files) -> None:
        mu, logvar = posterior()
        build(files).reparameterize(mu, logvar)
        expect(
            all(torch.equal(*pair) for pair in zip(posterior(), (mu, logvar), strict=True)), "an argument has changed"
        )

    @probe(item, "state")
    def fresh_in_every_mode(files: Files) -> None:
        model = build(files)
        mu, logvar = posterior()
        for mode, grad in product((True, False), (True, False)):
            model.train(mode)
            with torch.set_grad_enabled(grad):
                first, second = (model.reparameterize(mu, logvar) for _ in range(2))
                expect((first != second).any(), f"two calls agree (training {mode}, gradients {grad})")

    @probe(item, "state")
    def samples_at_every_call(files: Files) -> None:
        model = build(files)
        mu, logvar = posterior(2000)
        for call in range(20):
            scale = torch.exp((logvar + call) / 2)
            eps = ((model.reparameterize(mu, logvar + call) - mu) / scale).detach()
            expect(abs(eps.pow(2).mean() - 1) < 0.2, f"another variance at call {call}")

    @probe(item, "state")
    def seed_of_the_caller_counts(files: Files) -> None:
        model = build(files)
        draws = []
        for seed in (3, 3, 4):
            torch.manual_seed(seed)
            draws.append(model.reparameterize(*posterior()))
        expect(torch.equal(draws[0], draws[1]), "the same seed gives other noise")
        expect((draws[0] != draws[2]).any(), "another seed gives the same noise")


sampling_probes("reparameterize", _model)


def _forward(model: torch.nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    output = model(x)
    expect(isinstance(output, tuple | list), f"a {type(output).__name__}")
    expect(len(output) == 4, f"{len(output)} fields")
    return list(output)


def _soft_model(files: Files, dtype: torch.dtype = F64) -> torch.nn.Module:
    """A model with posteriors of ordinary width, so that samples and means differ."""
    model = _model(files, depth=2, dtype=dtype)
    with torch.no_grad():
        model.mu.bias.copy_(torch.tensor([-3.0, 0.2, 2.0]))
        model.logvar.bias.copy_(torch.tensor([-6.0, 0.5, 5.0]))
    return model


@probe("forward", "structure")
def four_fields_of_the_right_shape(files: Files) -> None:
    for batch in (5, 1):
        fields = _forward(_soft_model(files), _data(batch, 11))
        for field, width in zip(fields, (11, 3, 3, 3), strict=True):
            expect(isinstance(field, torch.Tensor) and field.shape == (batch, width), "a shape is wrong")


@probe("forward", "value")
def fields_belong_together(files: Files) -> None:
    for model, mode in product((_soft_model(files), _model(files)), (True, False)):
        x = _data(5, 11)
        logits, mu, logvar, z = _forward(model.train(mode), x)
        for actual, expected in zip((mu, logvar), _true_encode(model, x), strict=True):
            expect_close(actual, expected, "posterior")
        expect_close(logits, _mlp(model.dec, z), "logits of z")
        expect((z != mu).all(), "z is mu")


@probe("forward", "statistics")
def code_comes_from_posterior(files: Files) -> None:
    model = _soft_model(files)
    _, mu, logvar, z = _forward(model, _data(10_000, 11))
    mu, logvar = _true_encode(model, _data(10_000, 11))
    expect(z.shape == mu.shape, "the shape is another")
    check_noise(((z - mu) / torch.exp(logvar / 2)).detach())


@probe("forward", "gradient")
def gradients_go_all_the_way(files: Files) -> None:
    for mode in (True, False):
        model = _soft_model(files).train(mode)
        parameters = list(model.parameters())
        x = _data(5, 11)
        fields = _forward(model, x)
        mu, logvar = _true_encode(model, x)
        sigma = torch.exp(logvar / 2)
        z = mu + sigma * ((fields[3] - mu) / sigma).detach()
        expected = gradients([_mlp(model.dec, z), mu, logvar, z], parameters)
        for actual, exact in zip(gradients(fields, parameters), expected, strict=True):
            expect_close(actual, exact, "gradient")


@probe("forward", "dtype")
def forward_keeps_dtype(files: Files) -> None:
    for dtype in (F32, F64):
        for field in _forward(_soft_model(files, dtype), _data(5, 11, dtype)):
            expect(field.dtype == dtype, f"{field.dtype} for {dtype}")


@probe("forward", "mutation")
def input_is_unchanged(files: Files) -> None:
    x = _data(5, 11)
    with torch.no_grad():
        _forward(_soft_model(files), x)
    expect(torch.equal(x, _data(5, 11)), "the input has changed")


@probe("forward", "state")
def samples_its_own_data_at_every_pass(files: Files) -> None:
    model = _soft_model(files)
    for scale in range(20):
        x = (1 + scale) * _data(5, 11)
        _, mu, _, z = _forward(model, x)
        expect_close(mu, _true_encode(model, x)[0], "mean after other passes")
        expect((z != mu).all(), "z is mu")


@probe("forward", "state")
def fresh_code_in_both_modes(files: Files) -> None:
    model = _soft_model(files)
    x = _data(5, 11)
    for mode, grad in product((True, False), (True, False)):
        model.train(mode)
        with torch.set_grad_enabled(grad):
            first, second = (_forward(model, x) for _ in range(2))
            expect(model.training == mode, "the mode has changed")
            expect((first[3] != second[3]).any(), "two calls draw the same code")
            expect(torch.equal(first[1], second[1]), "two calls give other means")
