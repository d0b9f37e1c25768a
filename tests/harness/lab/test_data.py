"""Data: the idx format and its damages, downloads and their failures, binarisation, the sets that are always there."""

import gzip
import hashlib
import struct
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from student.lab._app import data
from student.lab._app.download import SOURCES, RemoteFile, Source, cache_folder, fetch
from student.lab._app.errors import BadInput
from student.lab._app.idx import read_idx

IMAGES = "train-images-idx3-ubyte"


def header(*sizes: int, kind: int = 8) -> bytes:
    return struct.pack(f">HBB{len(sizes)}I", 0, kind, len(sizes), *sizes)


def test_an_idx_file_is_read_zipped_or_not(tmp_path):
    wanted = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    content = header(2, 3, 4) + wanted.tobytes()
    for name, written in (("plain", content), ("zipped", gzip.compress(content))):
        (tmp_path / name).write_bytes(written)
        assert np.array_equal(read_idx(tmp_path / name, 3), wanted)


DAMAGES = {
    "empty": (b"", "too short"),
    "cut in the header": (header(2, 3, 4)[:9], "too short"),
    "cut in the pixels": (header(2, 3, 4) + bytes(23), "announces 2 x 3 x 4 = 24 bytes and holds 23"),
    "longer than it says": (header(2, 3, 4) + bytes(25), "holds 25"),
    "no images": (header(0, 3, 4), "holds 0"),
    "a web page": (b"<!doctype html><title>Not found</title>" + bytes(20), "not an idx file of unsigned bytes"),
    "floats": (header(2, 3, 4, kind=0x0D) + bytes(96), "not an idx file of unsigned bytes"),
    "labels for images": (header(24) + bytes(24), "has 1 dimensions, expected 3"),
    "enormous sizes": (header(2**32 - 1, 2**32 - 1, 2**32 - 1) + bytes(24), "holds 24"),
    "a zip cut short": (gzip.compress(header(2, 3, 4) + bytes(range(24)))[:-12], "truncated or damaged"),
    "a zip with a wrong byte": (gzip.compress(bytes(24))[:14] + b"\xff\xff" + bytes(20), "truncated or damaged"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_idx_file_is_refused_by_name(tmp_path, damage):
    content, message = DAMAGES[damage]
    path = tmp_path / "images.idx"
    path.write_bytes(content)
    with pytest.raises(BadInput) as refused:
        read_idx(path, 3)
    assert message in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_folder_of_idx_files_becomes_a_data_set(data_dir):
    loaded = data.load("mnist", data_dir)
    assert (loaded.train.shape, loaded.validation.shape) == ((270, 64), (30, 64))
    assert loaded.test.shape == (100, 64)
    assert loaded.image_shape == (8, 8)
    assert loaded.train.min() == 0
    assert 0.9 < loaded.train.max() <= 1
    assert loaded.class_names == tuple("0123456789")
    assert data.load("fashion-mnist", data_dir).class_names[9] == "ankle boot"


def test_unzipped_files_are_found_too(tmp_path, idx_files):
    for name, content in idx_files.items():
        (tmp_path / name).write_bytes(content)
    assert len(data.load("mnist", tmp_path).train) == 270


@pytest.mark.parametrize("inner", ["mnist", "MNIST/raw"])
def test_a_folder_above_the_files_is_enough(tmp_path, idx_files, inner):
    (tmp_path / inner).mkdir(parents=True)
    for name, content in idx_files.items():
        (tmp_path / inner / name).write_bytes(content)
    assert len(data.load("mnist", tmp_path).train) == 270
    # The data set's name counts, not only the names of the files, which the two data sets share.
    with pytest.raises(BadInput, match="neither fashion-mnist nor FashionMNIST/raw in it holds"):
        data.load("fashion-mnist", tmp_path)


def test_files_that_do_not_belong_together_are_refused(data_dir, idx_files):
    (data_dir / "train-labels-idx1-ubyte.gz").write_bytes(idx_files["t10k-labels-idx1-ubyte"])
    with pytest.raises(BadInput, match="100 labels for 300 images"):
        data.load("mnist", data_dir)
    (data_dir / "train-labels-idx1-ubyte.gz").write_bytes(header(300) + bytes([77] * 300))
    with pytest.raises(BadInput, match="the label 77"):
        data.load("mnist", data_dir)


def test_files_of_the_other_data_set_are_refused(data_dir, monkeypatch):
    """Their names are the same. Here the small files stand for Fashion-MNIST's."""
    path = data_dir / "t10k-labels-idx1-ubyte.gz"
    source = SOURCES["fashion-mnist"]
    known = RemoteFile(path.name, "md5", hashlib.md5(path.read_bytes()).hexdigest())
    monkeypatch.setitem(SOURCES, "fashion-mnist", replace(source, files=(*source.files[:3], known)))
    assert len(data.load("fashion-mnist", data_dir).test) == 100
    with pytest.raises(BadInput, match=r"belongs to fashion-mnist, not to mnist\. Say --data fashion-mnist"):
        data.load("mnist", data_dir)


def test_one_test_image_is_too_few(data_dir):
    (data_dir / "t10k-images-idx3-ubyte.gz").write_bytes(header(1, 8, 8) + bytes(64))
    (data_dir / "t10k-labels-idx1-ubyte.gz").write_bytes(header(1) + bytes(1))
    with pytest.raises(BadInput, match="300 training and 1 test images"):
        data.load("mnist", data_dir)


def test_missing_files_are_named_with_where_to_get_them(data_dir):
    (data_dir / f"{IMAGES}.gz").unlink()
    with pytest.raises(BadInput) as refused:
        data.load("mnist", data_dir)
    assert IMAGES in str(refused.value)
    assert SOURCES["mnist"].mirrors[0] in str(refused.value)


@pytest.fixture
def mirror(tmp_path, idx_files):
    """A web server with the files of the small data set, and the right checksums of these."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    remote = []
    for name, content in idx_files.items():
        zipped = gzip.compress(content)
        (folder / f"{name}.gz").write_bytes(zipped)
        remote.append(RemoteFile(f"{name}.gz", "sha256", hashlib.sha256(zipped).hexdigest()))

    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=folder))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield Source((f"http://127.0.0.1:{server.server_port}/",), "MNIST/raw", tuple(remote))
    server.shutdown()
    server.server_close()


def test_missing_files_are_downloaded_once_into_the_cache(mirror, tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_LAB_DATA", str(tmp_path / "cache"))
    monkeypatch.setitem(SOURCES, "mnist", mirror)
    told = []
    assert len(data.load("mnist", say=told.append).train) == 270
    assert len(told) == 4
    assert sorted(path.name for path in cache_folder("mnist").iterdir()) == sorted(f.name for f in mirror.files)
    data.load("mnist", say=told.append)
    assert len(told) == 4


def test_the_next_mirror_is_tried_when_one_fails(mirror, tmp_path):
    file = mirror.files[0]
    dead = "http://127.0.0.1:9/"  # the discard port: nobody answers
    assert fetch(file, (dead, *mirror.mirrors), tmp_path / "to", print).is_file()


def test_a_wrong_checksum_leaves_nothing_behind(mirror, tmp_path):
    wrong = RemoteFile(mirror.files[0].name, "sha256", "0" * 64)
    with pytest.raises(BadInput) as refused:
        fetch(wrong, (*mirror.mirrors, mirror.mirrors[0] + "missing/", "not a url"), tmp_path / "to", print)
    text = str(refused.value)
    assert "wrong sha256 checksum" in text
    assert "File not found" in text
    assert "unknown url type" in text
    assert "--data-dir" in text
    assert "--data digits" in text
    assert list((tmp_path / "to").iterdir()) == []


def test_every_known_file_has_a_checksum_of_the_right_length():
    for source in SOURCES.values():
        for file in source.files:
            assert len(file.checksum) == 2 * hashlib.new(file.algorithm).digest_size
            assert all(mirror.endswith("/") for mirror in source.mirrors)


def test_binarisation_is_what_it_says():
    grey = np.linspace(0, 1, 10_001, dtype=np.float32).reshape(1, -1).repeat(50, axis=0)
    assert data.binarise(grey, "none", "test") is grey
    assert np.array_equal(data.binarise(grey, "threshold", "test"), grey >= 0.5)
    drawn = data.binarise(grey, "fixed", "test")
    assert set(np.unique(drawn)) == {0, 1}
    assert np.array_equal(drawn, data.binarise(grey, "fixed", "test"))
    assert not np.array_equal(drawn, data.binarise(grey, "fixed", "train"))  # each part has noise of its own
    assert (
        np.abs(
            drawn.mean(axis=0).reshape(-1)[:-1].reshape(100, 100).mean(axis=1) - np.linspace(0.005, 0.995, 100)
        ).max()
        < 0.05
    )


@pytest.mark.parametrize(("name", "width", "classes"), [("digits", 64, 10), ("breast-cancer", 30, 2), ("wine", 13, 3)])
def test_the_sets_of_scikit_learn_need_no_files(name, width, classes):
    loaded = data.load(name)
    assert loaded.train.shape[1] == loaded.test.shape[1] == width
    assert len(loaded.class_names) == classes
    assert loaded.train.dtype == loaded.test.dtype == np.float32
    if loaded.image_shape is None:
        assert np.allclose(loaded.train.mean(axis=0), 0, atol=1e-5)
        assert np.allclose(loaded.train.std(axis=0), 1, atol=1e-4)
    else:
        assert loaded.train.min() == 0
        assert loaded.train.max() == 1
