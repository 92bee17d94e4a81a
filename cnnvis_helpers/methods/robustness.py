"""Robustness: how strong an attack must be, what it survives, and a weak defence."""

import io
import itertools
from typing import NamedTuple

import numpy as np
from PIL import Image

from cnnvis_helpers._shared.checks import check_net, check_number, check_photo, check_whole
from cnnvis_helpers._shared.progress import stoppable
from cnnvis_helpers.methods.attacks import Goal, fgsm
from cnnvis_helpers.photos.resizing import resize_photo


class Survival(NamedTuple):
    """The predictions of an attacked photo after one more harmless change."""

    change: str
    success: bool
    after: list


def survives(net, attack, qualities=(95, 75, 50, 25), scales=(0.5, 0.75, 2.0)):
    """Test whether an attack survives what happens to photos: saving, compression, resizing.

    Parameters
    ----------
    net : Network
    attack : Attack
    qualities : JPEG qualities 1..100
    scales : factors 0.01..100; the photo is resized by each, and the network resizes it back

    Returns
    -------
    list of Survival(change, success, after): the change in words, whether the attack still
    succeeds, and the predictions, best first. The first row is PNG, which loses nothing.

    Raises ValueError for a quality or a scale out of range.

    >>> attack = fgsm(net, photo, epsilon=8)
    >>> [row.change for row in survives(net, attack, qualities=[75], scales=[2])]
    ['saved as PNG', 'saved as JPEG, quality 75', 'resized to 32 x 32']
    """
    check_net(net)
    height, width = attack.photo.shape[:2]
    changed = [("saved as PNG", _through_file(attack.photo, "PNG"))]
    for quality in qualities:
        changed.append((f"saved as JPEG, quality {quality}", squeeze(attack.photo, jpeg=quality)))
    for scale in scales:
        check_number("a scale", scale, 0.01, 100)
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        resized = np.rint(resize_photo(attack.photo, size)).astype(np.uint8)
        changed.append((f"resized to {size[0]} x {size[1]}", resized))
    goal = Goal(attack.label, attack.target)
    predicted = [(change, net.predict(photo)) for change, photo in changed]
    return [Survival(change, goal.reached(after[0].index), after) for change, after in predicted]


class Transfer(NamedTuple):
    """Another network's predictions before and after an attack, and whether it is fooled."""

    success: bool
    before: list
    after: list


def transfer(net, attack):
    """Test whether an attack made for one network fools another.

    The photos are resized to the other network's input. It is fooled when its own top class
    changes; for a targeted attack, when that becomes the target's label and was not before.

    Parameters
    ----------
    net : Network, the other one
    attack : Attack

    Returns
    -------
    Transfer(success, before, after): predictions of the original and of the changed photo

    Raises ValueError if this network lacks the target's label.

    >>> attack = fgsm(net, photo, epsilon=8)
    >>> transfer(net, attack).after == attack.after
    True
    """
    check_net(net)
    before, after = net.predict(attack.original), net.predict(attack.photo)
    target = None if attack.target is None else net.class_index(attack.target_label)
    goal = Goal(before[0].index, target)
    was, now = goal.reached(before[0].index), goal.reached(after[0].index)
    return Transfer(now and not was, before, after)


def squeeze(photo, bits=None, jpeg=None):
    """Remove a photo's fine detail: a weak defence against small changes.

    An attacker who knows the defence can attack through it.

    Parameters
    ----------
    photo : uint8 or float array (H, W, 3), 0..255
    bits : 1..7, number of bits kept per colour
    jpeg : quality 1..100

    Returns
    -------
    uint8 array (H, W, 3), changed by the given arguments, in this order

    Raises ValueError when nothing is given, and for values outside these ranges.

    Xu et al. 2017, "Feature squeezing", arXiv 1704.01155 (bits)

    >>> squeeze(np.full((1, 1, 3), 100, np.uint8), bits=1)[0, 0]
    array([0, 0, 0], dtype=uint8)
    """
    if bits is jpeg is None:
        raise ValueError("squeeze needs at least one of bits and jpeg.")
    photo = np.rint(check_photo(photo)).astype(np.uint8)
    for name, value, most in (("bits", bits, 7), ("jpeg", jpeg, 100)):
        if value is not None:
            check_whole(name, value, 1)
            check_number(name, value, 1, most)
    if bits is not None:
        levels = 2**bits - 1
        photo = np.rint(np.rint(photo / 255 * levels) * 255 / levels).astype(np.uint8)
    if jpeg is not None:
        photo = _through_file(photo, "JPEG", quality=int(jpeg))
    return photo


class EpsilonCurve(NamedTuple):
    """How often an attack succeeds at each epsilon.

    epsilons : float array (n,), in pixel levels
    rates : float array (n,), the share of photos on which it succeeds, 0..1; NaN where none ran
    attacks : a list per photo, an Attack per epsilon
    """

    epsilons: np.ndarray
    rates: np.ndarray
    attacks: list


def epsilon_curve(net, photos, epsilons, attack=fgsm, progress=None, **options):
    """Run an attack on several photos at several strengths.

    Parameters
    ----------
    net : Network
    photos : list of uint8 or float arrays (H, W, 3), 0..255
    epsilons : list of pixel levels, 0..255
    attack : `fgsm`, `pgd` or another function (net, photo, epsilon=, ...) -> Attack
    progress : function of (done, total), counted in attacks
    options : further arguments of the attack, such as `target` or `steps`

    Returns
    -------
    EpsilonCurve(epsilons, rates, attacks). The Stop button returns the attacks made, and warns.

    Raises ValueError for no photo or no epsilon, and as the attack does: with a `label` every photo
    must be classified as it, with a `target` none, so only real successes count.

    >>> float(epsilon_curve(net, [photo], [0, 2]).rates[0])
    0.0
    """
    check_net(net)
    photos, epsilons = list(photos), [float(epsilon) for epsilon in epsilons]
    attacks, pairs = [[] for _ in photos], list(itertools.product(range(len(photos)), epsilons))
    if not pairs:
        raise ValueError("epsilon_curve needs at least one photo and one epsilon.")
    with stoppable("the curve holds the attacks made so far"):
        for done, (number, epsilon) in enumerate(pairs, 1):
            attacks[number].append(attack(net, photos[number], epsilon=epsilon, **options))
            if progress:
                progress(done, len(pairs))
    ran = [[made[k] for made in attacks if len(made) > k] for k in range(len(epsilons))]
    rates = [np.mean([one.success for one in made] or [np.nan]) for made in ran]
    return EpsilonCurve(np.array(epsilons), np.array(rates), attacks)


def _through_file(photo, kind, **options):
    """Return a uint8 photo after saving and reading it as "PNG" or "JPEG"."""
    file = io.BytesIO()
    Image.fromarray(photo).save(file, kind, **options)
    return np.array(Image.open(file).convert("RGB"))
