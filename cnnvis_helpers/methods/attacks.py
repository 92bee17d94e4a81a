"""Adversarial examples: small changes of a photo that change the network's answer.

Every attack starts from the photo at the network's size, rounded to integer pixel levels, and ends
with a uint8 photo that is classified again: a success survives saving as PNG. Epsilon is in pixel
levels (0..255) for every network.

Attacks follow the gradient of the log-odds of one class, log(p / (1 - p)). The gradient of the
cross-entropy, log(1 + exp(-log-odds)), has the opposite sign everywhere, so it would serve as
well, but it vanishes to exactly 0 where p rounds to 1.
"""

import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from cnnvis_helpers._shared.checks import check_net, check_number, check_whole
from cnnvis_helpers._shared.progress import stoppable
from cnnvis_helpers.methods.gradients import (
    compiled,
    gradient_of,
    once_per_network,
    pixels_spec,
    recording,
)


@dataclass(frozen=True, eq=False, repr=False)
class Attack:
    """The result of an attack; prints as one sentence.

    Attributes
    ----------
    photo : uint8 (h, w, 3), the changed photo at the network's input size
    success : bool, judged on `photo`: the target class is on top, or the label no longer is
    before, after : lists of Prediction, best first, of `original` and of `photo`
    label : int, the class to leave
    target, target_label : int and str, the class to reach; None for any other class
    original : uint8 (h, w, 3), the photo before the attack
    unrounded : float32 (h, w, 3), the changed photo before rounding to integer pixel levels
    method : str
    epsilon : float, the largest change allowed, in pixel levels; None if any is allowed
    queries : int, pictures that went through the network, including the two predictions
    history : tuple of floats, the pushed class's probability at each step or generation
    """

    photo: np.ndarray
    success: bool
    before: list
    after: list
    label: int
    target: int | None
    target_label: str | None
    original: np.ndarray
    unrounded: np.ndarray
    method: str
    epsilon: float | None = None
    queries: int = 2
    history: tuple = ()

    @property
    def difference(self):
        """int16 (h, w, 3), photo - original, in pixel levels."""
        return self.photo.astype(np.int16) - self.original

    @property
    def linf(self):
        """The largest change of one colour value, in pixel levels."""
        return int(np.abs(self.difference).max())

    @property
    def l2(self):
        """The Euclidean length of the change, in pixel levels."""
        return float(np.linalg.norm(self.difference.astype(np.float64)))

    @property
    def pixels(self):
        """The changed pixels: int array (changed, 2) of rows and columns."""
        return np.argwhere(self.difference.any(axis=2))

    @property
    def pushed(self):
        """int, the class whose probability `history` follows: the target, or else the label."""
        return self.label if self.target is None else self.target

    def magnified(self, factor=10):
        """The change times `factor` as a picture, uint8 (h, w, 3): grey where nothing changed."""
        return np.clip(128 + factor * self.difference, 0, 255).astype(np.uint8)

    def __repr__(self):
        height, width = self.photo.shape[:2]
        was, now = (f"{p[0].label} ({p[0].probability:.3f})" for p in (self.before, self.after))
        aim = "" if self.target is None else f" towards {self.target_label}"
        return (
            f"<Attack {self.method}{aim}: {'success' if self.success else 'no success'}, "
            f"{was} became {now}; {len(self.pixels)} of {height * width} pixels changed, "
            f"by {self.linf} levels at most; {self.queries} queries>"
        )


class Goal(NamedTuple):
    """The aim of an attack: away from `label`, or towards `target` if that is not None."""

    label: int
    target: int | None

    @property
    def pushed(self):
        """(class, direction): the class whose log-odds are raised (+1) or lowered (-1)."""
        return (self.label, -1) if self.target is None else (self.target, 1)

    def reached(self, top):
        """Whether a top class, or each of an array of them, is a success."""
        return top != self.label if self.target is None else top == self.target


def fgsm(net, photo, target=None, epsilon=8, label=None):
    """Fast gradient sign method: one step of `epsilon` levels for every colour value.

    photo + epsilon * sign(gradient of the label's cross-entropy), or, with a target class,
    photo - epsilon * sign(gradient of the target's cross-entropy), kept within 0..255.

    Parameters
    ----------
    net : Network
    photo : uint8 or float array (H, W, 3), 0..255
    target : class index or label to reach; None: any class but the photo's
    epsilon : the size of the step in pixel levels, 0..255; rounding stays within it: 2.5 acts as 2
    label : class index or label to leave; None: the network's own top class

    Returns
    -------
    Attack, after one forward and backward pass

    Raises ValueError for an epsilon outside 0..255, for a photo that succeeds before the attack
    (the target is already on top, or the label is not), and for what `net.prepare` or
    `net.class_index` rejects.

    Goodfellow et al. 2014, "Explaining and harnessing adversarial examples", arXiv 1412.6572

    >>> attack = fgsm(net, photo, epsilon=4)
    >>> attack.photo.dtype, attack.linf
    (dtype('uint8'), 4)
    """
    _check_epsilon(epsilon)
    return fgsm_step(net, photo, target, label)(epsilon)


def fgsm_step(net, photo, target=None, label=None):
    """Return the function from epsilon to the Attack of `fgsm`: one gradient for all epsilons."""
    original, before, goal = begin(net, photo, target, label)
    chosen, direction = goal.pushed
    logits, sign = _gradient_sign(net, original, chosen)
    history = (probability(net, logits, chosen),)

    def step(epsilon):
        low, high = ball(original, epsilon)
        moved = (original + direction * epsilon * sign).clip(low, high)
        return finish(net, "fgsm", original, moved, goal, before, epsilon, 3, history)

    return step


def pgd(
    net,
    photo,
    target=None,
    epsilon=8,
    steps=20,
    step_size=None,
    label=None,
    random_start=True,
    stop_early=False,
    seed=0,
    progress=None,
):
    """Projected gradient descent: many small steps, each projected back into the epsilon ball.

    Starts at a random point of the ball, then repeats: step along the sign of the gradient (as in
    `fgsm`), clip to within `epsilon` levels of the photo, clip to 0..255.

    Parameters
    ----------
    net, photo, target, epsilon, label : as in `fgsm`
    steps : int, 1 or more
    step_size : levels per step; None: 2.5 * epsilon / steps, so that every point can be reached
    random_start : False starts at the photo itself
    stop_early : True stops at the first step at which the photo is a success, rounded or not
    seed : int, for the random start; the same seed gives the same photo
    progress : function of (done, total), counted in steps

    Returns
    -------
    Attack. Its history is the pushed class's probability at the start of each step. The Stop button
    (or a StopIteration from `progress`) returns the attack so far, with a warning.

    Raises ValueError as `fgsm` does, and for steps below 1 or a step size not above 0.

    Madry et al. 2017, "Towards deep learning models resistant to adversarial attacks", arXiv
    1706.06083

    >>> attack = pgd(net, photo, net.predict(photo)[1].label, epsilon=4, steps=5)
    >>> attack.linf <= 4, len(attack.history)
    (True, 5)
    """
    _check_epsilon(epsilon)
    original, before, goal = begin(net, photo, target, label)
    low, high = ball(original, epsilon)
    check_whole("steps", steps, 1)
    check_whole("seed", seed, 0)
    if step_size is None:
        step_size = 2.5 * epsilon / steps
    else:
        check_number("step_size", step_size, 0, np.inf, "pixel levels", above=True)
    noise = np.random.default_rng(seed).uniform(-epsilon, epsilon, original.shape)
    x = (original + random_start * noise).clip(low, high)
    (chosen, direction), history, queries = goal.pushed, [], 2
    with stoppable(f"the attack has not made all its {steps} steps"):
        for step in range(steps):
            logits, sign = _gradient_sign(net, x, chosen)
            history.append(probability(net, logits, chosen))
            queries += 1
            if stop_early and goal.reached(net.top_classes(logits)[0]):
                queries += 1
                saved = rounded(x, original, epsilon)[None]
                if goal.reached(net.top_classes(net.logits(saved))[0]):
                    break
            x = (x + direction * step_size * sign).clip(low, high)
            if progress:
                progress(step + 1, steps)
    return finish(net, "pgd", original, x, goal, before, epsilon, queries, tuple(history))


def begin(net, photo, target, label):
    """Return the photo at the network's size (uint8), its predictions, and the Goal."""
    check_net(net)
    net.check_classes()
    original = np.rint(net.prepare(photo)[0]).astype(np.uint8)
    if isinstance(target, (tuple, list)):
        raise ValueError(f"The target of an attack is one class, not the pair {tuple(target)!r}.")
    before = net.predict(original)
    label = before[0].index if label is None else net.class_index(label)
    goal = Goal(label, None if target is None else net.class_index(target))
    if goal.reached(before[0].index):
        taken = f"The photo is taken for {before[0].label!r}"
        if target is not None:
            raise ValueError(f"{taken} already; choose another target class.")
        raise ValueError(
            f"{taken}, not for {net.labels[label]!r}, before any attack; leave label out."
        )
    if goal.label == goal.target:
        raise ValueError(f"An attack leads from one class to another, not from {label} to {label}.")
    return original, before, goal


def finish(net, method, original, moved, goal, before, epsilon, queries, history):
    """Round the changed photo, classify it again, and return the Attack."""
    photo = rounded(moved, original, epsilon).astype(np.uint8)
    after = net.predict(photo)
    return Attack(
        photo=photo,
        success=bool(goal.reached(after[0].index)),
        before=before,
        after=after,
        label=goal.label,
        target=goal.target,
        target_label=None if goal.target is None else net.labels[goal.target],
        original=original,
        unrounded=np.asarray(moved, np.float32),
        method=method,
        epsilon=epsilon,
        queries=queries,
        history=history,
    )


def rounded(moved, original, epsilon):
    """Return float32 (h, w, 3): the integer pixel levels nearest to `moved` in the epsilon ball."""
    low, high = ball(original, 255 if epsilon is None else np.floor(epsilon))
    return np.rint(moved).clip(low, high).astype(np.float32)


def ball(original, epsilon):
    """Return the lowest and highest photo, float64, within `epsilon` levels and within 0..255."""
    original = original.astype(np.float64)
    return (original - epsilon).clip(0, 255), (original + epsilon).clip(0, 255)


def probability(net, logits, chosen):
    """Return the probability, a float, of one class in the first row of logits."""
    return float(net.probabilities(logits)[0, chosen])


def log_odds(net, logits, chosen):
    """Return log(p / (1 - p)), a differentiable tensor (n,), of a class per row.

    logits : (n, units); chosen : int32 (n,). With softmax it is the class's logit minus the
    logarithm of the sum of exp over all other logits.
    """
    if net.units == 1:
        return logits[:, 0] * (2 * tf.cast(chosen, tf.float32) - 1)
    own = tf.gather(logits, chosen, batch_dims=1)
    if net.head == "sigmoid":
        return own
    is_own = tf.cast(tf.one_hot(chosen, net.units), tf.bool)
    return own - tf.reduce_logsumexp(tf.where(is_own, -np.inf, logits), axis=-1)


@once_per_network
def log_odds_gradient(net):
    """Return the compiled (pixels, classes) -> (logits, pixel gradient of the log-odds)."""

    @compiled([pixels_spec(net, None), tf.TensorSpec((None,), tf.int32)])
    def gradient(pixels, classes):
        with recording(net) as tape:
            tape.watch(pixels)
            logits = net.forward(pixels)[0]
            odds = log_odds(net, logits, classes)
        return logits, gradient_of(net, tape, odds, pixels, "pixels")

    return gradient


def _gradient_sign(net, x, chosen):
    """Return logits (1, units) and the sign (h, w, 3) of the log-odds' gradient at photo x."""
    pixels = tf.constant(x[None], tf.float32)
    logits, gradient = log_odds_gradient(net)(pixels, tf.constant([chosen]))
    net.finite(logits)  # the sign of nan would leave the ball
    return logits, np.sign(net.finite(gradient[0].numpy(), "gradient"))


def _check_epsilon(epsilon):
    """Raise ValueError for an epsilon outside 0..255; warn when it is too small to do anything."""
    check_number("epsilon", epsilon, 0, 255, "pixel levels")
    if 0 < epsilon < 1:
        warnings.warn(
            f"epsilon is in pixel levels 0..255: {epsilon} is less than one level and changes "
            "nothing once the photo is rounded",
            stacklevel=3,
        )
