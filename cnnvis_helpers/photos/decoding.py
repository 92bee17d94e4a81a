"""Turn file bytes, PIL images and arrays into uint8 RGB.

All functions return a new, writable, C-contiguous uint8 array (H, W, 3). All raise ValueError with
one sentence that begins with `what`, such as "The file 'cat.png'".
"""

import io
import warnings

import numpy as np
from PIL import Image, ImageChops, ImageOps

from cnnvis_helpers._shared.checks import first_line
from cnnvis_helpers._shared.files import wrong_content

MAX_PIXELS = 50_000_000  # a phone's 48 megapixels; decoding them takes up to 700 MB
_TOO_LARGE = "{} has more than 50 million pixels, too many here; shrink it first."

# Formats of photos with a safe decoder. EPS is left out because it starts a program, TGA and PCX
# because they have no signature and would accept noise as a picture.
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "ICO", "QOI")
_SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"II*\x00", b"MM\x00*")
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_BITS, _PHOTOMETRIC, _PLANAR = 258, 262, 284  # tags of TIFF


def decode_photo(data, what):
    """Decode the bytes of a picture file, its first frame or page, as `image_to_rgb` does.

    An EXIF orientation is applied; colour profiles are not. Rejected: empty or damaged files, other
    file types and, before any pixel is decoded, headers with more than MAX_PIXELS pixels.
    """
    data = bytes(data)
    Image.init()
    known = [name for name in _FORMATS if name in Image.OPEN]  # AVIF is new in Pillow 11.3
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about large pictures: `_check_size` rejects them
            image = Image.open(io.BytesIO(data), formats=known)
    except Image.DecompressionBombError:
        raise ValueError(_TOO_LARGE.format(what)) from None
    except Exception:  # damaged files raise many kinds
        raise ValueError(f"{what} {_unreadable(data)}.") from None
    if image.format == "TIFF" and image.is_animated:
        warnings.warn(f"{what} has several pages; the first is read.", stacklevel=2)
    return image_to_rgb(image, what)


def image_to_rgb(image, what):
    """Turn a PIL image (its current frame) of any mode into RGB, as `array_to_rgb` does.

    32-bit integers are read as uint16 if one is above 255.
    """
    _check_size(image.size, what)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd metadata, which does not matter here
            odd = _odd_layout(image)
            levels = None if odd else _levels(image)
    except Exception as error:
        raise ValueError(
            f"{what} is cut off or damaged ({first_line(error)}); save or download it again."
        ) from None
    if odd:
        raise ValueError(
            f"{what} is a TIFF file of more than 8 bits with {odd}, which cannot be read here; "
            "save it as PNG."
        )
    return array_to_rgb(levels, what)


def array_to_rgb(array, what="The array"):
    """Turn an array into RGB.

    array : grey (H, W) or (H, W, 1), grey with alpha (H, W, 2), RGB (H, W, 3) or RGBA (H, W, 4).
        Transparent pixels become white. The dtype decides what the numbers mean:

        bool                 False is black, True is white
        uint8                0..255, unchanged
        uint16               0..65535, divided by 257. If all are below 4096 they are read as 12
                             bits (X-rays, microscopes), below 256 as 8 bits, with a warning
        other integers       0..255, anything beyond is rejected
        floats               0..1 if none is above 1, else 0..255; a maximum between 1 and 2
                             could mean either and is rejected. Rounding errors (0.1 % of the
                             range) are clipped; nan, inf and anything beyond are rejected
    """
    photo = to_rgb(np.asarray(array), what)
    if 0 < (high := int(photo.max())) <= 64:  # a mask of 0 and 1, or up to 14 bits out of 16
        warnings.warn(
            f"{what} is nearly black: no value is above {high} of 255. If that is wrong, scale "
            "its array to 0..255.",
            stacklevel=2,
        )
    return photo


def to_rgb(array, what):
    """Turn an array into RGB as `array_to_rgb` does, however dark it is."""
    _check_shape(array, what)
    if array.dtype.kind == "V" and np.can_cast(array.dtype, np.float32):  # bfloat16
        array = array.astype(np.float32)
    levels = _eight_bits(array, what)
    if levels.ndim == 2:
        levels = levels[:, :, None]
    if levels.shape[2] in (2, 4):  # blend over white by the alpha in the last channel
        alpha = levels[:, :, -1:].astype(np.uint16)
        mixed = levels[:, :, :-1] * alpha + 255 * (255 - alpha)  # at most 255 * 255
        levels = ((mixed + 127) // 255).astype(np.uint8)
    return np.array(np.broadcast_to(levels, (*levels.shape[:2], 3)), order="C")


def shrink(photo, max_side):
    """Shrink a photo (uint8 RGB) with antialiasing to at most max_side pixels per side."""
    height, width = photo.shape[:2]
    factor = max_side / max(height, width)
    if factor >= 1:
        return photo
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = Image.fromarray(photo).resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
    return np.array(small)


def _odd_layout(image):
    """Return what Pillow overlooks in a TIFF file, and so reads to the wrong colours."""
    if image.format == "TIFF" and max(image.tag_v2.get(_BITS, (1,))) > 8:
        if image.tag_v2.get(_PLANAR) == 2:
            return "its colours in separate planes"
        return "white stored as 0" if image.tag_v2.get(_PHOTOMETRIC) == 0 else ""
    return ""


def _levels(image):
    """Decode a PIL image: uint8 (H, W, 3), or (H, W) of uint16, int32 or float32."""
    format_, info = image.format, image.info
    image.load()
    try:
        image = ImageOps.exif_transpose(image)
    except Exception:  # broken metadata: the pixels are fine
        image = image.copy()
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if image.mode in ("I", "F"):
        levels = np.asarray(image)
        # Before version 11, Pillow opens a 16-bit PNG as 32 bits.
        sixteen = image.mode == "I" and (levels.max() > 255 or format_ == "PNG")
        fits = levels.min() >= 0 and levels.max() <= 65535
        return levels.astype(np.uint16) if sixteen and fits else levels
    if image.mode == "CMYK" and format_ == "JPEG" and "adobe" not in info:
        image = ImageChops.invert(image)  # Pillow assumes that all are Adobe's, which are inverted
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    return np.asarray(image.convert("RGB"))


def _check_size(size, what):
    width, height = size
    if height < 1 or width < 1:
        raise ValueError(f"{what} has no pixels ({height} x {width}); choose another one.")
    if height * width > MAX_PIXELS:
        raise ValueError(_TOO_LARGE.format(what))


def _unreadable(data):
    """Say what is wrong with bytes that Pillow does not open, and what to do."""
    if data.startswith(_SIGNATURES):
        return "is a picture that is cut off, damaged or of a rare kind; save it again as PNG"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC:
        return "is an HEIC photo, which cannot be read here; save it as JPEG or PNG"
    if wrong := wrong_content(data):
        return wrong
    if b"<svg" in data[:1024].lower():
        return "is an SVG drawing, made of lines instead of pixels; save it as PNG"
    begins = repr(data[:8])[1:]
    return f"is not a picture that can be read here (it begins with {begins}); save it as PNG"


def _check_shape(array, what):
    """Raise ValueError unless an array has the shape of one photo."""
    shape, hint = array.shape, ""
    if array.ndim == 0:
        hint = " load_photo reads files."
    elif array.ndim == 4 and shape[-1] in (1, 3, 4):
        hint = " It looks like a batch: take one photo of it, such as array[0]."
    elif array.ndim == 3 and shape[0] in (1, 3, 4) and shape[2] > 4:
        hint = " Its channels come first: pass array.transpose(1, 2, 0)."
    if array.ndim not in (2, 3) or (array.ndim == 3 and shape[2] not in (1, 2, 3, 4)):
        raise ValueError(
            f"{what} has shape {shape}, but a photo is (H, W), (H, W, 3) or (H, W, 4).{hint}"
        )
    _check_size((shape[1], shape[0]), what)


def _eight_bits(array, what):
    """Turn the numbers of an array into uint8 0..255, as `array_to_rgb` describes."""
    kind = array.dtype.kind
    if array.dtype == np.uint8:
        return array
    if kind == "b":
        return array * np.uint8(255)
    if kind not in "iuf":
        raise ValueError(f"{what} holds {array.dtype}, but pixels are numbers; convert it first.")
    low, high = array.min(), array.max()
    if kind == "u" and array.dtype.itemsize == 2:
        return _from_sixteen_bits(array, high, what)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(f"{what} holds nan or infinite numbers, but a pixel needs a finite one.")
    top = 1 if kind == "f" and high <= 1.001 else 255
    slack = 0.001 * top if kind == "f" else 0
    if low < -slack or high > top + slack or (top == 255 and kind == "f" and high < 2):
        wanted = "0 to 1 or 0 to 255" if kind == "f" else "0 to 255 (as uint16: 0 to 65535)"
        raise ValueError(
            f"{what} holds numbers from {low:.6g} to {high:.6g} ({array.dtype}), but pixels go "
            f"from {wanted}; scale or clip them first, as to_unit does."
        )
    if kind != "f":
        return array.astype(np.uint8)
    levels = array.astype(np.float32)
    levels *= 255 // top
    return np.rint(levels, out=levels).clip(0, 255, out=levels).astype(np.uint8)


def _from_sixteen_bits(array, high, what):
    """Scale uint16 to uint8, rounded; the bits in use set the range."""
    bits = 8 if high < 2**8 else 12 if high < 2**12 else 16
    top = 2**bits - 1
    if 0 < high and bits < 16:
        warnings.warn(
            f"{what} has 16 bits but no value above {high}, so it is read as {bits} bits, "
            f"0 to {top}; if it really is that dark, pass its array divided by 65535.",
            stacklevel=2,
        )
    scaled = (np.arange(top + 1) * 255 + top // 2) // top  # rounded: values * 255 / top
    return scaled.astype(np.uint8)[array]
