"""ImageNet weights: found in Keras's cache and whole, or downloaded, or missing in one sentence."""

import errno
import hashlib
import importlib
import inspect
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from cnnvis_helpers.__main__ import main
from cnnvis_helpers._shared.commands import course_command
from cnnvis_helpers.networks.applications import APPLICATIONS, MODES, application_of
from cnnvis_helpers.networks.network import load_network
from cnnvis_helpers.networks.weights import find_cached, prefetch

room = importlib.import_module("cnnvis_helpers.networks.weights")
CONTENT = bytes(range(256)) * 9000  # 2.3 MB: more than two pieces
MD5 = hashlib.md5(CONTENT).hexdigest()


ASKED = []  # the Range header of every request, None where there was none


class _Server(BaseHTTPRequestHandler):
    """/whole sends CONTENT, or the rest of it where that is asked for; /half breaks off in the
    middle, /other sends something else, /stubborn always sends all."""

    def do_GET(self):
        kind, asked = self.path.rpartition("/")[2], self.headers.get("Range")
        ASKED.append(asked)
        if kind not in ("whole", "half", "other", "nameless", "stubborn"):
            return self.send_error(404)
        body = {"half": CONTENT[: len(CONTENT) // 2], "other": CONTENT[::-1]}.get(kind, CONTENT)
        start = int(asked[6:-1]) if asked and kind == "whole" else 0
        if start >= len(CONTENT):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if kind != "nameless":
            self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(body[start:])

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture
def vgg16_at(server, monkeypatch):
    """Function that moves the download of VGG16 to the test's server."""

    def move(kind, checksum=MD5):
        moved = APPLICATIONS["vgg16"]._replace(url=f"{server}/{kind}", checksum=checksum)
        monkeypatch.setitem(APPLICATIONS, "vgg16", moved)

    return move


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("kind", ["whole", "nameless"])
@pytest.mark.parametrize("hashed", [hashlib.md5, hashlib.sha256, None])
def test_prefetch_puts_both_files_where_keras_looks(vgg16_at, empty_keras_home, hashed, kind):
    vgg16_at(kind, hashed(CONTENT).hexdigest() if hashed else "")
    seen = []
    paths = prefetch("vgg16", progress=lambda *counts: seen.append(counts))
    names = ["vgg16_weights_tf_dim_ordering_tf_kernels.h5"]
    assert files_in(empty_keras_home) == sorted(path.name for path in paths) == names
    assert all(path.read_bytes() == CONTENT for path in paths)
    assert seen == ([(1, 2), (2, 2), (2, 2)] if kind == "whole" else [])


def test_prefetch_downloads_nothing_twice(vgg16_at, empty_keras_home):
    vgg16_at("whole")
    first = prefetch(["vgg16", "VGG16", "course"], progress=lambda *_: None)
    vgg16_at("gone")
    assert prefetch("vgg16") == first and len(first) == 1


PART = f".{APPLICATIONS['vgg16'].file}.part"


@pytest.mark.parametrize(
    "kind, words",
    [("other", "checksum .*; try again"), ("gone", "404 .Not Found.; try again later")],
)
def test_a_failed_download_leaves_nothing_behind(vgg16_at, empty_keras_home, kind, words):
    vgg16_at(kind)
    with pytest.raises(ConnectionError, match=words) as caught:
        prefetch("vgg16", progress=lambda *_: None)
    assert files_in(empty_keras_home) == [] and "\n" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_download_that_breaks_off_goes_on_where_it_stopped(vgg16_at, empty_keras_home):
    vgg16_at("half")
    with pytest.raises(ConnectionError, match="broke off after 1152000 of 2304000 .*goes on there"):
        prefetch("vgg16", progress=lambda *_: None)
    assert files_in(empty_keras_home) == [PART]
    vgg16_at("whole")
    ASKED.clear()
    seen = []
    (path,) = prefetch("vgg16", progress=lambda *counts: seen.append(counts))
    assert path.read_bytes() == CONTENT and PART not in files_in(empty_keras_home)
    assert ASKED[0] == "bytes=1152000-" and seen == [(2, 2), (2, 2)]


def test_a_stopped_download_goes_on_where_it_stopped(vgg16_at, empty_keras_home):
    vgg16_at("whole")

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prefetch("vgg16", progress=stop)
    assert files_in(empty_keras_home) == [PART]
    ASKED.clear()
    (path,) = prefetch("vgg16", progress=lambda *_: None)
    assert path.read_bytes() == CONTENT and ASKED[0] == f"bytes={1 << 20}-"


@pytest.mark.parametrize("kind", ["whole", "stubborn"])
@pytest.mark.parametrize("left", [CONTENT[::-1][:1000], CONTENT + b"more", CONTENT[:7]])
def test_a_part_that_does_not_fit_is_thrown_away(vgg16_at, empty_keras_home, left, kind):
    vgg16_at(kind)
    models = empty_keras_home / "models"
    models.mkdir(parents=True)
    (models / PART).write_bytes(left)
    (path,) = prefetch("vgg16", progress=lambda *_: None)
    assert path.read_bytes() == CONTENT and PART not in files_in(empty_keras_home)


# Parts that a process left which was killed outright ------------------------------------------


def part_of(process, machine=None, seconds=0, content=CONTENT[: 1 << 20]):
    """A part of VGG16 in Keras's folder, as a process of a machine left it `seconds` ago."""
    name = f".{APPLICATIONS['vgg16'].file}.{machine or room._machine()}.{process}.part"
    path = room.cache_folder() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (time.time() - seconds,) * 2)
    return path


@pytest.fixture(scope="module")
def killed():
    """The number of a process that was killed outright."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    process.kill()
    process.wait()
    return process.pid


def test_a_download_whose_process_was_killed_goes_on_at_once(vgg16_at, empty_keras_home, killed):
    vgg16_at("whole")
    part_of(killed, content=CONTENT[:500])
    part_of(killed + 10_000_000, content=CONTENT[: 1 << 20])
    ASKED.clear()
    (path,) = prefetch("vgg16", progress=lambda *_: None)
    assert ASKED[0] == f"bytes={1 << 20}-" and path.read_bytes() == CONTENT
    assert files_in(empty_keras_home) == [APPLICATIONS["vgg16"].file]


def test_the_part_of_a_living_process_or_of_another_machine_is_left_alone(
    vgg16_at, empty_keras_home, killed
):
    vgg16_at("whole")
    alone = [part_of(os.getppid()), part_of(killed, machine="another")]
    silent = part_of(killed, machine="another2", seconds=100)
    (path,) = prefetch("vgg16", progress=lambda *_: None)
    assert all(part.is_file() for part in alone) and not silent.exists()
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("checksum", [MD5, ""])
def test_parts_are_thrown_away_once_the_file_is_whole(vgg16_at, empty_keras_home, killed, checksum):
    vgg16_at("whole", checksum)
    prefetch("vgg16", progress=lambda *_: None)
    left = part_of(killed)
    prefetch("vgg16")
    assert not left.exists() and len(files_in(empty_keras_home)) == 1


def test_without_a_checksum_no_part_is_kept(vgg16_at, empty_keras_home):
    vgg16_at("half", checksum="")
    with pytest.raises(ConnectionError, match="broke off"):
        prefetch("vgg16", progress=lambda *_: None)
    assert files_in(empty_keras_home) == []


def test_a_damaged_file_is_found_by_its_checksum_and_fetched_anew(vgg16_at, empty_keras_home):
    vgg16_at("whole")
    (path,) = prefetch("vgg16", progress=lambda *_: None)
    flipped = bytearray(CONTENT)
    flipped[70_000] ^= 1  # one bit, the size stays
    path.write_bytes(flipped)
    prefetch("vgg16", progress=lambda *_: None)
    assert path.read_bytes() == CONTENT


def test_a_whole_file_is_read_once(vgg16_at, empty_keras_home, monkeypatch):
    vgg16_at("whole")
    (path,) = prefetch("vgg16", progress=lambda *_: None)
    room._sum_of.cache_clear()
    prefetch("vgg16")
    prefetch("vgg16")
    assert room._sum_of.cache_info().misses == 1


def test_a_photo_is_fetched_ahead(monkeypatch, tmp_path, server):
    from cnnvis_helpers._shared import download as downloads
    from cnnvis_helpers.photos import photos

    monkeypatch.setenv("CNNVIS_CACHE", str(tmp_path / "cache"))
    picture = (Path(__file__).resolve().parents[2] / "data" / "photos" / "chelsea.png").read_bytes()
    monkeypatch.setattr(downloads, "_download", lambda address: picture)
    (path,) = prefetch("https://example.org/cat.png")
    assert path.read_bytes() == picture and path.is_relative_to(tmp_path)

    def refuse(address):
        raise AssertionError("it was fetched twice")

    monkeypatch.setattr(downloads, "_download", refuse)
    assert prefetch(["https://example.org/cat.png"]) == [path]
    assert photos.load_photo("https://example.org/cat.png").shape == (300, 451, 3)


def test_a_photo_that_cannot_be_kept_is_one_sentence(monkeypatch, tmp_path):
    from cnnvis_helpers._shared import download as downloads

    (tmp_path / "file").write_text("in the way of the cache folder")
    monkeypatch.setenv("CNNVIS_CACHE", str(tmp_path / "file"))
    picture = (Path(__file__).resolve().parents[2] / "data" / "photos" / "chelsea.png").read_bytes()
    monkeypatch.setattr(downloads, "_download", lambda address: picture)
    with pytest.raises(OSError, match="could not be kept: .*; set CNNVIS_CACHE to a folder"):
        prefetch("https://example.org/cat.png")


# What goes wrong on this machine or on the way, and what to do about it ---------------------------


def failing_with(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(room.urllib.request.OpenerDirector, "open", fail)


@pytest.mark.parametrize(
    "error, words",
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "the disk of .* is full; make room .*KER",
        ),
        (
            PermissionError(13, "Permission denied", "x"),
            "cannot be written to .Permission.*KERAS_HO",
        ),
        (
            urllib.error.URLError(OSError("Tunnel connection failed: 407 Proxy Authentication")),
            "the proxy refuses .Tunnel connection failed: 407 .*; set HTTPS_PROXY",
        ),
        (
            urllib.error.URLError(socket.gaierror(-2, "Name not known")),
            "failed: Name not known; connect this machine and call again",
        ),
        (TimeoutError("timed out"), "failed: timed out; connect this machine and call again"),
    ],
)
def test_a_failure_is_one_sentence_with_the_next_step(
    vgg16_at, empty_keras_home, monkeypatch, error, words
):
    vgg16_at("whole")
    failing_with(monkeypatch, error)
    with pytest.raises(ConnectionError, match=words) as caught:
        prefetch("vgg16", progress=lambda *_: None)
    assert "\n" not in str(caught.value) and files_in(empty_keras_home) == []


def test_a_cache_folder_that_cannot_be_made_is_one_sentence(vgg16_at, empty_keras_home):
    vgg16_at("whole")
    empty_keras_home.mkdir()
    (empty_keras_home / "models").write_text("a file in the way")
    with pytest.raises(ConnectionError, match="models cannot be written to .*set KERAS_HOME"):
        prefetch("vgg16", progress=lambda *_: None)


def test_a_real_proxy_that_refuses_is_one_sentence(empty_keras_home, monkeypatch, server):
    """The test's server as proxy: it does not know CONNECT and answers 501."""
    monkeypatch.setenv("https_proxy", server)
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(ConnectionError, match="the proxy refuses .*501.*; set HTTPS_PROXY"):
        prefetch("vgg16", progress=lambda *_: None)


@pytest.mark.parametrize("name", ["vgg16", "https://example.org/cat.png"])
@pytest.mark.parametrize(
    "proxy", ["http://me:secret@127.0.0.1:abc", "http:127.0.0.1:3128", "socks:x"]
)
def test_a_mistyped_proxy_is_named(empty_keras_home, monkeypatch, tmp_path, proxy, name):
    monkeypatch.setenv("CNNVIS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("https_proxy", proxy)
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises((ConnectionError, ValueError), match="HTTPS_PROXY is .*; mend it") as caught:
        prefetch(name)
    assert "secret" not in str(caught.value) and "\n" not in str(caught.value)


def test_a_proxy_that_is_not_there_is_one_sentence(empty_keras_home, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(ConnectionError, match="refused; connect this machine, and check HTTPS_PR"):
        prefetch("vgg16", progress=lambda *_: None)


def test_prefetch_of_unknown_and_bundled_names(empty_keras_home):
    with pytest.raises(ValueError, match="No network 'vgg61'; did you mean 'vgg16'"):
        prefetch("vgg61")
    assert prefetch(["course", "chelsea"]) == [] and not empty_keras_home.exists()


@pytest.mark.parametrize("wrong", ["resnet5", "ftp://example.org/x.png"])
def test_a_wrong_name_is_told_before_the_first_byte(vgg16_at, empty_keras_home, wrong):
    vgg16_at("whole")
    with pytest.raises(ValueError, match="did you mean|only http"):
        prefetch(["vgg16", wrong])
    assert not empty_keras_home.exists()


def test_the_command_tells_a_wrong_name_first_and_fetches_the_others(
    vgg16_at, empty_keras_home, capsys
):
    vgg16_at("whole")
    assert main(["prefetch", "vgg16", "resnet5", "chelsea"]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("No network 'resnet5'; did you mean 'resnet5")
    lines = said.out.splitlines()
    assert [line.partition(":")[0] for line in lines[:2]] == ["vgg16", "chelsea"]
    assert lines[2:] == ["2 of 3 are ready; not ready: resnet5."]


def test_the_command_goes_on_after_a_download_that_failed(
    vgg16_at, empty_keras_home, capsys, monkeypatch, server
):
    vgg16_at("half")
    other = APPLICATIONS["vgg19"]._replace(url=f"{server}/whole", checksum=MD5)
    monkeypatch.setitem(APPLICATIONS, "vgg19", other)
    assert main(["prefetch", "vgg16", "vgg19", "vgg19"]) == 1
    said = capsys.readouterr()
    assert "\nDownloading http" in said.err, "it stands below the bar"
    assert said.out.splitlines()[-1] == "1 of 2 are ready; not ready: vgg16."
    assert find_cached(other.file)
    vgg16_at("whole")
    assert main(["prefetch", "vgg16", "vgg19"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 of 2 are ready."


def test_the_command_says_that_a_photo_is_bundled(empty_keras_home, capsys):
    assert main(["prefetch", "chelsea"]) == 0
    assert capsys.readouterr().out == "chelsea: ready to be used offline (bundled)\n"


def test_missing_weights_and_no_network_are_one_sentence(empty_keras_home):
    with pytest.raises(FileNotFoundError) as caught:
        load_network("vgg16")
    sentence = str(caught.value)
    for part in (
        "vgg16_weights_tf_dim_ordering_tf_kernels.h5", "553 MB",
        f"run `{course_command('prefetch vgg16')}`", "load_network() works now",
    ):  # fmt: skip
        assert part in sentence
    assert "\n" not in sentence and len(caught.traceback) <= 6
    assert caught.value.__suppress_context__ and files_in(empty_keras_home) == []


def test_damaged_weights_are_one_sentence(empty_keras_home):
    path = empty_keras_home / "models" / APPLICATIONS["vgg16"].file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half a file")
    wanted = "is damaged .*could not be fetched anew .*prefetch vgg16.*load_network.. works now"
    with pytest.raises(ValueError, match=wanted) as caught:
        load_network("vgg16")
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert path.read_bytes() == b"half a file"


def test_a_read_only_keras_home_is_read_and_a_folder_for_temporary_files_is_written(
    empty_keras_home, monkeypatch, tmp_path
):
    models = empty_keras_home / "models"
    models.mkdir(parents=True)
    (models / "weights.h5").write_bytes(b"x")
    monkeypatch.setattr(room, "_writable", lambda folder: False)
    assert find_cached("weights.h5") == models / "weights.h5"
    assert room._cache_folders()[0] == models
    assert room._cache_folders()[-1].parts[-2:] == (".keras", "models")


# With the ImageNet MobileNetV2 ------------------------------------------------------------------


@pytest.fixture(scope="module")
def mobilenet(keras_cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(keras_cache))
        return load_network("mobilenetv2")


def test_mobilenet_knows_the_cat(mobilenet):
    """Known numbers: short side to 256 pixels, then the middle 224 x 224; and the whole photo."""
    photo = Image.open(Path(__file__).resolve().parents[2] / "data" / "photos" / "chelsea.png")
    whole = mobilenet.predict(np.asarray(photo))[0]
    assert whole.label == "Egyptian cat" and whole.probability == pytest.approx(0.79, abs=0.02)
    width, height = round(photo.width * 256 / photo.height), 256
    left, top = (width - 224) // 2, (height - 224) // 2
    middle = photo.resize((width, height), Image.Resampling.BILINEAR).crop(
        (left, top, left + 224, top + 224)
    )
    best = mobilenet.predict(np.asarray(middle), top=3)
    assert [(p.index, p.label) for p in best] == [
        (285, "Egyptian cat"), (282, "tiger cat"), (281, "tabby"),
    ]  # fmt: skip
    np.testing.assert_allclose([p.probability for p in best], [0.523, 0.257, 0.167], atol=0.002)


def test_imagenet_labels_are_kept_by_index(mobilenet):
    assert len(mobilenet.labels) == 1000 and mobilenet.labels[282] == "tiger cat"
    assert mobilenet.labels[134] == mobilenet.labels[517] == "crane"
    assert mobilenet.class_index("Cardigan") == 264 and mobilenet.class_index("cardigan") == 474
    assert mobilenet.class_index("sunglass") == 836 and mobilenet.class_index("sunglasses") == 837
    for twice, classes in (
        ("crane", r"134 \(n02012849\) and 517 \(n03126707\)"),
        ("maillot", r"638 \(n03710637\) and 639 \(n03710721\)"),
    ):
        with pytest.raises(ValueError, match=f"{twice!r} stands for classes {classes}"):
            mobilenet.score_vector(twice)


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


LAST_CONV = {
    "densenet121": "relu", "efficientnetb0": "top_activation", "inceptionv3": "mixed10",
    "mobilenetv2": "out_relu", "resnet50": "conv5_block3_out", "vgg16": "block5_conv3",
    "xception": "block14_sepconv2_act",
}  # fmt: skip
# One of each kind; all forty, which takes minutes and 6 GB, with CNNVIS_EVERY_NETWORK=1.
KINDS = APPLICATIONS if os.environ.get("CNNVIS_EVERY_NETWORK") else {
    *LAST_CONV, "convnexttiny", "mobilenetv3small", "nasnetmobile",
}  # fmt: skip


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
    assert net.last_conv == LAST_CONV.get(name, net.last_conv)
