"""Read thousands of damaged pictures: no crash, no hang, no gigabyte.

    python benchmarks/damaged_photos.py [2500]

Each file is a good PNG, JPEG, GIF, WebP or TIFF with wrong bytes, a piece cut out, doubled or cut
off. `load_photo` must return a photo or raise its one ValueError, within 5 seconds, in less than
1 GB of memory for the whole process.
"""

import io
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cnnvis_helpers.photos.photos import load_photo  # noqa: E402

SECONDS, MEMORY = 5, 1e9
KINDS = {
    "PNG": [{}, {"compress_level": 0}, {"mode": "P"}, {"mode": "I;16"}, {"mode": "LA"}],
    "JPEG": [{}, {"progressive": True}, {"mode": "L"}, {"mode": "CMYK"}],
    "GIF": [{"mode": "P"}, {"mode": "P", "animated": True}],
    "WEBP": [{}, {"lossless": True}, {"mode": "RGBA", "animated": True}],
    "TIFF": [
        {},
        {"compression": "tiff_lzw"},
        {"compression": "tiff_adobe_deflate"},
        {"compression": "jpeg"},
        {"mode": "F"},
        {"mode": "1", "compression": "group4"},
    ],
}


def good_files(random):
    """Return good files of each kind, as a list of bytes."""
    noise = Image.fromarray(random.integers(0, 256, (40, 56, 3), dtype=np.uint8))
    smooth = noise.filter(ImageFilter.GaussianBlur(4))
    files = []
    for picture in (noise, smooth):
        for kind, variants in KINDS.items():
            for variant in variants:
                options = dict(variant)
                mode = options.pop("mode", "RGB")
                image = picture.convert("L") if mode in ("I;16", "F") else picture
                image = image.convert("I").convert(mode) if mode == "I;16" else image.convert(mode)
                if options.pop("animated", False):
                    options |= {"save_all": True, "append_images": [image.rotate(180)] * 3}
                stream = io.BytesIO()
                image.save(stream, kind, **options)
                files.append(stream.getvalue())
    return files


def damaged_files(count, seed):
    """Yield `count` damaged files: bytes, reproducible by `seed`."""
    random = np.random.default_rng(seed)
    files = good_files(random)
    for number in range(count):
        data = bytearray(files[number % len(files)])
        reach = 200 if random.random() < 0.5 else len(data)  # headers are short and matter most
        for place in random.integers(0, min(reach, len(data)), random.integers(1, 9)):
            data[place] = random.choice([0, 1, 127, 128, 255, random.integers(256)])
        if random.random() < 0.3:
            start, stop = sorted(random.integers(0, len(data), 2))
            piece = data[start:stop]
            data[start:stop] = b"" if random.random() < 0.5 else piece + piece
        if random.random() < 0.2:
            del data[random.integers(1, len(data)) :]
        yield bytes(data)


def main(count):
    import resource

    read, slowest = 0, 0.0
    for number, data in enumerate(damaged_files(count, seed=0)):
        begun = time.perf_counter()
        try:
            photo = load_photo(data)
            assert photo.dtype == np.uint8 and photo.ndim == 3 and photo.shape[2] == 3
            read += 1
        except ValueError as error:
            assert "\n" not in str(error) and len(str(error)) < 400, (number, error)
        slowest = max(slowest, time.perf_counter() - begun)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"{count} damaged files: {read} read, {count - read} refused in one sentence")
    print(f"slowest {slowest:.2f} s (limit {SECONDS}), memory {memory / 1e6:.0f} MB (limit 1000)")
    return int(slowest > SECONDS or memory > MEMORY)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2500))
