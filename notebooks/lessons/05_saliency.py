# %% [markdown]
# # Which pixels would change the answer?
#
# **You will do:** take the gradient of a score with respect to a photo, calm its noise, share a score out among the pixels, and check each step with a number.
#
# **You will learn:** what a gradient says and what it cannot say, SmoothGrad, integrated gradients and their completeness, and why guided backprop is pretty but no evidence.
#
# **You need:** [lesson 02](02_feature_maps.ipynb); from [lesson 04](04_class_activation_maps.ipynb) what a `GradientTape` is; that a derivative is a slope.
#
# **Time:** 45 minutes

# %% [markdown] tags=["teaching-note"]
# 45 min: gradient and its check 8, three colours and noise 5, SmoothGrad 6, gradient times input 2, saturation and integrated gradients 9, the baseline 3,
# guided backprop and whether it is evidence 5, what goes wrong 4, one exercise in class 3, receptive field and library and play and the other exercises at home. With 15 minutes only: the slope of one pixel, the path from black, the completeness sum.
# Write on the board before you start: "How would the score change?" and "Who made the score?" are two questions. The first is the gradient's,
# the second that of integrated gradients.

# %% [markdown]
# The first cell loads what this lesson uses. Another network? Change the line `NETWORK = "course"`.

# %% tags=["exercise-setup", "long"]
import numpy as np

from cnnvis_helpers import (
    around_grey,
    check,
    compare_maps,
    conv_layers,
    feature_maps,
    figure_row,
    gradient_x_input,
    guided_backprop,
    hint,
    integrated_gradients,
    load_mask,
    load_network,
    load_photo,
    photo_alt,
    receptive_field,
    saliency,
    show_curve,
    show_grid,
    show_map,
    show_overlay,
    show_photo,
    smoothgrad,
    solution,
)
from cnnvis_helpers.methods.saliency import path_rule

NETWORK = "course"  # any name of list_networks(), or the path of your own Keras model
net = load_network(NETWORK)
photo = load_photo("chelsea")
best = net.predict(photo)[0]

# %% [markdown]
# ## Look and predict
#
# **Predict first.** You may change one single pixel of this photo, by a tiny amount. Where would it move the score most: on an eye, on the
# fur, on the wall?

# %%
show_photo(photo, title=f"{best.label} {best.probability:.2f}", alt=photo_alt("chelsea"))

# %% [markdown]
# ## The gradient by hand
#
# Let $S_c$ be the logit of class $c$, and $x$ the photo as the network reads it, with one number for each pixel and colour. The
# **gradient** holds, for each of these numbers $x_i$, the slope
#
# $$g_i = \frac{\partial S_c}{\partial x_i}$$
#
# the change of the logit for a small step of $x_i$, divided by the step. First the **class vector**, which picks one logit out of all when the logits are multiplied by it.

# %%
pixels = net.prepare(photo)  # (1, h, w, 3), pixel levels 0..255
cat_score = net.score_vector(best.index)  # logits @ cat_score is the logit of the top class
with figure_row(
    1,
    width=8,
    height=3,
    alt=f"A line at 0 with a single peak of 1, at the number of {best.label}, {best.index}.",
) as (ax,):
    ax.plot(cat_score, drawstyle="steps-mid")
    ax.set(
        xlabel="number of the class",
        ylabel="its logit counts",
        title=f"The class vector of {best.label}",
    )
if net.units > 1:  # a network with one output has a vector of one number
    assert cat_score[best.index] == 1 and np.abs(cat_score).sum() == 1

# %% [markdown]
# The tape of lesson 04 records the forward pass and goes through it backwards, this time all the way to the pixels. `@tf.function` above a function has it compiled: the same numbers in less time.
# `tf.linalg.matvec` multiplies a matrix by a vector.


# %%
import tensorflow as tf


@tf.function(reduce_retracing=True)
def gradient(pixels, vector):
    """Slopes of a score for pixels (n, h, w, 3): the same shape."""
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        logits, _ = net.forward(pixels)
        score = tf.reduce_sum(tf.linalg.matvec(logits, vector))
    return tape.gradient(score, pixels)


slopes = gradient(tf.constant(pixels), cat_score).numpy()[0]
print("photo", pixels.shape[1:], " gradient", slopes.shape)
print(f"slopes from {slopes.min():.4f} to {slopes.max():.4f} logits for each pixel level")
assert slopes.shape == pixels.shape[1:] and np.abs(slopes).max() > 0

# %% [markdown]
# One backward pass gave a slope for every number of the photo. Occlusion in lesson 03 needed a forward pass for each patch.
#
# ## Is it right?
#
# A slope can be checked without any calculus: change one number a little up and a little down, and divide the change of the score by the change of
# the number. That is a **finite difference**. We take the number with the steepest slope.

# %%
place = np.unravel_index(np.abs(slopes).argmax(), slopes.shape)  # (row, column, colour)


def scores_with(levels):
    """The score when the number at `place` is replaced by each of these levels."""
    batch = np.repeat(pixels, len(levels), axis=0)
    batch[(slice(None), *place)] = levels
    return net.logits(batch).numpy() @ cat_score


level = pixels[0][place]
up, down = scores_with(np.array([level + 1, level - 1]))
print(
    f"row {place[0]}, column {place[1]}, {('red', 'green', 'blue')[place[2]]}, level {level:.0f} "
    "of 255"
)
print(
    f"gradient {slopes[place]:.5f}   finite difference {(up - down) / 2:.5f}   logits for each "
    "pixel level"
)
if net.name == "course":
    assert np.isclose((up - down) / 2, slopes[place], rtol=0.05)
    row, column = (place[axis] * photo.shape[axis] // net.input_size[axis] for axis in (0, 1))
    assert load_mask("chelsea")[row, column] and row < photo.shape[0] / 3

# %% [markdown]
# With the course network the steepest number lies on the cat's fur, above the eye on the right: neither on an eye nor on the wall. The two slopes agree within five per cent. (They need not agree to the last digit: a step of one level is not infinitely small.) How far does the slope hold? **Predict
# first:** will the score follow the straight line if this one number goes through all levels?

# %%
levels = np.linspace(0, 255, 52, dtype=np.float32)
line = net.logits(pixels).numpy()[0] @ cat_score + slopes[place] * (levels - level)
followed = scores_with(levels)
show_curve(
    levels,
    {"the network": followed, "the straight line of the gradient": line},
    xlabel="level of this one number, 0 to 255",
    ylabel=f"logit of {best.label}",
    title="A slope holds nearby",
    alt=f"A curve and a straight line that touch at level {level:.0f}, the photo's own; farther "
    f"away they part by up to {np.abs(followed - line).max():.2f} logits.",
)
if net.name == "course":
    assert np.abs(followed - line).max() > 0.05

# %% [markdown]
# The gradient is exact at the photo and only there. Keep this in mind: every map below is about tiny changes of *this* photo.

# %% [markdown] tags=["teaching-note"]
# 8 min up to here. Ask: is a steep pixel an important pixel? Most will say yes. Steep means "the answer would change here", not "the answer was
# made here". The finite difference is the habit to take home: whoever writes a gradient method checks one number of it by brute force.
# Live trouble: a result of `None` from the tape means that the pixels were not watched, or that `model.predict` was used, which leaves the tape.

# %% [markdown]
# ## Three colours, one map
#
# A pixel has three slopes; a heat map has room for one number. You must choose, and the choice changes the picture. On one scale, the same gradient:
# added up with signs, as the largest magnitude (the choice of the first paper on saliency), and as the sum of magnitudes.

# %%
choices = {
    "sum, signed": slopes.sum(axis=-1),
    "max of magnitudes": np.abs(slopes).max(axis=-1),
    "sum of magnitudes": np.abs(slopes).sum(axis=-1),
}
compare_maps(
    choices,
    signed=True,
    percentile=99.5,
    label="logits for each pixel level",
    alt=(
        "Three maps of the same gradient: red and blue specks mixed; red specks alone; denser red "
        "specks. What the photo shows can hardly be made out in them."
    ),
)
helper = saliency(net, photo, best.index, resize=False)
assert np.allclose(choices["max of magnitudes"], helper, rtol=1e-2, atol=1e-3 * helper.max())

# %% [markdown]
# The helper `saliency` gives the same numbers. Signs say in which direction a pixel should change. Red beside blue on the same cheek is no contradiction: the network
# asks for more contrast there. For the question *where*, take a magnitude; for the question *which way*, keep the sign; and write the choice
# into the title, as here:

# %%
heat = saliency(net, photo, best.index)
show_overlay(
    photo,
    heat,
    percentile=99.5,
    title=f"Gradient for {best.label}, max |.|",
    alt="Fine bright specks over the cat and around it"
    + ("; the face is only a little denser than the rest." if net.name == "course" else "."),
)
cat = load_mask("chelsea")  # True on the cat, drawn by hand


def share_on_cat(heat):
    """Share (0..1) of a map's magnitudes that lies on the cat."""
    return np.abs(heat[cat]).sum() / np.abs(heat).sum()


print(
    f"{share_on_cat(heat):.0%} of the magnitudes lie on the cat, which covers {cat.mean():.0%} of "
    "the photo"
)
if net.name == "course":
    assert cat.mean() < share_on_cat(heat) < cat.mean() + 0.1

# %% [markdown]
# ## A gradient is noisy
#
# Add noise of at most three levels of 255. Nobody sees it. **Predict first:** will the answer stay the same, and will the map?

# %%
random = np.random.default_rng(0)
noise = random.integers(-3, 4, pixels.shape).astype(np.float32)
nearly = np.clip(pixels + noise, 0, 255)
heat_before = np.abs(slopes).max(axis=-1)
heat_after = np.abs(gradient(tf.constant(nearly), cat_score).numpy()[0]).max(axis=-1)
likeness = np.corrcoef(heat_before.ravel(), heat_after.ravel())[0, 1]
before, after = net.logits(np.concatenate([pixels, nearly])).numpy() @ cat_score
with figure_row(
    4,
    width=13,
    height=3.6,
    alt="Two photos that look the same, and their gradient maps, whose specks differ.",
) as axes:
    show_photo(pixels[0], "photo", ax=axes[0])
    show_photo(nearly[0], "noisy photo", ax=axes[1])
    limit = float(np.percentile(heat_before, 99.5))
    show_map(heat_before, "photo: max |g|", ax=axes[2], vmin=0, vmax=limit)
    show_map(heat_after, "noisy: max |g|", ax=axes[3], vmin=0, vmax=limit)
print(
    f"logit of {best.label}: {before:.2f} and {after:.2f}   correlation of the two maps: "
    f"{likeness:.2f}"
)
if net.name == "course":
    assert abs(before - after) < 0.3 and likeness < 0.85

# %% [markdown]
# With the course network the answer stayed, and its explanation moved: the correlation of the two maps is below 0.85. The reason is in the ReLUs: each is a kink, and a small step of
# the photo switches many of them on or off, so that slopes jump. Follow one slope on the way from the photo to its noisy twin:


# %%
def gradients(batch, vector):
    """Gradients (n, h, w, 3) of a batch, a few photos at a time."""
    parts = np.array_split(np.float32(batch), max(1, len(batch) // 10))
    return np.concatenate([gradient(tf.constant(part), vector) for part in parts])


way = np.linspace(0, 1, 20)
along = gradients(pixels + way[:, None, None, None] * noise, cat_score)[(slice(None), *place)]
show_curve(
    3 * way,
    along,
    xlabel="noise at most, in pixel levels",
    ylabel="slope, logits for each level",
    title="The steepest slope of the photo, under growing noise",
    alt=(
        f"The slope between {along.min():.5f} and {along.max():.5f}, up and down in a jagged curve "
        "while the noise grows from 0 to 3 pixel levels."
    ),
)
turns = (np.diff(np.sign(np.diff(along))) != 0).sum()
print(
    f"{turns} turns between {along.min() / along[0]:.0%} and {along.max() / along[0]:.0%} of the "
    "photo's own slope"
)
if net.name == "course":
    assert turns >= 5

# %% [markdown]
# ## SmoothGrad: ask many neighbours
#
# If slopes jump from one photo to the next, take the mean over many. **SmoothGrad** adds Gaussian noise and averages the gradients:
#
# $$\bar g = \frac{1}{n} \sum_{k=1}^{n} g(x + \varepsilon_k), \qquad \varepsilon_k \sim \mathcal{N}(0, \sigma^2)$$
#
# with $n$ copies, each with other noise $\varepsilon_k$ of the standard deviation $\sigma$. That is a *fraction* of the photo's range, because 20 levels are much noise in a pale photo and
# little in one of high contrast. The paper advises 10 to 20 per cent. It was written about large ImageNet networks, so ask
# this network first: does it still see the class in the noisy copies? **Predict:** up to which noise?

# %% tags=["long"]
copies = 30
draws = np.stack(
    [tf.random.stateless_normal(pixels.shape[1:], (0, k)) for k in range(copies)]
)  # seeded
spread = float(pixels.max() - pixels.min())
fractions = [0.01, 0.03, 0.05, 0.1, 0.15, 0.2]
still_seen = [
    float(
        net.probabilities(net.logits(pixels + np.float32(f * spread) * draws[:10]))[
            :, best.index
        ].mean()
    )
    for f in fractions
]
show_curve(
    fractions,
    still_seen,
    xlabel="noise, as a fraction of the range",
    ylabel="probability",
    title=f"Is the noisy copy still {best.label}?",
    alt=(
        f"The mean probability of {best.label} over noisy copies: {still_seen[0]:.2f} at the "
        f"least noise, {still_seen[-1]:.2f} at the most."
    ),
)
fraction = max(
    [f for f, p in zip(fractions, still_seen, strict=True) if p > 0.9 * best.probability],
    default=0.01,
)
print("the largest of these that leaves the answer nearly as it was:", fraction)
if net.name == "course":
    assert max(still_seen[fractions.index(f)] for f in (0.1, 0.15, 0.2)) < 0.5
    assert still_seen[fractions.index(0.15)] < 0.2 and fraction < 0.1

# %% [markdown]
# SmoothGrad explains the noisy copies. With the course network, at a noise of 0.15, in the middle of what the paper advises, the mean probability is below 0.2: there is no cat left to explain. A map made there
# might still look fine. So we take the largest noise that leaves the answer as it was. By hand, with seeded noise, so that everybody gets the same picture:

# %%
sigma = fraction * spread
by_copy = gradients(pixels + np.float32(sigma) * draws, cat_score)
by_hand = np.abs(by_copy.mean(axis=0)).max(axis=-1)

helper = smoothgrad(net, photo, best.index, samples=copies, noise=fraction, seed=0, resize=False)
print(
    f"sigma {sigma:.0f} levels   largest difference to the helper "
    f"{np.abs(by_hand - helper).max():.1e}"
)
assert np.allclose(by_hand, helper, rtol=1e-2, atol=1e-3 * helper.max())

# %% [markdown]
# Here is the mean over one, five and thirty noisy copies, on one scale. What happens to single specks, what to the face?

# %%
steps = {
    f"max |mean of {n}|": np.abs(by_copy[:n].mean(axis=0)).max(axis=-1) for n in (1, 5, copies)
}
compare_maps(
    steps,
    signed=False,
    vmax=float(np.percentile(steps["max |mean of 1|"], 99.5)),
    label="logits for each pixel level",
    alt="Three maps on one scale, each calmer and darker than the one before; their means are "
    + ", ".join(f"{each.mean():.1e}" for each in steps.values())
    + ".",
)
if net.name == "course":
    means = [each.mean() for each in steps.values()]
    assert means[0] > means[1] > means[2]

# %% [markdown]
# Slopes of random sign cancel, slopes that many neighbours share remain. The map shrinks as it gets clear; drawn on a scale of its own it would hide that. So the next picture keeps the colours of the gradient's map above.

# %%
smooth = smoothgrad(net, photo, best.index, samples=copies, noise=fraction)
show_overlay(
    photo,
    smooth,
    vmax=float(np.percentile(heat, 99.5)),  # the gradient's scale
    title=f"SmoothGrad for {best.label}, max |.|",
    alt=(
        "Specks gather on the cat, at the eye on the left above all."
        if net.name == "course"
        else f"Bright specks on grey; {share_on_cat(smooth):.0%} of their strength is on the cat."
    ),
)
print(f"share on the cat: gradient {share_on_cat(heat):.0%}, SmoothGrad {share_on_cat(smooth):.0%}")
if net.name == "course":
    assert share_on_cat(heat) + 0.02 < share_on_cat(smooth) < share_on_cat(heat) + 0.1

# %% [markdown]
# With the course network more of the map lies on the cat than before, but the gain is a few per cent. It is not the clean outline that pictures in papers promise.

# %% [markdown] tags=["teaching-note"]
# 6 min. The curve is worth the time: the usual setting, taken from a paper, destroys the very answer that it should explain. Ask: is a clearer map a truer one? It answers another question, the mean over a neighbourhood, and it is cleaner by construction.
# Somebody will ask why the noise is not simply a blur of the map: a blur mixes neighbouring pixels, SmoothGrad keeps them apart and mixes photos.

# %% [markdown]
# ## Gradient times input
#
# The slope says what a change would do. What did the pixel's own value do? If the network were linear, $S_c = b + \sum_i g_i x_i$ with a constant $b$, and the product $g_i x_i$
# would be what pixel $i$ adds. So multiply:

# %% tags=["long"]
product = (slopes * pixels[0]).sum(axis=-1)
assert np.allclose(product, gradient_x_input(net, photo, best.index, resize=False), atol=1e-5)

added_up, score = product.sum(), net.logits(pixels).numpy()[0] @ cat_score
with figure_row(
    2,
    width=10,
    alt=(
        "Two speckled red and blue maps: the plain gradient, and its product with the photo, "
        "much alike, but paler where the photo is dark."
    ),
) as axes:
    show_map(
        slopes.sum(axis=-1),
        "gradient, sum, signed",
        ax=axes[0],
        signed=True,
        percentile=99.5,
        label="logits for each level",
    )
    show_map(
        product,
        "gradient x input, sum, signed",
        ax=axes[1],
        signed=True,
        percentile=99.5,
        label="logits",
    )
print(f"the products add up to {added_up:.2f}, the logit is {score:.2f}")
if net.name == "course":
    assert abs(added_up - score) > 1

# %% [markdown]
# The unit is now logits. With the course network the sum misses the logit by more than 1: the network is not linear. And a black pixel gets zero however much it matters, because it is multiplied by zero.

# %% [markdown]
# ## Saturation: why the slope at the photo is not enough
#
# Let the photo rise out of black: $x(\alpha) = \alpha x$, with $\alpha$ from 0 (black) to 1 (the photo). **Predict first:** draw the curve of the top class's probability over $\alpha$.

# %% tags=["long"]
alphas = np.linspace(0, 1, 31, dtype=np.float32)
path = alphas[:, None, None, None] * pixels  # (31, h, w, 3)
path_logits = np.concatenate([net.logits(part).numpy() for part in np.array_split(path, 3)])
path_scores = path_logits @ cat_score
path_probability = net.probabilities(path_logits)[:, best.index]
show_grid(
    [path[k].clip(0, 255).astype(np.uint8) for k in (0, 6, 12, 18, 30)],
    titles=[f"alpha {alphas[k]:.1f}" for k in (0, 6, 12, 18, 30)],
    columns=5,
    alt=(
        "Five steps from a black picture to the photo of the cat; the cat is dark but clear at "
        "the second step."
    ),
)
with figure_row(
    2,
    width=12,
    height=3.8,
    alt="Two curves over alpha: the logit goes from "
    f"{path_scores[0]:.1f} by {path_scores[9]:.1f} at alpha {alphas[9]:.1f} to "
    f"{path_scores[-1]:.1f}; the probability from {path_probability[0]:.2f} by "
    f"{path_probability[9]:.2f} to {path_probability[-1]:.2f}.",
) as axes:
    show_curve(
        alphas,
        path_scores,
        xlabel="alpha",
        ylabel="logit",
        title=f"Logit of {best.label}",
        ax=axes[0],
    )
    show_curve(
        alphas,
        path_probability,
        xlabel="alpha",
        ylabel="probability",
        title="Probability",
        ax=axes[1],
    )
risen = (path_scores[9] - path_scores[0]) / (path_scores[-1] - path_scores[0])
print(
    f"at alpha {alphas[9]:.1f} the logit has made {risen:.0%} of its rise, and the probability is "
    f"{path_probability[9]:.2f}"
)
if net.name == "course":
    assert risen > 0.6 and path_probability[9] > 0.8
    assert path_scores[-1] - path_scores[18] < 0.1 * (path_scores[-1] - path_scores[0])

# %% [markdown]
# With the course network, the cat is found while the photo is still dark. At the photo itself the curves are nearly flat: the last four tenths of the way add less than a tenth of the rise. That is **saturation**. The gradient
# at the photo looks at the flat end alone and misses where the score was made.

# %% [markdown]
# ## Integrated gradients: add up the whole way
#
# A rise is the sum of its slopes along the way. From a **baseline** $x'$ (here black) to the photo $x$, pixel $i$ gets the share
#
# $$a_i = (x_i - x'_i) \int_0^1 g_i\big(x' + \alpha (x - x')\big)\, d\alpha$$
#
# where the **integral** $\int_0^1 \dots d\alpha$ is the mean of the slopes over the whole way from $\alpha = 0$ to $1$: add up the slopes at many places and divide by their number. The shares of all pixels add up to the whole rise, $\sum_i a_i = S_c(x) - S_c(x')$. This is called **completeness**, and it is a test that your own code can fail. By hand,
# with $\alpha$ in the middle of 40 equal steps:


# %%
def shares_by_hand(places, weights, start):
    """Shares (h, w, 3) on the path from `start`, for alphas `places` with these weights."""
    path = start + places[:, None, None, None] * (pixels - start)
    mean_slope = np.tensordot(weights, gradients(path, cat_score), 1)  # weighted, added up
    return (pixels - start)[0] * mean_slope


def middles(n):
    """The middles of n equal steps from 0 to 1, and their equal weights."""
    return (np.arange(n, dtype=np.float32) + 0.5) / n, np.full(n, 1 / n, np.float32)


black = np.zeros_like(pixels)
rise = score - net.logits(black).numpy()[0] @ cat_score
shares = shares_by_hand(*middles(40), black)
print(
    f"the shares add up to {shares.sum():.3f}, the rise is {rise:.3f}, error "
    f"{abs(shares.sum() / rise - 1):.1%}"
)
if net.name == "course":
    assert abs(shares.sum() / rise - 1) < 0.1

# %% [markdown]
# The helper chooses its places by another rule (Gauss-Legendre quadrature, `path_rule`), which is best for smooth curves. Give the same places to our own function, and the numbers are the same.

# %%
attribution, completeness = integrated_gradients(
    net, photo, best.index, steps=40, return_error=True, resize=False
)
same = shares_by_hand(*path_rule(40), black).sum(axis=-1)

print(f"attributed {completeness.attributed:.3f}, rise {completeness.difference:.3f},", end=" ")
print(f"error {completeness.error:.2%}")
assert np.allclose(same, attribution, rtol=1e-2, atol=2e-3 * np.abs(attribution).max())
assert np.isclose(attribution.sum(), completeness.attributed, rtol=1e-3)

# %% [markdown]
# How many steps are enough? Measure: the error of the sum, by number of steps, for both ways of choosing them.

# %%
numbers = [5, 10, 20, 40, 80]
errors = {
    name: [100 * abs(shares_by_hand(*rule(n), black).sum() / rise - 1) for n in numbers]
    for name, rule in (
        ("middles of equal steps", middles),
        ("Gauss-Legendre (the helper)", path_rule),
    )
}
show_curve(
    numbers,
    errors,
    xlabel="steps",
    ylabel="error in per cent",
    title="Completeness against the number of steps",
    alt=("Two curves that fall: " if max(e[0] - e[-1] for e in errors.values()) > 0.1 else "")
    + "; ".join(
        f"{name} from {v[0]:.1f} per cent at {numbers[0]} steps to {v[-1]:.1f} at {numbers[-1]}"
        for name, v in errors.items()
    )
    + ".",
)
for name, values in errors.items():
    pairs = zip(numbers, values, strict=True)
    print(f"{name:28s}", "  ".join(f"{n}: {value:.1f} %" for n, value in pairs))
if net.name == "course":
    assert all(values[-1] < 5 for values in errors.values())
    assert 5 < errors["middles of equal steps"][0] < errors["Gauss-Legendre (the helper)"][0]

# %% [markdown]
# The error falls on the whole, with the course network below 5 per cent at 80 steps, but not smoothly: slopes jump at every kink of a ReLU, so no rule for the steps is exact. Nor does the finer rule always win: with the course network it is the worse one at 5 steps, for it was made for smooth curves. Always print the error; if it is large, take more steps.

# %% [markdown] tags=["teaching-note"]
# 9 min from saturation to here. The best minute: let the room say which number must come out of the sum before you run the cell. Typical slip: "the logit".
# It is the logit minus the baseline's logit, which is not zero: a network has an opinion about black as well.
# If time is short, skip the curve of steps and keep the printed sum.

# %% [markdown]
# ## What is "nothing"? The baseline
#
# Integrated gradients compare the photo with a baseline, and you choose it. Black, mid grey, white, and the photo so blurred that the cat is gone, on one scale:

# %%
blurred = tf.image.resize(
    tf.image.resize(pixels, (4, 4), antialias=True), net.input_size, "bicubic"
)
baselines = {"black": 0.0, "grey": 127.5, "white": 255.0, "blurred": np.clip(blurred[0], 0, 255)}
results = {
    name: integrated_gradients(net, photo, best.index, baseline=start, steps=40, return_error=True)
    for name, start in baselines.items()
}
compare_maps(
    {f"{name}, sum, signed": result[0] for name, result in results.items()},
    columns=2,
    signed=True,
    percentile=99.5,
    label="logits",
    alt="Four maps of red and blue specks on one scale, for four baselines; mean strengths: "
    + ", ".join(f"{name} {np.abs(each).mean():.4f}" for name, (each, _) in results.items())
    + (
        "; black and white are dense all over the head, grey and blurred only at the eyes."
        if net.name == "course"
        else "."
    ),
)
for name, (share_map, error) in results.items():
    print(
        f"{name:8s} rise {error.difference:5.2f}   error {error.error:5.1%}   on the cat "
        f"{share_on_cat(share_map):.0%}"
    )
if net.name == "course":
    assert max(error.error for _, error in results.values()) < 0.15

# %% [markdown]
# **Predict first:** which pixels does each baseline leave out? Take the tenth of the pixels that is nearest to black, the tenth nearest to mid grey, and the tenth nearest to white. How much does such a pixel get, if the
# average pixel gets 1?

# %%
luminance = photo.mean(axis=-1)
parts = {}
for name, (share_map, _) in results.items():
    for kind, level in (("dark", 0), ("grey", 127.5), ("light", 255)):
        away = np.abs(luminance - level)
        nearest = away <= np.percentile(away, 10)
        parts[kind, name] = np.abs(share_map[nearest]).mean() / np.abs(share_map).mean()
    row = "   ".join(f"{kind} {parts[kind, name]:.2f}" for kind in ("dark", "grey", "light"))
    print(f"{name:8s} {row}")
if net.name == "course":
    for kind, own in (("dark", "black"), ("grey", "grey"), ("light", "white")):
        assert parts[kind, own] == min(parts[kind, name] for name in results)

# %% [markdown]
# Compared with black, dark pixels get little and black ones nothing: pupils and shadows fade from the explanation, although they may be what makes a face. With the course network, black, grey and white each
# give the pixels near their own level less than any other of the four does. No baseline is neutral, so name yours, and look at two.

# %% [markdown]
# ## Guided backprop: pretty
#
# Going backwards, a ReLU lets a slope through where its input was positive. **Guided backprop** demands in addition that the slope itself is positive; all that speaks against the score is
# thrown away at each layer. Networks without ReLUs have no such rule, and the helper says so. In colour, around mid grey:

# %%
try:
    guided = guided_backprop(net, photo, best.index, reduce="rgb", resize=False)
except ValueError as reason:  # for networks with other activations
    guided = None
    print(reason)
if guided is not None:
    pair = [around_grey(values, np.percentile(np.abs(values), 99.7)) for values in (slopes, guided)]
    show_grid(
        [photo, *pair],
        columns=3,
        titles=["photo", "gradient, signed", "guided, signed"],
        alt="The cat; the gradient as coloured noise on grey; and guided backprop on even grey"
        + (
            ": a drawing of the cat's eyes and the lines of its face."
            if net.name == "course"
            else "."
        ),
    )

# %% [markdown]
# With the course network a drawing of the cat comes out: its eyes and the lines of its face. Guided backprop works for any channel of any convolution too: what in the photo feeds this channel? From three depths, the channel with the highest mean:

# %%
names = [row.name for row in conv_layers(net)]
if guided is not None:
    drawings, titles = [], []
    for name in (names[1], names[len(names) // 2], names[-1]):
        channel = int(feature_maps(net, photo, name).mean(axis=(0, 1)).argmax())
        drawing = guided_backprop(
            net, photo, layer=name, channel=channel, reduce="rgb", resize=False
        )
        drawings.append(around_grey(drawing, max(np.percentile(np.abs(drawing), 99.7), 1e-12)))
        titles.append(f"{name}: {channel}")
    show_grid(
        drawings,
        columns=3,
        titles=titles,
        alt="Three drawings on grey, each on its own scale"
        + (
            ": pixels nearly everywhere for the early channel, clear lines of the cat for the deep "
            "ones."
            if net.name == "course"
            else ", from an early channel to a deep one."
        ),
    )

# %% [markdown]
# ## ... but is it evidence?
#
# An explanation of *cat* should differ from an explanation of another class. **Predict first:** what will the drawing show for a class that is not in the photo? Top row: the gradient. Bottom row: guided backprop.

# %% tags=["long"]
other = net.predict(photo, top=len(net.labels))[
    len(net.labels) // 2
]  # a class from the middle of the list


def likeness_of(method):
    """Two maps of a method, for the top class and the other one, and their correlation."""
    maps = [
        method(net, photo, index, reduce="sum_abs", resize=False)
        for index in (best.index, other.index)
    ]
    return maps, np.corrcoef(maps[0].ravel(), maps[1].ravel())[0, 1]


methods = {"gradient": saliency} | ({} if guided is None else {"guided": guided_backprop})
compared = {name: likeness_of(method) for name, method in methods.items()}
with figure_row(
    2,
    len(methods),
    width=11,
    height=4.6 * len(methods),
    alt="For each method the maps of two classes side by side; their correlations are "
    + ", ".join(f"{alike:.2f} for {name}" for name, (_, alike) in compared.items())
    + (
        "; above, specks that differ; below, the same eyes and nose twice."
        if net.name == "course"
        else "."
    ),
) as axes:
    for row, (name, (maps, _)) in enumerate(compared.items()):
        for column, label in enumerate((best.label, other.label)):
            limit = float(np.percentile(maps[column], 99.5))
            show_map(
                maps[column],
                f"{name}, {label}, sum |.|",
                ax=axes[2 * row + column],
                vmin=0,
                vmax=limit,
            )
for name, (_, alike) in compared.items():
    print(f"{name:9s} correlation of the maps for {best.label} and {other.label}: {alike:.2f}")
if net.name == "course":
    assert compared["guided"][1] > 0.8 and compared["gradient"][1] < compared["guided"][1] - 0.15

# %% [markdown]
# With the course network, guided backprop draws nearly the same cat for both classes, with a correlation above 0.8; the gradient at least changes. So its drawing says little about the class, however convincing it looks. Adebayo et al. (arXiv [1810.03292](https://arxiv.org/abs/1810.03292)) went
# further: even when the network's weights are replaced by random ones, guided backprop goes on drawing the photo's edges. You repeat that test in lesson 08. Until then: pretty, not evidence.

# %% [markdown] tags=["teaching-note"]
# 5 min. Show the drawing and let the room vote: "Which of the two maps do you trust more?" Nearly all choose guided backprop. Then show the two classes. That
# vote is why this course puts numbers beside pictures. Each map here has its own scale, printed on its colour bar: guided backprop has no unit to keep.

# %% [markdown]
# ## A gradient can measure: the effective receptive field
#
# Lesson 02 computed what a cell of a deep layer *can* see and promised to measure what it *uses*. The score is now the sum of one cell's channels; its gradient, in magnitude and averaged over photos, shows which pixels reach that cell.

# %%
fields = {name: receptive_field(net, name) for name in names}
deep = [
    name
    for name in names
    if not fields[name].whole and max(fields[name].size) < min(net.input_size)
][-1]
field = fields[deep]
row, column = field.cells[0] // 2, field.cells[1] // 2


@tf.function
def cell_gradient(pixels):
    """Gradient of one cell of the layer, summed over channels: shape of the pixels."""
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        cell = tf.reduce_sum(net.maps(pixels, [deep])[0][0, row, column])
    return tape.gradient(cell, pixels)


used = np.zeros(net.input_size)
for name in ("chelsea", "coffee", "brick", "horse", "astronaut", "rocket"):
    used += np.abs(cell_gradient(tf.constant(net.prepare(load_photo(name))))[0]).sum(axis=-1) / 6
print(field)

# %% [markdown]
# The box of the receptive field is known from the layers' windows. How much of the gradient lies in its inner half, which is a quarter of its area?

# %%
top, left, bottom, right = (round(edge) for edge in field.box(row, column))
inside = used[top:bottom, left:right]
h, w = inside.shape
inner = inside[h // 4 : h - h // 4, w // 4 : w - w // 4].sum() / used.sum()
show_map(
    inside,
    f"What one cell of {deep} uses",
    percentile=99.5,
    label="mean |gradient|, summed over colours",
    alt=(
        "What reaches one cell, inside the box of its receptive field: bright towards the middle, "
        "darker towards the corners."
    ),
)
print(f"in the box {inside.sum() / used.sum():.1%} of the gradient, in its inner half {inner:.0%}")
if net.name == "course":
    assert inside.sum() / used.sum() > 0.999 and inner > 0.4

# %% [markdown]
# Outside the box the gradient is zero, as it must be; with the course network the inner half, a quarter of the area, holds more than 0.4 of it. A cell's **effective receptive field** is smaller than its theoretical one, because pixels in the middle reach the cell on many ways and those at the border on few.

# %% [markdown]
# ## The field's library
#
# `tf-keras-vis` has `Saliency`, with SmoothGrad as an option. Its plain map equals ours. Its SmoothGrad does not: it averages the *magnitudes* of the gradients, where the paper averages the gradients, so that opposite signs cannot cancel.

# %% tags=["long"]
try:
    from tf_keras_vis.saliency import Saliency
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore
except ImportError:
    Saliency = None
    print("tf-keras-vis is not installed; pip install tf-keras-vis brings it.")
if Saliency and net.name != "course":
    print("This model may want its pixels preprocessed; slopes for other numbers than pixel")
    print("levels cannot be compared with ours, so the comparison is left to the course network.")
elif Saliency:  # the course network's own model reads pixels
    tool = Saliency(net.model, model_modifier=ReplaceToLinear(), clone=True)
    wanted = CategoricalScore([best.index])
    theirs = np.asarray(tool(wanted, pixels, normalize_map=False))[0]
    assert np.allclose(theirs, heat_before, rtol=1e-2, atol=1e-3 * theirs.max())

    tf.keras.utils.set_random_seed(0)
    their_smooth = np.asarray(
        tool(wanted, pixels, smooth_samples=20, smooth_noise=fraction, normalize_map=False)
    )[0]
    magnitudes = np.abs(by_copy).mean(axis=0).max(axis=-1)
    likenesses = []
    for name, ours in (
        ("mean of the gradients (paper)", by_hand),
        ("mean of magnitudes", magnitudes),
    ):
        alike = np.corrcoef(their_smooth.ravel(), ours.ravel())[0, 1]
        likenesses.append(alike)
        print(
            f"their SmoothGrad and our {name}: correlation {alike:.2f}, mean "
            f"{their_smooth.mean() / ours.mean():.1f} times ours"
        )
    assert likenesses[1] > likenesses[0] and their_smooth.mean() > 1.05 * by_hand.mean()
    assert np.isclose(their_smooth.mean(), magnitudes.mean(), rtol=0.1)

# %% [markdown]
# ## Play
#
# Change the photo, the class, the noise or the baseline, and run the cell again. Try a pair of classes too: `(a, b)` asks why a rather than b.

# %%
MY_PHOTO = "coffee"  # change me: a name of list_photos(), or a file
MY_CLASS = None  # change me: a label, a pair of labels, or None for the top class
NOISE, BASELINE = 0.03, 127.5  # change me

mine = load_photo(MY_PHOTO)
question = MY_CLASS or net.predict(mine)[0].label
with figure_row(
    3,
    width=13,
    height=3.3,
    alt=f"The photo {MY_PHOTO} under two heat maps, gradient and SmoothGrad; beside them, without "
    "the photo, the red and blue shares of integrated gradients.",
    title=str(question),
) as axes:
    show_overlay(
        mine, saliency(net, mine, MY_CLASS), ax=axes[0], percentile=99.5, title="max |gradient|"
    )
    show_overlay(
        mine,
        smoothgrad(net, mine, MY_CLASS, samples=20, noise=NOISE),
        ax=axes[1],
        percentile=99.5,
        title="SmoothGrad, max |.|",
    )
    shares_of_mine = integrated_gradients(net, mine, MY_CLASS, baseline=BASELINE, steps=30)
    show_map(shares_of_mine, "integrated, signed", ax=axes[2], signed=True, percentile=99.5)

# %% [markdown]
# The same with controls. Choose SmoothGrad with noise 0.03 and let it take more and more samples: when does the map stop changing? Then turn the noise up to 0.15, where
# the course network sees no cat in the copies any more: does the map tell you? Compare *strength* and *sign* on the same method.

# %%
from cnnvis_helpers import explore_saliency

explore_saliency(net, photo)

# %% [markdown]
# ## What goes wrong with gradients
#
# **The softmax is left in.** A probability can rise because its own logit rises or because another one falls. Ask a network that is sure of one class about a class that it *rejects*, one from the middle of its list,
# once with the logit, once with the probability:


# %%
@tf.function
def probability_gradient(pixels):
    """Slopes of the rejected class's probability, not of its logit."""
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        probability = net.probabilities(net.forward(pixels)[0])[0, other.index]
    return tape.gradient(probability, pixels)


of_logit = gradient(tf.constant(pixels), net.score_vector(other.index)).numpy().ravel()
of_probability = probability_gradient(tf.constant(pixels)).numpy().ravel()
own, against_top = np.corrcoef([of_probability, of_logit, -slopes.ravel()])[0, 1:]
print(
    f"largest slope: logit {np.abs(of_logit).max():.1e}, probability "
    f"{np.abs(of_probability).max():.1e}"
)
print(f"slopes of p({other.label}): correlation {own:.2f} with those of its own logit,")
print(f'    and {against_top:.2f} with those of "less {best.label}"')
if net.name == "course":
    assert against_top > 0.9 and own < 0.5
    assert np.abs(of_probability).max() < 0.1 * np.abs(of_logit).max()

# %% [markdown]
# Numbers first, and now the three maps. Which two are alike?

# %%
three = {
    f"logit of {other.label}": of_logit,
    f"probability of {other.label}": of_probability,
    f"minus the logit of {best.label}": -slopes.ravel(),
}
show_grid(
    [values.reshape(slopes.shape).sum(axis=-1) for values in three.values()],
    titles=list(three),
    columns=3,
    signed=True,
    scale="each",
    percentile=99.5,
    title="Gradient, sum, signed; each on its own scale",
    alt="Three maps of red and blue specks; the correlation of the middle one with the left is "
    f"{own:.2f}, with the right {against_top:.2f}.",
)

# %% [markdown]
# With the course network the map of such a probability is nearly the cat's map with its signs turned round, with a correlation above 0.9, and below 0.5 with its own logit's map: the cheapest way to raise any other class is less cat. And where
# a network is sure, slopes of probabilities nearly vanish. Published examples of gradient methods leave the softmax in, such as [Keras's own of integrated gradients](https://keras.io/examples/vision/integrated_gradients/); take the logit.
#
# **Shares that do not add up.** Published programs make two mistakes here. One, the same example of Keras among them, takes the gradient with respect to the *preprocessed* input, $x/127.5 - 1$, and multiplies by the difference of raw pixels.
# By the chain rule its slopes are 127.5 times too large. Others forget to multiply by $x - x'$ at all.

# %%
right = attribution
mixed_units = 127.5 * attribution  # slopes of the preprocessed input, differences of raw pixels
mean_slopes = gradients(path_rule(40)[0][:, None, None, None] * pixels, cat_score)
unmultiplied = np.tensordot(path_rule(40)[1], mean_slopes, 1).sum(axis=-1)
wrong_maps = {"right": right, "mixed units": mixed_units, "without (x - x')": unmultiplied}
show_grid(
    list(wrong_maps.values()),
    titles=[f"{name}\nsum {values.sum():.3g}" for name, values in wrong_maps.items()],
    columns=3,
    signed=True,
    scale="each",
    percentile=99.5,
    alt=(
        "Three red and blue maps, each on its own scale: the first two look exactly alike, the "
        "third is of the same kind."
    ),
)
print(f"the rise to be shared out is {rise:.2f}")
if net.name == "course":
    assert (
        abs(right.sum() / rise - 1) < 0.1
        and mixed_units.sum() > 100 * rise
        and abs(unmultiplied.sum()) < 0.1 * rise
    )

# %% [markdown]
# No eye finds the first mistake: the picture is the same, as each map is drawn on its own scale. The sum finds it at once: with the course network it is more than 100 times the rise for the first, and less than a tenth of it for
# the second.
#
# **Noise as an absolute number.** In the helper, `noise=0.15` means a fraction of the photo's range. Some programs take such a number as the standard deviation itself. On pixels 0..255 that is no noise at all; and a default of 1.0, meant for other data,
# drowns pixels between 0 and 1.

# %%
trials = {"0.15 levels": 0.15 / spread, f"{fraction} of range": fraction, "1.0 of range": 1.0}
drawn = {
    f"max |.|\n{name}": smoothgrad(net, photo, best.index, samples=20, noise=size, resize=False)
    for name, size in trials.items()
}
compare_maps(
    drawn,
    signed=False,
    percentile=99.5,
    label="logits for each pixel level",
    alt="Three maps on one scale, under almost no noise, a little, and far too much; their means "
    "are " + ", ".join(f"{values.mean():.1e}" for values in drawn.values()) + ".",
)
for name, values in zip(trials, drawn.values(), strict=True):
    print(
        f"{name:14s} correlation with the plain gradient "
        f"{np.corrcoef(values.ravel(), heat_before.ravel())[0, 1]:.2f}"
    )
if net.name == "course":
    plain = [np.corrcoef(values.ravel(), heat_before.ravel())[0, 1] for values in drawn.values()]
    assert plain[0] > 0.95 and plain[2] < min(plain[:2])
    peaks = [values.max() for values in drawn.values()]
    assert 0 < peaks[2] < 0.05 * np.percentile(heat_before, 99.5)  # black on the shared scale

# %% [markdown]
# With almost no noise you get the plain gradient back. With far too much, with the course network, the signs cancel to nothing and the panel is black on the shared scale. On a scale of its own it would look like a map.

# %% [markdown] tags=["teaching-note"]
# 4 min. All these are real mistakes in programs that people download and learn from, and none of them crashes. Ask for each: which number would have
# caught it? (The size of the slopes; the sum of the shares; the correlation with the plain gradient.)

# %% [markdown]
# ## Exercises
#
# **Check a slope.** Return the central finite difference of `score` at one number of `x`: the change of the score from `step` below to `step` above, for each unit of `x`. A number. `score` takes an array of the shape
# of `x`; leave `x` itself as it is. `hint("05-slope")` helps.


# %%
def slope(score, x, place, step):
    """Central difference of score(x) at x[place]; place is a tuple of indices."""
    # <solution>
    above, below = x.copy(), x.copy()
    above[place] += step
    below[place] -= step
    return (score(above) - score(below)) / (2 * step)
    # </solution>


check("05-slope", slope)

# %% [markdown]
# **Three become one.** Return the map (h, w) of a gradient (h, w, 3) that holds for each pixel its largest magnitude among the three colours.


# %%
def largest_magnitude(gradient):
    """Map (h, w), never negative, of a gradient (h, w, 3)."""
    # <solution>
    return np.abs(gradient).max(axis=-1)
    # </solution>


check("05-colours", largest_magnitude)

# %% [markdown]
# **Noisy copies.** Return `n` noisy copies of `pixels`. `draws` holds `n` standard normal arrays of the same shape as `pixels`; `fraction` is the standard deviation as a fraction of the range (largest minus smallest) of
# the pixels. Shape (n, h, w, 3); values may leave 0..255.


# %%
def noisy_copies(pixels, draws, fraction):
    """Copies (n, h, w, 3) of pixels (h, w, 3) with noise from draws (n, h, w, 3)."""
    # <solution>
    deviation = fraction * (pixels.max() - pixels.min())
    return pixels + deviation * draws
    # </solution>


check("05-noise", noisy_copies)

# %% [markdown]
# **SmoothGrad's mean.** `gradients` (n, h, w, 3) are those of `n` noisy copies. Return the map (h, w) of SmoothGrad as the paper has it, with the largest magnitude among the colours.


# %%
def smooth(gradients):
    """SmoothGrad map (h, w) of the gradients (n, h, w, 3) of noisy copies."""
    # <solution>
    return np.abs(gradients.mean(axis=0)).max(axis=-1)
    # </solution>


check("05-mean", smooth)

# %% [markdown]
# **Integrated gradients.** `gradients` (n, h, w, 3) were taken in the middles of n equal steps on the way from `baseline` (h, w, 3) to `x` (h, w, 3). Return each number's share, shape (h, w, 3), signed.


# %%
def shares_of(x, baseline, gradients):
    """Shares (h, w, 3) of the rise from the baseline to x."""
    # <solution>
    return (x - baseline) * gradients.mean(axis=0)
    # </solution>


check("05-shares", shares_of)

# %% [markdown]
# **What must come out?** Integrated gradients of the photo's top class, from an even grey of level 127.5: which number, in logits, must all shares add up to? Compute it *without* any gradient and put it into `total`.

# %%
grey = np.full((1, *net.input_size, 3), 127.5, np.float32)
# <solution>
end, start = net.logits(np.concatenate([net.prepare(photo), grey])).numpy()
vector = net.score_vector(best.index)
total = float((end - start) @ vector)
# </solution>
check("05-total", total, net=net, photo=photo)

# %% [markdown]
# **A beautiful map.** Guided backprop draws the eyes of the cat for the class *cat*, and the same eyes for the class *tower*. What follows? Put a letter into `conclusion`.
#
# - a: the network sees a tower in the cat
# - b: the drawing shows what the photo contains more than what the class depends on
# - c: the network relies on the eyes, because the lines are so clear
# - d: the weights of the last layer are broken

# %%
# <solution>
conclusion = "b"
# <stub>
# conclusion = None  # a letter from a to d
# </solution>
check("05-pretty", conclusion)

# %% [markdown]
# ## Take-away
#
# 1. A gradient says exactly how the score would change near this photo, and a finite difference on one pixel checks it.
# 2. SmoothGrad averages signed gradients over neighbours, integrated gradients share out the rise from a baseline that you must name, and completeness says whether they did.
# 3. A map that looks the same for two classes, such as that of guided backprop, is pretty and no evidence.

# %% [markdown]
# ## Further reading
#
# - Simonyan et al., [Deep inside convolutional networks](https://arxiv.org/abs/1312.6034), the first saliency maps
# - Smilkov et al., [SmoothGrad: removing noise by adding noise](https://arxiv.org/abs/1706.03825)
# - Sundararajan et al., [Axiomatic attribution for deep networks](https://arxiv.org/abs/1703.01365), integrated gradients
# - Adebayo et al., [Sanity checks for saliency maps](https://arxiv.org/abs/1810.03292)

# %% [markdown]
# ## Next lesson
#
# If a slope says how to change the answer, one can follow it: adversarial examples.
