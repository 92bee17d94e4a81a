# %% [markdown]
# # What does each layer keep of your photo?
#
# **You will do:** take a network apart, look at what its layers make of one photo, and measure what gets lost on the way.
#
# **You will learn:** what a feature map is, what a channel answers to, how far a cell of a deep map can see, and how pictures of maps mislead.
#
# **You need:** [lesson 01](01_layers_and_weights.ipynb).
#
# **Time:** 40 minutes

# %% [markdown] tags=["teaching-note"]
# 40 min: the extractor 8, looking 10, probing channels 7, sparsity and receptive field 8, what goes wrong 4, one exercise in class.
# With 15 minutes only: show the three mosaics from shallow to deep and let the room describe what changes.

# %% [markdown]
# The first cell loads what this lesson uses. Another network? Change the line `NETWORK = "course"`.

# %% tags=["exercise-setup"]
import numpy as np

from cnnvis_helpers import (
    check,
    conv_layers,
    describe,
    feature_maps,
    hint,
    load_network,
    load_photo,
    receptive_field,
    show_boxes,
    show_curve,
    show_feature_maps,
    show_grid,
    show_mosaic,
    solution,
    sparsity,
    standardise_tile,
)

NETWORK = "course"  # a name from list_networks(), or the path of your own Keras model
net = load_network(NETWORK)
photo = load_photo("chelsea")
layers = [row.name for row in conv_layers(net)]  # names of all convolutions, in order

# %% [markdown]
# ## Take the network apart
#
# A layer's output for a photo is a stack of **feature maps**: one map for each filter, saying where in the photo the filter found what
# it looks for. In Keras, a second model on the same layers brings these outputs to light. This one returns the first eight, by name.

# %%
import keras

first_eight = net.model.layers[1:9]
extractor = keras.Model(net.model.input, {layer.name: layer.output for layer in first_eight})

if net.name == "course":  # its model reads pixels; other models want theirs preprocessed first
    outputs = extractor(net.prepare(photo))
    for name, output in outputs.items():
        print(f"{name:16s}", describe(output.numpy()[0]))

# %% [markdown]
# No weight was copied: the extractor is another way through the same layers. `feature_maps` does this for any layer and any network,
# preprocessing included.

# %%
maps = feature_maps(net, photo, layers)
for name in layers[:3] + layers[-2:]:
    print(f"{name:24s}", describe(maps[name]))
if net.name == "course":
    assert np.allclose(maps["block1_conv1"], outputs["block1_conv1"][0], atol=1e-4)
    assert np.allclose(maps["block2_conv2"], outputs["block2_conv2"][0], atol=1e-3)

# %% [markdown] tags=["teaching-note"]
# 8 min. People ask whether this needs another training: no, the sub-model shares everything. A frequent slip in their own code is
# `model.predict` inside a loop over layers, one pass a layer; the dict needs one pass for all.

# %% [markdown]
# ## Look at the first layer
#
# **Predict first:** will you still see the cat? In how many of the maps?

# %%
show_feature_maps(
    maps[layers[0]],
    columns=8,
    title=f"{layers[0]}: every filter's map of the photo",
    alt=(
        "A grid of small maps in which the cat's face is clearly seen; in some its outlines are "
        "bright, in others whole areas."
    ),
)

# %% [markdown]
# The cat is in most of them, and each map keeps something else: outlines in one direction, bright areas, dark areas. All maps share
# one scale, so a dark map is a filter that found little.
#
# ## Look deeper
#
# Ten channels from the beginning, from the middle and from the end of the network; in each layer the ten that answer most.

# %%
chosen = [layers[0], layers[len(layers) // 2], layers[-1]]
for name in chosen:
    strongest = np.argsort(-maps[name].mean(axis=(0, 1)))[:10]
    show_feature_maps(
        maps[name],
        columns=5,
        channels=sorted(strongest),
        title=name,
        alt={
            chosen[0]: f"Ten maps of {name}: the cat drawn in fine bright lines.",
            chosen[1]: f"Ten maps of {name}: short dashes and specks on dark, the cat hard to see.",
            chosen[2]: f"Ten maps of {name}: a few large cells, light in the middle of the photo.",
        }[name],
    )

# %% [markdown]
# Early maps are fine and look like the photo. Late maps have few cells, in broad areas of light and dark: they say *that* something is
# there and roughly *where*, no longer how it looks.

# %% [markdown]
# ## What does a channel answer to?
#
# Guessing from one photo is risky. Better: show the network pictures in which we know what there is. Six drawn tests, each one thing alone.

# %%
height, width = net.input_size
rows, columns = np.mgrid[:height, :width] - np.array([height // 2, width // 2])[:, None, None]
shapes = {
    "edge |": columns > 0,
    "edge -": rows > 0,
    "edge /": rows + columns > 0,
    "edge \\": rows - columns > 0,
    "bright dot": rows**2 + columns**2 < (height // 32) ** 2,
    "dark dot": rows**2 + columns**2 >= (height // 32) ** 2,
}
tests = {
    name: np.repeat(np.where(shape, 200, 55).astype(np.uint8)[..., None], 3, 2)
    for name, shape in shapes.items()
}
show_grid(
    list(tests.values()),
    titles=list(tests),
    columns=6,
    alt=(
        "Six drawn test pictures in grey: a vertical edge, a level edge, two slanted edges, a "
        "bright dot, a dark dot."
    ),
)

# %% [markdown]
# For each channel of an early layer, take its largest answer to each test near the middle of the picture. The channel that prefers one
# test most clearly over all others is a detector for it.

# %%
probed = layers[2]


def peaks(picture):
    """Largest value of each channel in the middle half of its map."""
    answer = feature_maps(net, picture, probed)
    h, w = answer.shape[:2]
    return answer[h // 4 : -h // 4, w // 4 : -w // 4].max(axis=(0, 1))


answers = np.array([peaks(picture) for picture in tests.values()])  # (tests, channels)
others = np.array([np.delete(answers, i, axis=0).max(axis=0) for i in range(len(tests))])
preference = answers - others
detectors = preference.argmax(axis=1)
for name, channel, margin in zip(tests, detectors, preference.max(axis=1), strict=True):
    print(f"{name:10s} channel {channel:3d} answers {margin:6.2f} more than to any other test")

# %% [markdown]
# A negative margin means that no channel of this layer prefers that test to all others: there is no such detector here. Now ask the channels
# about the photo. A diagonal-edge detector should light up along slanted lines, a dot detector at small spots.

# %%
show_grid(
    [maps[probed][:, :, channel] for channel in detectors],
    titles=[f"{name}: {channel}" for name, channel in zip(tests, detectors, strict=True)],
    columns=3,
    alt=(
        "Six maps of the photo, one for each detector: different parts of the cat's outline and "
        "fur light up in each."
    ),
)

# %% [markdown] tags=["teaching-note"]
# 7 min. Let them choose a photo with known lines (`brick`, `horse`) and predict which detector wins. The honest word for these channels
# is "prefers among our six tests": nobody showed them all possible pictures. That caveat returns in lesson 07.

# %% [markdown]
# ## All channels at once
#
# To see the structure of every channel, strong or faint, centre it, divide it by its standard deviation, multiply by 64, add 128, and cut
# to 0..255. By hand for one channel, then the helper for all:

# %%
channel = maps[layers[0]][:, :, 0].astype(np.float64)
by_hand = np.clip((channel - channel.mean()) / channel.std() * 64 + 128, 0, 255).astype(np.uint8)

assert (np.abs(by_hand.astype(int) - standardise_tile(channel)) <= 1).all()
print(
    "mean",
    round(float(channel.mean()), 3),
    "becomes 128; one standard deviation above it becomes 192",
)

# %% [markdown]
# The mosaics of an early, a middle and a late layer, sixteen channels in a row:

# %%
for name in chosen:
    show_mosaic(
        maps[name],
        title=name,
        alt={
            chosen[0]: f"All channels of {name}: the cat is seen in nearly every tile.",
            chosen[1]: f"All channels of {name}: fine dashes on an even ground in every tile.",
            chosen[
                2
            ]: f"All channels of {name}: coarse blocks, some tiles with a single light cell.",
        }[name],
    )

# %% [markdown]
# ## How much is zero?
#
# ReLU cuts off what is negative, so many cells are exactly zero. The share of zeros is the **sparsity** of a layer. A sentence found in
# many courses says "sparsity grows with depth". **Predict first:** do you believe it? Then measure.

# %%
table = sparsity(net, photo)
show_curve(
    range(1, len(table) + 1),
    [100 * row.zeros for row in table],
    xlabel="layer, in order",
    ylabel="zeros in per cent",
    title="Sparsity, layer by layer",
    alt=(
        "A curve of the share of zeros from layer to layer: it goes up and down, with a rise on "
        "the whole and a fall at the end."
    ),
)
table

# %% [markdown]
# With the course network it holds on the whole and fails in detail: in the first four blocks the second layer is the sparser one, in the
# last block it is the other way round, and the last layer is far from the sparsest. A rule of thumb is worth a measurement.

# %%
if net.name == "course":
    zeros = np.array([row.zeros for row in table]).reshape(5, 2)  # five blocks of two layers
    print("share of zeros by block:", zeros.mean(axis=1).round(2))
    assert zeros[2:4].mean() > zeros[0].mean()
    assert (zeros[:4, 1] > zeros[:4, 0]).all() and zeros[4, 1] < zeros[4, 0]
    assert zeros.argmax() == 7  # the second layer of the fourth block

# %% [markdown]
# ## How far can a cell see?
#
# A cell of the first layer sees one small window of the photo. A cell of the next layer sees a window of such cells, and so on: its
# **receptive field** grows. Each layer adds its window, and each pooling step doubles the stride between cells.

# %%
boxes, names = [], []
for name in (layers[1], layers[len(layers) // 2], layers[-1]):
    field = receptive_field(net, name)
    row, column = field.cells[0] // 2, field.cells[1] // 2
    boxes.append(field.box(row, column, photo))
    names.append(f"{name}: {field.size[0]} px")
    print(field)
show_boxes(
    photo,
    boxes,
    labels=names,
    title="What one cell can see",
    alt=(
        "Three boxes on the cat: a tiny one, one a little larger than an eye, and one that covers "
        "nearly all of the photo."
    ),
)

# %% [markdown]
# The sizes are in pixels of what the network reads. A field may be larger than the whole picture: such a cell looks past the border, where
# there is only padding. And what a cell *can* see is not what it uses: pixels near the middle of the box reach it on many ways, those at the border on few. Lesson 05
# measures that.
#
# ## How much of the photo is left?
#
# Does a layer still follow how bright each place is? Shrink all maps to the grid of the last layer, so that numbers from different layers can
# be compared, and correlate each channel with the brightness of the photo. What a typical channel (the median) reaches:

# %%
grid = (
    maps[net.last_conv].shape[:2] if net.last_conv in maps else feature_maps(net, photo).shape[:2]
)


def shrunk(picture):
    """A picture or stack of maps (h, w, c) on the last layer's grid, as (cells, c)."""
    small = keras.ops.image.resize(picture, grid, antialias=True)
    return keras.ops.convert_to_numpy(small).reshape(grid[0] * grid[1], -1)


brightness = shrunk(net.prepare(photo)[0].mean(axis=2, keepdims=True)).ravel()
typical = []
for name in layers:
    values = shrunk(maps[name])
    values = values[:, values.std(axis=0) > 0]  # a dead channel follows nothing
    typical.append(np.median(np.abs(np.corrcoef(values.T, brightness)[-1, :-1])))
show_curve(
    range(1, len(layers) + 1),
    typical,
    xlabel="convolution, in order",
    ylabel="correlation",
    title="How closely a typical channel follows the brightness",
    alt=(
        f"A curve that falls from {typical[0]:.2f} in the first convolution to {min(typical):.2f} "
        f"in the middle layers and ends at {typical[-1]:.2f} in the last."
    ),
)
if net.name == "course":
    assert typical[0] > 0.35 and max(typical[5:]) < 0.3 and min(typical) < typical[-1]

# %% [markdown]
# Early channels follow the light in the photo, later ones much less. With the course network the curve rises a little at the end: the last
# maps tell the animal from its background, and on this photo the two also differ in brightness. A correlation does not say why.

# %% [markdown]
# ## Explore: every map of every layer
#
# Now with controls. **Predict first:** which layer is the last in which you would recognise the photo? Then go there, and move through its channels: find one that
# sees the background, one that sees the animal, and one that sees nothing. Do they keep their roles with another photo?

# %%
from cnnvis_helpers import explore_layers

explore_layers(net, photo, layer=conv_layers(net)[-1].name)

# %% [markdown]
# ## What goes wrong with pictures of maps
#
# First, scaling each map on its own. Here are the eight living channels of a layer with the lowest means, first each on its own scale, then on
# the scale of the whole layer. In the first picture they look as important as any.

# %%
name = layers[1]
power = maps[name].mean(axis=(0, 1))
weakest = sorted(np.argsort(np.where(power > 0, power, np.inf))[:8])
for scale, verdict, seen in (
    ("each", "each on its own scale", "bright lines and specks in all of them"),
    ("shared", "all on the layer's scale", "dark, with a few faint lines"),
):
    show_feature_maps(
        maps[name],
        columns=8,
        channels=weakest,
        scale=scale,
        vmin=0,
        vmax=float(maps[name].max()) if scale == "shared" else None,
        title=verdict,
        alt=f"Eight maps, {verdict}: {seen}.",
    )

# %% [markdown]
# Second, feeding the network what it was not made for. Every network expects its pixels on one scale; here the same photo is divided by
# 255, as many tutorials do for all networks alike. The course's helpers refuse such a photo; a bare network raises no error, it only gives
# another answer.

# %%
small = net.prepare(photo) / 255  # net.predict and feature_maps refuse such a photo
wrong = net.maps(small, [layers[0]])[0][0].numpy()
right = maps[layers[0]]
top = net.labels[net.top_classes(net.logits(small))[0]]
print("top class as it should be:", net.predict(photo)[0].label, " with pixels 0..1:", top)
print(
    "correlation of the two stacks of maps:",
    round(float(np.corrcoef(wrong.ravel(), right.ravel())[0, 1]), 2),
)
if net.name == "course":
    assert top != net.predict(photo)[0].label

# %% [markdown] tags=["teaching-note"]
# 4 min. A published course notebook draws feature maps of a photo that was never preprocessed. The maps look plausible. Ask: how would
# you notice? (Check the prediction first: if the answer is wrong, the maps belong to another question.)

# %% [markdown]
# ## Exercises
#
# **Sparsity by hand.** Return the share of exact zeros in a stack of maps, a number from 0 to 1. `hint("02-zeros")` helps.


# %%
def share_of_zeros(maps):
    """Share (0..1) of the values of maps (h, w, c) that are exactly zero."""
    # <solution>
    return float((maps == 0).mean())
    # </solution>


check("02-zeros", share_of_zeros)

# %% [markdown]
# **Make it visible.** Return one channel, an array (h, w), ready to be drawn: centred, divided by its standard deviation, times 64, plus 128,
# cut to 0..255, as `uint8`. A channel that is the same everywhere should become 128 everywhere.


# %%
def visible(channel):
    """uint8 (h, w) of a float channel (h, w)."""
    # <solution>
    centred = channel - channel.mean()
    if channel.std() > 0:
        centred = centred / channel.std()
    return np.clip(centred * 64 + 128, 0, 255).astype(np.uint8)
    # </solution>


check("02-visible", visible)

# %% [markdown]
# **The loudest channel.** Which channel of the last convolution has the largest *mean* over its map of this photo? Put its number into
# `loudest`.

# %%
last = feature_maps(net, photo, net.last_conv)  # (h, w, c)
# <solution>
loudest = int(last.mean(axis=(0, 1)).argmax())
# </solution>
check("02-loudest", loudest, net=net, photo=photo)

# %% [markdown]
# **Receptive field on paper.** Layers are given in order as pairs (window, stride), such as `[(3, 1), (3, 1), (2, 2), (3, 1)]` for two
# 3 x 3 convolutions, a 2 x 2 pooling and another convolution. Return how many pixels wide the field of one cell of the last layer is.


# %%
def field_size(layers):
    """Width in pixels that one cell sees behind layers [(window, stride), ...]."""
    # <solution>
    size, step = 1, 1
    for window, stride in layers:
        size += (window - 1) * step
        step *= stride
    return size
    # </solution>


check("02-field", field_size)

# %% [markdown]
# **Back to the photo.** A map has `rows` x `columns` cells and covers a photo of shape (H, W) evenly. Return the middle of the cell
# (row, column) as a tuple (y, x) in pixels of the photo; the top left corner of the photo is (0, 0).


# %%
def middle(row, column, map_shape, photo_shape):
    """(y, x) of the middle of a cell; map_shape (rows, columns), photo_shape (H, W)."""
    # <solution>
    y = (row + 0.5) * photo_shape[0] / map_shape[0]
    x = (column + 0.5) * photo_shape[1] / map_shape[1]
    return y, x
    # </solution>


check("02-middle", middle)

# %% [markdown]
# ## Take-away
#
# 1. Each layer turns the maps before it into new maps, first fine and like the photo, later coarse and about content.
# 2. Probing with drawn pictures says what a channel prefers; one photo alone does not.
# 3. Before you trust a picture of maps, check the scale it was drawn on and the pixels that went in.

# %% [markdown]
# ## Further reading
#
# - Zeiler and Fergus, [Visualizing and understanding convolutional networks](https://arxiv.org/abs/1311.2901)
# - Luo et al., [Understanding the effective receptive field](https://arxiv.org/abs/1701.04128)
# - Mahendran and Vedaldi, [Understanding deep image representations by inverting them](https://arxiv.org/abs/1412.0035)

# %% [markdown]
# ## Next lesson
#
# Cover a part of the photo and watch the answer: occlusion heat maps.
