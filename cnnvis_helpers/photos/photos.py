"""Photos for the course: bundled ones by name, or your own from a file, the web or an upload.

>>> load_photo("chelsea").shape
(300, 451, 3)
>>> print(f"{load_mask('chelsea').mean():.0%} of the picture is cat")
74% of the picture is cat
"""

import base64
import contextlib
import difflib
import hashlib
import html
import io
import os
import re
from typing import NamedTuple

from PIL import Image

from cnnvis_helpers._shared.checks import check_whole
from cnnvis_helpers._shared.data_files import data_file, entries
from cnnvis_helpers._shared.files import cache_folder
from cnnvis_helpers._shared.table import Table
from cnnvis_helpers.photos.decoding import array_to_rgb, decode_photo, image_to_rgb, shrink

MAX_DOWNLOAD, MAX_BYTES = 20_000_000, 500_000_000
_URL = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*://")


class PhotoInfo(NamedTuple):
    """One bundled photo, as `list_photos` lists it."""

    name: str
    size: tuple  # (height, width) in pixels
    shows: str
    licence: str
    source: str
    alt: str


class PhotoList(Table):
    """A list of PhotoInfo that prints as a table, in a notebook with small pictures."""

    headings = ("name", "height x width", "shows", "licence", "source")

    def cells(self, row):
        return [row.name, f"{row.size[0]} x {row.size[1]}", row.shows, row.licence, row.source]

    def html_cells(self, row):
        small = io.BytesIO()
        pixels = load_photo(row.name, max_side=96)
        Image.fromarray(pixels).save(small, "JPEG", quality=80)
        source = f"data:image/jpeg;base64,{base64.b64encode(small.getvalue()).decode()}"
        return [f'<img alt="{html.escape(row.alt)}" src="{source}">', *super().html_cells(row)]


def load_photo(source, max_side=None):
    """Return a photo as uint8 RGB.

    Parameters
    ----------
    source : one of
        - the name of a bundled photo, such as "chelsea" (`list_photos` shows all); for a file of
          that name in the current folder, write "./chelsea"
        - the path of a picture file, str or Path
        - a web address, http or https: downloaded once, then kept in the cache folder; at most
          20 MB
        - the bytes of a picture file, or an open binary file, read from its start
        - the value of an ipywidgets FileUpload (versions 7 and 8) or the widget itself, or what
          google.colab.files.upload() returns
        - a PIL image
        - an array, grey (H, W), RGB (H, W, 3) or RGBA (H, W, 4): uint8 0..255, uint16 0..65535,
          floats 0..1 or 0..255 (see `cnnvis_helpers.photos.decoding.array_to_rgb`)
    max_side : largest length of the longer side in pixels, or None; a larger photo is shrunk with
        antialiasing and keeps its aspect ratio

    Returns
    -------
    uint8 array (H, W, 3), RGB, 0..255: always a new one that you may write to.

    Grey becomes three equal channels, transparent pixels become white, 16 bits are scaled to 8
    (with a UserWarning if only 12 or 8 are used), an EXIF orientation is applied, and an animation
    gives its first frame. Colour profiles are ignored, as in the training of most networks.

    Raises
    ------
    ValueError : an unknown name; a missing, empty or damaged file, or one that is not a picture; a
        failed download; more than 50 million pixels; an array that is not a photo
    TypeError : `source` has another type

    >>> load_photo("coffee", max_side=150).shape
    (100, 150, 3)
    """
    if max_side is None:
        return _load(source)
    check_whole("max_side, in pixels,", max_side, 1)
    return shrink(_load(source), max_side)


def list_photos():
    """List the bundled photos.

    Returns
    -------
    list of named tuples (name, size, shows, licence, source, alt), `size` being (height, width) in
    pixels. It prints as a table, in a notebook with small pictures.
    """
    sized = ({**one, "size": (one["height"], one["width"])} for one in entries("photo").values())
    return PhotoList(PhotoInfo(*(photo[field] for field in PhotoInfo._fields)) for photo in sized)


def fetch_photo(url):
    """Return (path, photo) for a web address; a second call needs no network.

    Raises ValueError if the download fails or the result is not a photo of at most 20 MB.
    """
    from cnnvis_helpers._shared.download import download

    url = url.strip()
    path = cache_folder() / "photos" / hashlib.sha256(url.encode()).hexdigest()
    what = f"What {url} gives"
    if path.is_file():
        with contextlib.suppress(OSError, ValueError):  # damaged since
            return path, decode_photo(path.read_bytes(), what)
    try:
        download(url, path, limit=MAX_DOWNLOAD)
    except ConnectionError as error:
        raise ValueError(f"{error} The bundled photos need no network: list_photos().") from None
    except OSError as error:
        raise ValueError(
            f"{url} cannot be kept in {str(path.parent)!r} ({error.strerror or error}): make space "
            "or set CNNVIS_CACHE to another folder."
        ) from None
    try:
        return path, decode_photo(path.read_bytes(), what)
    except ValueError:
        path.unlink()
        raise


def load_mask(name):
    """Return the mask of the main object in a bundled photo.

    The outlines were drawn by hand, to about two pixels.

    Parameters
    ----------
    name : name of a bundled photo (`list_photos` shows all)

    Returns
    -------
    bool array (H, W), True on the object: "chelsea" (the cat), "coffee" (cup, saucer and spoon),
    "motorcycle", "rocket" and "astronaut" (her head). None for photos without a mask.

    Raises ValueError for an unknown name.
    """
    if str(name) not in entries("photo"):
        raise ValueError(_unknown_name(str(name), "no bundled photo"))
    mask = entries("mask").get(name)
    return None if mask is None else _load_path(str(data_file(mask)))[:, :, 0] > 127


def _load(source):
    """Load a photo at its full size from any source of `load_photo`."""
    if isinstance(source, str):
        if source in entries("photo"):
            return _load_path(str(data_file(entries("photo")[source])))
        if _URL.match(source):
            return fetch_photo(source)[1]
        looks_like_path = re.search(r"[/\\]|\.[A-Za-z0-9]{2,5}$", source.strip())
        if looks_like_path or os.path.exists(os.path.expanduser(source)):
            return _load_path(source)
        raise ValueError(_unknown_name(source, "no bundled photo and no file"))
    if isinstance(source, os.PathLike):
        return _load_path(os.fspath(source))
    if isinstance(source, bytes | bytearray | memoryview):
        return decode_photo(source, "What came as bytes")
    if type(source).__name__ == "FileUpload":
        return _load_upload(source.value)
    dicts = isinstance(source, tuple | list) and all(isinstance(one, dict) for one in source)
    if dicts or isinstance(source, dict):
        return _load_upload(source)
    if isinstance(source, Image.Image):
        return image_to_rgb(source, "The PIL image")
    if callable(getattr(source, "read", None)):
        try:
            with contextlib.suppress(AttributeError, OSError):
                source.seek(0)  # at its end after image.save(source)
            data = source.read()
        except (OSError, ValueError) as error:
            raise ValueError(f"The open file cannot be read ({error}).") from None
        if isinstance(data, str):
            raise ValueError("The open file gives text; open it with mode 'rb'.")
        return decode_photo(data, "The open file")
    if hasattr(source, "__array__"):
        return array_to_rgb(source)
    raise TypeError(
        f"load_photo takes a name, path, web address, bytes, upload, PIL image or array, but "
        f"{type(source).__name__} came: {_short(source)}"
    )


def _load_path(path):
    """Load the picture file at a path, str."""
    full, what = os.path.expanduser(path), f"The file {path!r}"
    if os.path.isdir(full):
        raise ValueError(f"{path!r} is a folder; give the path of one picture in it.")
    if not os.path.exists(full):
        raise ValueError(_missing_file(path))
    if not os.path.isfile(full):  # reading a pipe might never end
        raise ValueError(f"{what} is a device or a pipe; give a picture file.")
    try:
        if os.path.getsize(full) > MAX_BYTES:
            raise ValueError(f"{what} has more than 500 MB, too much for a photo; shrink it first.")
        with open(full, "rb") as stream:
            return decode_photo(stream.read(), what)
    except OSError as error:
        raise ValueError(f"{what} cannot be read ({error.strerror or error}).") from None


def _load_upload(value):
    """Load from an upload: {name: bytes or {"content": ...}}, one such dict or several."""
    if isinstance(value, dict) and "content" not in value:
        value = [
            {"name": name, "content": file.get("content") if isinstance(file, dict) else file}
            for name, file in value.items()
        ]
    files = [value] if isinstance(value, dict) else value
    if not files:
        raise ValueError("Nothing is uploaded yet: choose a picture, then run this again.")
    if len(files) > 1:
        raise ValueError(f"The upload holds {len(files)} files, but a photo is one: upload one.")
    name, content = files[0].get("name", "file"), files[0].get("content")
    if not isinstance(content, bytes | bytearray | memoryview):
        raise ValueError(f"The upload {name!r} has no bytes under 'content'.")
    return decode_photo(content, f"The upload {name!r}")


def _unknown_name(name, nothing):
    """Return the sentence for an unknown name, with similar names and photos that show it."""
    photos = entries("photo")
    stem = os.path.splitext(os.path.basename(name))[0].lower()[:60]
    alike = difflib.get_close_matches(stem, photos, cutoff=0.7)
    words = re.compile(rf"\b{re.escape(stem)}s?\b", re.IGNORECASE) if stem else None
    alike += [n for n in photos if words and words.search(photos[n]["shows"]) and n not in alike]
    meant = f"; did you mean {' or '.join(map(repr, alike))}?" if alike else ";"
    return f"There is {nothing} {_short(name)}{meant} list_photos() shows all."


def _missing_file(path):
    """Return the sentence for a path without a file, with a similar name in its folder."""
    folder, name = os.path.split(os.path.abspath(os.path.expanduser(path)))
    if path.startswith("www."):
        return f"{_short(path)} is not a file; a web address begins with https://."
    if not os.path.isdir(folder):
        return f"There is no file {_short(path)}: the folder {_short(folder, 200)} does not exist."
    stem = os.path.splitext(name)[0]
    hint = "."
    if stem in entries("photo"):
        hint = f"; the bundled photo is load_photo({stem!r})."
    elif alike := difflib.get_close_matches(name[:255], os.listdir(folder), n=1):
        hint = f"; did you mean {alike[0]!r}?"
    return f"There is no file {_short(name)} in the folder {_short(folder, 200)}{hint}"


def _short(value, length=80):
    """Return a value's repr, cut to `length` characters."""
    shown = " ".join(repr(value).split())
    return shown if len(shown) <= length else f"{shown[: length - 4]} ..."
