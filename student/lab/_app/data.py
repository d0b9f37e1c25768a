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
    paths = {file.name: _find(file, folder) for file in source.files}
    missing = [file for file in source.files if paths[file.name] is None]
    if missing and data_dir is not None:
        raise BadInput(
            f"--data-dir {data_dir} lacks {', '.join(file.name for file in missing)} (with or without .gz), and "
            f"neither {name} nor {source.torchvision} in it holds all four. They are at {' or '.join(source.mirrors)}"
        )
    for file in missing:
        paths[file.name] = fetch(file, mirrors, folder, say)

    def images(file: RemoteFile) -> NDArray[np.uint8]:
        return read_idx(paths[file.name] or folder / file.name, 3)

    def labels(file: RemoteFile, count: int) -> NDArray[np.int64]:
        path = paths[file.name] or folder / file.name
        values = read_idx(path, 1)
        if len(values) != count:
            raise BadInput(f"{path} holds {len(values)} labels for {count} images: the files do not belong together")
        if values.max() > 9:
            raise BadInput(f"{path} holds the label {values.max()}; {name} has the classes 0 to 9")
        return values.astype(np.int64)

    train, test = images(source.train_images), images(source.test_images)
    if train.shape[1:] != test.shape[1:]:
        raise BadInput(f"{folder}: training images are {train.shape[1:]}, test images {test.shape[1:]}")
    if min(len(train) - 2, len(test)) < 2:
        raise BadInput(f"{folder} holds {len(train)} training and {len(test)} test images; 4 and 2 are needed at least")
    labels(source.train_labels, len(train))  # none is used: another number of them tells of files that were mixed up
    test_labels = labels(source.test_labels, len(test))
    _refuse_anothers(name, paths[source.test_labels.name] or folder / source.test_labels.name)
    kept = _kept(len(train))
    return Dataset(
        name=name,
        train=_unit(train[:kept]),
        validation=_unit(train[kept:]),
        test=_unit(test),
        test_labels=test_labels,
        class_names=FASHION if name == "fashion-mnist" else tuple("0123456789"),
        image_shape=(int(train.shape[1]), int(train.shape[2])),
    )


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
        digest = hashlib.new(source.test_labels.algorithm, content, usedforsecurity=False).hexdigest()
        if other != name and digest == source.test_labels.checksum:
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
    return Dataset(
        name=name,
        train=examples[:kept],
        validation=examples[kept:cut],
        test=examples[cut:],
        test_labels=labels[cut:],
        class_names=tuple(str(label) for label in bunch.target_names),
        image_shape=(8, 8) if name == "digits" else None,
    )
