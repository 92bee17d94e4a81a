"""Write data/manifest.json: every bundled file with its licence, source, size and SHA-256.

Run it after any file in data/ has changed; a test says when it is out of date. What is kept by hand
stays in one place each: photos and masks in data/photos/sources.json, a network's licence and what
it was trained on in data/networks/NAME.json.
"""

import json
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cnnvis_helpers._shared.files import checksum_of  # noqa: E402

OWN = {"licence": "MIT", "source": "made for this course"}
CLASSES = {
    "name": "imagenet",
    "kind": "classes",
    "licence": "facts, not a work: names and WordNet ids of the classes",
    "source": "ImageNet challenge (ILSVRC 2012), WordNet 3.0 ids; names as Keras gives them",
}


def build(data):
    """Return the manifest of a data folder (a Path): {"files": [entry, ...]}, sorted by file."""
    described = {**described_photos(data), **described_networks(data), **described_licences(data)}
    entries = []
    for path in bundled_files(data):
        file = path.relative_to(data).as_posix()
        about = described.get(file) or {"name": file, "kind": "document", **OWN}
        size = {"bytes": path.stat().st_size, "sha256": checksum_of(path)}
        entries.append({"name": about["name"], "kind": about["kind"], "file": file} | about | size)
    missing = sorted(set(described) - {entry["file"] for entry in entries})
    if missing:
        raise SystemExit(f"data/photos/sources.json names files that are not there: {missing}")
    return {"files": entries}


def bundled_files(data):
    """Return the files that travel with the package, sorted: no hidden ones, not the manifest."""
    files = (path for path in data.rglob("*") if path.is_file())
    return sorted(
        path
        for path in files
        if path != data / "manifest.json"
        and not any(part.startswith(".") for part in path.relative_to(data).parts)
    )


def described_photos(data):
    """Return what data/photos/sources.json says, as a dict from file to the entry's own fields."""
    kept = json.loads((data / "photos" / "sources.json").read_text(encoding="utf-8"))
    described = {}
    for name, photo in kept["photos"].items():
        with Image.open(data / "photos" / photo["file"]) as image:
            width, height = image.size
        about = {key: photo[key] for key in ("shows", "alt", "licence", "source")}
        described[f"photos/{photo['file']}"] = {
            "name": name,
            "kind": "photo",
            **about,
            "height": height,
            "width": width,
        }
        if "mask" in photo:
            described[f"photos/masks/{photo['mask']}"] = {
                "name": name,
                "kind": "mask",
                "shows": photo["mask_shows"],
                **kept["masks"],
            }
    return described


def described_networks(data):
    """Return entries for data/networks: NAME.json is a "network", other files NAME.* its "weights".

    The licence is the one that NAME.json gives; so is the "source", or what it was "trained_on".
    """
    described = {}
    for path in bundled_files(data / "networks") if (data / "networks").is_dir() else ():
        if path.name == "imagenet_classes.json":
            described["networks/imagenet_classes.json"] = CLASSES
            continue
        name = path.name.partition(".")[0]
        card = path.parent / f"{name}.json"
        about = json.loads(card.read_text(encoding="utf-8")) if card.is_file() else {}
        trained_on = [about["trained_on"]] if "trained_on" in about else []
        described[path.relative_to(data).as_posix()] = {
            "name": name,
            "kind": "network" if path == card else "weights",
            "licence": about.get("licence", OWN["licence"]),
            "source": about.get("source") or " on ".join(["trained for this course", *trained_on]),
        }
    return described


def described_licences(data):
    """Return entries for data/licences: NAME.txt holds the notices that network NAME came with."""
    return {
        path.relative_to(data).as_posix(): {
            "name": path.stem,
            "kind": "licence",
            "licence": "the notices themselves",
            "source": f"the authors of {path.stem} and of the packages that carry its weights",
        }
        for path in sorted((data / "licences").glob("*.txt"))
    }


def as_text(manifest):
    """Return the manifest as the text of its file: indented, accents kept, newline at the end."""
    return json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    target = ROOT / "data" / "manifest.json"
    target.write_text(as_text(build(ROOT / "data")), encoding="utf-8", newline="\n")
