"""The bundled files: listed with checksum and licence, found in a wheel and in a checkout."""

import json
from pathlib import Path

import pytest
from PIL import Image

from cnnvis_helpers._shared import data_files
from cnnvis_helpers.photos.photos import load_mask, load_photo
from tools import build_manifest

DATA = Path(__file__).resolve().parents[2] / "data"


def test_the_manifest_is_current_and_lists_every_file():
    current = build_manifest.as_text(build_manifest.build(DATA))
    assert (DATA / "manifest.json").read_text(encoding="utf-8") == current, (
        "run python tools/build_manifest.py"
    )
    listed = {entry["file"]: entry for entry in json.loads(current)["files"]}
    there = {path.relative_to(DATA).as_posix() for path in DATA.rglob("*") if path.is_file()}
    assert set(listed) == there - {"manifest.json", ".gitattributes"}
    for entry in listed.values():
        assert entry["name"] and entry["licence"] and entry["source"] and len(entry["sha256"]) == 64
        assert entry["kind"] == "weights" or entry["bytes"] < 5_000_000, entry["file"]
    photos = [entry for file, entry in listed.items() if file.startswith("photos/")]
    assert sum(entry["bytes"] for entry in photos) < 4_000_000


def small_data(folder, text="hello"):
    """Make a data folder: one photo with a mask, one network, one document."""
    (folder / "photos" / "masks").mkdir(parents=True)
    (folder / "networks").mkdir()
    Image.new("RGB", (3, 2)).save(folder / "photos" / "one.png")
    Image.new("1", (3, 2)).save(folder / "photos" / "masks" / "one.png")
    about = {"file": "one.png", "shows": "s", "alt": "a", "licence": "l", "source": "o"}
    kept = {"photos": {"one": {**about, "mask": "one.png", "mask_shows": "m"}}}
    kept["masks"] = {"licence": "MIT", "source": "by hand"}
    (folder / "photos" / "sources.json").write_text(json.dumps(kept))
    (folder / "networks" / "net.json").write_text('{"licence": "CC0", "trained_on": "sand"}')
    (folder / "networks" / "net.weights.h5").write_bytes(b"w")
    (folder / "CARD.md").write_text(text)
    return folder


def test_the_manifest_names_kinds_and_licences(tmp_path):
    files = build_manifest.build(small_data(tmp_path))["files"]
    assert [(e["kind"], e["name"], e["file"], e["licence"]) for e in files] == [
        ("document", "CARD.md", "CARD.md", "MIT"),
        ("network", "net", "networks/net.json", "CC0"),
        ("weights", "net", "networks/net.weights.h5", "CC0"),
        ("mask", "one", "photos/masks/one.png", "MIT"),
        ("photo", "one", "photos/one.png", "l"),
        ("document", "photos/sources.json", "photos/sources.json", "MIT"),
    ]
    assert (files[-2]["height"], files[-2]["width"]) == (2, 3)
    assert files[2]["source"] == "trained for this course on sand"
    (tmp_path / "photos" / "masks" / "one.png").unlink()
    with pytest.raises(SystemExit, match=r"not there: \['photos/masks/one.png'\]"):
        build_manifest.build(tmp_path)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """The package as if it lay elsewhere, with another data folder; caches emptied."""

    def place(data):
        monkeypatch.setattr(data_files, "_PACKAGE", tmp_path / "package")
        if data:
            small_data(tmp_path / data)
            text = build_manifest.as_text(build_manifest.build(tmp_path / data))
            (tmp_path / data / "manifest.json").write_text(text)
        return tmp_path / (data or "")

    cached = (data_files.data_folder, data_files.manifest, data_files._checked_file)
    for function in cached:
        function.cache_clear()
    yield place
    for function in cached:
        function.cache_clear()


@pytest.mark.parametrize("data", ["package/data", "data"])
def test_data_is_found_in_a_wheel_and_in_a_checkout(elsewhere, data):
    folder = elsewhere(data)
    assert data_files.data_folder() == folder
    assert load_photo("one").shape == (2, 3, 3)
    assert load_mask("one").tolist() == [[False] * 3] * 2


def test_without_data_one_sentence_says_so(elsewhere):
    elsewhere(None)
    with pytest.raises(ValueError, match="data folder is neither in"):
        load_photo("chelsea")


def test_a_bundled_file_that_was_damaged_or_lost(elsewhere):
    folder = elsewhere("data")
    photo = folder / "photos" / "one.png"
    photo.write_bytes(photo.read_bytes()[:-1])
    with pytest.raises(ValueError, match="not the one that manifest.json lists"):
        load_photo("one")
    photo.unlink()
    with pytest.raises(ValueError, match="is missing"):
        load_photo("one")
