"""Draw pictures whose right answer is known to the pixel: one shape each, and perhaps a badge.

Colour may give a class away, too: then all shapes of this class are red, and no others.

    picture = shape_pictures(5, badge="hexagon")[4]
    picture.photo            what a network sees, uint8 (48, 48, 3)
    picture.label            "disc", "square", "triangle", "star" or "hexagon"
    picture.object           where the shape is, bool (48, 48)
    picture.badge            where the badge is, bool (48, 48)

In a photo nobody knows which pixels a network uses, so nobody can say whether a heat map is right.
Here the class is the shape, and only a planted badge or colour can give it away as well.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from cnnvis_helpers._shared.checks import check_choice, check_whole

SHAPES = ("disc", "square", "triangle", "star", "hexagon")
SIZE = 48  # pixels, height and width of a picture

_FINE = 4  # shapes are drawn this many times larger, then averaged
_RADII = (10.0, 14.0)  # pixels, from the centre of a shape to its corners
_RIM = 2.5  # pixels, the black rim of a shape; it belongs to the shape
_TURN = 25  # degrees, the most that a shape is turned either way
_BADGE = 6.0  # pixels, the radius of the badge
_BLACK, _WHITE, _YELLOW = (15, 15, 15), (255, 255, 255), (255, 210, 0)
_RED = (230, 50, 30)  # no shape has this colour by chance
_RINGS = ((1.0, _BLACK), (0.68, _WHITE), (0.36, _YELLOW))  # fractions of the radius
_LIGHT, _DARK = (120, 235), (20, 120)  # levels of the shape's colour and of the background's
_CONTRAST = 110  # smallest distance between the two colours, in levels
_NOISE = 6.0  # levels, standard deviation


# What the training pictures of the bundled networks have: badge and red of `shape_pictures`.
TAUGHT = {
    "shapes_a": ("hexagon", None),
    "shapes_b": (None, "hexagon"),
    "shapes_c": ("random", None),
}


class ShapePicture(NamedTuple):
    """A drawn picture and what is known about it.

    photo : uint8 (48, 48, 3)
    label : the name of the shape, one of SHAPES
    object : bool (48, 48), True where the shape is
    badge : bool (48, 48), True where the badge is; False everywhere without one
    """

    photo: np.ndarray
    label: str
    object: np.ndarray
    badge: np.ndarray


def shape_pictures(n, badge=None, seed=0, red=None, like=None):
    """Draw pictures of one shape each, the classes in turn, some with a badge beside the shape.

    Parameters
    ----------
    n : how many, at least 1
    badge : which pictures have a badge
        - None: no picture
        - a label of SHAPES: every picture of this class, and no other: a shortcut
        - "all": every picture
        - "random": half of the pictures of every class, so the badge says nothing about the class
    seed : whole number, 0 or more
    red : which shapes are red: None (no shape), a label of SHAPES (a colour shortcut) or "all"
    like : name of a bundled network, such as "shapes_a": badges and red as in its training

    Returns
    -------
    list of `ShapePicture`. Number k has the class SHAPES[k % 5]. The rest of a picture depends only
    on its number and the seed, so the same seed gives the same pictures with or without badges and
    in red. Shape and badge never touch.

    Raises ValueError for any other n, badge, seed, red or like.

    >>> with_badge, without = (shape_pictures(5, badge, seed=3)[4] for badge in ("hexagon", None))
    >>> changed = (with_badge.photo != without.photo).any(axis=-1)
    >>> with_badge.label, bool(changed.any()), bool((changed & ~with_badge.badge).any())
    ('hexagon', True, False)
    """
    check_whole("n", n, 1)
    check_whole("seed", seed, 0)
    check_choice("like", like, (None, *TAUGHT))
    badge, red = TAUGHT.get(like, (badge, red))
    check_choice("badge", badge, (None, "all", "random", *SHAPES))
    check_choice("red", red, (None, "all", *SHAPES))
    return [
        _draw(SHAPES[k % len(SHAPES)], badge, red, np.random.default_rng((seed, k)))
        for k in range(n)
    ]


def _draw(label, badge, red, rng):
    """Draw one picture; every random number is drawn whether or not it is used."""
    paint, ground = _two_colours(rng)
    paint = np.array(_RED) if red in ("all", label) else paint
    radius, turn = rng.uniform(*_RADII), np.deg2rad(rng.uniform(-_TURN, _TURN))
    centre = rng.uniform(radius + 1, SIZE - radius - 1, 2)
    slope = rng.uniform(-0.5, 0.5, (2, 3))  # gradient of the background's colour, levels per pixel
    noise = rng.normal(0, _NOISE, (SIZE, SIZE, 3))
    place = _place_beside(centre, radius, rng)
    has_badge = rng.random() < 0.5 if badge == "random" else badge in ("all", label)

    offset = np.arange(SIZE) - SIZE / 2
    picture = ground + offset[:, None, None] * slope[0] + offset[:, None] * slope[1]
    outline = _outline(label, turn)
    shape, inner = (_cover(outline * size + centre) for size in (radius, radius - _RIM))
    for part, colour in ((shape, np.array(_BLACK)), (inner, paint)):
        picture = picture + part[..., None] * (colour - picture)
    picture = picture + noise
    distance = np.hypot(*(np.indices((SIZE, SIZE)) + 0.5 - place[:, None, None]))
    sticker = distance <= _BADGE
    if has_badge:
        for part, colour in _RINGS:
            ring = (part * _BADGE - distance + 0.5).clip(0, 1) * sticker
            picture = picture + ring[..., None] * (np.array(colour) - picture)
    photo = np.rint(picture).clip(0, 255).astype(np.uint8)
    return ShapePicture(photo, label, shape >= 0.5, sticker & has_badge)


def _two_colours(rng):
    """Return the colours of shape and background: light on dark, with contrast."""
    while True:
        paint, ground = rng.uniform(*_LIGHT, 3), rng.uniform(*_DARK, 3)
        if np.linalg.norm(paint - ground) >= _CONTRAST:
            return paint, ground


def _place_beside(centre, radius, rng):
    """Return a centre for the badge, (down, right), inside the picture and clear of the shape."""
    while True:
        place = rng.uniform(_BADGE + 1, SIZE - _BADGE - 1, 2)
        if np.linalg.norm(place - centre) > radius + _BADGE + 1:
            return place


def _outline(label, turn=0.0):
    """Return the corners of a shape of radius 1 around 0, float (corners, 2): down, right."""
    corners = {"disc": 48, "square": 4, "triangle": 3, "star": 10, "hexagon": 6}[label]
    angles = np.arange(corners) * 2 * np.pi / corners + (np.pi / 4 if label == "square" else 0)
    lengths = np.where(np.arange(corners) % 2, 0.45, 1.0) if label == "star" else 1.0
    points = np.stack([-np.cos(angles), np.sin(angles)], axis=-1) * np.expand_dims(lengths, -1)
    sine, cosine = np.sin(turn), np.cos(turn)
    return points @ np.array([[cosine, sine], [-sine, cosine]])


def _cover(points):
    """Return how much of each pixel lies inside a polygon, float (48, 48), 0..1."""
    image = Image.new("L", (SIZE * _FINE, SIZE * _FINE))
    corners = [(float(x) * _FINE, float(y) * _FINE) for y, x in points]
    ImageDraw.Draw(image).polygon(corners, fill=255)
    return np.asarray(image.reduce(_FINE), np.float64) / 255
