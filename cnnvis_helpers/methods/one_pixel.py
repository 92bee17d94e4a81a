"""The one pixel attack: change one pixel, or a few, so that a network sees something else."""

import inspect
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from scipy.optimize import differential_evolution

from cnnvis_helpers._shared.checks import check_choice, check_net, check_number, check_whole
from cnnvis_helpers._shared.progress import stoppable
from cnnvis_helpers.methods.attacks import begin, finish, log_odds, probability
from cnnvis_helpers.methods.gradients import compiled, once_per_network, pixels_spec
from cnnvis_helpers.methods.sliding_window import (
    batch_size,
    in_batches,
    score_function,
    spread,
    window_boxes,
    window_starts,
)

SEARCH_PIXELS = 16 * 224 * 224  # per batch; a search can only stop after a batch
_EVOLUTION = {"strategy": "rand1bin", "mutation": 0.5, "recombination": 1.0}  # 1: no crossover
ONE_PIXEL_SETTINGS = {
    "paper": {"population": 400, "generations": 100, **_EVOLUTION},
    "quick": {"population": 80, "generations": 20, **_EVOLUTION},
}
STRATEGIES = tuple(
    f"{base}{kind}"
    for kind in ("bin", "exp")
    for base in ("best1", "best2", "rand1", "rand2", "randtobest1", "currenttobest1")
)  # SciPy's
_RANDOM = "rng" if "rng" in inspect.signature(differential_evolution).parameters else "seed"


class SearchState(NamedTuple):
    """The state of a one-pixel search after a generation.

    generation, generations : int, 0 is the random first population
    queries : int, pictures that went through the network
    best : int array (pixels, 5), the best change so far: row, column, red, green, blue
    probability : float, the pushed class's probability with that change
    candidates : int array (population, pixels, 5), the changes tried in this generation
    """

    generation: int
    generations: int
    queries: int
    best: np.ndarray
    probability: float
    candidates: np.ndarray


def one_pixel(
    net,
    photo,
    target=None,
    pixels=1,
    settings="quick",
    label=None,
    seed=0,
    progress=None,
    watch=None,
):
    """Search for one pixel (or a few) whose change fools the network, without any gradient.

    Differential evolution (SciPy) over the row, column and colour of each pixel; positions start
    uniform, colours from N(128, 127). The search ends at the first change that succeeds.

    Parameters
    ----------
    net, photo, target, label : as in `fgsm`
    pixels : int, 1 or more, how many pixels may change
    settings : "quick" (1,680 pictures at most), "paper" (40,400), or a dict that replaces entries
        of `ONE_PIXEL_SETTINGS["quick"]`. "paper" is the paper's search as it is usually
        described: population 400, 100 generations, F 0.5, no crossover
    seed : int; the same seed gives the same photo
    progress : function of (done, total), counted in generations
    watch : function of SearchState, called after every generation, to show the search

    Returns
    -------
    Attack. Its history is the pushed class's probability with the best change so far, one number
    per generation. If it fails, its photo has the best change found. The Stop button (or a
    StopIteration from `progress` or `watch`) returns the best change so far, with a warning.

    Raises ValueError for pixels below 1, unknown settings, and for what `fgsm` rejects.

    Su et al. 2017, "One pixel attack for fooling deep neural networks", arXiv 1710.08864

    >>> attack = one_pixel(net, photo, settings={"population": 20, "generations": 3})
    >>> len(attack.pixels)
    1
    """
    options = _search_settings(settings)
    check_whole("pixels", pixels, 1)
    check_whole("seed", seed, 0)
    original, before, goal = begin(net, photo, target, label)
    places = net.input_size[0] * net.input_size[1]
    if pixels > places:
        raise ValueError(
            f"pixels must be no more than the {places} of the network's input, not {pixels}."
        )
    search = _PixelSearch(net, original, goal, options["generations"], progress, watch)
    with stoppable("the attack holds the best change found so far"):
        _evolve(search, pixels, options, np.random.default_rng(seed))
    changed = original.copy()
    for row, column, *colour in [] if search.best is None else search.best:
        changed[row, column] = colour
    history, queries = tuple(search.history), search.queries + 2
    return finish(net, "one_pixel", original, changed, goal, before, None, queries, history)


class _PixelSearch:
    """Evaluates pixel changes for the search, keeps the best, and stops at a success."""

    def __init__(self, net, original, goal, generations, progress, watch):
        self.net, self.original, self.goal = net, original, goal
        self.generation, self.generations = 0, generations
        self.progress, self.watch = progress, watch
        self.queries, self.history = 0, []
        self.best, self.lowest, self.probability = None, np.inf, None

    def energies(self, vectors):
        """Log-odds to minimise, float (population,), for vectors (5 * pixels, population)."""
        try:
            return self._generation(vectors)
        except (TypeError, ValueError, StopIteration) as error:
            raise _End from error  # SciPy would turn these into other errors

    def _generation(self, vectors):
        """Evaluate a population, call `progress` and `watch`; raise _End after a success."""
        candidates = np.rint(vectors.T).astype(np.int32).reshape(vectors.shape[1], -1, 5)
        energies, found = np.empty(len(candidates)), False
        at_once = batch_size(self.net, SEARCH_PIXELS)
        for part, (values, found) in in_batches(
            lambda part: self._evaluate(candidates[part]), len(energies), at_once
        ):
            energies[part] = values
            if found:
                break
        self.history.append(self.probability)
        if self.watch:
            counts = self.generation, self.generations, self.queries
            self.watch(SearchState(*counts, self.best, self.probability, candidates))
        if self.progress:
            self.progress(self.generation, self.generations)
        self.generation += 1
        if found:
            raise _End
        return energies

    def _evaluate(self, candidates):
        """Evaluate a batch of candidates (n, pixels, 5): (energies, any success)."""
        chosen, direction = self.goal.pushed
        photo = self.original[None].astype(np.float32)
        logits = self.net.finite(_changed_logits(self.net)(photo, _last_wins(candidates)))
        energies = -direction * log_odds(self.net, logits, [chosen] * len(candidates)).numpy()
        found = self.goal.reached(self.net.top_classes(logits))
        self.queries += len(candidates)
        best = int(np.argmin(np.where(found, energies, np.inf) if found.any() else energies))
        if found.any() or energies[best] < self.lowest:
            self.best, self.lowest = candidates[best], energies[best]
            self.probability = probability(self.net, logits[best : best + 1], chosen)
        return energies, bool(found.any())


class _End(Exception):
    """Ends a search: it has succeeded, or failed for the reason in `__cause__`."""


def _evolve(search, pixels, options, random):
    """Run differential evolution on `search.energies` until it succeeds or the generations end."""
    height, width = search.net.input_size
    places = random.uniform((0, 0), (height, width), (options["population"], pixels, 2))
    colours = random.normal(128, 127, (options["population"], pixels, 3)).clip(0, 255)
    first = np.concatenate([np.floor(places), np.rint(colours)], axis=2)
    try:
        differential_evolution(
            search.energies,
            [(0, height - 1), (0, width - 1), (0, 255), (0, 255), (0, 255)] * pixels,
            init=first.reshape(len(first), -1),
            maxiter=options["generations"],
            **{name: options[name] for name in _EVOLUTION},
            integrality=True,
            vectorized=True,
            updating="deferred",
            polish=False,
            tol=0,
            atol=-1,
            **{_RANDOM: random},
        )
    except _End as end:
        if end.__cause__:
            raise end.__cause__ from None


def one_pixel_map(net, photo, target=None, colours=None, stride=1, score="logit", progress=None):
    """Map how far each pixel alone, in the best of a set of colours, can lower the score.

    Parameters
    ----------
    net, photo : as in `fgsm`
    target : the class whose score is watched: index, label, None (top class) or a pair (a, b)
    colours : array (n, 3), levels 0..255; None: the 8 corners of the colour cube
    stride : int; 2 tries the middle pixel of every 2 x 2 square, and so on
    score : "logit" or "probability"
    progress : function of (done, total), counted in forward passes

    Returns
    -------
    float32 array (H, W) at the photo's own size: score(photo) - lowest score over the colours, raw
    and signed. The Stop button returns the pixels done, the rest 0, with a warning.

    Raises ValueError for a stride below 1 or larger than the input, and for colours outside 0..255.

    >>> one_pixel_map(net, photo, stride=4).shape == photo.shape[:2]
    True
    """
    check_net(net)
    original, colours = np.rint(net.prepare(photo)), _checked_colours(colours)
    check_whole("stride", stride, 1)
    if stride > min(net.input_size):
        raise ValueError(
            f"A stride of {stride} is larger than the network's input of {net.input_size}."
        )
    starts = [window_starts(length, stride, stride) for length in net.input_size]
    places = window_boxes(*starts, (0, 0))[:, :2] + stride // 2
    tried = [np.repeat(places, len(colours), axis=0), np.tile(colours, (len(places), 1))]
    unchanged = np.array([[0, 0, *original[0, 0, 0]]], np.int32)
    candidates = np.concatenate([unchanged, np.hstack(tried)]).astype(np.int32)[:, None]
    scores = score_function(net, target, score)  # the first candidate is the photo itself
    values = np.full(len(candidates), np.nan, np.float32)

    def changed(part):
        return _changed_logits(net)(original, candidates[part])

    with stoppable("only the pixels done so far have a value"):
        for part, logits in in_batches(changed, len(candidates), batch_size(net)):
            values[part] = scores(logits)
            if progress:
                progress(part.stop, len(candidates))
    drops = (values[0] - values[1:]).reshape(len(starts[0]), len(starts[1]), -1).max(axis=2)
    return spread(drops, starts, (stride, stride), net.input_size, np.shape(photo)[:2])


@once_per_network
def _changed_logits(net):
    """Return the compiled (photo, candidates) -> logits; it writes the pixels into the photo."""

    @compiled([pixels_spec(net, 1), tf.TensorSpec((None, None, 5), tf.int32)])
    def changed_logits(photo, candidates):
        count, pixels = tf.shape(candidates)[0], tf.shape(candidates)[1]
        picture = tf.repeat(tf.range(count)[:, None, None], pixels, axis=1)  # (n, pixels, 1)
        places = tf.concat([picture, candidates[:, :, :2]], axis=2)  # (n, pixels, 3)
        colours = tf.cast(candidates[:, :, 2:], tf.float32)
        photos = tf.repeat(photo, count, axis=0)
        return net.forward(tf.tensor_scatter_nd_update(photos, places, colours))[0]

    return changed_logits


def _last_wins(candidates):
    """Give entries (n, pixels, 5) of a candidate at the same pixel the colour of the last."""
    candidates = candidates.copy()
    for last in range(candidates.shape[1] - 1, 0, -1):
        same = (candidates[:, :, :2] == candidates[:, last : last + 1, :2]).all(axis=2)
        same[:, last:] = False  # (n, pixels): earlier entries at the place of `last`
        colours = np.broadcast_to(candidates[:, last : last + 1, 2:], candidates[:, :, 2:].shape)
        candidates[:, :, 2:][same] = colours[same]
    return candidates


def _search_settings(settings):
    """Return a full dict of settings for a name or a dict of replacements."""
    known = ONE_PIXEL_SETTINGS["quick"]
    if not isinstance(settings, dict):
        check_choice("settings", settings, tuple(ONE_PIXEL_SETTINGS))
        return ONE_PIXEL_SETTINGS[settings]
    for name in settings:
        check_choice("a setting", name, tuple(known))
    options = {**known, **settings}
    check_whole("generations", options["generations"], 1)
    check_whole("population", options["population"], 5)
    check_number("recombination", options["recombination"], 0, 1)
    mutation = options["mutation"]
    pair = isinstance(mutation, (tuple, list)) and len(mutation) == 2
    for one in mutation if pair else [mutation]:
        check_number("mutation", one, 0, 1.99)
    check_choice("strategy", options["strategy"], STRATEGIES)
    return options


def _checked_colours(colours):
    """Return int (n, 3) colours; by default the corners of the colour cube, black to white."""
    if colours is None:
        colours = [(r, g, b) for r in (0, 255) for g in (0, 255) for b in (0, 255)]
    colours = np.asarray(colours)
    fits = colours.dtype.kind in "iu" and colours.ndim == 2 and colours.shape[1] == 3
    if not (fits and len(colours) and colours.min() >= 0 and colours.max() <= 255):
        raise ValueError(
            "colours must be a list of (r, g, b) in whole levels 0..255, "
            f"not an array {colours.dtype} {colours.shape}."
        )
    return colours
