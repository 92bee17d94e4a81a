# %% [markdown]
# # Which picture would a network like best?
#
# **You will do:** grow pictures out of noise that excite one filter, a whole layer, or a class, and let a network dream into a photo.
#
# **You will learn:** gradient ascent on pixels, what regularisers do to such pictures, and how much the pictures may be trusted.
#
# **You need:** [lesson 02](02_feature_maps.ipynb) and the idea of a gradient.
#
# **Time:** 45 minutes

# %% [markdown] tags=["teaching-note"]
# 45 min: one filter 12, grids of four depths 8, patches 5, classes 8, dreams 8, exercises 4 in class. Run the notebook before the lecture:
# the grids take several seconds each. With ten minutes only, show the four grids from shallow to deep, then the dream.

# %% [markdown]
# The first cell loads what this lesson uses. Another network? Change the line `NETWORK = "course"`.

# %% tags=["exercise-setup"]
import numpy as np
import tensorflow as tf

from cnnvis_helpers import (
    check,
    class_pattern,
    conv_layers,
    deep_dream,
    dream_objective,
    feature_maps,
    filter_pattern,
    filter_patterns,
    filter_responses,
    hint,
    list_photos,
    load_network,
    load_photo,
    receptive_field,
    show_curve,
    show_grid,
    show_photo,
    show_vector,
    solution,
    tile,
)

NETWORK = "course"  # a name from list_networks(), or the path of your own Keras model
net = load_network(NETWORK)
photo = load_photo("chelsea")
layers = [row.name for row in conv_layers(net)]

# %% [markdown]
# ## One filter, from noise, by hand
#
# In training, gradients change the weights and the photo stays. Now the weights stay and the *picture* changes. Let $a_k(x)$ be the mean
# answer of filter $k$ to a picture $x$. Each step walks uphill:
#
# $$x \leftarrow x + s \cdot \frac{g}{\sqrt{\text{mean}(g^2)}}, \qquad g = \frac{\partial a_k}{\partial x}$$
#
# with $s$ the length of a step in pixel levels. Dividing by the root mean square makes every step equally long, however steep the hill.
#
# Three more things matter.
#
# - The answer is taken *before* the ReLU. A filter that is silent on noise would have a gradient of exactly zero behind it, and nothing
#   would ever grow.
# - Answers below zero count a tenth (a *leaky* ReLU). If they counted in full, a place that the filter dislikes would cost as much as a
#   place it likes gains: in a first layer no picture could then beat a single flat colour.
# - A border would leave a frame in the picture, as the filter sees nothing beyond it. So the picture goes on for four pixels on each side
#   with what is on its opposite side, like a wallpaper.


# %%
def continued(pixels):
    """Pixels (1, h, w, 3), continued by four on each side with the opposite side."""
    pixels = tf.concat([pixels[:, -4:], pixels, pixels[:, :4]], axis=1)
    return tf.concat([pixels[:, :, -4:], pixels, pixels[:, :, :4]], axis=2)


# %% [markdown]
# The climb itself: a step costs one pass forward and one back. Cells of the map that lie on the continuation are left out of the mean,
# since they show what is in the picture already.


# %%
def climb(layer, channel, steps, step=4.0, size=64, seed=0):
    """Yield the picture (size, size, 3) and the filter's mean answer at each step."""
    target = net.layer(layer)
    noise = np.random.default_rng(seed).uniform(-16, 16, (1, size, size, 3))
    picture = (127.5 + noise).astype(np.float32)
    for _ in range(steps + 1):
        pixels = tf.constant(picture)
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            before_relu = net.maps(
                continued(pixels),
                [layer],
                substitute=lambda other: net.without_activation(other) if other is target else None,
            )[0]
            cells = before_relu.shape[1]
            edge = round(cells * 4 / (size + 8))  # cells on the continuation
            inner = before_relu[:, edge : cells - edge, edge : cells - edge, channel]
            score = tf.reduce_mean(tf.nn.leaky_relu(inner, 0.1))
        yield picture[0], float(score)
        gradient = tape.gradient(score, pixels).numpy()
        picture = np.clip(picture + step * gradient / np.sqrt((gradient**2).mean() + 1e-20), 0, 255)


middle, channel = layers[len(layers) // 2 - 1], 0
pictures, scores = zip(*climb(middle, channel, steps=30), strict=True)

# %% [markdown]
# **Predict first:** what will grow out of grey noise for a filter in the middle of the network: an eye, a stripe, a spot, more noise?

# %%
show_grid(
    [pictures[i].astype(np.uint8) for i in (0, 3, 10, 30)],
    titles=["noise", "3 steps", "10 steps", "30 steps"],
    columns=4,
    alt=(
        "Grey noise turns step by step into a regular coloured texture, the one that filter "
        f"{channel} of {middle} answers to."
    ),
)
show_curve(
    range(len(scores)),
    scores,
    xlabel="step",
    ylabel="mean answer",
    title=f"{middle}, filter {channel}",
    alt="The filter's answer rises steeply at first and then more slowly.",
)
assert scores[-1] > scores[0]

# %% [markdown]
# ## The helper
#
# `filter_pattern` does the same, compiled, with two additions that make cleaner pictures: it rolls the picture a little before each step
# (`jitter`), and smooths each gradient (`blur`). With both switched off it is our loop.

# %%
plain = filter_pattern(net, middle, channel, steps=10, jitter=0, blur=0.0)
print(
    "largest difference from ours after 10 steps:",
    int(np.abs(plain.astype(int) - pictures[10]).max()),
    "levels of 255",
)
if net.name == "course":
    assert np.abs(plain - pictures[10]).mean() < 1

# %% [markdown]
# ## Switch the helpers' helpers off
#
# Regularisers are not decoration: they decide what you see. The same filter with both, with one, and with none. The number says how
# strongly the filter answers to the picture.

# %%
versions = {
    "jitter and blur": {},
    "no jitter": {"jitter": 0},
    "no blur": {"blur": 0.0},
    "neither": {"jitter": 0, "blur": 0.0},
}
made = [filter_pattern(net, middle, channel, **settings) for settings in versions.values()]
answers = filter_responses(net, made, middle)[:, channel]
show_grid(
    made,
    titles=[f"{name}\n{answer:.1f}" for name, answer in zip(versions, answers, strict=True)],
    columns=4,
    alt=(
        "Four textures for the same filter: with jitter and blur it is clean and even, with "
        "neither it is crisp and noisy."
    ),
)

# %% [markdown] tags=["teaching-note"]
# 5 min. Ask which of the four is "the truth". The noisy one often scores higher: the network really likes it. The clean one is what survives
# small shifts, so it is closer to what the filter could meet in a photo. Neither is a photo of anything.

# %% [markdown]
# ## A layer at a glance
#
# Up to 64 filters of four layers, from shallow to deep, made together in one batch a layer. **Predict first:** at what depth will you stop
# seeing plain stripes?

# %%
depths = [layers[i] for i in np.linspace(1, len(layers) - 2, 4).astype(int)]
sheets = {name: filter_patterns(net, name, size=48, steps=16, step=6.0) for name in depths}
for name, sheet in sheets.items():
    show_photo(
        tile(list(sheet), columns=8, margin=5, fill=255),
        title=f"{name}: {len(sheet)} filters",
        alt=f"A grid of {len(sheet)} small patterns, one for each filter of {name}.",
    )

# %% [markdown]
# Shallow filters want a colour or stripes in one direction; deeper ones want meshes and dots, then curls and shapes that repeat. They are
# built out of each other: a mesh is two kinds of stripes.
#
# Do these pictures belong to their filters? Show all pictures of a sheet to all its filters: each filter should answer most to its own.

# %%
for name, sheet in sheets.items():
    responses = filter_responses(net, sheet, name)[:, : len(sheet)]  # (pictures, filters)
    own = (responses.argmax(axis=0) == np.arange(len(sheet))).mean()
    print(f"{name:16s} {own:.0%} of the filters answer most to their own picture")
    if net.name == "course":
        assert own > 0.8

# %% [markdown]
# ## The same filter in real photos
#
# A pattern is a guess at what a filter looks for. Check it against photos: of all photos of the course, cut out the places that excite the
# filter most, each as large as the filter's receptive field.

# %%
deep = depths[2]
album = [load_photo(row.name) for row in list_photos()]
field = receptive_field(net, deep)
maps = [feature_maps(net, picture, deep) for picture in album]


def best_patches(channel, count=3):
    """The parts of the album's photos to which this channel answers most, one a photo."""
    peaks = [stack[:, :, channel].max() for stack in maps]
    patches = []
    for number in np.argsort(peaks)[::-1][:count]:
        row, column = np.unravel_index(maps[number][:, :, channel].argmax(), maps[number].shape[:2])
        top, left, bottom, right = (int(edge) for edge in field.box(row, column, album[number]))
        patches.append(album[number][top:bottom, left:right])
    return patches


clearest = (
    filter_responses(net, sheets[deep], deep)[:, : len(sheets[deep])].diagonal().argsort()[::-1][:3]
)
rows = [[sheets[deep][k], *best_patches(k)] for k in clearest]
show_grid(
    [picture for row in rows for picture in row],
    titles=[text for k in clearest for text in (f"filter {k}", "best patch", "second", "third")],
    columns=4,
    alt=(
        f"Three rows: the pattern of a filter of {deep}, then three patches of photos; some share "
        "its curves or colours."
    ),
)

# %% [markdown]
# Some patches resemble their pattern, some do not. Where they differ, believe the patches: they are what the network really meets.

# %% [markdown]
# ## A whole class
#
# Now raise the logit of a class. First on the bare pixels, then with the helper's regularisers: `class_pattern` writes the picture as a sum of
# slow and fast waves, and shows it to the network a little shifted and scaled at each step.

# %%
wanted = [
    name
    for name in ("bald_eagle", "African_elephant", "sunflower", "motorbike", "face")
    if name in net.labels
][:3]
wanted = wanted or [prediction.label for prediction in net.predict(photo, 3)]
bare = [class_pattern(net, name, steps=32, smooth=False, jitter=0, zoom=0) for name in wanted]
regular = [class_pattern(net, name, steps=96) for name in wanted]
show_grid(
    bare + regular,
    titles=[
        f"{name} {net.predict(p, 1)[0].probability:.2f}"
        for p, name in zip(bare + regular, wanted * 2, strict=True)
    ],
    columns=len(wanted),
    alt=(
        "Above, grey noise that the network takes for each class; below, coloured textures with "
        "large, soft shapes."
    ),
)
for picture, name in zip(bare + regular, wanted * 2, strict=True):
    assert net.predict(picture, 1)[0].label == name or net.name != "course"

# %% [markdown]
# Both rows are certain for the network. The lower one has shapes, but you would hardly guess the class of the course network's. That is the first warning of this lesson: the picture that the
# network likes best need not look like anything.
#
# Here is what the network says about one of the lower pictures, as a vector over all classes:

# %%
probabilities = net.probabilities(net.logits(net.prepare(regular[0])))[0]
show_vector(
    probabilities,
    labels=net.labels,
    ylabel="probability",
    title=f"What the network sees in the pattern for {wanted[0]}",
    alt=f"One bar a class; only the bar of {wanted[0]} is high.",
)

# %% [markdown] tags=["teaching-note"]
# 8 min. The textbook example is a bald eagle on VGG16; with an ImageNet network in the line NETWORK the cell shows eagles and elephants.
# Ask what is missing in every class picture: no single object, no background, parts everywhere. The logit adds up evidence, it does not
# count or compose: with global average pooling many half eagles are worth more than one.

# %% [markdown]
# ## The field's library
#
# tf-keras-vis has the same idea under the name `ActivationMaximization`. Its regularisers were tuned on VGG16. On another network their
# weights may be far too strong: then the picture is pulled to grey faster than the filter can climb. Run it with its defaults and without
# its regularisers, and ask the filter.

# %% tags=["long"]
try:
    from tf_keras_vis.activation_maximization import ActivationMaximization
    from tf_keras_vis.utils.model_modifiers import ExtractIntermediateLayer, ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore
except ImportError:
    ActivationMaximization = None
    print("tf-keras-vis is not installed here; the lesson goes on without it.")

if (
    ActivationMaximization and net.name == "course"
):  # its model takes pixels; it is cloned, so net.model stays as it is
    start = np.random.default_rng(0).uniform(112, 144, (1, *net.input_size, 3)).astype(np.float32)
    found = [start[0]]
    free = {"regularizers": None, "input_modifiers": None}
    longer = {**free, "optimizer": tf.keras.optimizers.Adam(4.0)}  # steps of four levels
    for settings in ({}, free, longer):
        maximise = ActivationMaximization(
            net.model, [ExtractIntermediateLayer(middle), ReplaceToLinear()], clone=True
        )
        tf.keras.utils.set_random_seed(0)
        found.append(
            np.asarray(maximise(CategoricalScore(channel), seed_input=start, steps=30, **settings))[
                0
            ]
        )
    found = np.clip(found + [filter_pattern(net, middle, channel, size=net.input_size[0])], 0, 255)
    answers = filter_responses(net, found, middle)[:, channel]
    show_grid(
        list(found.astype(np.uint8)),
        columns=5,
        titles=[
            f"{name}\n{answer:.2f}"
            for name, answer in zip(
                ["noise", "its defaults", "no regularisers", "longer steps", "ours"],
                answers,
                strict=True,
            )
        ],
        alt=(
            "Five pictures for one filter: grey noise, an even grey, a faint texture, and two "
            "strong textures."
        ),
    )
    assert answers[1] < answers[2] and answers[2] > answers[0] and answers[4] > answers[0]
    assert np.isclose(answers[3], answers[4], rtol=0.25)

# %% [markdown]
# Without its regularisers it hardly moves in thirty steps, because its own steps are far shorter than ours here; with steps of four levels it comes about as far as
# we do. A default is somebody's choice for somebody's network. The numbers above the pictures show in a second whether it is right for yours.

# %% [markdown]
# ## Deep dream
#
# Instead of noise, start with a photo; instead of one filter, raise everything that a layer already answers to. The mean square of its maps
# is the objective. It is done at several sizes, **octaves**, from small to large, so that large and small shapes both appear; at each
# size the photo's own detail, lost in shrinking, is put back.

# %%
dream_layer = depths[2]
dream = deep_dream(net, photo, dream_layer, octaves=3, step=2.5)
before, after = dream_objective(net, photo, dream_layer), dream_objective(net, dream, dream_layer)
show_grid(
    [photo, dream],
    titles=["the photo", f"the dream of {dream_layer}"],
    columns=2,
    size=4.3,
    alt="The cat, and the same cat with curls and eyes drawn into its fur and into the background.",
)
print(f"the objective rose from {before:.3f} to {after:.3f}")
assert after > 1.5 * before

# %% [markdown]
# What it dreams of depends on the layer. Change the four lines on top: a photo of yours, other layers, more octaves, more steps. The
# photo is made smaller first: shapes have the size that the layer knows, so they are larger on a smaller photo, and it is quicker.

# %%
MY_PHOTO = "motorcycle"  # change me: a name, a path, an address
MY_LAYERS = [depths[0], depths[1], layers[-1]]
OCTAVES = 3
STEPS = 10  # for each octave

mine = load_photo(MY_PHOTO, max_side=400)
dreams = [deep_dream(net, mine, name, octaves=OCTAVES, steps=STEPS, step=2.0) for name in MY_LAYERS]
show_grid(
    [mine, *dreams],
    titles=["the photo", *MY_LAYERS],
    columns=2,
    size=4.3,
    alt=(
        "A photo and three dreams of it: fine lines from a shallow layer, coloured strokes from "
        "the next, thin pale curves from the last."
    ),
)

# %% [markdown]
# The same with controls: the dream is shown while it grows, and *Stop* keeps what you see. **Predict first:** what will a layer near the input add to the photo, and what one
# near the output?

# %%
from cnnvis_helpers import explore_dream

explore_dream(net, photo)

# %% [markdown]
# ## What goes wrong with pictures that a network likes
#
# First, they are not unique. The same class from three different starts:

# %%
starts = [class_pattern(net, wanted[0], steps=48, seed=seed) for seed in (1, 2, 3)]
alike = np.corrcoef([picture.reshape(-1).astype(float) for picture in starts])
show_grid(
    starts,
    titles=["start 1", "start 2", "start 3"],
    columns=3,
    alt="Three pictures of one class with the same kind of texture, but nothing in the same place.",
)
print("correlation between two of them:", round(float(alike[0, 1]), 2))
assert abs(alike[0, 1]) < 0.5

# %% [markdown]
# Second, they lie beyond photos. Most filters answer more to their pattern than to anything in the album, so the pattern says what the filter
# *could* want, not what it uses:

# %%
sheet = sheets[deep]
in_photos = np.max([stack.max(axis=(0, 1)) for stack in maps], axis=0)[: len(sheet)]
answers = net.maps(tf.constant(sheet, tf.float32), [deep])[0].numpy().max(axis=(1, 2))
in_pattern = answers[range(len(sheet)), range(len(sheet))]
print(f"{np.mean(in_pattern > in_photos):.0%} of the filters answer more to their pattern than to")
print(f"any of thirteen photos; median ratio {np.median(in_pattern / (in_photos + 1e-9)):.2f}")
assert len(album) == 13
if net.name == "course":
    assert np.mean(in_pattern > in_photos) > 0.7

# %% [markdown] tags=["teaching-note"]
# 4 min. Two published slips to tell: an octave scale written 1.14 where the comment says 1.4, so that all octaves are nearly one size; and
# detail re-injection from a base that is never updated, so that the detail of the smallest octave is put back at every size.

# %% [markdown]
# ## Exercises
#
# **One step.** Write one step of the ascent: the picture moved along the gradient by a root mean square of `step` levels, cut to 0..255.


# %%
def one_step(picture, gradient, step):
    """Picture (h, w, 3), 0..255, one step uphill."""
    # <solution>
    direction = gradient / np.sqrt((gradient**2).mean())
    return np.clip(picture + step * direction, 0, 255)
    # </solution>


check("07-step", one_step)

# %% [markdown]
# **Before the ReLU.** Why does `climb` take the filter's answer before its ReLU? a: it is faster; b: a silent filter would give no gradient;
# c: ReLU makes the picture too bright; d: the network was trained that way.

# %%
# <solution>
letter = "b"
# <stub>
# letter = None  # a, b, c or d
# </solution>
check("07-relu", letter)

# %% [markdown]
# **Octaves.** Return the list of sizes (height, width), smallest first, of a dream with `octaves` sizes: the last one is the photo's own size,
# each one before it smaller by the factor `scale`, rounded to whole pixels.


# %%
def octave_sizes(height, width, octaves, scale):
    """[(height, width), ...], smallest first, the photo's own size last."""
    # <solution>
    return [(round(height / scale**k), round(width / scale**k)) for k in range(octaves - 1, -1, -1)]
    # </solution>


check("07-octaves", octave_sizes)

# %% [markdown]
# **Put the detail back.** Between two octaves there are three pictures of the new size: `dream`, the dream enlarged from the smaller size; `photo`,
# the photo at the new size; and `coarse`, the photo shrunk to the smaller size and enlarged again. Return the dream with the lost detail
# put back (do not cut to 0..255).


# %%
def with_detail(dream, photo, coarse):
    """The dream plus what the photo lost by shrinking."""
    # <solution>
    lost = photo - coarse
    return dream + lost
    # </solution>


check("07-detail", with_detail)

# %% [markdown]
# **Whose picture?** `responses[i, k]` is the answer of filter k to the picture made for filter i. Return the share of filters that answer most to
# their own picture.


# %%
def share_of_own(responses):
    """Share (0..1) of filters k whose largest answer, over the pictures, is responses[k, k]."""
    # <solution>
    favourite = responses.argmax(axis=0)
    return float((favourite == np.arange(responses.shape[1])).mean())
    # </solution>


check("07-own", share_of_own)

# %% [markdown]
# ## Take-away
#
# 1. Gradient ascent on the pixels finds pictures that excite a filter, a layer or a class.
# 2. What they look like is decided by the regularisers as much as by the network.
# 3. They show what a network could want, so compare them with the parts of real photos it answers to.

# %% [markdown]
# ## Further reading
#
# - Simonyan, Vedaldi and Zisserman, [Deep inside convolutional networks](https://arxiv.org/abs/1312.6034)
# - Olah, Mordvintsev and Schubert, [Feature visualization](https://distill.pub/2017/feature-visualization/)
# - Nguyen, Yosinski and Clune, [Deep neural networks are easily fooled](https://arxiv.org/abs/1412.1897)

# %% [markdown]
# ## Next lesson
#
# All these pictures look convincing. Which of them can be trusted?
