"""Probes of ``compute_elbo``, ``vae_loss`` and ``build_model``."""

from itertools import product

import torch
from harness.catalogue.probes import F32, F64, Files, expect, expect_close, gradients, leaf, probe
from harness.catalogue.probes_terms import TRUE_LOSSES, true_kl

NAMES = tuple(TRUE_LOSSES)


def _case(dtype: torch.dtype = F64, batch: int = 5) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(batch)
    shapes = {"x": (batch, 11), "logits": (batch, 11), "mu": (batch, 3), "logvar": (batch, 3)}
    case = {name: torch.randn(shape, generator=generator, dtype=F64) for name, shape in shapes.items()}
    case["x"] = torch.sigmoid(case["x"])
    return {name: tensor.to(dtype) for name, tensor in case.items()}


def _true_terms(case: dict[str, torch.Tensor], recon_loss: str, beta: float) -> list[torch.Tensor]:
    recon = TRUE_LOSSES[recon_loss](case["logits"], case["x"])
    kl = true_kl(case["mu"], case["logvar"])
    return [recon + beta * kl, recon, kl]


def _elbo(files: Files, case: dict[str, torch.Tensor], *options, **named):
    return files.vae.compute_elbo(case["x"], case["logits"], case["mu"], case["logvar"], *options, **named)


def _output_loss(files: Files, case: dict[str, torch.Tensor], *options, **named):
    z = 0.5 * case["mu"] + 1.0
    output = files.vae.VAEOutput(case["logits"], case["mu"], case["logvar"], z)
    return files.vae.vae_loss(output, case["x"], *options, **named)


def _objective_probes(item: str, call) -> None:
    def terms(files: Files, case: dict[str, torch.Tensor], *options, **named) -> list:
        result = call(files, case, *options, **named)
        expect(isinstance(result, tuple | list), f"a {type(result).__name__}")
        expect(len(result) == 3, f"{len(result)} terms")
        return list(result)

    @probe(item, "structure")
    def three_scalars(files: Files) -> None:
        for term in terms(files, _case()):
            expect(not isinstance(term, torch.Tensor) or term.shape == (), f"shape {tuple(getattr(term, 'shape', ()))}")

    @probe(item, "value")
    def terms_are_right(files: Files) -> None:
        for recon_loss, beta, batch in product(NAMES, (0.0, 0.5, 1.0, 2.5, 4.0), (5, 1)):
            case = _case(batch=batch)
            expected = _true_terms(case, recon_loss, beta)
            for actual, exact in zip(terms(files, case, recon_loss, beta), expected, strict=True):
                expect_close(torch.as_tensor(actual, dtype=F64), exact)

    @probe(item, "value")
    def options_by_name_and_defaults(files: Files) -> None:
        case = _case()
        for actual, exact in zip(terms(files, case), _true_terms(case, "bernoulli", 1.0), strict=True):
            expect_close(torch.as_tensor(actual, dtype=F64), exact, "defaults")
        named = terms(files, case, beta=3.0, recon_loss="laplace")
        for actual, exact in zip(named, _true_terms(case, "laplace", 3.0), strict=True):
            expect_close(torch.as_tensor(actual, dtype=F64), exact, "by name")

    @probe(item, "state")
    def other_arguments_in_turn(files: Files) -> None:
        for recon_loss, beta, scale in product(NAMES, (0.5, 2.5), (1.0, 0.5)):
            case = {name: scale * tensor for name, tensor in _case().items()}
            expected = _true_terms(case, recon_loss, beta)
            for actual, exact in zip(terms(files, case, recon_loss, beta), expected, strict=True):
                expect_close(torch.as_tensor(actual, dtype=F64), exact, "terms after other calls")

    @probe(item, "gradient")
    def every_term_has_its_gradient(files: Files) -> None:
        for recon_loss, index in product(NAMES, range(3)):
            mine, theirs = ({name: leaf(tensor) for name, tensor in _case().items()} for _ in range(2))
            wanted = ("logits", "mu", "logvar")
            expected = gradients([_true_terms(mine, recon_loss, 2.0)[index]], [mine[name] for name in wanted])
            term = torch.as_tensor(terms(files, theirs, recon_loss, 2.0)[index])
            for actual, exact in zip(gradients([term], [theirs[name] for name in wanted]), expected, strict=True):
                expect_close(actual, exact, "gradient")

    @probe(item, "dtype")
    def dtype_is_kept(files: Files) -> None:
        for dtype in (F32, F64):
            for term in terms(files, _case(dtype), "gaussian", 2.0):
                expect(not isinstance(term, torch.Tensor) or term.dtype == dtype, f"not {dtype}")

    @probe(item, "mutation")
    def arguments_are_unchanged(files: Files) -> None:
        case = _case()
        terms(files, case, "gaussian", 2.0)
        expect(all(torch.equal(case[name], tensor) for name, tensor in _case().items()), "an argument has changed")

    @probe(item, "exception")
    def unknown_name_is_refused(files: Files) -> None:
        for name in ("poisson", "mse", ""):
            try:
                call(files, _case(), name, 1.0)
            except ValueError as error:
                expect(all(known in str(error) for known in NAMES), f"the message lacks a name: {error}")
            except Exception as error:
                expect(False, f"a {type(error).__name__}, not a ValueError")
            else:
                expect(False, "no error")


_objective_probes("compute_elbo", _elbo)
_objective_probes("vae_loss", _output_loss)

CONFIGS = (
    {"input_dim": 17, "hidden_dim": 9, "num_hidden_layers": 2, "latent_dim": 4, "recon_loss": "laplace", "beta": 2.5},
    {"input_dim": 6, "hidden_dim": 12, "num_hidden_layers": 3, "latent_dim": 2, "recon_loss": "gaussian", "beta": 0.0},
    {"input_dim": 5, "hidden_dim": 7, "num_hidden_layers": 1, "latent_dim": 3, "recon_loss": "bernoulli", "beta": 0.5},
)


def _build(files: Files, config: dict[str, object]) -> torch.nn.Module:
    model = files.vae.build_model(files.vae.VAEConfig(**config))
    expect(isinstance(model, files.vae.VAE), f"a {type(model).__name__}, not a VAE")
    return model


@probe("build_model", "structure")
def is_a_model(files: Files) -> None:
    model = _build(files, CONFIGS[0])
    expect(model.mu is not model.logvar, "one layer for both heads")


@probe("build_model", "value")
def fields_are_passed_on(files: Files) -> None:
    for config in CONFIGS:
        model = _build(files, config)
        shapes = [tuple(parameter.shape) for parameter in model.parameters()]
        expected = files.vae.VAE(
            config["input_dim"],
            config["hidden_dim"],
            config["latent_dim"],
            num_hidden_layers=config["num_hidden_layers"],
        )
        expect(shapes == [tuple(parameter.shape) for parameter in expected.parameters()], f"shapes {shapes}")
        expect(model.recon_loss == config["recon_loss"], f"recon_loss {model.recon_loss!r}")
        expect(model.beta == config["beta"], f"beta {model.beta!r}")


@probe("build_model", "state")
def fields_are_those_of_this_call(files: Files) -> None:
    for config in CONFIGS:
        model = _build(files, config)
        expect((model.recon_loss, model.beta) == (config["recon_loss"], config["beta"]), "another likelihood or weight")


@probe("build_model", "value")
def layers_are_linear_and_rectified(files: Files) -> None:
    model = _build(files, CONFIGS[0])
    x, z = torch.randn(5, 17), torch.randn(5, 4)
    for layers, values in ((model.enc, x), (model.dec, z)):
        expected = values
        for layer in layers:
            linear = isinstance(layer, torch.nn.Linear)
            expected = expected @ layer.weight.T + layer.bias if linear else expected.clamp(min=0)
        expect(torch.allclose(layers(values), expected, atol=1e-6), "another network")


@probe("build_model", "gradient")
def parameters_take_gradients(files: Files) -> None:
    frozen = [name for name, parameter in _build(files, CONFIGS[0]).named_parameters() if not parameter.requires_grad]
    expect(not frozen, f"frozen: {', '.join(frozen)}")


@probe("build_model", "dtype")
def parameters_are_of_single_precision(files: Files) -> None:
    expect({parameter.dtype for parameter in _build(files, CONFIGS[0]).parameters()} == {F32}, "not float32")


@probe("build_model", "state")
def models_are_independent(files: Files) -> None:
    first, second = _build(files, CONFIGS[0]), _build(files, CONFIGS[0])
    own = {parameter.data_ptr() for parameter in first.parameters()}
    expect(not own & {parameter.data_ptr() for parameter in second.parameters()}, "two models share parameters")
