"""Fixtures that several folders share: a small network, a photo, a copy of Keras's cache."""

import os
import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_net():
    """A network on which CAM is exact: convolutions, global average pooling, one Dense, softmax.

    Random weights, 5 classes; 24 x 32 pixels, so that mixing up height and width shows.
    """
    from architectures import tiny_network

    return tiny_network()


@pytest.fixture(scope="session")
def tiny_photo():
    """A photo of 30 x 44 random pixels, uint8 (30, 44, 3)."""
    import numpy as np

    return np.random.default_rng(1).integers(0, 256, (30, 44, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def server():
    """The address of a web server on this machine, see file_server.py."""
    from file_server import running

    with running() as address:
        yield address


@pytest.fixture(scope="session")
def keras_cache(tmp_path_factory):
    """A copy of a Keras folder that holds the ImageNet MobileNetV2 (a copy: Keras writes there)."""
    models = Path(os.environ.get("CNNVIS_KERAS_HOME", "nowhere"), "models")
    if not models.is_dir():
        pytest.skip("no ImageNet weights: CNNVIS_KERAS_HOME names no folder with models/ inside")
    copy = tmp_path_factory.mktemp("my këras 写真")
    shutil.copytree(models, copy / "models")
    return copy


@pytest.fixture
def keras_home(keras_cache, monkeypatch):
    """KERAS_HOME set to a folder with ImageNet weights and labels; skipped where there are none."""
    monkeypatch.setenv("KERAS_HOME", str(keras_cache))
    return keras_cache


@pytest.fixture
def empty_keras_home(tmp_path, monkeypatch):
    """KERAS_HOME set to a folder that does not exist yet."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "my këras 写真"))
    return tmp_path / "my këras 写真"
