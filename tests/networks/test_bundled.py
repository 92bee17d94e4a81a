"""The two bundled ImageNet networks: answers, layers, labels, and the conversion itself.

The conversion is repeated where `tools/convert_networks.py --check` has left the two packages.
"""

import collections
import hashlib
import io
import json
import os
import pickle
import sys
import tarfile
import types
from pathlib import Path

import numpy as np
import pytest

from cnnvis_helpers._shared.data_files import data_folder, entries
from cnnvis_helpers.networks.bundled import as_float32, imagenet_labels
from cnnvis_helpers.networks.network import load_network
from cnnvis_helpers.photos.photos import load_photo
from tools import convert_networks as tool

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["efficientnet_lite0", "squeezenet"]


@pytest.fixture(scope="module")
def nets():
    return {name: load_network(name) for name in NAMES}


# Answers that the sources of the weights give, to be met to 0.01
ANSWERS = {
    ("efficientnet_lite0", "chelsea"): {"Egyptian cat": 0.771, "tiger cat": 0.102, "tabby": 0.079},
    ("efficientnet_lite0", "coffee"): {"espresso": 0.886, "cup": 0.038},
    ("efficientnet_lite0", "motorcycle"): {"moped": 0.467, "motor scooter": 0.335},
    ("efficientnet_lite0", "camera"): {"tripod": 0.950},
    ("efficientnet_lite0", "rocket"): {"drilling platform": 0.641},
    ("squeezenet", "chelsea"): {"Egyptian cat": 0.504, "tiger cat": 0.290, "tabby": 0.198},
    ("squeezenet", "coffee"): {"espresso": 0.999},
    ("squeezenet", "motorcycle"): {"moped": 0.530, "motor scooter": 0.458},
    ("squeezenet", "rocket"): {"pole": 0.324},
    ("squeezenet", "astronaut"): {"barbell": 0.369},
    ("squeezenet", "horse"): {"black-and-tan coonhound": 0.207},
}


@pytest.mark.parametrize("name, photo", ANSWERS)
def test_answers(nets, name, photo):
    expected = ANSWERS[name, photo]
    found = nets[name].predict(load_photo(photo), top=len(expected))
    assert [one.label for one in found] == list(expected)
    np.testing.assert_allclose(
        [one.probability for one in found], list(expected.values()), atol=0.01
    )


def test_layers_of_squeezenet(nets):
    net = nets["squeezenet"]
    shapes = {"conv1": (113, 64), "pool1": (56, 64), "fire2_squeeze1x1": (56, 16)}
    shapes |= {"pool3": (27, 128), "fire5_expand3x3": (27, 128), "pool5": (13, 256)}
    shapes |= {"fire9_concat": (13, 512), "conv10": (13, 1000)}
    for layer, (side, channels) in shapes.items():
        assert net.layer(layer).output.shape == (None, side, side, channels), layer
    assert [layer.name for layer in net.model.layers][-3:] == ["conv10", "pool10", "softmax"]
    assert (net.input_size, net.head, net.last_conv) == ((227, 227), "softmax", "conv10")
    assert (
        sum(
            layer.name.startswith("conv") or "x" in layer.name[-3:]
            for layer in net.model.layers
            if layer.weights
        )
        == 26
    )


def test_layers_of_efficientnet_lite0(nets):
    net = nets["efficientnet_lite0"]
    shapes = {"stem": (112, 32), "block0_project": (112, 16), "block2_add": (56, 24)}
    shapes |= {"block4_add": (28, 40), "block10_add": (14, 112), "block15_project": (7, 320)}
    for layer, (side, channels) in (shapes | {"head": (7, 1280)}).items():
        assert net.layer(layer).output.shape == (None, side, side, channels), layer
    assert (net.input_size, net.head, net.last_conv) == ((224, 224), "softmax", "head_relu")
    assert net.layer("predictions").units == 1000


@pytest.mark.parametrize("name", NAMES)
def test_the_card_describes_the_file(name):
    card = json.loads((ROOT / "data" / "networks" / f"{name}.json").read_text(encoding="utf-8"))
    stored = (ROOT / "data" / "networks" / card["file"]).read_bytes()
    assert card["sha256"] == hashlib.sha256(stored).hexdigest()
    assert card["bytes"] == len(stored) <= 5_000_000
    net = load_network(name)
    assert card["parameters"] == net.model.count_params()
    assert card["last_conv"] == net.last_conv and tuple(card["input_size"]) == net.input_size
    package = tool.CONVERSIONS[name].package
    assert card["package_sha256"] == package.sha256
    assert card["source_file_sha256"] == package.member_sha256
    notice = f"licences/{name}.txt"
    assert notice in card["licence"] and (data_folder() / notice).is_file()
    assert entries("licence")[name]["file"] == notice


# Labels


def test_labels():
    labels = imagenet_labels()
    assert len(labels) == 1000 and labels[281] == "tabby" and labels[285] == "Egyptian cat"
    twice = {label for label in labels if labels.count(label) > 1}
    assert twice == {"crane", "maillot"}


@pytest.mark.parametrize(
    "target, index",
    [
        ("tabby", 281),
        ("Egyptian cat", 285),
        ("egyptian_CAT", 285),
        (281, 281),
        ("n02123045", 281),
        ("N02123045", 281),
        ("281", 281),
        ("n02012849", 134),
        ("n03126707", 517),
        ("n03710721", 639),
        ("Cardigan", 264),
        ("cardigan", 474),
    ],
)
def test_a_class_has_a_name_an_index_and_a_wordnet_id(nets, target, index):
    for net in nets.values():
        assert net.class_index(target) == index


def test_two_classes_of_one_name_are_asked_for(nets):
    with pytest.raises(ValueError, match=r"134 \(n02012849\) and 517 \(n03126707\)"):
        nets["squeezenet"].class_index("crane")
    with pytest.raises(ValueError, match=r"638 \(n03710637\) and 639 \(n03710721\)"):
        nets["squeezenet"].class_index("maillot")


@pytest.mark.parametrize(
    "word, meant",
    [("cat", "tiger cat"), ("dog", "Maltese dog"), ("mug", "coffee mug"), ("Tabby cat", "tabby")],
)
def test_a_common_word_finds_the_labels_that_hold_it(nets, word, meant):
    with pytest.raises(ValueError, match=f"no class '{word}'; did you mean .*'{meant}'"):
        nets["squeezenet"].class_index(word)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["squeezenet", "shapes_a"])
def test_the_model_of_a_bundled_network_keeps_its_labels(name):
    net = load_network(name)
    assert load_network(net.model).labels == net.labels
    assert load_network(net.model, labels=range(len(net.labels))).labels[:2] == ["0", "1"]


def test_a_model_with_a_bundled_name_and_other_classes_has_its_own_labels():
    import keras

    photo = keras.Input((32, 32, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(photo))
    model = keras.Model(photo, keras.layers.Dense(3)(x), name="squeezenet")
    assert load_network(model, "identity").labels == ["class 0", "class 1", "class 2"]


def test_a_wordnet_id_is_unknown_to_a_network_of_other_classes(tiny_net):
    with pytest.raises(ValueError, match="no class 'n02123045'"):
        tiny_net.class_index("n02123045")


# Conversion


@pytest.mark.parametrize("unpickler", [tool.NumpyUnpickler, tool.TorchUnpickler])
def test_a_pickle_that_would_run_code_is_refused(unpickler):
    class Trap:
        def __reduce__(self):
            return os.getcwd, ()

    with pytest.raises(SystemExit, match="getcwd"):
        unpickler(io.BytesIO(pickle.dumps(Trap()))).load()


def test_colours_fold_into_the_first_convolution():
    import tensorflow as tf

    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 3, 3, 4)).astype(np.float32)
    before = {"conv1/kernel": kernel, "conv1/bias": rng.normal(size=4).astype(np.float32)}
    after = tool.fold_colours(before)
    pixels = rng.uniform(0, 255, (2, 9, 9, 3)).astype(np.float32)
    expected = tf.nn.conv2d(pixels[..., ::-1] - tool.MEAN_BGR.astype("f4"), kernel, 2, "VALID")
    found = tf.nn.conv2d(pixels, after["conv1/kernel"], 2, "VALID") + after["conv1/bias"]
    np.testing.assert_allclose(found, expected + before["conv1/bias"], atol=2e-3)


@pytest.mark.parametrize("layer", ["block1_expand", "block1_depthwise"])
def test_batch_norm_folds_into_the_convolution_before_it(layer):
    import keras

    rng, depthwise = np.random.default_rng(0), layer.endswith("depthwise")
    state = {
        "conv.weight": rng.normal(size=(4, 1 if depthwise else 4, 3, 3)),  # (out, in, h, w)
        "norm.weight": rng.normal(size=4),
        "norm.bias": rng.normal(size=4),
        "norm.running_mean": rng.normal(size=4),
        "norm.running_var": rng.uniform(0.01, 2, 4),
    }
    kind = keras.layers.DepthwiseConv2D if depthwise else keras.layers.Conv2D
    conv = kind(3, use_bias=False) if depthwise else kind(4, 3, use_bias=False)
    norm = keras.layers.BatchNormalization(epsilon=tool.LITE0_EPSILON)
    model = keras.Sequential([keras.Input((7, 7, 4)), conv, norm])
    axes = (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
    conv.set_weights([state["conv.weight"].transpose(axes)])
    norm.set_weights([state[name] for name in list(state)[1:]])
    folded = tool._folded(state, layer, "conv", "norm")
    twin = kind(3) if depthwise else kind(4, 3)
    alone = keras.Sequential([keras.Input((7, 7, 4)), twin])
    twin.set_weights([folded[f"{layer}/kernel"], folded[f"{layer}/bias"]])
    pixels = rng.normal(size=(2, 7, 7, 4)).astype(np.float32)
    np.testing.assert_allclose(alone(pixels), model(pixels), atol=1e-4)


def test_an_old_torch_file_is_read_with_its_strides(monkeypatch):
    torch = types.ModuleType("torch")
    torch.FloatStorage = type("FloatStorage", (), {"__module__": "torch"})
    torch._utils = types.ModuleType("torch._utils")
    torch._utils._rebuild_tensor_v2 = lambda *tensor: None
    torch._utils._rebuild_tensor_v2.__module__ = "torch._utils"
    torch._utils._rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", torch._utils)
    storage, numbers = torch.FloatStorage(), np.arange(8, dtype="<f4")

    class Tensor:  # a 2 x 3 view from the second number on, turned
        def __reduce__(self):
            view = (storage, 1, (3, 2), (1, 3), False, collections.OrderedDict())
            return torch._utils._rebuild_tensor_v2, view

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return ("storage", type(value), "0", "cpu", 8, None) if value is storage else None

    file = io.BytesIO()
    for part in (tool.TORCH_MAGIC, 1001, {}):
        pickle.dump(part, file, protocol=2)
    Pickler(file, protocol=2).dump(collections.OrderedDict(weight=Tensor()))
    pickle.dump(["0"], file, protocol=2)
    file.write(np.array([8], "<i8").tobytes() + numbers.tobytes())
    file.seek(0)
    np.testing.assert_array_equal(tool.read_torch(file)["weight"], [[1, 4], [2, 5], [3, 6]])


def test_few_bits_come_back_as_close_as_their_scale():
    rng = np.random.default_rng(0)
    weights = {
        "block9_expand/kernel": rng.normal(size=(1, 1, 8, 16)).astype(np.float32),
        "block9_project/kernel": rng.normal(size=(1, 1, 16, 8)).astype(np.float32),
        "predictions/kernel": rng.normal(size=(8, 5)).astype(np.float32),
    }
    weights["predictions/kernel"][:, 3] = 0  # a dead channel has no scale
    found = as_float32(tool.to_few_bits(weights))
    for name, values in weights.items():
        bits = tool.BITS[name.partition("/")[0].rpartition("_")[2]]
        largest = np.abs(values).max(axis=tuple(range(values.ndim - 1)))
        half_a_step = largest / (2 ** (bits - 1) - 1) / 2
        assert (np.abs(found[name] - values) <= half_a_step * 1.001 + 1e-7).all(), name


@pytest.mark.parametrize("name", NAMES)
def test_the_conversion_gives_the_bundled_file_and_the_answers_of_the_source(name):
    if not (tool.PACKAGES / tool.CONVERSIONS[name].package.file).is_file():
        pytest.skip(f"no packages in {tool.PACKAGES}: tools/convert_networks.py --check gets them")
    source, stored = tool.convert(name)
    kept = tool.bundled(name)
    assert set(stored) == set(kept)
    for key in kept:
        np.testing.assert_array_equal(stored[key], kept[key])
    net = load_network(name)
    largest, same = tool.largest_difference(source, tool.answers(net.model), tool.bundled_photos())
    assert same == 1 and largest < {"squeezenet": 0.002, "efficientnet_lite0": 0.012}[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_tool_writes_file_and_card_from_nothing(name, tmp_path):
    for folder in ("first", "again"):
        (tmp_path / folder).mkdir()
        tool.write(name, tool.bundled(name), tmp_path / folder)
    first, again = ((tmp_path / folder / f"{name}.npz") for folder in ("first", "again"))
    assert first.read_bytes() == again.read_bytes()
    with np.load(first) as written:
        for key, values in tool.bundled(name).items():
            np.testing.assert_array_equal(written[key], values)
    cards = (folder / f"{name}.json" for folder in (first.parent, tool.NETWORKS))
    found, kept = (json.loads(card.read_text(encoding="utf-8")) for card in cards)
    # Another zlib may pack the same arrays into other bytes.
    assert found | {one: kept[one] for one in ("sha256", "bytes")} == kept


def test_the_comparison_stops_at_another_answer(nets):
    stored = tool.bundled("squeezenet")
    source, sets = tool.answers(nets["squeezenet"].model), {"a cat": [load_photo("chelsea")]}
    tool.compare("squeezenet", source, stored, sets)
    stored["conv10/bias"] = stored["conv10/bias"].copy()
    stored["conv10/bias"][285] -= 0.1
    with pytest.raises(SystemExit, match="may differ from its source by"):
        tool.compare("squeezenet", source, stored, sets)


def test_fetching_a_source_distribution_does_not_run_it(tmp_path, monkeypatch):
    pytest.importorskip("pip")
    setup = f"open({str(tmp_path / 'ran')!r}, 'w').close(); import setuptools; setuptools.setup()"
    info = tarfile.TarInfo("trap-1.0/setup.py")
    info.size = len(setup)
    with tarfile.open(tmp_path / "trap-1.0.tar.gz", "w:gz") as archive:
        archive.addfile(info, io.BytesIO(setup.encode()))
    content = (tmp_path / "trap-1.0.tar.gz").read_bytes()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    sha256 = hashlib.sha256(content).hexdigest()
    tool.fetch(tool.Package("trap==1.0", "", sha256, "", ""), tmp_path / "here")
    assert (tmp_path / "here" / "trap-1.0.tar.gz").read_bytes() == content
    assert not (tmp_path / "ran").exists()
