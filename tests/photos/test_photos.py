"""Photos: every kind of picture becomes the right uint8 RGB, every other thing one sentence."""

import io
import os
import struct
import warnings
import zlib
from datetime import datetime
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from PIL import Image

from benchmarks.damaged_photos import damaged_files
from cnnvis_helpers._shared import data_files
from cnnvis_helpers.photos import photos
from cnnvis_helpers.photos.photos import list_photos, load_mask, load_photo

DATA = Path(__file__).resolve().parents[2] / "data"
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache folder for every test."""
    folder = tmp_path / "my cäche 写真"
    monkeypatch.setenv("CNNVIS_CACHE", str(folder))
    return folder


def refusal(source, **options):
    """The sentence of the ValueError with which load_photo refuses a source."""
    with pytest.raises(ValueError) as caught:
        load_photo(source, **options)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith((".", "?")), sentence
    return sentence


def saved(image, kind, **options):
    """An image as the bytes of a file of a kind."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png(size, depth, colour_type, rows, *more):
    """A hand-made PNG: size (width, height), rows of raw bytes, further chunks (type, bytes)."""
    header = struct.pack(">IIBBBBB", *size, depth, colour_type, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = [(b"IHDR", header), *more, (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def big_endian(*values):
    return np.array(values, ">u2").tobytes()


def first_row(source):
    return load_photo(source)[0].tolist()


# --- what comes back ---------------------------------------------------------------------------


def test_a_photo_is_a_fresh_writable_array_of_uint8_rgb():
    first, second = load_photo("chelsea"), load_photo("chelsea")
    assert first.shape == (300, 451, 3) and first.dtype == np.uint8
    assert first.flags.c_contiguous and first.flags.writeable and first.flags.owndata
    first[:] = 0
    assert second.mean() == pytest.approx(115.3, abs=0.1)
    assert load_photo("chelsea").mean() == second.mean()


def test_what_the_caller_hands_in_is_not_changed():
    array = np.full((2, 2, 3), 7, np.uint8)
    load_photo(array)[:] = 9
    assert (array == 7).all()
    frames = [Image.new("RGB", (4, 4), colour) for colour in (RED, GREEN, BLUE)]
    image = Image.open(io.BytesIO(saved(frames[0], "GIF", save_all=True, append_images=frames[1:])))
    image.seek(1)
    assert first_row(image)[0] == list(GREEN), "the frame that the caller chose"
    assert image.tell() == 1


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "ICO"])
def test_lossless_formats_keep_every_pixel(kind):
    pixels = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    data = saved(Image.fromarray(pixels), kind)
    assert np.array_equal(load_photo(data), pixels)


def _at_its_end(data):
    """An open file as image.save leaves it."""
    stream = io.BytesIO()
    stream.write(data)
    return stream


def test_every_way_to_hand_in_a_file_gives_the_same_photo(tmp_path):
    data = (DATA / "photos" / "coins.webp").read_bytes()
    path = tmp_path / "my coins ü.webp"
    path.write_bytes(data)
    same = load_photo("coins")
    for source in (
        str(path),
        path,
        data,
        bytearray(data),
        memoryview(data),
        io.BytesIO(data),
        _at_its_end(data),
        same,
        Image.open(path),
        np.asarray(Image.open(path)),
    ):
        assert np.array_equal(load_photo(source), same), type(source)


def test_a_path_from_the_home_folder_and_one_that_is_also_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    Image.new("RGB", (3, 2), RED).save(tmp_path / "chelsea", "PNG")
    assert load_photo("./chelsea").shape == (2, 3, 3)
    assert load_photo("~/chelsea").shape == (2, 3, 3)
    assert load_photo("chelsea").shape == (300, 451, 3)


def test_max_side_shrinks_with_antialiasing_and_keeps_the_aspect():
    assert load_photo("coffee", max_side=150).shape == (100, 150, 3)
    assert load_photo("coffee", max_side=np.int64(600)).shape == (400, 600, 3)
    assert load_photo("coffee", max_side=9999).shape == (400, 600, 3)
    assert load_photo(np.zeros((2, 900), np.uint8), max_side=9).shape == (1, 9, 3)
    stripes = np.tile(np.array([0, 255], np.uint8), (400, 200))
    assert abs(load_photo(stripes, max_side=50).astype(int) - 127)[5:-5, 5:-5].max() < 12
    for wrong in (0, -3, 2.5, "9"):
        assert "max_side" in refusal("coffee", max_side=wrong)


# --- colours -----------------------------------------------------------------------------------

COLOURS = {
    "1-bit": (png((8, 1), 1, 0, [b"\xa0"]), [WHITE, BLACK, WHITE]),
    "2-bit grey": (png((4, 1), 2, 0, [b"\x1b"]), [BLACK, (85,) * 3, (170,) * 3, WHITE]),
    "16-bit grey": (
        png((4, 1), 16, 0, [big_endian(0, 300, 32768, 65535)]),
        [BLACK, (1,) * 3, (128,) * 3, WHITE],
    ),
    "16-bit colour": (
        png((2, 1), 16, 2, [big_endian(65535, 32768, 0, 300, 0, 65535)]),
        [(255, 128, 0), (1, 0, 255)],
    ),
    "grey with alpha": (
        png((3, 1), 8, 4, [b"\x00\xff\x00\x80\x00\x00"]),
        [BLACK, (127,) * 3, WHITE],
    ),
    "RGBA": (png((2, 1), 8, 6, [b"\x00\x00\xff\x80\x10\x20\x30\x00"]), [(127, 127, 255), WHITE]),
    "RGB with one transparent colour": (
        png((2, 1), 8, 2, [b"\1\2\3\xff\0\0"], (b"tRNS", struct.pack(">HHH", 1, 2, 3))),
        [WHITE, RED],
    ),
    "palette with transparency": (
        png((2, 1), 8, 3, [b"\0\1"], (b"PLTE", b"\xff\0\0\0\xff\0"), (b"tRNS", b"\0\xff")),
        [WHITE, GREEN],
    ),
    "16-bit PGM": (b"P5 2 1 65535\n" + big_endian(0, 65535), [BLACK, WHITE]),
    "12-bit PGM": (b"P5 2 1 4095\n" + big_endian(0, 4095), [BLACK, WHITE]),
    "float TIFF": (
        saved(Image.fromarray(np.array([[0, 0.5, 1]], np.float32)), "TIFF"),
        [BLACK, (128,) * 3, WHITE],
    ),
    "CMYK TIFF": (saved(Image.new("CMYK", (1, 1), (0, 255, 255, 0)), "TIFF"), [RED]),
}


@pytest.mark.parametrize("name", COLOURS)
def test_colours_of_files(name):
    data, expected = COLOURS[name]
    assert [tuple(pixel) for pixel in first_row(data)[: len(expected)]] == expected


def test_cmyk_jpeg_with_and_without_adobes_inversion():
    with_marker = saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=100)
    assert abs(load_photo(with_marker)[0, 0].astype(int) - RED).max() <= 2
    inverted = saved(Image.new("CMYK", (16, 16), (255, 0, 0, 255)), "JPEG", quality=100)
    start = inverted.index(b"\xff\xee")
    length = struct.unpack(">H", inverted[start + 2 : start + 4])[0]
    without_marker = inverted[:start] + inverted[start + 2 + length :]
    assert abs(load_photo(without_marker)[0, 0].astype(int) - RED).max() <= 2


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_of_an_animation_counts(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN, BLUE)]
    lossless = {"lossless": True} if kind == "WEBP" else {}
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:], **lossless)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert (load_photo(data) == RED).all()
    assert [" pages" in str(one.message) for one in caught] == [True] * (kind == "TIFF")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation):
    """As a viewer shows it: the stored corners red, green, blue, white (reading order) move."""
    stored = np.zeros((2, 3, 3), np.uint8)
    stored[0, 0], stored[0, 2], stored[1, 0], stored[1, 2] = RED, GREEN, BLUE, WHITE
    corners = " RGBW GRWB WBGR BWRG RBGW BRWG WGBR GWRB".split(" ")[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    colours = {"R": RED, "G": GREEN, "B": BLUE, "W": WHITE}
    expected = [colours[letter] for letter in corners]
    for data in (
        saved(Image.fromarray(stored), "PNG", exif=exif),
        saved(Image.fromarray(stored), "WEBP", exif=exif, lossless=True),
        saved(Image.fromarray(stored), "TIFF", tiffinfo={0x0112: orientation}),
    ):
        photo = load_photo(data)
        assert photo.shape == ((2, 3, 3) if orientation < 5 else (3, 2, 3))
        assert [tuple(photo[y, x].tolist()) for y in (0, -1) for x in (0, -1)] == expected


def test_broken_exif_does_not_cost_the_photo():
    data = saved(Image.new("RGB", (8, 8), RED), "PNG", exif=b"Exif\0\0nonsense")
    assert first_row(data)[0] == list(RED)


# --- arrays ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values, expected",
    [
        (np.array([[True, False]]), [255, 0]),
        (np.array([[0, 7, 255]], np.uint8), [0, 7, 255]),
        (np.array([[0, 128, 129, 257, 65535]], np.uint16), [0, 0, 1, 1, 255]),
        (np.array([[0, 5000]], ">u2"), [0, 19]),
        (np.array([[0, 7, 255]], np.int64), [0, 7, 255]),
        (np.array([[0, 0.5, 1]]), [0, 128, 255]),
        (np.array([[-1e-7, 1.0000002]], np.float32), [0, 255]),
        (np.array([[0, 1.4, 254.6]], np.float16), [0, 1, 255]),
        (np.array([[0, 0.5, 1]], ml_dtypes.bfloat16), [0, 128, 255]),
        (np.array([[0, 7, 255]], ml_dtypes.bfloat16), [0, 7, 255]),
        (np.array([[0, 200]], np.float64), [0, 200]),
        (np.zeros((1, 2)), [0, 0]),
    ],
)
def test_the_dtype_decides_what_numbers_mean(values, expected):
    photo = load_photo(values)
    assert photo.shape == (1, len(expected), 3)
    for channel in range(3):
        assert photo[0, :, channel].tolist() == expected


@pytest.mark.parametrize(("high", "top"), [(3072, 4095), (4095, 4095), (200, 255), (255, 255)])
def test_sixteen_bits_of_which_few_are_used_are_read_as_12_or_8_with_a_warning(high, top):
    """As X-rays, microscopes and np.uint16 arrays of 0..255 have them."""
    levels = np.linspace(0, high, 64).round().astype(np.uint16).reshape(8, 8)
    for source in (
        levels,
        saved(Image.fromarray(levels), "PNG"),
        saved(Image.fromarray(levels), "TIFF"),
    ):
        with pytest.warns(UserWarning, match=f"no value above {high}.* 0 to {top}"):
            photo = load_photo(source)
        assert np.abs(photo[:, :, 0] - levels * (255 / top)).max() <= 0.51


@pytest.mark.parametrize(
    "array",
    [np.eye(9, dtype=np.uint8), np.eye(9, dtype=int), np.full((9, 9), 16383, np.uint16)],
    ids=["mask of uint8", "mask of int", "14 of 16 bits"],
)
def test_a_picture_that_is_nearly_black_is_said(array):
    with pytest.warns(UserWarning, match="nearly black"):
        load_photo(array)


def test_whole_numbers_of_32_bits_mean_the_same_in_an_array_an_image_and_a_file():
    levels = np.arange(256, dtype=np.int32).reshape(16, 16)
    image = Image.fromarray(levels)
    for source in (levels, image, saved(image, "TIFF")):
        assert np.array_equal(load_photo(source)[:, :, 0], levels)
    wide = Image.fromarray(levels * 257)
    assert np.array_equal(load_photo(wide)[:, :, 0], levels)
    assert "numbers from" in refusal(Image.fromarray(levels * 1000))


def test_tiff_layouts_that_pillow_misreads_are_refused():
    tifffile = pytest.importorskip("tifffile")
    photo = load_photo("chelsea", max_side=48)

    def tiff(pixels, **options):
        stream = io.BytesIO()
        tifffile.imwrite(stream, pixels, **options)
        return stream.getvalue()

    wide, grey = photo.astype(np.uint16) * 257, photo[:, :, 1]
    planes = {"photometric": "rgb", "planarconfig": "separate"}
    assert np.abs(load_photo(tiff(wide, photometric="rgb")).astype(int) - photo).max() <= 1
    assert np.array_equal(load_photo(tiff(np.moveaxis(photo, 2, 0), **planes)), photo)
    assert "separate planes" in refusal(tiff(np.moveaxis(wide, 2, 0), **planes))
    inverted = tiff(255 - grey, photometric="miniswhite")
    assert np.array_equal(load_photo(inverted)[:, :, 1], grey)
    assert "white stored as 0" in refusal(tiff(65535 - wide[:, :, 1], photometric="miniswhite"))


def test_channels_of_arrays():
    rgba = np.array([[[0, 0, 255, 128], [1, 2, 3, 255], [9, 9, 9, 0]]], np.uint8)
    assert first_row(rgba) == [[127, 127, 255], [1, 2, 3], [255, 255, 255]]
    assert first_row(rgba / 255.0) == first_row(rgba)
    grey_alpha = np.array([[[0, 128], [50, 255], [20, 99]]], np.uint8)
    assert first_row(grey_alpha) == [[127] * 3, [50] * 3, [164] * 3], "163.8 is rounded"
    assert first_row(np.full((2, 2, 1), 9, np.uint8)) == [[9] * 3] * 2
    transposed = np.arange(24, dtype=np.uint8).reshape(2, 4, 3).swapaxes(0, 1)[:, ::-1]
    assert np.array_equal(load_photo(transposed), transposed)


@pytest.mark.parametrize(
    "array, says",
    [
        (np.zeros((0, 5, 3), np.uint8), "no pixels (0 x 5)"),
        (np.zeros(5), "shape (5,)"),
        (np.zeros((2, 2, 5)), "shape (2, 2, 5)"),
        (np.zeros((1, 4, 4, 3)), "array[0]"),
        (np.zeros((3, 8, 8)), "transpose(1, 2, 0)"),
        (np.array([[0, np.nan]]), "nan or infinite"),
        (np.array([[-1.0, 1.0]]), "from -1 to 1 (float64)"),
        (np.array([[0, 1.2]]), "0 to 1 or 0 to 255"),
        (np.array([[1j, 0]]), "complex128"),
        (np.zeros((2, 2), "V2"), "holds |V2"),
        (np.broadcast_to(np.uint8(0), (10_000, 10_000)), "more than 50 million"),
    ],
)
def test_arrays_that_are_no_photo(array, says):
    sentence = refusal(array)
    assert sentence.startswith("The array ") and says in sentence


# --- uploads -----------------------------------------------------------------------------------


@pytest.fixture
def picture():
    return saved(Image.new("RGB", (2, 1), GREEN), "PNG")


def test_uploads_of_ipywidgets_7_and_8_of_colab_and_the_widget_itself(picture):
    about = {"name": "a.png", "type": "image/png", "size": len(picture)}
    eight = ({**about, "content": memoryview(picture)},)
    seven = {"a.png": {"metadata": about, "content": picture}}
    widget = pytest.importorskip("ipywidgets").FileUpload()
    for empty in (widget, widget.value, {}, ()):
        assert "Nothing is uploaded yet" in refusal(empty)
    now = {"last_modified": datetime.now()}
    widget.set_trait("value", ({**eight[0], **now},) if isinstance(widget.value, tuple) else seven)
    for value in (seven, eight, eight[0], list(eight), {"a.png": picture}, widget, widget.value):
        assert first_row(value) == [list(GREEN)] * 2


def test_uploads_that_cannot_be_read(picture):
    two = {"a.png": {"content": picture}, "b.png": {"content": picture}}
    assert "holds 2 files" in refusal(two)
    assert "upload 'a.png' is empty" in refusal({"a.png": {"content": b""}})
    assert "no bytes" in refusal({"a.png": "text"})


# --- what is no photo --------------------------------------------------------------------------


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_names_and_paths_that_do_not_exist(in_folder):
    assert "no file 'chelsae'; did you mean 'chelsea'?" in refusal("chelsae")
    assert "did you mean 'chelsea'?" in refusal("cat"), "found by what it shows"
    assert "did you mean" not in refusal("zebra")
    assert "load_photo('rocket')" in refusal("rocket.jpg")
    (in_folder / "holiday.JPG").write_bytes(b"")
    assert "did you mean 'holiday.JPG'?" in refusal(Path("holyday.JPG"))
    assert "does not exist" in refusal("nowhere/x.png")
    assert "https://" in refusal("www.example.org/cat.jpg")
    assert len(refusal("x" * 100_000)) < 300 and "no file" in refusal("a\0b.png")


def test_folders_pipes_and_unreadable_files(in_folder):
    (in_folder / "folder.png").mkdir()
    assert "'folder.png' is a folder" in refusal("folder.png")
    assert "is a folder" in refusal(in_folder)
    if hasattr(os, "mkfifo"):
        os.mkfifo(in_folder / "pipe.png")
        assert "is a device or a pipe" in refusal("pipe.png")


CONTENTS = {
    "empty": (b"", "is empty (0 bytes)"),
    "text": (b"just some words", "not a picture that can be read here"),
    "svg": (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    "html": (b"\n<!DOCTYPE html><html><body>404</body></html>", "a web page"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "an HEIC photo"),
    "pdf": (b"%PDF-1.7\n", "not a picture that can be read here"),
    "bomb": (png((50_000, 50_000), 8, 2, [b""]), "more than 50 million pixels"),
    "large": (png((10_000, 9_500), 8, 2, [b""]), "more than 50 million pixels"),
    "png of no width": (png((0, 4), 8, 2, [b""]), "cut off"),
    "signature alone": (b"\xff\xd8\xff", "cut off"),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_contents_that_are_no_photo(name, tmp_path, recwarn):
    content, says = CONTENTS[name]
    assert says in refusal(content)
    path = tmp_path / "x.png"
    path.write_bytes(content)
    sentence = refusal(path)
    assert says in sentence and repr(str(path)) in sentence
    assert not recwarn.list


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "JPEG2000", "ICO"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.95])
def test_cut_off_files(kind, part):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), kind)
    sentence = refusal(data[: int(len(data) * part)])
    assert "damaged" in sentence or "can be read here" in sentence


def test_damaged_files_give_a_photo_or_one_sentence():
    """300 files with wrong bytes; benchmarks/damaged_photos.py tries 2,000 and more."""
    for data in damaged_files(300, seed=3):
        try:
            photo = load_photo(data)
            assert photo.dtype == np.uint8 and photo.shape[2] == 3
        except ValueError as error:
            assert str(error).startswith("What came as bytes ") and "\n" not in str(error)


def test_a_pil_image_without_pixels_or_of_a_file_that_is_cut_off():
    assert "The PIL image has no pixels (0 x 3)" in refusal(Image.new("RGB", (3, 0)))
    data = saved(Image.effect_noise((64, 64), 90), "PNG")
    assert "The PIL image is cut off" in refusal(Image.open(io.BytesIO(data[: len(data) // 2])))


@pytest.mark.parametrize("source", [None, 3, 2.5, [[1, 2], [3, 4]], [], object(), {1, 2}])
def test_other_types(source):
    with pytest.raises((TypeError, ValueError), match="came|Nothing is uploaded"):
        load_photo(source)


def test_text_and_closed_file_handles(tmp_path):
    (tmp_path / "x.txt").write_text("x")
    with open(tmp_path / "x.txt") as stream:
        assert "mode 'rb'" in refusal(stream)
    assert refusal(stream).startswith("The open file cannot be read")


# --- the web -----------------------------------------------------------------------------------


def test_a_web_photo_is_fetched_once_and_a_damaged_copy_again(cache, monkeypatch):
    from cnnvis_helpers._shared import download

    picture, urls = saved(Image.new("RGB", (2, 1), GREEN), "PNG"), []

    def fake(url, path, limit):
        urls.append((url, limit))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)

    monkeypatch.setattr(download, "download", fake)
    for _ in range(2):
        assert first_row(" https://example.org/a.png ") == [list(GREEN)] * 2
    assert urls == [("https://example.org/a.png", photos.MAX_DOWNLOAD)]
    (copy,) = (cache / "photos").iterdir()
    copy.write_bytes(picture[:20])
    assert first_row("https://example.org/a.png") == [list(GREEN)] * 2 and len(urls) == 2
    picture = b"<html>not here</html>"
    assert "is a web page" in refusal("https://example.org/b.png")
    assert list((cache / "photos").iterdir()) == [copy], "what is no photo is not kept"


def test_addresses_that_fail_are_one_sentence(cache, monkeypatch):
    assert "ftp://" in refusal("ftp://example.org/x.png")
    assert "file://" in refusal("file:///etc/hosts") and "hf://" in refusal("hf://a/b")
    cache.touch()
    assert "CNNVIS_CACHE" in refusal("https://127.0.0.1:9/x.png")
    cache.unlink()
    assert "list_photos()" in refusal("https://127.0.0.1:9/x.png")


# --- what is bundled ---------------------------------------------------------------------------


def test_the_list_of_photos_describes_each_and_shows_itself_as_a_table():
    photos = list_photos()
    names = [photo.name for photo in photos]
    assert {"chelsea", "coffee", "rocket", "astronaut", "motorcycle"} < set(names)
    for photo in photos:
        assert load_photo(photo.name).shape == (*photo.size, 3)
        assert photo.licence and photo.source and photo.shows
        assert ("creativecommons.org/" in photo.licence) == photo.licence.startswith("CC")
        assert "CC BY" not in photo.licence or photo.source.startswith("photographed by ")
        assert 50 < len(photo.alt) < 170
        assert photo.name in repr(photos)
    table = photos._repr_html_()
    assert table.count('<img alt="A') >= 5 and len(table) < 80_000


@pytest.mark.parametrize("name", ["chelsae", "x", None, []])
def test_unknown_names_of_masks(name):
    with pytest.raises(ValueError, match=r"There is no bundled photo .*list_photos\(\)"):
        load_mask(name)


POINTS = {  # (x, y) on the thing, and beside it
    "chelsea": (
        [(170, 110), (320, 130), (255, 240), (10, 250), (385, 5)],
        [(10, 60), (430, 20), (400, 140), (380, 280), (370, 90)],
    ),
    "coffee": (
        [(290, 150), (100, 200), (290, 380), (410, 80)],
        [(30, 380), (580, 200), (290, 8), (90, 100)],
    ),
    "motorcycle": (
        [(300, 220), (200, 320), (600, 380), (530, 330), (350, 125)],
        [(60, 300), (420, 430), (300, 120), (540, 250), (700, 200)],
    ),
    "rocket": ([(322, 150), (322, 390)], [(450, 150), (360, 390), (322, 110), (322, 415)]),
    "astronaut": ([(225, 110), (160, 70), (225, 185)], [(225, 200), (225, 5), (400, 100)]),
    "camera": ([(290, 160), (293, 400), (395, 500)], [(200, 100), (60, 300), (420, 160)]),
    "dahlia": ([(307, 222), (190, 220), (400, 400)], [(60, 60), (250, 390), (600, 200)]),
    "hopper": ([(250, 60), (100, 450), (400, 500)], [(250, 200), (60, 80), (450, 100)]),
    "palace": ([(200, 80), (200, 200), (100, 300)], [(450, 220), (60, 400), (360, 200)]),
    "raccoon": ([(400, 270), (60, 60), (460, 335)], [(100, 400), (600, 300), (560, 20)]),
}


def test_masks_lie_on_their_things():
    masked = [name for name in data_files.entries("photo") if load_mask(name) is not None]
    assert masked == sorted(POINTS)
    for name, (on, beside) in POINTS.items():
        mask = load_mask(name)
        assert mask.dtype == bool and mask.shape == load_photo(name).shape[:2]
        assert 0.02 < mask.mean() < 0.8
        assert all(mask[y, x] for x, y in on) and not any(mask[y, x] for x, y in beside), name
