"""Four checks, the same for the grader that is tested here and for a naive one."""

import torch


def true_kl(mu, logvar):
    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()


def kl_value(submission):
    mu, logvar = torch.randn(7, 5), torch.randn(7, 5)
    result = submission.kl_divergence(mu, logvar)
    expected = true_kl(mu, logvar)
    assert torch.allclose(result, expected, rtol=1e-5), f"got {result}, expected {expected}"


def kl_gradient(submission):
    mu, logvar = torch.randn(7, 5, requires_grad=True), torch.randn(7, 5)
    submission.kl_divergence(mu, logvar).backward()
    expected = mu.detach() / 7
    assert mu.grad is not None, "no gradient"
    assert torch.allclose(mu.grad, expected, rtol=1e-5), f"got {mu.grad}, expected {expected}"


def beta_value(submission):
    result = submission.beta_schedule(3, 10, 2.0)
    assert abs(result - 0.6) < 1e-6, f"got {result}, expected 0.6"


def gaussian_value(submission):
    mean, x = torch.randn(7, 5), torch.randn(7, 5)
    result = submission.reconstruction_loss_gaussian(mean, x)
    expected = (mean - x).pow(2).sum(dim=1).mean()
    assert torch.allclose(result, expected, rtol=1e-5), f"got {result}, expected {expected}"


CHECKS = {check.__name__: check for check in (kl_value, kl_gradient, beta_value, gaussian_value)}
