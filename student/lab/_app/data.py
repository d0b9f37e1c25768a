"""The data sets, as two arrays in memory: scikit-learn's own, which are always there, and the MNIST family."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from student.lab._app.download import SOURCES, RemoteFile, Source, cache_folder, fetch
from student.lab._app.errors import BadInput
from student.lab._app.idx import read_idx

FASHION = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
SPLIT_SEED = 0  # the split of a data set is part of the data set: it does not change with a run's seed
BINARISE_SEED = 2016  # likewise the one draw of "fixed", and of the test set of "dynamic"


@dataclass(frozen=True)
class Dataset:
    """A data set, split.

    Attributes:
        name: as on the command line.
        train, validation, test: examples, each ``(N, D)``, float32; in ``[0, 1]`` for images, standardised for vectors.
        test_labels: class of each test example, shape ``(N,)``; used for colouring only.
        class_names: one for each class.
        image_shape: height and width of an image, or ``None`` for vectors.
    """

    name: str
    train: NDArray[np.float32]
    validation: NDArray[np.float32]
    test: NDArray[np.float32]
    test_labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    image_shape: tuple[int, int] | None

    @property
    def input_dim(self) -> int:
        """``D``, values in an example."""
        return int(self.train.shape[1])

    def first(self, train_examples: int) -> "Dataset":
        """The same with only the first so many training examples; 0 keeps all."""
        return replace(self, train=self.train[:train_examples]) if train_examples else self


def load(
    name: str, data_dir: Path | None = None, mirror: str | None = None, say: Callable[[str], None] = print
) -> Dataset:
    """Load a data set by its name.

    Args:
        name: one of ``config.DATASETS``.
        data_dir: for the MNIST family, the folder with the four idx files, ``.gz`` or unpacked, or one above it that is
            named after the data set or made by torchvision. Without it the cache folder is used and missing files are
            downloaded into it.
        mirror: a URL to try before the known mirrors.
        say: told of downloads.

    Raises:
        BadInput: if files are missing, damaged or do not fit together.
    """
    if name in SOURCES:
        return _load_idx(name, SOURCES[name], data_dir, mirror, say)
    if data_dir is not None:
        raise BadInput(f"--data-dir is for {' and '.join(SOURCES)}; {name} comes with scikit-learn")
    return _load_sklearn(name)


def binarise(images: NDArray[np.float32], how: str, part: str) -> NDArray[np.float32]:
    """Black and white images from grey ones, drawn once.

    Args:
        images: pixel values in ``[0, 1]``, any shape.
        how: "none" (as they are), "threshold" (1 from 0.5 upwards), or "fixed" and "dynamic" (each pixel is 1 with the
            probability that its grey value states). The draw has a seed of its own, so that every run sees the same.
            It is not Larochelle's fixed file, which others quote numbers on.
        part: "train", "validation" or "test": each has noise of its own.
    """
    if how == "none":
        return images
    if how == "threshold":
        return (images >= 0.5).astype(np.float32)
    noise = np.random.default_rng(BINARISE_SEED + ("test", "train", "validation").index(part)).random(
        images.shape, dtype=np.float32
    )
    return (noise < images).astype(np.float32)


def _load_idx(
    name: str, source: Source, data_dir: Path | None, mirror: str | None, say: Callable[[str], None]
) -> Dataset:
    folder = _folder_in(data_dir, name, source) if data_dir else cache_folder(name)
    mirrors = ((mirror.rstrip("/") + "/",) if mirror else ()) + source.mirrors
    paths = {file: _find(file, folder) for file in source.files}
    missing = [file.name for file, path in paths.items() if path is None]
    if missing and data_dir is not None:
        raise BadInput(
            f"--data-dir {data_dir} lacks {', '.join(missing)} (with or without .gz), and neither {name} nor "
            f"{source.torchvision} in it holds all four. They are at {' or '.join(source.mirrors)}"
        )
    found = [path or fetch(file, mirrors, folder, say) for file, path in paths.items()]
    train, test = read_idx(found[0], 3), read_idx(found[2], 3)
    for path, examples in ((found[1], train), (found[3], test)):
        labels = read_idx(path, 1)  # of the training part none is used: another number of them tells of a mix-up
        if len(labels) != len(examples):
            raise BadInput(f"{path} holds {len(labels)} labels for {len(examples)} images: they do not belong together")
        if labels.max() > 9:
            raise BadInput(f"{path} holds the label {labels.max()}; {name} has the classes 0 to 9")
    _refuse_anothers(name, found[3])
    if train.shape[1:] != test.shape[1:]:
        raise BadInput(f"{folder}: training images are {train.shape[1:]}, test images {test.shape[1:]}")
    if min(len(train) - 2, len(test)) < 2:
        raise BadInput(f"{folder} holds {len(train)} training and {len(test)} test images; 4 and 2 are needed at least")
    kept = _kept(len(train))
    classes, shape = FASHION if name == "fashion-mnist" else tuple("0123456789"), (train.shape[1], train.shape[2])
    parts = (_unit(train[:kept]), _unit(train[kept:]), _unit(test))
    return Dataset(name, *parts, labels.astype(np.int64), classes, shape)


def _folder_in(data_dir: Path, name: str, source: Source) -> Path:
    """The folder that holds all files of a data set: ``data_dir``, or one in it with the usual names."""
    folders = (data_dir / name, data_dir / source.torchvision, data_dir)
    return next((folder for folder in folders if all(_find(file, folder) for file in source.files)), data_dir)


def _find(file: RemoteFile, folder: Path) -> Path | None:
    candidates = (folder / file.name, folder / file.name.removesuffix(".gz"))
    return next((path for path in candidates if path.is_file()), None)


def _refuse_anothers(name: str, path: Path) -> None:
    """Raise ``BadInput`` if the test labels are known to be those of another data set: the files' names are the same.

    They are the smallest file, and the only one that is looked at; unpacked it has another checksum and is not known.
    """
    content = path.read_bytes()
    for other, source in SOURCES.items():
        labels = source.files[3]
        digest = hashlib.new(labels.algorithm, content, usedforsecurity=False).hexdigest()
        if other != name and digest == labels.checksum:
            raise BadInput(f"{path} belongs to {other}, not to {name}. Say --data {other}, or give another --data-dir")


def _kept(examples: int) -> int:
    """How many of the training examples are trained on; the last tenth is set aside for validation."""
    return examples - max(2, examples // 10)


def _unit(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def _load_sklearn(name: str) -> Dataset:
    from sklearn import datasets  # here, because it takes a second that MNIST users need not wait for

    loaders = {"digits": datasets.load_digits, "breast-cancer": datasets.load_breast_cancer, "wine": datasets.load_wine}
    bunch = loaders[name]()
    order = np.random.default_rng(SPLIT_SEED).permutation(len(bunch.data))
    examples, labels = bunch.data[order].astype(np.float32), bunch.target[order].astype(np.int64)
    cut = len(examples) * 4 // 5
    kept = _kept(cut)
    if name == "digits":
        examples /= 16
    else:  # standardised by the training part alone: the rest must stay unseen
        examples = (examples - examples[:kept].mean(axis=0)) / examples[:kept].std(axis=0)
    classes, shape = tuple(str(label) for label in bunch.target_names), (8, 8) if name == "digits" else None
    return Dataset(name, examples[:kept], examples[kept:cut], examples[cut:], labels[cut:], classes, shape)
