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
# 45 min: one filter 12, first layer and grids of four depths 9, patches 4, classes 8, dreams 8, what goes wrong 4. The exercises are homework. Run
# the notebook before the lecture: the grids take several seconds each. With ten minutes only, show the four grids from shallow to deep, then the dream.

# %% [markdown]
# The first cell loads what this lesson uses. Another network? Change the line `NETWORK = "course"`.

# %% tags=["exercise-setup"]
import numpy as np

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
    load_network,
    load_photo,
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
# with $g$ the gradient of the answer with respect to the pixels and $s$ the length of a step in pixel levels (0..255). Dividing by the root mean square
# makes every step equally long, however steep the hill.
#
# TensorFlow gives the gradient: a `GradientTape` records what happens to the pixels while it is open; afterwards `tape.gradient(score, pixels)` says how
# fast the score rises with each of them.
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
import tensorflow as tf


def continued(pixels):
    """Pixels (1, h, w, 3), continued by four on each side with the opposite side."""
    pixels = tf.concat([pixels[:, -4:], pixels, pixels[:, :4]], axis=1)
    return tf.concat([pixels[:, :, -4:], pixels, pixels[:, :, :4]], axis=2)


# %% [markdown]
# The climb itself: a step costs one pass forward and one back. Cells of the map that lie on the continuation are left out of the mean,
# since they show what is in the picture already.
#
# `net.maps` stands for a few lines of Keras. With a bare `keras.Model` set `model.get_layer(layer).activation = keras.activations.linear`, and
# `keras.Model(model.inputs, model.get_layer(layer).output)` gives the same map, of preprocessed pixels at the model's own input size.


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
            before_relu = net.maps(  # the layer is replaced by its copy without a ReLU
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
        "Grey noise turns step by step into a coloured texture, the one that filter "
        f"{channel} of {middle} answers to."
    ),
)
show_curve(
    range(len(scores)),
    scores,
    xlabel="step",
    ylabel="mean answer",
    title=f"{middle}, filter {channel}",
    alt=f"The filter's answer rises from {scores[0]:.1f} to {scores[-1]:.1f} in 30 steps.",
)
assert scores[-1] > scores[0]

# %% [markdown]
# ## The helper
#
# `filter_pattern` does the same, compiled, with two additions that make cleaner pictures: it rolls the picture a little before each step
# (`jitter`), and smooths each gradient with a Gaussian (`blur`). With both switched off it is our loop.

# %%
plain = filter_pattern(net, middle, channel, steps=10, jitter=0, blur=0.0)
print(
    "mean difference from ours after 10 steps:",
    np.abs(plain.astype(int) - np.rint(pictures[10])).mean().round(2),
    "levels of 255",
)
if net.name == "course":
    assert np.abs(plain - pictures[10]).mean() < 1

# %% [markdown]
# ## Regularisers, switched off one by one
#
# What holds a picture back from following the gradient alone is called a **regulariser**. It is not decoration: it decides what you see. The same filter with both, with
# one, and with none. The numbers say how strongly the filter answers, and how rough the picture is: the mean difference of neighbouring pixels, in levels.

# %%
versions = {
    "jitter and blur": {},
    "no jitter": {"jitter": 0},
    "no blur": {"blur": 0.0},
    "neither": {"jitter": 0, "blur": 0.0},
}
made = [filter_pattern(net, middle, channel, **settings) for settings in versions.values()]
answers = filter_responses(net, made, middle)[:, channel]
rough = [np.abs(np.diff(picture.astype(float), axis=1)).mean() for picture in made]
show_grid(
    made,
    titles=[
        f"{name}\nanswer {answer:.1f}\nrough {r:.0f}"
        for name, answer, r in zip(versions, answers, rough, strict=True)
    ],
    columns=4,
    alt="Four textures for the same filter, from clean and even, with jitter and blur, to crisp "
    "and noisy, with neither.",
)
if net.name == "course":
    assert answers.argmax() == np.argmax(rough) == 3 and rough[3] > 1.25 * rough[0]

# %% [markdown]
# With the course network, the picture with neither is the roughest of the four, and gets the *strongest* answer: the network likes noise that no photo has.

# %% [markdown] tags=["teaching-note"]
# 5 min. Ask which of the four is "the truth". The noisy one scores higher: the network really likes it. The clean one is what survives small
# shifts, so it is closer to what the filter could meet in a photo. Neither is a photo of anything.

# %% [markdown]
# ## The first layer, twice
#
# Only in the first layer can the weights themselves be looked at: they meet red, green and blue. Above are the raw weights of eight filters, each scaled to the range 0..1
# (mid grey is zero); below is the pattern that was grown for each.

# %%
from cnnvis_helpers import figure_row, filters, show_filters

kernel = filters(net, layers[0])  # (height, width, colours, filters)
strength = np.abs(kernel).max(axis=(0, 1, 2))
eight = np.flatnonzero(strength > 0.01 * strength.max())[:8]  # some networks have dead filters
grown = filter_patterns(net, layers[0], eight, size=32)
with figure_row(
    1,
    rows=2,
    width=9,
    height=3.6,
    alt=f"Above, {len(eight)} filters of {layers[0]} as a few coloured squares each; below, for "
    "each of them, a flat colour or fine stripes.",
) as (above, below):
    show_filters(kernel[..., eight], scale="each", title="the weights", ax=above)
    above.set_xticks(above.get_xticks(), [f"filter {k}" for k in eight])
    above.set_yticks([])
    show_photo(tile(list(grown), margin=4, fill=255), title="the grown patterns", ax=below)
own = filter_responses(net, grown, layers[0])[:, eight].argmax(axis=0) == np.arange(len(eight))
print(f"{own.sum()} of {len(eight)} filters answer most to their own pattern")
if net.name == "course":
    flat = grown.std(axis=(1, 2)).max(axis=1) < 20
    sums = kernel[..., eight].sum(axis=(0, 1)).T  # (filters, colours)
    assert own.mean() > 0.7 and 2 <= flat.sum() <= 6
    assert ((grown.mean(axis=(1, 2)) > 127.5) == (sums > 0))[flat].all()
    weights = kernel[..., eight]
    against = (weights.min((0, 1)) < 0) & (weights.max((0, 1)) > 0)  # both signs in a colour
    assert against.any(axis=0)[~flat].all()

# %% [markdown]
# The course network has two kinds. Some of its filters grow a flat colour: red, green or blue ends above mid grey where the nine weights of that colour add up to more than zero, and below it
# where they do not. The others grow stripes, for which their weights must work against each other.
#
# From the second layer on, weights meet maps and not colours, and only grown patterns are left.
#
# ## A layer at a glance
#
# Up to 64 filters of four layers, from shallow to deep, 64 pixels each, made together in one batch a layer. **Predict first:** at what depth will you
# stop seeing plain stripes?

# %%
depths = [f"block{number}_conv1" for number in (1, 2, 3, 4)]  # as in VGG16
if not set(depths) <= set(layers):
    depths = [layers[i] for i in np.linspace(0, len(layers) - 2, 4).astype(int)]
sheets = {name: filter_patterns(net, name, size=64, steps=24, step=5.0) for name in depths}
seen_as = [""] * 4
if net.name == "course":
    seen_as = [
        ": flat colours and fine stripes or ripples",
        ": stripes in one direction, some meshes",
        ": stripes, meshes and rows of dots",
        ": curls, scales, rings and eye-like dots",
    ]
for (name, sheet), words in zip(sheets.items(), seen_as, strict=True):
    show_grid(
        [tile(list(sheet), columns=8, margin=5, fill=255)],
        titles=[f"{name}: {len(sheet)} filters"],
        size=6,
        alt=f"A grid of {len(sheet)} small patterns, one for each filter of {name}{words}.",
    )

# %% [markdown]
# With the course network, shallow filters want a colour or stripes in one direction; deeper ones want meshes and dots, then curls and shapes that repeat. They are built out
# of each other: a mesh is two kinds of stripes. Larger networks with more to learn go on to textures as in nature, such as feathers, eyes and leaves: see
# [VGG16's](https://blog.keras.io/how-convolutional-neural-networks-see-the-world.html).
#
# Do these pictures belong to their filters? Show all pictures of a sheet to all its filters: each filter should answer most to its own.

# %%
for name, sheet in sheets.items():
    responses = filter_responses(net, sheet, name)[:, : len(sheet)]  # (pictures, filters)
    own = (responses.argmax(axis=0) == np.arange(len(sheet))).mean()
    typical, other = np.median(responses.diagonal()), np.median(responses)
    print(f"{name:16s} {own:.0%} of the filters answer most to their own picture;", end=" ")
    print(f"median answer to it {typical:.2f}, to any {other:.2f}")
    if net.name == "course":
        assert own > 0.8 and typical > 2 * other

# %% [markdown]
# ## The same filter in real photos
#
# A pattern is a guess at what a filter looks for. Check it against photos: of all photos of the course, cut out the places that excite the
# filter most, each as large as the filter's receptive field, and as coarse as the network sees them. Beside them, a piece of the pattern at the same scale.

# %%
from cnnvis_helpers import list_photos, receptive_field

deep = depths[2]
album = [load_photo(row.name) for row in list_photos()]
seen = [net.prepare(picture)[0].astype(np.uint8) for picture in album]
field = receptive_field(net, deep)
maps = [feature_maps(net, picture, deep) for picture in album]
rim = min(int(field.size[0] / field.stride[0] / 2) + 1, maps[0].shape[0] // 2 - 1)
inner = [stack[rim:-rim, rim:-rim] for stack in maps]  # cells that see no border


def best_patches(channel, count=3):
    """The parts of the album's photos to which this channel answers most, one a photo."""
    peaks = [stack[:, :, channel].max() for stack in inner]
    patches = []
    for number in np.argsort(peaks)[::-1][:count]:
        answers = inner[number][:, :, channel]
        row, column = np.unravel_index(answers.argmax(), answers.shape)
        top, left, bottom, right = (int(edge) for edge in field.box(row + rim, column + rim))
        patches.append(seen[number][top:bottom, left:right])
    return patches


# %% [markdown]
# Four filters that photos excite much, each with another photo in the first place:

# %%
peaks = np.array([stack.max(axis=(0, 1)) for stack in inner])[:, : len(sheets[deep])]
favourites = {}  # photo -> the filter that it excites most
for k in peaks.max(axis=0).argsort()[::-1]:
    favourites.setdefault(peaks[:, k].argmax(), k)
clearest = list(favourites.values())[:4]
side = min(64, *field.size)
rows = [[sheets[deep][k][:side, :side], *best_patches(k)] for k in clearest]
show_grid(
    [picture for row in rows for picture in row],
    titles=[text for k in clearest for text in (f"filter {k}", "best patch", "second", "third")],
    columns=4,
    size=1.7,
    alt=f"Rows of four: a dense coloured pattern of a filter of {deep}, then three patches of "
    "photos, with corners, curved edges, coins or a part of a face; the colours seldom agree."
    if net.name == "course"
    else f"Rows of four: a part of the pattern of a filter of {deep}, then three photo patches.",
)
print(f"{side} x {side} pixels each, of {net.input_size[0]} x {net.input_size[1]}")

# %% [markdown]
# With the course network hardly a patch resembles its pattern: at most the direction of an edge returns, the colours do not. Where they differ, believe the patches: they are what the network
# really meets.

# %% [markdown]
# ## A whole class, by hand
#
# Now raise the logit of a class. It is the same climb; only the score is another one. In the second picture each gradient is smoothed by a Gaussian before the step, so that
# fast wiggles grow slowly.


# %%
from scipy.ndimage import gaussian_filter


def climb_class(target, steps=32, step=4.0, blur=0.0):
    """A picture (h, w, 3) with a high logit of the target; blur in pixels smooths each gradient."""
    picture = np.random.default_rng(0).uniform(112, 144, (*net.input_size, 3))
    for _ in range(steps):
        pixels = tf.constant(picture[None], tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            logits = net.forward(pixels)[0]
            score = tf.reduce_sum(logits * net.score_vector(target))  # the target's logit
        gradient = tape.gradient(score, pixels)[0].numpy()
        gradient = gaussian_filter(gradient, (blur, blur, 0))  # 0 changes nothing
        picture = np.clip(picture + step * gradient / np.sqrt((gradient**2).mean()), 0, 255)
    return picture.astype(np.uint8)


# %% [markdown]
# The same class three times: on the bare pixels, with smoothed gradients, and by the helper `class_pattern`, which goes further: it writes the picture as a sum of slow and
# fast waves, of which the slow ones move first, and shows it to the network a little shifted and scaled at each step. **Predict first:** will you recognise the class?

# %%
classes = ("bald_eagle", "African_elephant", "sunflower", "motorbike", "face")
wanted = [name for name in classes if name in net.labels][:3]
wanted = wanted or [prediction.label for prediction in net.predict(photo, 3)]
bare, smoothed = climb_class(wanted[0]), climb_class(wanted[0], blur=1.5)
waves = class_pattern(net, wanted[0], steps=96)
three = {"bare pixels": bare, "smoothed gradients": smoothed, "the helper": waves}
sure = {name: net.predict(picture, 1)[0] for name, picture in three.items()}
show_grid(
    list(three.values()),
    titles=[f"{name}\n{sure[name].label} {sure[name].probability:.2f}" for name in three],
    columns=3,
    alt=f"Three pictures for {wanted[0]}: fine coloured noise, the same with broader strokes, and "
    "soft large shapes.",
)
if net.name == "course":
    assert all(one.label == wanted[0] and one.probability > 0.9 for one in sure.values())

# %% [markdown]
# More classes, made by the helper:

# %%
regular = [waves, *[class_pattern(net, name, steps=96) for name in wanted[1:]]]
sure = [net.predict(picture, 1)[0] for picture in regular]
show_grid(
    regular,
    titles=[f"{name}: {one.probability:.2f}" for name, one in zip(wanted, sure, strict=True)],
    columns=3,
    alt=f"Coloured textures with large, soft shapes for {', '.join(wanted)}.",
)
if net.name == "course":
    assert all(a.label == b and a.probability > 0.9 for a, b in zip(sure, wanted, strict=True))

# %% [markdown]
# The course network is certain of each of these pictures, the bare ones included, and you would hardly guess their classes. That is the first warning of this lesson: the
# picture that a network likes best need not look like anything. Here is what the network says about the first of them, as a vector over all classes:

# %%
probabilities = net.probabilities(net.logits(net.prepare(regular[0])))[0]
show_vector(
    probabilities,
    labels=net.labels,
    ylabel="probability",
    title=f"What the network sees in the pattern for {wanted[0]}",
    alt=f"One bar a class; the highest is that of {net.labels[probabilities.argmax()]}.",
)

# %% [markdown] tags=["teaching-note"]
# 8 min. The textbook example is a bald eagle on VGG16; the next cell shows eagle and elephant where an ImageNet network is at hand.
# Ask what is missing in every class picture: no single object, no background, parts everywhere. The logit adds up evidence, it does not
# count or compose: with global average pooling many half eagles are worth more than one.

# %% [markdown]
# ### Eagle and elephant
#
# The textbook example of class maximisation is the bald eagle of a network with the 1000 classes of ImageNet. The next cell makes it, and an African elephant, when the weights of such
# a network are on this machine. Otherwise it says so, and shows the nearest thing that the course network knows: a bird.

# %%
from cnnvis_helpers import list_networks

large = ("vgg16", "resnet50", "inceptionv3", "mobilenetv2")  # the first that is here is taken
here = {row.name for row in list_networks() if row.here}
giant = next((load_network(name) for name in large if name in here), None)
if giant:
    asked = {"bald eagle": 22, "African elephant": 386}  # their numbers in ImageNet
else:
    giant = net if net.name == "course" else load_network("course")
    asked = {"bird": giant.class_index("bird")}
    print("No ImageNet network is on this machine: no eagle, no elephant. The course network knows")
    print("16 classes; one is bird. To fetch a large one, with a connection:")
    print("from cnnvis_helpers import prefetch")
    print('prefetch("vgg16")    (553 MB; mobilenet_v2 has 14), and run this cell again.')
made = [class_pattern(giant, index, steps=128) for index in asked.values()]
found = [giant.predict(picture, 1)[0] for picture in made]
show_grid(
    made,
    titles=[
        f"{giant.name}: {name}\ntop: {one.label} {one.probability:.2f}"
        for name, one in zip(asked, found, strict=True)
    ],
    columns=2,
    size=4.3,
    alt=f"What the network {giant.name} likes best for {' and '.join(asked)}: "
    + ("feathered bodies, necks and legs, many times." if giant.name == "course" else "shapes."),
)
if giant.name == "course":
    assert len(giant.labels) == 16 and found[0].label == "bird"

# %% [markdown]
# Some classes are kinder than others. The course network's bird can nearly be recognised: feathers, bodies and legs, more than once, and nowhere one whole bird.

# %% [markdown]
# ## The field's library
#
# tf-keras-vis has the same idea under the name `ActivationMaximization`. Its regularisers were tuned on VGG16. On another network their
# weights may be far too strong: then the picture is pulled to grey faster than the filter can climb. Run it with its defaults and without
# its regularisers, and ask the filter.

# %% tags=["long"]
import importlib.util

if importlib.util.find_spec("tf_keras_vis") is None:
    print("tf-keras-vis is not installed here; `pip install tf-keras-vis` brings it.")
elif net.name != "course":
    print("This cell feeds pixels; other models want them preprocessed, so it is left out here.")
else:  # the model is cloned, so net.model stays as it is
    from tf_keras_vis.activation_maximization import ActivationMaximization
    from tf_keras_vis.utils.model_modifiers import ExtractIntermediateLayer, ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

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
                ["noise", "its defaults", "set free", "longer steps", "ours"],
                answers,
                strict=True,
            )
        ],
        alt=(
            "Five pictures for one filter: grey noise, an even grey, noise as at the start, and "
            "two strong textures."
        ),
    )
    assert answers[1] < answers[0] < answers[2] < answers[4] / 3  # below the noise, hardly above
    assert np.isclose(answers[3], answers[4], rtol=0.25)

# %% [markdown]
# On the course network its defaults lead below the noise. Set free of its regularisers it hardly moves in thirty steps, because its own steps are far shorter than ours; with steps
# of four levels it comes about as far as we do. A default is somebody's choice for somebody's network. The numbers above the pictures show in a second whether it is right for yours.

# %% [markdown]
# ## Deep dream, by hand
#
# Instead of noise, start with a photo; instead of one filter, raise everything that a layer already answers to. The mean square of its maps is the objective: what
# is strong gets stronger. At one size, this is the loop we know.


# %%
def dream_by_hand(picture, layer, steps, step):
    """The picture (h, w, 3) after `steps` steps that exaggerate what the layer sees in it."""
    picture = picture.astype(np.float32)
    for _ in range(steps):
        pixels = tf.constant(picture[None])
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            objective = tf.reduce_mean(net.maps(pixels, [layer])[0] ** 2)
        gradient = tape.gradient(objective, pixels)[0].numpy()
        picture = np.clip(picture + step * gradient / np.abs(gradient).mean(), 0, 255)
    return np.rint(picture).astype(np.uint8)


dream_layer = layers[len(layers) // 2]
small = load_photo("chelsea", max_side=200)
ours = dream_by_hand(small, dream_layer, steps=8, step=2.5)
theirs = deep_dream(net, small, dream_layer, octaves=1, steps=8, step=2.5, jitter=0)
apart = np.abs(ours.astype(int) - theirs).mean()
print(f"mean difference from the helper's: {apart:.3f} levels")
if net.name == "course":
    assert apart < 0.1

# %% [markdown]
# The helper does it at several sizes, **octaves**, from small to large, so that large and small shapes both appear; at each size the photo's own detail, lost in shrinking,
# is put back. (You write both in the exercises.) And it rolls the picture at random before each step, as for the filters.

# %%
dream = deep_dream(net, photo, dream_layer, octaves=3, step=2.5)
before, after = dream_objective(net, photo, dream_layer), dream_objective(net, dream, dream_layer)
show_grid(
    [photo, ours, dream],
    titles=["the photo", "one size, by hand", "three octaves"],
    columns=3,
    alt="The cat; the same cat with small curls in its fur; and with curls of several sizes and "
    "eyes all over."
    if net.name == "course"
    else "A cat, and two dreams of it with textures over the whole picture.",
)
print(f"{dream_layer}: the objective rose from {before:.3f} to {after:.3f}")
assert after > 1.5 * before

# %% [markdown]
# What it dreams of depends on the layer. Change the four lines on top: a photo of yours, other layers, more octaves, more steps. The
# photo is made smaller first: shapes have the size that the layer knows, so they are larger on a smaller photo, and it is quicker.

# %%
MY_PHOTO = "motorcycle"  # change me: "my_photo.jpg", an address, or a name from list_photos()
MY_LAYERS = [layers[1], layers[len(layers) // 3], layers[-1]]  # change me: any of conv_layers(net)
OCTAVES = 3
STEPS = 10  # for each octave

mine = load_photo(MY_PHOTO, max_side=320)
dreams = [deep_dream(net, mine, name, octaves=OCTAVES, steps=STEPS, step=2.0) for name in MY_LAYERS]
rose = [
    dream_objective(net, made, name) / dream_objective(net, mine, name)
    for made, name in zip(dreams, MY_LAYERS, strict=True)
]
show_grid(
    [mine, *dreams],
    titles=[
        "the photo",
        *[f"{name}: x {times:.1f}" for name, times in zip(MY_LAYERS, rose, strict=True)],
    ],
    columns=2,
    size=4.3,
    alt="A photo and three dreams of it, from a shallow layer to the last: "
    + ("fine lines, coloured strokes, thin curves." if net.name == "course" else "textures."),
)
assert min(rose) > 1

# %% [markdown]
# The numbers say how many times larger the objective has become. A dream may also mix layers, each with a weight. The famous dreams full of animals come from the Inception family
# of networks, trained on ImageNet, where more than a hundred of the 1000 classes are dogs. When the weights of InceptionV3 are on this machine (or those of another ImageNet network),
# the next cell dreams with them. Otherwise it mixes three layers of the course network, which knows one class of dog among 16: do not expect a zoo.

# %%
dreamer = load_network("inceptionv3") if "inceptionv3" in here else giant
print(f"InceptionV3 is{'' if 'inceptionv3' in here else ' not'} on this machine.")
mix = {"mixed4": 1.0, "mixed5": 1.5, "mixed6": 2.0, "mixed7": 2.5}
if dreamer.name != "inceptionv3":
    names = [row.name for row in conv_layers(dreamer)]
    mix = {names[int(share * len(names))]: 1.0 for share in (0.5, 0.6, 0.7)}
zoo = deep_dream(dreamer, mine, mix, octaves=OCTAVES, steps=STEPS, step=2.0)
rose = dream_objective(dreamer, zoo, mix) / dream_objective(dreamer, mine, mix)
show_grid(
    [mine, zoo],
    titles=["the photo", f"a mix of {len(mix)} layers: x {rose:.1f}"],
    columns=2,
    size=4.3,
    title=f"A dream of the network {dreamer.name}",
    alt=f"A photo, and a dream of the network {dreamer.name}: patterns of several layers all over.",
)
assert rose > 1

# %% [markdown]
# The same with controls: the dream is shown while it grows, and *Stop* keeps what you see. Go from a layer near the input to one near the output, with the photo
# of your choice.

# %%
from cnnvis_helpers import explore_dream

explore_dream(net, photo)

# %% [markdown]
# ## What goes wrong with pictures that a network likes
#
# First, they are not unique. The same class from three different starts:

# %%
starts = [regular[0], *[class_pattern(net, wanted[0], steps=96, seed=seed) for seed in (1, 2)]]
alike = np.corrcoef([picture.reshape(-1).astype(float) for picture in starts])
show_grid(
    starts,
    titles=["start 1", "start 2", "start 3"],
    columns=3,
    alt="Three pictures of one class with the same kind of texture, but most of its spots in "
    "other places.",
)
print("correlations of the three pairs:", alike[np.triu_indices(3, 1)].round(2))
assert abs(alike[np.triu_indices(3, 1)]).max() < 0.5

# %% [markdown]
# The correlation says how alike two pictures are, pixel by pixel: 1 would be the same picture, 0 is nothing in common.
#
# Second, they lie beyond photos. How do the answers to a filter's pattern compare with the best that the whole album has for it?

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

# %% [markdown]
# With the course network, most filters answer more to their pattern than to any photo. So the pattern says what the filter *could* want, not what it uses. And third, as
# the regularisers showed: part of what you see is the method's own taste. A pattern is a question to put to real photos, not an answer.

# %% [markdown] tags=["teaching-note"]
# 4 min. Two published slips are in the exercises: an octave scale written 1.14 where the comment says 1.4, so that all octaves are nearly one
# size; and detail taken from a base that is never updated, so that at every size all detail since the smallest is put back once more.

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
# **Put the detail back.** `photos[k]` is the photo as octave k can hold it, smallest octave first, all enlarged to one size. `dream` was made in octave k - 1. Return it
# with the detail that the photo gains from octave k - 1 to octave k (do not cut to 0..255).


# %%
def with_detail(dream, photos, k):
    """The dream plus what octave k of the photo shows and octave k - 1 could not."""
    # <solution>
    gained = photos[k] - photos[k - 1]
    return dream + gained
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
# - Mordvintsev, Olah and Tyka, [Inceptionism](https://research.google/blog/inceptionism-going-deeper-into-neural-networks/), the first dreams
# - Nguyen, Yosinski and Clune, [Deep neural networks are easily fooled](https://arxiv.org/abs/1412.1897)

# %% [markdown]
# ## Next lesson
#
# All these pictures look convincing. Which of them can be trusted?
