"""From whatever holds a picture (file bytes, PIL image, array) to uint8 RGB: one rule for each.

All functions return a fresh, writable, C-contiguous uint8 array (H, W, 3). All raise ValueError
with one sentence that begins with `what`, the caller's words for what came ("The file 'cat.png'").
"""

import io
import warnings

import numpy as np
from PIL import Image, ImageChops, UnidentifiedImageError

MAX_PIXELS = 80_000_000  # more than phones make; as RGB about a quarter of a gigabyte
MAX_BYTES = 500_000_000

# Formats a photo comes in and whose decoder is safe. Left out on purpose: EPS starts a program,
# TGA and PCX have no signature and take noise for a picture.
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "ICO", "QOI")

_AGAIN = "save or download it again"
# How a file that Pillow refuses begins, what it then is, and the way out.
_SIGNATURES = (
    (b"\x89PNG", "a PNG picture that is cut off or damaged", _AGAIN),
    (b"\xff\xd8\xff", "a JPEG picture that is cut off or damaged", _AGAIN),
    (b"GIF8", "a GIF picture that is cut off or damaged", _AGAIN),
    (b"RIFF", "a WebP picture or a sound that is cut off or damaged", _AGAIN),
    (b"\x00\x00\x01\x00", "an icon that is cut off or damaged", _AGAIN),
    (b"II*\x00", "a TIFF file, damaged or of a kind that cannot be read here", "save it as PNG"),
    (b"MM\x00*", "a TIFF file, damaged or of a kind that cannot be read here", "save it as PNG"),
    (b"%PDF", "a PDF document", "save the page as PNG or JPEG"),
    (b"%!PS", "a PostScript drawing", "save it as PNG"),
    (b"8BPS", "a Photoshop file", "export it as PNG or JPEG"),
    (b"PK\x03\x04", "a ZIP archive or an office document", "take the picture out of it"),
    (b"\x1f\x8b", "a file compressed by gzip", "unpack it"),
    (b"\x93NUMPY", "a NumPy file", "pass what numpy.load gives"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the picture", "run git lfs pull"),
    (b"\x1aE\xdf\xa3", "a video", "save one frame of it as PNG or JPEG"),
)
# The same for files that begin with a length and "ftyp", by the four bytes after that.
_BRANDS = (
    ((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "an HEIC photo"),
    ((b"avif", b"avis"), "an AVIF picture, damaged or of a kind that cannot be read here"),
)


def decode_photo(data, what):
    """Decode the bytes of a picture file.

    data : bytes-like; JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF, JPEG 2000, PPM, ICO or QOI. Of several
        frames or pages the first counts; an EXIF orientation is applied; colour profiles are not.

    What `image_to_rgb` says about colours holds here too. Refused: empty or damaged files, other
    kinds of files, and more than MAX_PIXELS pixels (told from the header, before any is decoded).
    """
    data = bytes(data)
    if not data:
        raise ValueError(f"{what} is empty (0 bytes); choose another one.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of bombs; `_refuse_size` raises instead
            image = Image.open(io.BytesIO(data), formats=_formats())
    except UnidentifiedImageError:
        kind, way_out = _kind(data)
        raise ValueError(f"{what} is {kind}; {way_out}.") from None
    except Image.DecompressionBombError:
        raise ValueError(_too_large(what, "far")) from None
    except Exception as error:
        raise ValueError(_damaged(what, error)) from None
    return image_to_rgb(image, what)


def image_to_rgb(image, what):
    """Turn a PIL image (its current frame) of any mode into RGB.

    Transparent places show white behind them. 16-bit grey is scaled to 8 bits, not clipped; 32-bit
    whole numbers are taken as 16-bit grey, floats as in `array_to_rgb`. CMYK is read as ink amounts
    (a JPEG with Adobe's marker stores them inverted, one without does not).
    """
    _refuse_size((image.height, image.width), what)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as odd metadata, which is of no concern here
            image.load()
            turn = _orientation(image)
            levels = _image_levels(image)
    except Exception as error:
        raise ValueError(_damaged(what, error)) from None
    if levels.ndim == 2:
        levels = array_to_rgb(levels, what)
    return np.array(_turned(levels, turn), order="C")


def array_to_rgb(array, what="The array"):
    """Turn an array into RGB.

    array : grey (H, W) or (H, W, 1), grey with alpha (H, W, 2), RGB (H, W, 3) or RGBA (H, W, 4).
        Transparent places show white behind them. The dtype decides what its numbers mean:

        bool                 False is black, True is white
        uint8                0..255 as they are
        uint16               0..65535, always: divided by 257
        other whole numbers  0..255, anything beyond is refused
        floats               0..1 when none is above 1, else 0..255; a maximum between 1 and 2
                             could mean either and is refused. Rounding errors (0.1 % of the
                             range) are clipped; nan, inf and anything beyond are refused.
    """
    array = np.asarray(array)
    _refuse_shape(array, what)
    levels = _eight_bits(array, what)
    if levels.ndim == 2:
        levels = levels[:, :, None]
    if levels.shape[2] in (2, 4):
        levels = _on_white(levels)
    return np.array(np.broadcast_to(levels, (*levels.shape[:2], 3)), order="C")


def shrink(photo, max_side):
    """Shrink a photo (uint8 RGB), antialiased, so that no side has more than max_side pixels."""
    height, width = photo.shape[:2]
    factor = max_side / max(height, width)
    if factor >= 1:
        return photo
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = Image.fromarray(photo).resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
    return np.array(small)


def _formats():
    """The formats of `_FORMATS` that this build of Pillow knows."""
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def _refuse_size(size, what):
    height, width = size
    if height < 1 or width < 1:
        raise ValueError(f"{what} has no pixels ({height} x {width}); choose another one.")
    if height * width > MAX_PIXELS:
        raise ValueError(_too_large(what, f"{height} x {width} pixels,"))


def _too_large(what, size):
    return (
        f"{what} is too large: {size} more than the {MAX_PIXELS // 1_000_000} million pixels "
        "that are read here; shrink it first."
    )


def _damaged(what, error):
    reason = str(error).strip().rstrip(".") or type(error).__name__
    return f"{what} is cut off or damaged ({reason}); save or download it again."


def _kind(data):
    """Say what data (bytes) that is no readable picture seems to be, and the way out of it."""
    for signature, kind, way_out in _SIGNATURES:
        if data.startswith(signature):
            return kind, way_out
    if data[4:8] == b"ftyp":
        for brands, kind in _BRANDS:
            if data[8:12] in brands:
                return kind, "save it as JPEG or PNG"
        return "a video", "save one frame of it as PNG or JPEG"
    start = data[:1024].lower()
    if b"<svg" in start:
        return "an SVG drawing, made of lines instead of pixels", "save it as PNG"
    if b"<!doctype html" in start or b"<html" in start:
        return "a web page, not a picture", "take the address or the file of the picture itself"
    return f"not a picture of a kind that can be read here (it begins with {repr(data[:8])[1:]})", (
        "save it as PNG or JPEG"
    )


def _orientation(image):
    """The EXIF orientation 1..8 of a loaded PIL image; 1, upright, where there is none."""
    try:
        turn = image.getexif().get(0x0112, 1)
    except Exception:  # broken metadata, of which Pillow raises many kinds: the pixels are fine
        return 1
    return turn if turn in range(1, 9) else 1


def _turned(photo, orientation):
    """Return an array (H, W, ...) made upright by an EXIF orientation 1..8 (a view)."""
    if orientation >= 5:
        photo = photo.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        photo = photo[::-1]
    if orientation in (2, 3, 6, 7):
        photo = photo[:, ::-1]
    return photo


def _image_levels(image):
    """The numbers of a loaded PIL image: uint8 (H, W, 3), or (H, W) uint16, int32 or float32."""
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if image.mode in ("I", "F"):
        levels = np.asarray(image)
        sixteen = image.mode == "I" and levels.min() >= 0 and levels.max() <= 65535
        return levels.astype(np.uint16) if sixteen else levels
    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        image = ImageChops.invert(image)  # Pillow assumes Adobe's inverted storage of every JPEG
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image.convert("RGBA"))
        image = white
    return np.asarray(image.convert("RGB"))


def _refuse_shape(array, what):
    """Raise ValueError unless an array has the shape of one photo."""
    shape = array.shape
    hint = ""
    if array.ndim == 4 and shape[-1] in (1, 3, 4):
        hint = " It looks like a batch: take one photo of it, such as array[0]."
    elif array.ndim == 3 and shape[0] in (1, 3, 4) and shape[2] > 4:
        hint = " Its channels come first: pass array.transpose(1, 2, 0)."
    if array.ndim not in (2, 3) or (array.ndim == 3 and shape[2] not in (1, 2, 3, 4)):
        raise ValueError(
            f"{what} has shape {shape}, but a photo is (H, W), (H, W, 3) or (H, W, 4).{hint}"
        )
    _refuse_size(shape[:2], what)


def _eight_bits(array, what):
    """The numbers of an array of any real dtype as uint8 0..255, by the rule of `array_to_rgb`."""
    kind = array.dtype.kind
    if array.dtype == np.uint8:
        return array
    if kind == "b":
        return array * np.uint8(255)
    if kind == "u" and array.dtype.itemsize == 2:
        return ((np.arange(65536) + 128) // 257).astype(np.uint8)[array]  # rounded array / 257
    if kind not in "iuf":
        raise ValueError(f"{what} holds {array.dtype}, but pixels are numbers; convert it first.")
    low, high = array.min(), array.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(f"{what} holds nan or infinite numbers, but a pixel needs a finite one.")
    top = 1 if kind == "f" and high <= 1.001 else 255
    slack = 0.001 * top if kind == "f" else 0
    if low < -slack or high > top + slack or (top == 255 and kind == "f" and high < 2):
        wanted = "0 to 1 or 0 to 255" if kind == "f" else "0 to 255 (as uint16: 0 to 65535)"
        raise ValueError(
            f"{what} holds numbers from {low:.6g} to {high:.6g} ({array.dtype}), but pixels go "
            f"from {wanted}; scale or clip them first."
        )
    if kind != "f":
        return array.astype(np.uint8)
    levels = array.astype(np.float32)
    levels *= 255 // top
    return np.rint(levels, out=levels).clip(0, 255, out=levels).astype(np.uint8)


def _on_white(levels):
    """Lay colours (H, W, 1 or 3) over white by the alpha in the last channel; all uint8."""
    alpha = levels[:, :, -1:].astype(np.uint16)
    mixed = levels[:, :, :-1] * alpha + 255 * (255 - alpha)  # at most 255 * 255
    return ((mixed + 127) // 255).astype(np.uint8)
