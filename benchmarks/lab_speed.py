"""How fast the lab trains: beside a loop that loads sample by sample, and as a share of the bare matrix products.

    python benchmarks/lab_speed.py [--examples 10000] [--repeats 3] [--threads N] [--data-dir DIR]

Ways of spending one epoch of the 784-400-20 network with batches of 128, taken in turns in one process:

per sample   what many example scripts do: a data set that makes one image and converts it to a tensor at a time, a
             DataLoader that stacks them, sigmoid outputs with binary_cross_entropy, one loss.item() a step
lab          the lab's trainer on the reference, as it is and with ``--precision highest``
products     only the matrix products that forward and backward pass of this network need, as ``nn.Linear`` makes them,
             in both precisions

Both clocks are shown: the wall clock, and the processor time of this process, which other work on the machine does not
distort as much. The best of the repeats counts.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from student.lab._app import session
from student.lab._app.config import configure
from student.lab._app.data import Dataset as LabData
from student.lab._app.data import load as load_data
from student.lab._app.errors import BadInput
from student.lab._app.implementation import load
from student.lab._app.stubs import find_file
from student.lab._app.trainer import matmul_precision

PIXELS, HIDDEN, LATENT, BATCH = 784, 400, 20, 128


class PerSample(Dataset):
    """Images and labels as tensors of bytes; one becomes a picture, then a float tensor, each time it is asked for."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = torch.from_numpy(images)
        self.labels = torch.zeros(len(images), dtype=torch.int64)

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """One image of shape ``(1, 28, 28)`` in ``[0, 1]`` and its label."""
        label = int(self.labels[index])
        picture = Image.fromarray(self.images[index].numpy())
        pixels = torch.from_numpy(np.array(picture, np.uint8, copy=True))
        pixels = pixels.view(picture.size[1], picture.size[0], len(picture.getbands()))
        return pixels.permute((2, 0, 1)).contiguous().to(dtype=torch.get_default_dtype()).div(255), label


class Plain(nn.Module):
    """The network as example scripts write it."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.mu, self.logvar = (
            nn.Linear(PIXELS, HIDDEN),
            nn.Linear(HIDDEN, LATENT),
            nn.Linear(HIDDEN, LATENT),
        )
        self.back, self.pixels = nn.Linear(LATENT, HIDDEN), nn.Linear(HIDDEN, PIXELS)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``(recon, mu, logvar)``."""
        h = F.relu(self.hidden(x))
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return torch.sigmoid(self.pixels(F.relu(self.back(z)))), mu, logvar


def per_sample_epoch(images: np.ndarray) -> Callable[[], None]:
    """One epoch with a loader that handles every sample in Python."""
    loader = DataLoader(PerSample(images), batch_size=BATCH, shuffle=True)
    model = Plain()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def epoch() -> None:
        total = 0.0
        for data, _ in loader:
            x = data.view(-1, PIXELS)
            optimizer.zero_grad()
            recon, mu, logvar = model(x)
            loss = F.binary_cross_entropy(recon, x, reduction="sum")
            loss = loss - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
            loss.backward()
            total += loss.item()
            optimizer.step()

    return epoch


def lab_epoch(images: np.ndarray, precision: str) -> Callable[[], None]:
    """One epoch of the lab's trainer."""
    x = images.reshape(len(images), -1).astype(np.float32) / 255
    labels = np.zeros(100, dtype=np.int64)
    dataset = LabData("mnist", x, x[:100], x[:100], labels, tuple("0123456789"), (28, 28))
    cfg = configure("lab", latent_dim=LATENT, hidden_dim=HIDDEN, batch_size=BATCH, precision=precision)
    material = session.prepare(dataset, cfg, torch.device("cpu"))
    trainer = session.make_trainer(load(find_file("vae", True, None), "vae", cfg.likelihood), cfg, material)
    return lambda: trainer.run_epoch() and None


def products_epoch(count: int, precision: str) -> Callable[[], None]:
    """The products of one epoch: for each layer forward, gradient of the weight, and gradient of the input."""
    shapes = [(PIXELS, HIDDEN), (HIDDEN, LATENT), (HIDDEN, LATENT), (LATENT, HIDDEN), (HIDDEN, PIXELS)]
    layers = [(torch.randn(BATCH, i), torch.randn(o, i), torch.randn(BATCH, o)) for i, o in shapes]

    def epoch() -> None:
        with matmul_precision(precision):
            for _ in range(-(-count // BATCH)):
                for place, (x, weight, gradient) in enumerate(layers):
                    F.linear(x, weight)
                    F.linear(gradient.T, x.T)
                    if place:  # nothing asks for the gradient of the data
                        F.linear(gradient, weight.T)

    return epoch


def errors() -> dict[str, float]:
    """How far off one layer's output is, at most, with either precision, and with inputs in bfloat16."""
    x, layer = torch.rand(BATCH, PIXELS), nn.Linear(PIXELS, HIDDEN, bias=False)
    weight = layer.weight.detach()
    exact, found = F.linear(x.double(), weight.double()), {}
    for precision in ("highest", "medium"):
        with matmul_precision(precision):
            found[precision] = float((F.linear(x, weight) - exact).abs().max())
    rounded = F.linear(x.bfloat16().double(), weight.bfloat16().double())
    return found | {"bfloat16 inputs": float((rounded - exact).abs().max())}


def main() -> None:
    """Time them and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="default: torch's choice")
    parser.add_argument("--data-dir", type=Path, help="MNIST's idx files; without it the images are random")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    if options.data_dir:
        try:
            pixels = load_data("mnist", options.data_dir).train[: options.examples]
        except BadInput as error:
            parser.error(str(error))
        images = (pixels * 255).round().astype(np.uint8).reshape(-1, 28, 28)
    else:
        images = np.random.default_rng(0).integers(0, 256, (options.examples, 28, 28), dtype=np.uint8)
    ways = {
        "per sample": per_sample_epoch(images),
        "lab": lab_epoch(images, "medium"),
        "lab, highest": lab_epoch(images, "highest"),
        "products": products_epoch(len(images), "medium"),
        "products, highest": products_epoch(len(images), "highest"),
    }
    best = {name: (float("inf"), float("inf")) for name in ways}
    for turn in range(options.repeats + 1):
        for name, epoch in ways.items():
            wall, own = time.perf_counter(), time.process_time()
            epoch()
            spent = time.perf_counter() - wall, time.process_time() - own
            if turn:  # the first turn warms up
                best[name] = min(best[name][0], spent[0]), min(best[name][1], spent[1])
    print(f"{len(images):,} images an epoch, {torch.get_num_threads()} thread(s), torch {torch.__version__}")
    print("largest error of a 784-400 layer:", ", ".join(f"{name} {error:.0e}" for name, error in errors().items()))
    for name, (wall, own) in best.items():
        print(
            f"{name:<18} {len(images) / wall:>9,.0f} images/s by the wall clock, {len(images) / own:>9,.0f} by "
            "processor time"
        )
    for clock, title in ((0, "wall clock"), (1, "processor time")):
        for name in ("lab", "lab, highest"):
            took, bare = best[name][clock], best[name.replace("lab", "products")][clock]
            slow = best["per sample"][clock] / took
            print(f"{title}, {name}: {slow:.2f} times per sample; its matrix products take {bare / took:.0%} of it")


if __name__ == "__main__":
    main()
