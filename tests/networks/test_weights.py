"""ImageNet weights: found in Keras's cache, checked, downloaded, or missing in one sentence."""

import functools
import inspect
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from file_server import CONTENT, MD5
from PIL import Image

from cnnvis_helpers.__main__ import main
from cnnvis_helpers.networks import weights
from cnnvis_helpers.networks.applications import APPLICATIONS, MODES, application_of
from cnnvis_helpers.networks.network import list_networks, load_network
from cnnvis_helpers.networks.weights import DownloadError, find_cached, prefetch

ROOT, FILE = Path(__file__).resolve().parents[2], APPLICATIONS["vgg16"].file


@pytest.fixture
def vgg16_at(server, monkeypatch):
    """Function that moves the download of VGG16 to a page of the test's server."""

    def move(page, checksum=MD5):
        moved = APPLICATIONS["vgg16"]._replace(url=f"{server}/{page}", checksum=checksum)
        monkeypatch.setitem(APPLICATIONS, "vgg16", moved)

    return move


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_prefetch_puts_the_file_where_keras_looks_and_downloads_once(vgg16_at, empty_keras_home):
    vgg16_at("file")
    seen = []
    (path,) = prefetch(["vgg16", "VGG16"], progress=lambda *counts: seen.append(counts))
    assert path == empty_keras_home / "models" / FILE and path.read_bytes() == CONTENT
    assert files_in(empty_keras_home) == [FILE] and seen[-1] == (3, 3)
    assert {row.name: row.here for row in list_networks()}["vgg16"]
    vgg16_at("gone")
    assert prefetch("vgg16") == [path]


def test_two_processes_that_fetch_the_same_weights_both_get_all_of_them(server, empty_keras_home):
    code = f"""
from cnnvis_helpers.networks.weights import APPLICATIONS, fetch_weights, is_whole
moved = APPLICATIONS["vgg16"]._replace(url="{server}/together", checksum="{MD5}")
print(is_whole(fetch_weights(moved, lambda *_: None), moved.checksum))
"""
    start = functools.partial(subprocess.Popen, [sys.executable, "-c", code], cwd=ROOT, text=True)
    both = [start(stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(2)]
    assert [one.communicate()[0] for one in both] == ["True\n"] * 2
    assert files_in(empty_keras_home) == [FILE]


def test_a_damaged_file_is_downloaded_again(vgg16_at, empty_keras_home):
    vgg16_at("file")
    path = empty_keras_home / "models" / FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half a file")
    assert prefetch("vgg16", progress=lambda *_: None) == [path]
    assert path.read_bytes() == CONTENT


def test_prefetch_checks_all_names_before_the_first_download(vgg16_at, empty_keras_home):
    vgg16_at("file")
    for wrong in ("resnet5", "ftp://example.org/x.png", "http:///x"):
        with pytest.raises(ValueError):
            prefetch(["vgg16", wrong])
    assert not empty_keras_home.exists()
    assert prefetch(["shapes_a", "chelsea"]) == []


def test_the_command_is_one_sentence_where_a_download_fails(vgg16_at, empty_keras_home, capsys):
    vgg16_at("gone")
    assert main(["prefetch", "vgg16"]) == 1
    said = capsys.readouterr().err
    assert "404" in said and said.count("\n") == 1 and files_in(empty_keras_home) == []
    assert main(["prefetch", "chelsea"]) == 0


def test_a_folder_that_cannot_be_written_to_is_one_sentence(vgg16_at, empty_keras_home):
    vgg16_at("file")
    empty_keras_home.mkdir()
    (empty_keras_home / "models").touch()
    with pytest.raises(DownloadError, match="KERAS_HOME") as failed:
        prefetch("vgg16")
    assert "\n" not in str(failed.value)


def test_a_photo_is_downloaded_ahead(server, tmp_path, monkeypatch):
    monkeypatch.setenv("CNNVIS_CACHE", str(tmp_path))
    with pytest.raises(ValueError, match="not a picture"):
        prefetch(f"{server}/file/photo")
    assert files_in(tmp_path) == []


def test_missing_weights_without_a_network_are_one_sentence(empty_keras_home):
    with pytest.raises(FileNotFoundError) as missing:
        load_network("vgg16")
    for part in (FILE, "553 MB", "`python -m cnnvis_helpers prefetch vgg16`"):
        assert part in str(missing.value)
    assert "\n" not in str(missing.value) and files_in(empty_keras_home) == []


def test_damaged_weights_without_a_network_are_one_sentence(empty_keras_home):
    path = empty_keras_home / "models" / FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half a file")
    with pytest.raises(ValueError, match="is damaged .*prefetch vgg16") as damaged:
        load_network("vgg16")
    assert str(path) in str(damaged.value) and path.read_bytes() == b"half a file"


def test_a_read_only_keras_home_is_read_and_a_temporary_folder_written(
    empty_keras_home, monkeypatch
):
    models = empty_keras_home / "models"
    models.mkdir(parents=True)
    (models / "weights.h5").write_bytes(b"x")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    assert find_cached("weights.h5") == models / "weights.h5"
    assert weights.weights_folder() != models and weights.weights_folder().parts[-1] == "models"


# With the ImageNet MobileNetV2 ------------------------------------------------------------------


@pytest.fixture(scope="module")
def mobilenet(keras_cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(keras_cache))
        return load_network("mobilenetv2")


def test_mobilenet_knows_the_cat(mobilenet):
    """Known numbers: short side to 256 pixels, then the middle 224 x 224; and the whole photo."""
    photo = Image.open(ROOT / "data" / "photos" / "chelsea.webp")
    whole = mobilenet.predict(np.asarray(photo))[0]
    assert whole.label == "Egyptian cat" and whole.probability == pytest.approx(0.79, abs=0.02)
    width, height = round(photo.width * 256 / photo.height), 256
    left, top = (width - 224) // 2, (height - 224) // 2
    middle = photo.resize((width, height), Image.Resampling.BILINEAR).crop(
        (left, top, left + 224, top + 224)
    )
    best = mobilenet.predict(np.asarray(middle), top=3)
    assert [(p.index, p.label) for p in best] == [
        (285, "Egyptian cat"),
        (282, "tiger cat"),
        (281, "tabby"),
    ]
    np.testing.assert_allclose([p.probability for p in best], [0.523, 0.257, 0.167], atol=0.002)


def test_a_model_of_ones_own_from_keras_applications_gets_all_by_itself(mobilenet, keras_home):
    model = mobilenet.model  # named mobilenetv2_1.00_224 by Keras
    net = load_network(model)
    assert net.labels[281] == "tabby" and net.input_size == (224, 224)
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 224, 224, 3)).astype(np.float32)
    expected = model(keras.applications.mobilenet_v2.preprocess_input(pixels.copy()))
    np.testing.assert_allclose(net.probabilities(net.logits(pixels)), expected, rtol=1e-3)


# The table of applications, against the installed Keras -----------------------------------------


def classifiers_of_keras():
    names = dir(keras.applications)
    return {name for name in names if inspect.isfunction(getattr(keras.applications, name))}


def test_the_table_holds_every_classifier_of_keras():
    assert {row.constructor for row in APPLICATIONS.values()} == classifiers_of_keras()
    assert list(APPLICATIONS) == [row.constructor.lower() for row in APPLICATIONS.values()]


@pytest.mark.parametrize("name", APPLICATIONS)
def test_addresses_and_checksums_are_those_in_the_source_of_keras(name):
    row = APPLICATIONS[name]
    module = inspect.getmodule(getattr(keras.applications, row.constructor))
    if name.startswith("resnet"):  # version 2 shares the table of version 1
        module = inspect.getmodule(keras.applications.ResNet50)
    source = inspect.getsource(module)
    assert row.checksum in source
    if not row.checksum:
        assert "mobilenet" in name and "file_hash" not in source
    folder = row.url.rpartition("/")[0]
    assert folder in source.replace('"\n    "', "")
    assert row.mode in MODES


# One of each kind; all forty, which takes minutes and 6 GB, with CNNVIS_EVERY_NETWORK=1.
KINDS = (
    APPLICATIONS
    if os.environ.get("CNNVIS_EVERY_NETWORK")
    else (
        "densenet121 efficientnetb0 inceptionv3 mobilenetv2 resnet50 vgg16 xception "
        "convnexttiny mobilenetv3small nasnetmobile"
    ).split()
)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_classifier_of_keras(name, monkeypatch):
    """Built as for ImageNet weights: file, size, parameters, the last map before the pooling."""
    row, asked = APPLICATIONS[name], []

    def get_file(file, origin, file_hash=None, **_):
        asked.append((file, origin, file_hash or ""))
        return file

    monkeypatch.setattr(keras.src.utils.file_utils, "get_file", get_file)
    monkeypatch.setattr(keras.Model, "load_weights", lambda self, *_, **__: None)
    shape = (row.size, row.size, 3)
    model = getattr(keras.applications, row.constructor)(weights="imagenet", input_shape=shape)
    assert asked == [(row.file, row.url, row.checksum)]
    assert model.count_params() == row.parameters
    assert application_of(model) == row
    net = load_network(model, labels=range(1000))
    step = next(step for step in net.steps if step.name == net.last_conv)
    readers = [s for s in net.steps if any(value.step is step for value in s.inputs)]
    assert net.head == "softmax" and len(step.shape) == 4 and min(step.shape[1:3]) >= 7
    if not name.startswith("vgg"):
        assert [type(s.layer).__name__ for s in readers] == ["GlobalAveragePooling2D"]
