"""``build_model(cfg)``: one field changed at a time, and models that share nothing."""

import itertools

import networks
from asking import in_turn
from configurations import (
    assert_begun_as_layers_are,
    assert_built_as,
    assert_given_defaults,
    assert_given_network,
    assert_methods_of_its_class,
    assert_nothing_shared,
    assert_random,
    assert_trainable,
    built,
)

EVERYTHING = ["parameters", "recon_loss", "beta"]


def config(draws):
    """A configuration in which nothing has its default value and no two sizes are equal."""
    inputs, hidden, latent = draws.distinct(3, 4, 29)
    sizes = {"input_dim": inputs, "hidden_dim": hidden, "latent_dim": latent, "num_hidden_layers": 2}
    return sizes | {"recon_loss": "laplace", "beta": 0.25}


def any_config(draws):
    """A configuration of any sizes, likelihood and weight, in which two sizes may be equal.

    Its largest model has 3 million parameters, of the 4 million that a model may have.
    """
    names = ("input_dim", "hidden_dim", "latent_dim")
    sizes = {name: (draws.integer(1, 40), draws.integer(41, 700))[draws.integer(0, 1)] for name in names}
    if draws.integer(0, 2) == 0:
        sizes["latent_dim"] = sizes["hidden_dim"]
    layers = {"num_hidden_layers": draws.integer(1, 2 if max(sizes.values()) > 40 else 6)}
    return sizes | layers | {"recon_loss": networks.likelihood(draws), "beta": networks.beta(draws)}


def test_no_field_is_mistaken_for_another(submission, draws):
    for _ in range(3):
        assert_built_as(submission, config(draws) | {"num_hidden_layers": draws.integer(1, 4)}, EVERYTHING)
    for _ in range(4):
        assert_built_as(submission, any_config(draws), EVERYTHING)
    small = {"input_dim": draws.integer(2, 9), "latent_dim": 1, "num_hidden_layers": draws.integer(7, 12)}
    for sizes in (small | {"hidden_dim": 1}, {"input_dim": 1, "hidden_dim": draws.integer(1_024, 2_048)}):
        assert_built_as(submission, any_config(draws) | {"num_hidden_layers": 1} | sizes, EVERYTHING)
    for name, most in (("input_dim", 4_000), ("latent_dim", 4_000), ("num_hidden_layers", 40)):
        assert_built_as(submission, config(draws) | {name: draws.integer(most // 2, most)}, EVERYTHING)


def test_a_default_configuration_gives_a_default_model(submission):
    """Of a configuration that says nothing, and of ``VAE`` itself, which is given."""
    assert_built_as(submission, {}, EVERYTHING)
    assert_given_defaults(submission)


def test_every_likelihood_and_any_beta_are_kept(submission, draws):
    for recon_loss in ("bernoulli", "gaussian", "laplace"):
        for beta in (0.0, 10.0, networks.beta(draws)):
            assert_built_as(submission, config(draws) | {"recon_loss": recon_loss, "beta": beta}, EVERYTHING)


def test_each_size_alone_can_be_changed(submission, draws):
    fields = config(draws)
    for name in ("input_dim", "hidden_dim", "latent_dim", "num_hidden_layers"):
        assert_built_as(submission, fields | {name: fields[name] + 1}, ["parameters"])


def test_the_layers_compute_what_the_skeleton_gives(submission, draws):
    """In each mode, for every depth and likelihood, and for the sizes that are not given."""
    likelihoods = ("bernoulli", "gaussian", "laplace")
    layers = (config(draws) | {"num_hidden_layers": i + 1, "recon_loss": name} for i, name in enumerate(likelihoods))
    for fields in (config(draws), *layers, {"recon_loss": "gaussian"}):
        x, z = draws.normal(5, fields.get("input_dim", 784)), draws.normal(5, fields.get("latent_dim", 20))
        model = built(submission, fields)
        for mode in (True, False):
            assert_given_network(model.train(mode), x, z)


def test_its_methods_are_those_of_the_class(submission, draws):
    for layers, recon_loss in ((1, "bernoulli"), (2, "gaussian"), (3, "laplace")):
        fields = config(draws) | {"num_hidden_layers": layers, "recon_loss": recon_loss, "beta": networks.beta(draws)}
        assert_methods_of_its_class(submission, fields, draws)
    assert_methods_of_its_class(submission, {}, draws)


def test_every_parameter_takes_gradients(submission, draws):
    """And the model is the torch module that an optimizer and a training loop need."""
    fields = config(draws)
    model = built(submission, fields)
    assert_trainable(model, draws.uniform(5, fields["input_dim"]))
    networks.assert_works_as_module(model)


def test_every_answer_is_that_to_its_own_question(submission, draws):
    """Configurations in turn, and the first ones again."""
    for fields in in_turn([config(draws), config(draws) | {"recon_loss": "gaussian", "beta": 3.0}, config(draws)]):
        assert_built_as(submission, fields, EVERYTHING)


def test_two_models_share_no_parameter(submission, draws):
    fields = config(draws)
    assert_nothing_shared(built(submission, fields), built(submission, fields), draws.uniform(5, fields["input_dim"]))


def test_every_call_gives_a_new_model_with_fresh_parameters(submission, draws):
    fields = config(draws)
    seed, cfg = draws.seed(), submission.record("VAEConfig", **fields)
    elsewhere = submission.alone().seeded(seed).build_model(cfg)
    first, second = submission.seeded(seed + 1).build_model(cfg), built(submission, fields)
    later = [built(submission, fields) for _ in range(3)]
    for one, other in itertools.combinations([elsewhere, first, second, *later], 2):
        assert_random(one, other)
    for model in (first, second, *later):
        assert_begun_as_layers_are(model)
