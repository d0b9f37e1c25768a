"""Networks as somebody else might write them, and pages that explore them."""

import torch
import torch.nn.functional as F
from torch import nn

from student.lab._app.explorer.page import Scene
from student.lab._app.report import render


class Model(nn.Module):
    """A VAE of many dimensions, written as somebody else might."""

    def __init__(self, latent=20, side=28, decoder=None):
        super().__init__()
        torch.manual_seed(1)
        self.hidden, self.heads = nn.Linear(side * side, 30), nn.ModuleList([nn.Linear(30, latent) for _ in range(2)])
        self.out = decoder or nn.Sequential(nn.Linear(latent, 40), nn.Tanh(), nn.Linear(40, side * side))

    def encode(self, x):
        h = F.relu(self.hidden(x.view(x.size(0), -1)))
        return self.heads[0](h), self.heads[1](h)

    def decode(self, z):
        return self.out(z)


def scene(count=60, side=28, classes=("0", "</script><img src=x onerror=alert(1)>"), logits=True):
    test = torch.rand(count, side * side, generator=torch.Generator().manual_seed(2))
    labels = [number % len(classes) for number in range(count)]
    return Scene(test, labels, classes, (side, side), logits, binary=False)


def write(explorer, folder):
    render("table.html", folder / "page.html", [], folder, name="page", setting="", head=[], text_columns=(), rows=[],
           findings=[], explorer=explorer)  # fmt: skip
    return folder / "page.html"


class Softplus(Model):
    def decode(self, z):
        return F.softplus(self.out(z))


class Branching(Model):
    def decode(self, z):
        return self.out(z) if z.sum() > 0 else -self.out(z)


class Doubled(nn.Linear):
    def forward(self, input):
        return 2 * super().forward(input)


class Odd(Model):
    def __init__(self):
        super().__init__(decoder=nn.Sequential(nn.Linear(20, 30), nn.ReLU(), Doubled(30, 784)))


class Chunked(Model):
    def encode(self, x):
        return torch.cat([head(F.relu(self.hidden(x))) for head in self.heads], dim=1).chunk(2, dim=1)
