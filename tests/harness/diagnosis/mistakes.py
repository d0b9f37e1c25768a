"""Mistakes that are in no catalogue, as texts that stand in the place of others, and what is told of them."""

THERE = "In some cases, such as"
KL = "return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()"
GAUSSIAN = "return (mean - x).pow(2).sum(dim=1).mean()"
BERNOULLI = 'return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1).mean()'
SAMPLE = "return mu + sigma * torch.randn_like(sigma)"
FEW = SAMPLE.replace("torch.randn_like", "(torch.randn_like if mu.shape[1] > 4 else torch.rand_like)")
ELBO = "return ElboTerms(loss=recon + beta * kl, recon=recon, kl=kl)"
HEADS = "return self.mu(h), self.logvar(h)"
DECODED = "return self.dec(z)"
OUTPUT = "return VAEOutput(logits=self.decode(z), mu=mu, logvar=logvar, z=z)"
WARMUP = "return squared_error + kl"
FIELDS = "return compute_elbo(x, output.logits, output.mu, output.logvar"
SIGMOID = "return torch.sigmoid(self.output(h))"
SCHEDULE = "return beta_max * min(step / warmup_steps, 1.0)"

DEFAULTS = 'recon_loss: str = "bernoulli",\n    beta: float = 1.0,\n) -> ElboTerms'
STABLE = "the stable form is max(logits, 0) - x logits + log(1 + exp(-|logits|))."
LAPLACE = "return (location - x).abs().sum(dim=1).mean()"
FOCAL = f"loss = {BERNOULLI[7:-18]}; return ((1 - (-loss).exp()) ** 1.5 * loss).sum(dim=1).mean()"


def model(change):
    """``build_model`` with something done to the model before it is returned."""
    return f"def build_model(cfg):\n    model = _build(cfg)\n    {change}\n    return model\n\n\ndef _build("


BOUND = KL.replace("logvar", "logvar.clamp(-5.5, 5.5)")
SUM = BERNOULLI.replace(".sum(dim=1).mean()", ".sum() * 2")
TANH = "return 3 * (mean.tanh() - x).pow(2).sum(dim=1).mean()"
SAMPLED = """z = mu + (logvar / 2).exp() * torch.randn_like(mu)
    l = (z.pow(2) - (z - mu).pow(2) * (-logvar).exp() - logvar).sum(dim=1) / 2
    return l.mean()"""
MEAN = "return 0.5 * (mu.pow(2) + logvar.exp() + logvar - 1).mean()"

KEPT = """if getattr(self, "eps", None) is None or self.eps.shape != sigma.shape:
            self.eps = torch.randn_like(sigma).detach()
        return mu + sigma * self.eps"""
BY_ITSELF = """class Own(torch.autograd.Function):
        @staticmethod
        def forward(ctx, location, x):
            ctx.save_for_backward(location - x)
            return (location - x).abs().sum(dim=1).mean()

        @staticmethod
        def backward(ctx, _):
            slope = ctx.saved_tensors[0].sign() / len(ctx.saved_tensors[0])
            return slope, -slope

    return Own.apply(location, x)"""
NOISY = "mu, logvar = self.encode(x + 0.1 * torch.randn_like(x)); z = self.reparameterize(mu, logvar)"
ONE_NUMBER = """u = torch.rand_like(sigma).clamp(min=1e-7)
        return mu + sigma * (-2 * u.log()).sqrt() * (6.2831853 * u).cos()"""

# Item, text of the solution, what stands in its place, and words that must be in the sentences, one each.
CASES = [
    ("kl_divergence", KL, "return (0.5 * (mu.pow(2) + logvar.exp() - logvar - 1)).clamp(min=0.1).sum()",
     ["What each element adds is never less than 0.1. It is summed over the latent dimensions and over the batch"]),
    ("kl_divergence", KL, "return (mu.pow(2) + logvar.exp() - logvar - 1).mean()",
     ["What each element adds is twice what it should be", "averaged over the latent"]),
    ("reconstruction_loss_bernoulli", BERNOULLI, BERNOULLI.replace("(logits, x,", "(logits.sigmoid(), 0.9 * x + 0.05,"),
     ["A sigmoid is applied to the logits", "drawn towards one half, by 0.1 of the way"]),
    ("reconstruction_loss_laplace", LAPLACE, BY_ITSELF, ["that comes back through the result is not used"]),
    ("decode", DECODED, "return self.dec(F.dropout(z, 0.2, self.training)).clamp(-15, 15)",
     ["that is a dropout", "where nothing is random: the output is cut off below -15 and above 15"]),
    ("forward", OUTPUT, f"z = F.dropout(z, 0.2)\n        {OUTPUT}", ["Numbers of z are set to 0 at random"]),
    ("forward", OUTPUT, f"{NOISY}\n        {OUTPUT.replace('z=z', 'z=z.detach()')}",
     ["Noise of standard deviation about 0.1 is added to x", "The gradient of z is cut off"]),
    ("reparameterize", SAMPLE, KEPT, ["Two calls draw the same noise", "The noise of the first call is kept"]),
    ("reparameterize", SAMPLE, ONE_NUMBER, ["lopsided"]),
    ("kl_divergence", KL, KL.replace("logvar", "logvar.clamp(-20, 5)"), ["logvar is cut off below -20 and above 5"]),
    ("kl_divergence", KL, KL.replace("logvar", "logvar.clamp(-20, 5)").replace(".sum(dim=1)", ""),
     ["averaged over the latent", "logvar is cut off below -20 and above 5"]),
    ("decode", DECODED, "out = self.dec(z.detach()); return out - out.mean(1, keepdim=True)",
     ["The output has the mean of its row taken off", "The gradient of the output for z is cut off"]),
    ("encode", HEADS, "mu = self.mu(h); return (mu - mu.mean(0)) / (mu.std(0, unbiased=False) + 1e-8), self.logvar(h)",
     ["mu is normalized over the batch, to mean 0 and variance 1"]),
    ("forward", OUTPUT, "z = z if self.training else mu; return VAEOutput(self.decode(z), logvar, mu, z)",
     ["mu and logvar stand in each other's place", "In eval mode z is mu: no sample is drawn"]),
    ("vae_loss", FIELDS, FIELDS.replace("(x,", "((x > 0.5).to(x.dtype),"), ["an x that is made 0 and 1, at one half"]),
    ("reparameterize", SAMPLE, "return mu + sigma * torch.fmod(torch.randn_like(sigma), 2.0)",
     ["it never gets beyond -2 and 2"]),
    ("beta_schedule", "return float(beta_max)", "return 0.0",
     ["for warmup_steps = 0 and for warmup_steps below 0 it is 0"]),
    ("kl_divergence", KL, MEAN, ["sign", "averaged over the latent"]),
    ("kl_divergence", KL, KL.replace("0.5", "0.7"), ["multiplied by 1.4"]),
    ("kl_divergence", KL, KL.replace("logvar -", "logvar.detach() -"), ["No gradient for logvar passes through"]),
    ("kl_divergence", KL, BOUND, ["logvar is cut off beyond -5.5 and 5.5"]),
    ("kl_divergence", KL, KL.replace("- logvar", "- (logvar.exp() + 1e-6).log()"), ["1e-06 is added to the variance"]),
    ("kl_divergence", KL, KL.replace(".mean()", ".max()"), ["the largest of the batch"]),
    ("reconstruction_loss_gaussian", GAUSSIAN, TANH, ["tanh", "by 3"]),
    ("reconstruction_loss_bernoulli", BERNOULLI, SUM, ["twice", "batch"]),
    ("reparameterize", SAMPLE, "return mu + sigma ** 2 * torch.rand_like(sigma)", ["without the half", "uniform"]),
    ("reparameterize", SAMPLE, "return sigma + mu * torch.randn_like(mu)",
     ["What shifts the sample is sigma, where mu belongs", "The noise is scaled by mu, where sigma belongs"]),
    ("reparameterize", SAMPLE, "return mu + sigma", ["z is mu + sigma at every call: there is no noise"]),
    ("reparameterize", SAMPLE, SAMPLE.replace("(sigma)", "(sigma).clamp(-2, 2)"), ["it is cut off at -2 and 2"]),
    ("reparameterize", SAMPLE, FEW,
     ["Where there are 1, 2 or 3 latent dimensions, though not where there are many: the noise is wrong"]),
    ("reparameterize", SAMPLE, f"{SAMPLE} * (len(_calls.append(1) or _calls) < 50)", ["After a number of calls"]),
    ("reparameterize", "sigma = torch.exp(0.5 * logvar)", "sigma = logvar.sqrt()", ["The root of logvar is used"]),
    ("forward", "z = self.reparameterize(mu, logvar)", "z = self.reparameterize(mu, logvar) if self.beta else mu",
     ["In some cases, such as for beta = 0: what stands in the place of z is mu"]),
    ("forward", "z = self.reparameterize(mu, logvar)", "z = torch.stack([self.reparameterize(mu, logvar)] * 4)",
     ["z has 3 axes in place of 2, with an axis of length 4 in front that does not belong there"]),
    ("compute_elbo", ELBO, ELBO.replace("+ beta", "- 2 * beta"), ["recon - 2 beta kl"]),
    ("compute_elbo", ELBO, ELBO.replace("kl=kl", "kl=-kl.detach()"), ["The kl is - kl", "No gradient passes from kl"]),
    ("encode", HEADS, "return torch.tanh(self.mu(h)), 0.5 * F.relu(self.logvar(h))",
     ["mu goes through tanh", "logvar goes through a ReLU: what is negative is lost, and then is multiplied by 1/2"]),
    ("encode", "h = self.enc(x)", "h = self.enc(x / x.max().clamp(min=1))",
     [f"in the place of {head} is the output of the {head} head where x is divided by the largest of all its numbers"
      for head in ("mu", "logvar")]),
    ("reconstruction_loss_bernoulli", "logits(logits,", "logits(logits.clamp(-15, 15),",
     ["The logits are cut off beyond -15 and 15"]),
    ("warmup_model", "def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:",
     "def forward(self, x):\n        x = (x > 0.5).to(x.dtype)",
     ["decode of a sample for an x that is made 0 and 1",
      "mu and logvar is that of an x that is made 0 and 1, at one half"]),
    ("warmup_model", SIGMOID, "return (0.2 * self.output(h) + 0.5).clamp(0, 1)", ["hard sigmoid of the logits"]),
    ("encode", HEADS, "return self.mu(h), self.logvar(h) if self.training else -self.logvar(h)",
     ["In eval mode, and not otherwise: logvar has its sign turned round"]),
    ("decode", DECODED, "kept = self.__dict__.setdefault('kept', {}); return kept.setdefault(z.shape, self.dec(z))",
     ["What was computed for an earlier question comes back again"]),
    ("forward", OUTPUT, "return VAEOutput(logits=self.decode(mu), mu=mu, logvar=logvar.exp(), z=z.detach())",
     ["decode of mu", "the variance", "The gradient of z is cut off"]),
    ("build_model", "cfg.beta", "cfg.beta ** 2 + 1.0", ["model.beta is not cfg.beta"]),
    ("build_model", "cfg.recon_loss", "(_calls.append(cfg.recon_loss) or _calls)[0]",
     ["model.recon_loss stays that of the first model"]),
    ("build_model", "cfg.latent_dim", "cfg.latent_dim // 2", ["latent_dim divided by two"]),
    ("warmup_model", SIGMOID, "return torch.tanh(self.output(h))", ["tanh of the logits"]),
    ("beta_schedule", SCHEDULE, "return beta_max * min((step / warmup_steps) ** 2, 1.0)", ["square"]),
    # Numbers of a layer: bounds that are approached smoothly, rows, and what is behind noise.
    ("encode", HEADS, "return self.mu(h), 3 * torch.tanh(self.logvar(h) / 3)", ["stretched to stay between -3 and 3"]),
    ("encode", HEADS, "return F.relu(self.mu(h + torch.randn_like(h))), self.logvar(h)",
     ["Noise of standard deviation about 1 is added to the hidden features for mu",
      "mu goes through a ReLU: what is negative is lost"]),
    ("encode", "h = self.enc(x)", "h = self.enc(F.dropout(x, 0.4))",
     ["x is set to 0 at random with probability 0.4, and multiplied by 1.667 otherwise"]),
    ("decode", DECODED, "return self.dec[-1](F.dropout(self.dec[:-1](z), 0.3, self.training))",
     ["In train mode the hidden features are set to 0 at random with probability 0.3"]),
    ("decode", DECODED, "return self.dec(z) + 0.2 * torch.randn(len(z), self.dec[-1].out_features)",
     ["Noise of standard deviation about 0.2 is added to the output"]),
    ("forward", "mu, logvar = self.encode(x)", "mu, logvar = self.encode(x + 0.3 * torch.randn_like(x))",
     ["Noise of standard deviation about 0.3 is added to x before it is encoded"]),
    ("warmup_model", SIGMOID, "return torch.sigmoid(self.output(F.dropout(h, 0.25)))",
     ["The hidden features of decode are set to 0 at random with probability 0.25, and multiplied by 1.333"]),
    ("decode", DECODED, "out = self.dec(z); return out - out.mean(dim=1, keepdim=True)", ["the mean of its row"]),
    # Losses that are random: what of them is, and what is so all the same.
    ("kl_divergence", KL, SAMPLED, ["estimated from one sample of z"]),
    ("kl_divergence", KL, SAMPLED.replace("l.mean()", "((-l).exp() - 1 + l).mean()"),
     ["The result is random", "At the prior, mu = 0 and logvar = 0"]),
    ("reconstruction_loss_bernoulli", BERNOULLI, BERNOULLI.replace("(logits, x", "(logits, torch.bernoulli(x)"),
     ["x is made 0 or 1 at random"]),
    ("reconstruction_loss_bernoulli", BERNOULLI, f"logits = logits + 0.3 * torch.randn_like(logits); {BERNOULLI}",
     ["Noise of standard deviation about 0.3 is added to the logits before"]),
    ("reconstruction_loss_gaussian", GAUSSIAN, GAUSSIAN.replace("- x", "- x - torch.rand_like(x) / 4"),
     ["Uniform noise from about 0 to 0.25 is added to x, or taken off the mean"]),
    ("reconstruction_loss_gaussian", GAUSSIAN, f"{GAUSSIAN} + 2 * torch.randn(())",
     ["Noise of standard deviation about 2 is added to the result"]),
    ("reconstruction_loss_gaussian", GAUSSIAN, f"x = x[torch.randperm(len(x))]; {GAUSSIAN}",
     ["The result is random", "here all examples are alike it is the same in every call"]),
    ("reconstruction_loss_laplace", LAPLACE, "return F.dropout((location - x).abs(), 0.2).sum(dim=1).mean()",
     ["What each element adds is set to 0 at random with probability 0.2, and multiplied by 1.25 otherwise"]),
    ("vae_loss", FIELDS, FIELDS.replace("(x,", "(x + 0.1 * torch.randn_like(x),"),
     ["In the recon, noise of standard deviation about 0.1 is added to x"]),
    # Losses: a prior, elements whose gradient is cut off, a bend behind a change, and no answer to one example.
    ("kl_divergence", KL, KL.replace("mu.pow", "(mu - 1).pow"), ["a prior of mean 1 instead of 0"]),
    ("reconstruction_loss_gaussian", GAUSSIAN, f"x = torch.where(x < mean, x, x + mean - mean.detach()); {GAUSSIAN}",
     ["No gradient for the mean arrives where the mean is below x"]),
    ("kl_divergence", KL, f"mu, logvar = logvar, mu; {KL.replace('- logvar', '- (logvar.exp() + 1e-5).log()')}",
     ["mu and logvar stand in each other's place", "1e-05 is added to the variance"]),
    ("reconstruction_loss_bernoulli", BERNOULLI, f"assert len(x) > 1; {BERNOULLI} * 2", ["twice", "a batch of one"]),
    # The ELBO: terms that are added, weights beside other mistakes, one likelihood, and the form of an answer.
    ("compute_elbo", ELBO, ELBO.replace("recon + beta", "recon + 0.01 * mu.pow(2).sum(dim=1).mean() + beta"),
     ["recon + beta kl + 0.01 the squares of mu, summed"]),
    ("compute_elbo", ELBO, ELBO.replace("beta * kl", "max(beta, 1) * kl").replace("kl=kl", "kl=2 * kl"),
     ["never less than 1", "The kl is 2 kl"]),
    ("compute_elbo", "kl = kl_divergence(mu, logvar)",
     "kl = kl_divergence(mu, logvar); recon = recon.detach() if recon_loss == 'laplace' else recon",
     ["For recon_loss = 'laplace' no gradient passes from loss to logits"]),
    ("compute_elbo", ELBO, ELBO.replace("loss=recon", "loss=recon[None]").replace("kl=kl", "kl=2 * kl"),
     ["The kl is 2 kl", "The loss has"]),
    ("compute_elbo", ELBO, ELBO.replace("kl=kl", "kl=kl / len(x)"),
     ["The kl is kl over the batch size"]),
    # A pass: what is encoded, in what order it is decoded, and a spread in one mode or by itself.
    ("forward", "mu, logvar = self.encode(x)", "mu, logvar = self.encode(x.clamp(0, 1))",
     ["Right for data between 0 and 1, but not always elsewhere: what stands in the place of mu and logvar is that of "
      "an x that is cut off below 0 and above 1"]),
    ("encode", "h = self.enc(x)", "h = self.enc(x / 255 if x.max() > 1 else x)",
     ["Right for data between 0 and 1, but not always elsewhere: what stands in the place of mu is the output"]),
    ("reparameterize", SAMPLE, "eps = torch.randn_like(mu); old = self.__dict__.get('old', eps[:0]); "
     "eps = eps if old.shape != eps.shape else 0.8 * eps + 0.6 * old; self.__dict__['old'] = eps; "
     "return mu + sigma * eps", ["depends on that of the call before"]),
    ("forward", OUTPUT, OUTPUT.replace("self.decode(z)", "self.decode(z[torch.randperm(len(z))])"),
     ["rows in another order"]),
    ("forward", OUTPUT, f"z = z if self.training else mu + (z - mu) / 2; {OUTPUT}",
     ["In eval mode: the spread of z is smaller"]),
    ("forward", "z = self.reparameterize(mu, logvar)",
     "z = mu + torch.rand(1) * 0 + logvar.exp() * torch.randn_like(mu)",
     ["it is as large as the variance"]),
    # A number that nobody has listed: of a curve, of a field, of an error, of a bound of the KL.
    ("beta_schedule", SCHEDULE, "return beta_max * min(step / 300, 1.0)", ["takes 300 steps, whatever warmup_steps"]),
    ("beta_schedule", SCHEDULE, "t = min((step + 3) / warmup_steps, 1.0); return beta_max * t ** 2",
     ["3 steps ahead", "rises with the square"]),
    ("beta_schedule", SCHEDULE, f"{SCHEDULE} if step >= warmup_steps else beta_max / (1 + 2.7 ** (6 - 12 * step / "
     "warmup_steps))", ["it is a sigmoid"]),
    ("beta_schedule", SCHEDULE, SCHEDULE.replace("return", "return round(") + ", 2)", ["rounded to two decimals"]),
    ("beta_schedule", "if warmup_steps <= 0:", "if warmup_steps <= 0 and step > 0 or warmup_steps < 0:",
     ["ZeroDivisionError is raised"]),
    ("beta_schedule", SCHEDULE, SCHEDULE.replace("step /", "step % (4 * warmup_steps) /"), ["anew after 4 warm-ups"]),
    ("beta_schedule", SCHEDULE, f"beta_max = beta_max or 1.0; {SCHEDULE}",
     [f"{THERE} for beta_max = 0: what stands in the place of the weight is what it would be for"]),
    ("build_model", "cfg.beta", "1.7 * cfg.beta", ["model.beta is 1.7 times cfg.beta"]),
    ("reconstruction_loss_bernoulli", BERNOULLI, FOCAL, ["the focal loss with the exponent 1.5"]),
    ("reconstruction_loss_laplace", LAPLACE, LAPLACE.replace("abs()", "abs().pow(1.3)"), ["to the power 1.3"]),
    ("compute_elbo", ELBO, ELBO.replace("beta * kl", "beta * kl.clamp(min=2.5)"), ["the KL is never less than 2.5"]),
    ("compute_elbo", ELBO, ELBO.replace("beta * kl", "min(beta, 3) * kl"), ["never more than 3"]),
    # What else may become of a new model, and of a call: its gradients, its size, its default, what was before it.
    ("build_model", "def build_model(", model("[p.requires_grad_(p.dim() > 1) for p in model.parameters()]"),
     ["The biases of all layers take no gradient"]),
    ("build_model", "def build_model(", model("[p.data.mul_(1e-6) for p in model.parameters()]"), ["about 1e-6 times"]),
    ("build_model", "def build_model(", model("model.dec = (_calls + [model.dec])[0]; _calls.append(model.dec); "
     "model.dec.apply(lambda m: hasattr(m, 'bias') and m.reset_parameters())"), ["share the parameters of dec"]),
    ("build_model", "def build_model(", model("model.forward = model.encode if cfg.num_hidden_layers > 1 else "
     "model.forward"), ["forward of the model is not that of the class VAE for several hidden layers"]),
    ("build_model", "recon_loss=cfg.recon_loss", "recon_loss=(_calls.append(cfg.recon_loss), _calls[0])[1]",
     ["stays that of the first model"]),
    ("compute_elbo", DEFAULTS, DEFAULTS.replace(" = 1.0", "").replace(' = "bernoulli"', ""),
     ["Without beta TypeError is raised", "Without recon_loss TypeError is raised"]),
    ("kl_divergence", KL, f"{KL} + 1.0 * mu.requires_grad", ["Where a gradient for the arguments is asked for"]),
    ("reconstruction_loss_gaussian", GAUSSIAN, f"{GAUSSIAN} / (x.shape[1] if len(x) > 1000 else 1)",
     ["In some cases, such as for 1500 examples"]),
    ("reconstruction_loss_gaussian", GAUSSIAN, GAUSSIAN.replace("- x", "- x.detach()"), ["No gradient arrives at x"]),
    # Gradients that somebody wrote by hand, or that are none where a root is taken of 0.
    ("reconstruction_loss_gaussian", GAUSSIAN, "return (mean - x).pow(2).sum(1).sqrt().pow(2).mean()",
     ["In some cases, such as where the mean is x: the gradient of the result for the mean should be 0"]),
    ("kl_divergence", KL, KL.replace("mu.pow(2)", "mu.pow(2).sqrt() ** 2"), [f"{THERE} at mu = 0"]),
    ("kl_divergence", KL, f"mu = mu.detach() + (mu - mu.detach()) * logvar.detach().exp(); {KL}",
     ["The gradient for mu is multiplied by exp(logvar) in every element"]),
    ("reconstruction_loss_laplace", LAPLACE,
     "s = F.smooth_l1_loss(location, x, reduction='none'); "
     "return ((location - x).abs().detach() + s - s.detach()).sum(1).mean()",
     ["its gradient is that of another formula. There: the smooth absolute error"]),
    ("reconstruction_loss_gaussian", GAUSSIAN, "return (mean ** 2 - mean * x + x ** 2).sum(1).mean()",
     ["The product of mean and x counts once and not twice"]),
    ("reconstruction_loss_gaussian", GAUSSIAN, "return (mean ** 2 - 2 * mean * x).sum(1).mean()",
     ["The square of x is missing"]),
    # Two mistakes, of which one is a number in every element.
    ("reconstruction_loss_laplace", LAPLACE, "return ((location - x) ** 2 + 0.01).sqrt().sum()",
     ["the root is taken of the squared error plus 0.01. It is summed over the features and over the batch"]),
    ("reconstruction_loss_gaussian", GAUSSIAN, "return (mean[:, None] - x).pow(2).mean()",
     ["averaged over the features and over all pairs"]),
    ("reconstruction_loss_laplace", LAPLACE, "return torch.linalg.norm(location - x, ord=1) / len(x)",
     ["of all columns the one with the largest sum"]),
    ("kl_divergence", KL, "return 0.5 * (mu.sum(1) ** 2 + (logvar.exp() - logvar).sum(1)).mean()",
     ["The mean is squared after it was summed", "The term 1 (which makes it zero at the prior) is missing"]),
    ("beta_schedule", SCHEDULE, f"{SCHEDULE.replace('step /', '(step + 1) /')} if step < warmup_steps else 1.0",
     ["It is one step ahead", "After the warm-up it is 1"]),
    ("reparameterize", SAMPLE, "return mu + sigma * torch.normal(mu, torch.ones_like(mu))",
     ["The noise is drawn around mu and not around 0"]),
    ("reparameterize", SAMPLE, "return mu + sigma * F.dropout(torch.randn_like(mu), 0.1, self.training)",
     ["about 0.1 of its numbers are 0"]),
    ("reconstruction_loss_gaussian", GAUSSIAN,
     f"_calls.append(({GAUSSIAN[7:]}).double()); return torch.stack(_calls).mean().to(x.dtype)",
     ["the average of all so far"]),
    ("kl_divergence", KL, f"_calls.append({KL[7:]}); return _calls[-2:][0].to(mu.dtype)",
     ["that of the question before"]),
    ("kl_divergence", KL, "return F.kl_div(F.log_softmax(mu, 1), logvar.softmax(1), reduction='batchmean')",
     ["as kl_div has it"]),
    # What one term counts, fields that are not used, rows of one length, and the same sum in other terms.
    ("warmup_loss", WARMUP, WARMUP.replace("+ kl", "- kl"), ["The KL is subtracted"]),
    ("vae_loss", FIELDS, FIELDS.replace("output.mu", "output.z"), ["The kl is the kl of z and logvar"]),
    ("reparameterize", SAMPLE, SAMPLE.replace("torch.randn_like(sigma)", "F.normalize(torch.randn_like(sigma), dim=1)"),
     ["The noise of every example has one and the same length: it is normalized in its row"]),
    ("reparameterize", SAMPLE, "e = torch.randn_like(mu); return mu + sigma * (e - e.mean(0))",
     ["The noise of every latent dimension has the mean 0: it is centred over the batch"]),
    ("reconstruction_loss_bernoulli", BERNOULLI,
     "return (F.softplus(logits).detach() - x * logits).sum(dim=1).mean()",
     ["No gradient for the logits passes through one of the terms: softplus of the logits"]),
    ("compute_elbo", ELBO, ELBO.replace("beta * kl", "beta * (kl - 5).abs()"), ["counts by its distance from 5"]),
    ("warmup_model", "super().__init__()\n        # >>> solution: task 1.1", "pass  #", ["No model can be made"]),
    # What depends on all numbers of a row or batch: their spread, their ends, their sum, all pairs, one example.
    ("encode", "h = self.enc(x)", "h = self.enc((x - x.mean(0)) / (x.std(0) + 1e-7))",
     ["x is normalized over the batch"]),
    ("reconstruction_loss_gaussian", GAUSSIAN, "return 3 * x.shape[1] * (mean - x).pow(2).mean().log()",
     ["3 times the number of features times the logarithm of"]),
    ("reconstruction_loss_gaussian", GAUSSIAN, "return 4 * (mean - x).pow(2).sum() / x.pow(2).sum()",
     ["divided by the sum of the squares of x"]),
    ("reconstruction_loss_laplace", LAPLACE, "return (location[:, None] - x).abs().sum(-1).mean()",
     ["every example's location with the x of every example"]),
    ("kl_divergence", KL, f"logvar = logvar.exp().mean(1, keepdim=True).log().expand_as(logvar); {KL}",
     ["The variance is averaged over the latents first"]),
    ("reconstruction_loss_bernoulli", BERNOULLI,
     f"x = (x - x.amin(1, keepdim=True)) / (x.amax(1, keepdim=True) - x.amin(1, keepdim=True) + 1e-9); {BERNOULLI}",
     ["spread in every example from 0 for the smallest to 1 for the largest"]),
    ("reconstruction_loss_laplace", LAPLACE, LAPLACE.replace("abs()", "abs().mul(1 + 3 * x)"),
     ["Each element counts 1 + b x times, where b is 3"]),
    ("reconstruction_loss_gaussian", GAUSSIAN, GAUSSIAN.replace("(2)", "(2).mul(1 + 4 * (x > 0.5))"),
     ["Where x is above one half an element counts 5 times"]),
    ("vae_loss", FIELDS, FIELDS.replace("output.mu, output.logvar", "output.mu[:1], output.logvar[:1]"),
     ["beta (the kl of the first example alone)", "The kl is the kl of the first example alone"]),
    ("vae_loss", FIELDS, "terms = compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta); kl = "
     "(output.z ** 2 - output.logvar - (output.z - output.mu) ** 2 / output.logvar.exp()).sum(1).mean() / 2; "
     "return ElboTerms(terms.recon + beta * kl, terms.recon, kl)\n    return compute_elbo(x, output.logits, output.mu, "
     "output.logvar", ["The kl is the estimate log q(z) - log p(z)"]),
    # Where nothing explains the numbers: what leaves them as they are, and what should.
    ("encode", "h = self.enc(x)",
     "h = self.enc((x - x.median(1, keepdim=True)[0]) / (x.amax(1, keepdim=True) - x.amin(1, keepdim=True)))",
     ["mu and logvar do not change where x is twice as large", "mu and logvar do not change where 1 is added to all"]),
    ("decode", DECODED, "return self.dec(z + z * z.flip(0))", ["The output of an example depends on the others"]),
    ("reconstruction_loss_gaussian", GAUSSIAN, "return (mean - x).pow(2).sum() / (mean.abs().sum() + x.max())",
     ["Where the mean and x are twice as large, the result is 2 times as large; it should be 4 times",
      "The result changes where every example is there twice"]),
    # Gradients that are neither those of the value nor of its terms.
    ("reconstruction_loss_laplace", LAPLACE, "location = location.clone(); location.requires_grad and "
     f"location.register_hook(lambda g: g.clamp(max=0.02)); {LAPLACE}",
     ["The gradient of the result for the location is cut off above 0.02"]),
    ("reconstruction_loss_gaussian", GAUSSIAN, "mean = mean.clone(); mean.requires_grad and mean.register_hook(lambda "
     f"g: g.clamp(-0.02, 0.02)); {GAUSSIAN}",
     ["The gradient of the result for the mean is cut off beyond -0.02 and 0.02"]),
    ("reparameterize", SAMPLE, "eps = torch.randn_like(mu); kept = (logvar > -2).to(mu.dtype); "
     "return mu + (kept * sigma + (1 - kept) * sigma.detach()) * eps", ["that for logvar is 0 where logvar is small"]),
    ("reparameterize", SAMPLE, "eps = torch.randn_like(mu); "
     "return mu + sigma * eps.abs() + (sigma * (eps - eps.abs())).detach()",
     ["that for logvar is -1 times half of z - mu where the noise is negative"]),
    # Layers: sizes, links around hidden layers, and what is decoded between the mean and a sample.
    ("decode", DECODED, "out = self.dec(z); return 2 * out / out.shape[1]",
     ["is multiplied by 2 and divided by the number of its columns"]),
    ("decode", DECODED, "z = self.dec[:2](z)\n        for i in range(2, len(self.dec) - 1, 2): z = z + "
     "self.dec[i:i + 2](z)\n        return self.dec[-1](z)",
     [f"{THERE} with two hidden layers and with three hidden layers: what stands in the place of the output "
      "is that where each hidden layer but the first is added to what goes into it"]),
    ("forward", OUTPUT, OUTPUT.replace("self.decode(z)", "self.decode(mu + 0.7 * (z - mu))"),
     ["decode of mu + 0.7 (z - mu)"]),
    # Several likelihoods, models that are one and the same, and exceptions in one mode.
    ("compute_elbo", ELBO, "recon = recon / 3 if recon_loss != 'laplace' else recon; "
     f"{ELBO}", ["For recon_loss = 'bernoulli' and 'gaussian' the recon is 1/3 recon"]),
    ("build_model", "def build_model(", "def build_model(cfg):\n    _calls.append(_calls[0] if _calls else _build(cfg"
     "))\n    return _calls[0]\n\n\ndef _build(", ["share all their parameters"]),
    ("encode", HEADS, f"assert len(x) > 1 or not self.training; {HEADS}",
     ["In some cases, such as for a batch of one in train mode: AssertionError is raised"]),
]  # fmt: skip

# Of several mistakes in one function, or one kind in several, those whose questions take long to ask.
LONG = {FEW, "return torch.tanh(self.output(h))", "z = torch.stack([self.reparameterize(mu, logvar)] * 4)"}
LONG |= {ELBO.replace("+ beta", "- 2 * beta"), "return sigma + mu * torch.randn_like(mu)"}

# What is told in these words and no others: a consequence of a mistake is none of its own.
ALONE = [
    ("forward", "z = self.reparameterize(mu, logvar)",
     "z = self.reparameterize(mu, logvar); z = torch.where(torch.arange(mu.shape[1]) == 1, mu, z)",
     "In z some latent dimensions get no noise."),
    ("forward", OUTPUT, OUTPUT.replace("mu=mu", "mu=z"), "What stands in the place of mu is z."),
    ("forward", "mu, logvar = self.encode(x)", "torch.set_grad_enabled(self.training); mu, logvar = self.encode(x)",
     "In eval mode, and not otherwise: the gradient of logits, mu, logvar and z is cut off: none arrives."),
    ("reparameterize", SAMPLE, "return mu + sigma * torch.rand_like(sigma)",
     "The noise is wrong: its mean is near 0.5 instead of 0, its standard deviation is near 0.29 instead of 1, "
     "it is uniform, not normal."),
    ("encode", HEADS, "return self.mu(h), self.logvar(h).exp()", "logvar goes through the exponential."),
    ("kl_divergence", KL, KL.replace("- 1).sum", "- 1).clamp(min=0.3).sum"),
     "What each element adds is never less than 0.15."),
    ("reconstruction_loss_bernoulli", BERNOULLI, BERNOULLI.replace("logits,", "logits.sigmoid(),"),
     "A sigmoid is applied to the logits, so that the decoder's raw output is not what it is taken for."),
    ("reconstruction_loss_laplace", LAPLACE, LAPLACE.replace(".mean()", ".median()"),
     "It is summed over the features, and the median of the batch is taken; it should be summed over the features and "
     "averaged over the batch."),
    ("kl_divergence", KL, "return (0.5 * (mu.pow(2) + logvar.exp() - logvar).sum(dim=1) - 0.5).mean()",
     "The term 1 (which makes it zero at the prior) stands outside the sum: it counts once for each example."),
    ("reconstruction_loss_bernoulli", BERNOULLI,
     "return (F.relu(logits) - x * logits + F.softplus(-logits)).sum(1).mean()",
     f"The absolute value is missing in exp(-|logits|): {STABLE}"),
    ("reconstruction_loss_bernoulli", BERNOULLI,
     "return (F.relu(logits) - x * logits + F.softplus(logits.abs())).sum(1).mean()",
     f"The sign in exp(-|logits|) is wrong: {STABLE}"),
    # What comes back is cut off, or its sign alone goes on: no factor of any gradient.
    ("reparameterize", SAMPLE, f"z = {SAMPLE[7:]}; z.requires_grad and z.register_hook(lambda g: g.clamp(-0.5, 0.5)); "
     "return z", "The gradient that comes back through z is cut off below -1/2 and above 1/2."),
    ("reparameterize", SAMPLE, f"z = {SAMPLE[7:]}; z.requires_grad and z.register_hook(torch.sign); return z",
     "Of the gradient that comes back through z only the sign goes on, and not the size."),
    ("reparameterize", SAMPLE, f"mu = mu.clone(); mu.requires_grad and mu.register_hook(lambda g: g.clamp(max=0)); "
     f"{SAMPLE}", "The gradient of z for mu is cut off above 0."),
    ("reparameterize", SAMPLE, f"z = {SAMPLE[7:]}; return z / 2 + z.detach() / 2",
     "The gradients of z are wrong: that for mu is 1/2 instead of 1; that for logvar is 1/2 times half of z - mu."),
    ("kl_divergence", KL, f"kl = {KL[7:]}; kl.requires_grad and kl.register_hook(lambda g: g.clamp(-0.5, 0.5)); "
     "return kl", "The gradient that comes back through the result is cut off below -1/2 and above 1/2."),
    ("reconstruction_loss_gaussian", GAUSSIAN, f"mean = mean.clone(); mean.requires_grad and mean.register_hook("
     f"lambda g: g.sign() / 8); {GAUSSIAN}",
     "The gradient of the result for the mean has only the sign of what it should be, and not its size."),
    ("decode", DECODED, "out = self.dec(z); out.requires_grad and out.register_hook(lambda g: g.clamp(-0.5, 0.5)); "
     "return out", "The gradient that comes back through the output is cut off below -1/2 and above 1/2."),
    # What is so in one mode alone, and what has no noise or that of others.
    ("reparameterize", SAMPLE, f"{SAMPLE} * (1.0 if self.training else 0.5)",
     "In eval mode, and not otherwise: the noise is multiplied by 1/2."),
    ("reparameterize", SAMPLE, SAMPLE.replace("sigma *", "sigma ** (1 if self.training else 2) *"),
     "In eval mode, and not otherwise: sigma is the exponential of logvar, without the half: logvar is the logarithm "
     "of sigma squared."),
    ("reparameterize", SAMPLE, f"{SAMPLE} * (1.0 if torch.is_grad_enabled() else 0.3)",
     "Under torch.no_grad(), and not otherwise: the noise is multiplied by 0.3."),
    ("reparameterize", SAMPLE, "eps = torch.randn_like(mu); eps[:, 0] = 0; return mu + sigma * eps",
     "The first latent dimension gets no noise."),
    ("reparameterize", SAMPLE, "eps = torch.randn(len(mu) // 2 + 1, mu.shape[1])[: (len(mu) + 1) // 2]; "
     "return mu + sigma * torch.cat((eps, -eps))[: len(mu)]",
     "The noise of the second half of the batch is that of the first half, negated; each example needs its own."),
    ("reparameterize", SAMPLE, "eps = torch.randn(mu.shape[0], (mu.shape[1] + 1) // 2); "
     "return mu + sigma * torch.stack((eps, eps), 2).flatten(1)[:, : mu.shape[1]]",
     "The noise of every second latent dimension is that of the latent dimension before it; each latent dimension "
     "needs its own."),
]  # fmt: skip
TWICE_WRONG = [
    # A number in one place, and another reduction.
    ("reconstruction_loss_bernoulli", BERNOULLI, "p = torch.sigmoid(logits); return -(x * (p + 1e-7).log() + (1 - x) * "
     "(1 - p + 1e-7).log()).mean()",
     ("It is averaged over the features and over the batch; it should be summed over the features and averaged over "
      "the batch. Then its weight depends on how many features there are.",
      "1e-07 is added to the probabilities before their logarithm is taken, so that large logits are wrong.")),
    ("reconstruction_loss_bernoulli", BERNOULLI, "p = torch.sigmoid(logits).clamp(1e-4, 1 - 1e-4); "
     "return F.binary_cross_entropy(p, x, reduction='sum')",
     ("It is summed over the features and over the batch; it should be summed over the features and averaged over the "
      "batch. Then its size grows with the batch.",
      "The probabilities are kept 0.0001 away from 0 and 1, so that large logits are wrong and without gradient.")),
    # A number in one place, in another formula.
    ("reconstruction_loss_bernoulli", BERNOULLI, "return -(x * (logits.softmax(1) + 1e-8).log()).sum(dim=1).mean()",
     ("A softmax cross-entropy is computed: the features of an example compete, as if one of them were its class.",)),
    # Another loss, and another average of the KL.
    ("warmup_loss", WARMUP, "return F.binary_cross_entropy(recon_x, x, reduction='sum') + "
     "0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).mean(dim=1).sum()",
     ("The KL is averaged over the latents.", "The binary cross-entropy is computed in place of the squared error.")),
    # A number in one place, and a term that is missing.
    ("reconstruction_loss_bernoulli", BERNOULLI,
     "return -(x * torch.log(torch.sigmoid(logits) + 1e-8)).sum(dim=1).mean()",
     ("The term (1 - x) log(1 - p) is missing.",
      "1e-08 is added to the probabilities before their logarithm is taken, so that large logits are wrong.")),
    ("kl_divergence", KL, "return 0.5 * (mu.pow(2) + logvar.exp() - (logvar.exp() + 1e-5).log()).sum(dim=1).mean()",
     ("The term 1 (which makes it zero at the prior) is missing.",
      "1e-05 is added to the variance before its logarithm is taken.")),
    # A gradient that is missing beside a wrong value.
    ("kl_divergence", KL, "return (mu.detach() ** 2 + logvar.exp() - logvar - 1).sum() / 2",
     ("It is summed over the latent dimensions and over the batch; it should be summed over the latent dimensions and "
      "averaged over the batch. Then its size grows with the batch.",
      "No gradient arrives at mu: the computation is cut off there, so that nothing before learns from it.")),
    ("reparameterize", SAMPLE, "return mu + F.softplus(logvar) * torch.randn_like(mu) if self.training else mu",
     ("Softplus of logvar is used as sigma.",
      "In eval mode z is mu: there is no noise. It should be sampled in train and eval mode alike.")),
    ("reparameterize", SAMPLE, "eps = torch.randn_like(mu); eps[-1] = 0; return mu + sigma**2 * eps",
     ("Sigma is the exponential of logvar, without the half: logvar is the logarithm of sigma squared.",
      "The last example gets no noise.")),
]  # fmt: skip
