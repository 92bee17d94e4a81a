# %% [markdown]
# # What does each layer keep of your photo?
#
# **You will do:** take a network apart, look at what its layers make of a photo, and draw the photo again from the maps of one layer.
#
# **You will learn:** what a feature map is, how to find out what a channel responds to, how far a cell can see, and what gets lost on the way.
#
# **You need:** [lesson 01](01_layers_and_weights.ipynb).
#
# **Time:** 58 minutes, without "Go deeper"

# %% [markdown] tags=["teaching-note"]
# 58 min: a picture from maps 3, the extractor 5, first maps 9, mosaics 10, detectors 7, zeros 8, receptive field 8, inversion and explorer 8. "Go deeper" is homework.
# **The aha of this lesson:** the picture drawn from the last fire module is coloured noise to us, and to the network it is the same three cats.
# With 15 minutes only: the mosaics from shallow to deep, then the inversion.

# %% [markdown]
# The first cell loads SqueezeNet, the network from lesson 01, and the photo of Chelsea.

# %% tags=["exercise-setup"]
import numpy as np

from cnnvis_helpers import (
    check, feature_maps, hint, invert_features, load_network, load_photo, resize_photo,
    show_grid, solution,
)

net = load_network("squeezenet")
photo = load_photo("chelsea")

# %% [markdown]
# ## A picture from maps alone
#
# The layer `fire5_concat` lies in the middle of the network. It makes 256 small maps of the photo. We give *only these maps* to a program that starts from grey noise and changes the pixels, step by step, until the
# picture has nearly the same maps. It never sees the photo.
#
# **Predict first:** what will the picture show?

# %% alt="Left, the photo of the cat. Right, a picture in pale colours in which the cat's eyes, nose and spotted fur can be seen clearly, her whiskers faintly."
drawn = invert_features(net, photo, "fire5_concat", steps=80)
seen = resize_photo(photo, net.input_size).round().astype(np.uint8)  # what the network reads
show_grid([seen, drawn.picture], ["the photo", "drawn from fire5_concat"], columns=2)
# <check>
assert drawn.correlation > 0.4 and drawn.error < 0.15
# </check>

# %% [markdown]
# The eyes, the stripes, even faint whiskers are there. So the middle of the network still knows where each line is, but it has nearly forgotten the colours. At the end of the lesson we do this at four depths. First we need to know what these maps are.

# %% [markdown]
# ## Take the network apart
#
# A layer's output for a photo is a stack of **feature maps**, one for each **channel** (filter). A map says where in the photo its filter found what it responds to. In Keras, a second model on the same layers returns
# all of these outputs at once, by name.

# %%
import keras

outputs = {layer.name: layer.output for layer in net.model.layers[1:]}
extractor = keras.Model(net.model.input, outputs)  # no weight is copied

everything = extractor(net.prepare(photo))
for name in ["conv1", "pool1", "fire3_concat", "fire5_concat", "fire9_concat", "conv10"]:
    print(f"{name:13} {everything[name].shape[1:]}")
# <check>
assert tuple(everything["fire5_concat"].shape) == (1, 27, 27, 256)
# </check>

# %% [markdown]
# The extractor is another way through the same network: one pass, and every layer's maps are in the dict. Deeper layers have smaller maps and more of them, as in VGG16, which goes from 224 x 224 x 64 in `block1_conv1`, its layer 1, to 14 x 14 x 512 in `block5_conv3`, its layer 17. <!-- source -->
#
# `feature_maps` does it for any layer of any network, and prepares the photo, too.

# %%
maps = feature_maps(net, photo, ["conv1", "pool1", "fire3_concat", "fire5_concat", "fire9_concat"])
difference = np.abs(maps["fire5_concat"] - everything["fire5_concat"][0]).max()
print(f"largest difference: {difference:.0e}")
# <check>
assert difference < 1e-2
# </check>

# %% [markdown]
# **Exercise: less than went in.** The photo that the network reads has 227 x 227 x 3 numbers. `conv1` makes far *more* numbers of it. What is the name of the first layer whose output has *fewer* numbers than the photo? Use `everything`, or `net.model.layers`.

# %%
# <solution>
in_photo = 227 * 227 * 3
sizes = {layer.name: np.prod(layer.output.shape[1:]) for layer in net.model.layers}
first_smaller = next(name for name, size in sizes.items() if size < in_photo)
# <stub>
# first_smaller = None  # the name of a layer
# </solution>
check("02-fewer", first_smaller)

# %% [markdown] tags=["teaching-note"]
# People ask whether this needs another training: no, the extractor shares every weight. A slip in their own code: `model.predict` in a loop over layers, one pass a layer. The dict needs one pass for all.

# %% [markdown]
# ## The first layer, and its pool
#
# Here are all 64 maps of `conv1`, eight a row. **Predict first:** in how many of them will you recognise the cat?

# %% alt="Sixty-four small maps of the cat, eight a row. A dozen are bright, with outlines or areas of light; about half show faint lines, and the rest are nearly black."
from cnnvis_helpers import show_feature_maps

show_feature_maps(maps["conv1"], columns=8, title="conv1: 64 maps of 113 x 113")

# %% [markdown]
# She is in most of them. Each map keeps something else: edges of one direction, light or dark areas, the green of the eyes. All maps share one scale, so a dark map belongs to a filter that found little here.
#
# The next layer, `pool1`, looks at windows of 3 x 3 cells in steps of 2 and keeps only the **largest** value of each. Here is one map before and after.

# %% alt="Two maps of the cat from the same filter, before and after pooling. The second has half as many cells a side, its lines are thicker and brighter, the dark whiskers are gone, and the cat is as easy to recognise."
channel = maps["conv1"].mean(axis=(0, 1)).argmax()  # the strongest one
pair = [maps[name][..., channel] for name in ("conv1", "pool1")]
show_grid(pair, ["conv1, 113 x 113", "pool1, 56 x 56"], columns=2, cmap="viridis")
print(f"channel {channel}: mean {pair[0].mean():.1f} before, {pair[1].mean():.1f} after")
# <check>
assert pair[0].shape == (113, 113) and pair[1].shape == (56, 56) and pair[1].mean() > pair[0].mean()
# </check>

# %% [markdown]
# Three quarters of the cells are gone, and the cat is as easy to recognise as before. Pooling keeps *that* something was found, but no longer exactly *where*. Only the largest values are left, so the mean rises, and the dark whiskers are gone.
#
# **Exercise: pool by hand.** Return the max pooling of one map (h, w): windows of 3 x 3, steps of 2, and only windows that fit inside. A map of 113 cells becomes 56. `hint("02-pool")` helps.


# %%
def max_pool(values):
    """Largest value in each 3 x 3 window, steps of 2; values (h, w), both odd."""
    # <solution>
    h, w = values.shape
    rows, columns = (h - 3) // 2 + 1, (w - 3) // 2 + 1
    pooled = np.empty((rows, columns))
    for i in range(rows):
        for j in range(columns):
            pooled[i, j] = values[2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max()
    return pooled
    # </solution>


check("02-pool", max_pool)

# %% [markdown] tags=["teaching-note"]
# Let them find a map of the eyes, of the background, of vertical stripes. Ask about the dark ones: is such a filter useless? No, it responds to something that this photo does not show.

# %% [markdown]
# ## All channels of all stages
#
# On a shared scale, faint maps stay dark. To see the *structure* of every channel, put each on its own scale: subtract its mean, divide by its standard deviation, multiply by 64, add 128, and cut to 0..255. A cell with the mean becomes 128.
#
# **Exercise: make it visible.** Write this for one channel, a float array (h, w); return `uint8`. A channel that is the same everywhere should become 128 everywhere.


# %%
def visible(channel):
    """uint8 (h, w) of a float channel (h, w)."""
    # <solution>
    if channel.max() == channel.min():
        return np.full(channel.shape, 128, np.uint8)
    scaled = (channel - channel.mean()) / channel.std() * 64 + 128
    return np.clip(scaled, 0, 255).astype(np.uint8)
    # </solution>


check("02-visible", visible)

# %% [markdown]
# `show_mosaic` does it for all channels of a layer. We walk from shallow to deep. **Predict first:** where is the last layer in which you would recognise a cat?

# %% alt="All 64 channels of conv1: the cat can be recognised in most tiles, in fine lines or in areas of light and dark; several tiles are flat but for a few bright spots."
from cnnvis_helpers import show_mosaic

show_mosaic(maps["conv1"], title="conv1: 64 channels of 113 x 113")
# <check>
empty = (maps["conv1"] == 0).mean(axis=(0, 1))
assert np.flatnonzero(empty >= 0.97).tolist() == [13, 39, 56]
# </check>

# %% [markdown]
# On their own scales, many dark maps show her, too. Not channels 13, 39 and 56: nearly all of their cells are zero. Two fire modules further on:

# %% alt="All 128 channels of fire3_concat: in the upper four rows many tiles still show the cat's face, in the lower four most show short bright strokes of one direction."
show_mosaic(maps["fire3_concat"], title="fire3_concat: 128 channels of 56 x 56")

# %% [markdown]
# The upper half comes from the 1 x 1 filters: still pictures of the cat. The lower half comes from the 3 x 3 filters: mostly strokes of one direction. Then the middle, which gave us the picture at the beginning:

# %% alt="All 256 channels of fire5_concat: coarser tiles, in many of which a few spots light up where the eyes, the nose or the stripes are."
show_mosaic(maps["fire5_concat"], title="fire5_concat: 256 channels of 27 x 27")

# %% [markdown]
# And the last fire module:

# %% alt="All 512 channels of fire9_concat: tiles of 13 by 13 cells, most of them one flat colour with a few bright cells; some are completely flat."
show_mosaic(maps["fire9_concat"], columns=32, title="fire9_concat: 512 channels of 13 x 13")

# %% [markdown]
# First pictures of the cat, then strokes, then spots. In `fire5_concat` hardly a single tile shows a cat, and yet all of them together gave us one at the beginning: look at one map, and you miss what the layer keeps.
#
# In the last mosaic most tiles are flat but for a few bright cells: each says *here*, and nothing about what is there. Completely flat tiles are channels that are zero everywhere.

# %% [markdown]
# ## What does a channel respond to?
#
# Guessing from one photo is risky. It is better to show the network pictures whose content we know: six drawn tests, each with one thing alone.

# %% tags=["exercise-setup"] alt="Six drawn test pictures in grey: an upright edge, a level edge, two slanted edges, a bright dot and a dark dot."
row, column = np.mgrid[-113:114, -113:114]
shapes = {
    "edge |": column > 0, "edge -": row > 0, "edge /": row + column > 0,
    "edge \\": row - column > 0, "bright dot": row**2 + column**2 < 16,
    "dark dot": row**2 + column**2 >= 16,
}
grey = [np.where(shape, 200, 55).astype(np.uint8) for shape in shapes.values()]
tests = [np.stack([each] * 3, axis=-1) for each in grey]  # uint8 (227, 227, 3)
show_grid([test[88:139, 88:139] for test in tests], list(shapes), columns=6)

# %% [markdown]
# For each channel of the layer `fire3_expand3x3`, take the largest value for each test in the middle of the map. The channel that prefers one test most clearly to all the others is a candidate for a **detector** of it.

# %% tags=["exercise-setup"]
probed = "fire3_expand3x3"
found = [feature_maps(net, test, probed)[14:-14, 14:-14] for test in tests]
answers = np.array([each.max(axis=(0, 1)) for each in found])  # (6 tests, 64 channels)

detectors = {}
for i, name in enumerate(shapes):
    others = np.delete(answers, i, axis=0).max(axis=0)  # (64,), the best other test
    detectors[name] = k = int((answers[i] - others).argmax())
    print(f"{name:10} channel {k:2}: {answers[i, k]:3.0f}, best other test {others[k]:3.0f}")
# <check>
assert list(detectors.values()) == [32, 22, 11, 36, 47, 7]
# </check>

# %% [markdown]
# Clear winners: channel 36 gives 543 for the edge `\` and at most 61 for anything else. But these are drawings. Do the names hold on the photo? For each candidate, find its strongest cell on the cat and cut out what this cell sees: 23 x 23 pixels.

# %% alt=["Six maps of the cat, mostly dark: short bright strokes of one direction each in the first three, broad slanted patches around an eye in the fourth, longer curves in the last two.", "Six small pieces of the photo. For the four edges they show the dark stripe at the inner corner of an eye, a level whisker, the slanted rim of the nose and a slanted eyelid; for the bright dot the same dark stripe, for the dark dot a nostril."]
from cnnvis_helpers import receptive_field

on_photo = feature_maps(net, photo, probed)
field = receptive_field(net, probed)
pieces = []
for k in detectors.values():
    cell = np.unravel_index(on_photo[..., k].argmax(), on_photo.shape[:2])
    top, left, bottom, right = np.array(field.box(*cell, seen), int)
    pieces.append(seen[top:bottom, left:right])
each = [on_photo[..., k] for k in detectors.values()]
show_grid(each, list(shapes), columns=6, scale="each", cmap="viridis")
show_grid(pieces, columns=6)
# <check>
assert all(piece.shape == (23, 23, 3) for piece in pieces)
# </check>

# %% [markdown]
# The four edges hold: a dark stripe stands upright, a whisker lies level, the rim of the nose and an eyelid slant the right way. The two dots do **not**. The "bright dot" lights up along the same dark stripe; the "dark dot" has found a dark nostril, but look at its map: long curves, at the eyelids too. Stripes and curves were not among our six drawings,
# so these channels had no chance to show that they prefer them.
#
# A drawn test says what a channel prefers *among the tests*. Only real photos show what else it responds to.
#
# **Exercise: on the wall.** An experiment. `load_photo("brick")` shows a wall of long upright bricks. Which of the six channels in `detectors` has the largest *mean* on it? Guess, then measure, and give the number of the channel.

# %%
# <solution>
wall = feature_maps(net, load_photo("brick"), probed).mean(axis=(0, 1))
loudest = max(detectors.values(), key=lambda k: wall[k])
# <stub>
# loudest = None  # the number of a channel
# </solution>
check("02-wall", loudest)

# %% [markdown] tags=["teaching-note"]
# The honest word for these channels is "prefers among our six tests". Let the class propose a seventh test, a bright line, and find out who wins. The caveat returns in lesson 07.

# %% [markdown]
# ## How much is zero?
#
# ReLU turns everything negative into zero, so many cells are exactly zero. The share of zeros is the **sparsity** of a layer. "Sparsity grows with depth", many courses say. **Predict first:** is it true? A fire module has three convolutions, so we draw three curves.

# %% alt="Three curves of the share of zeros over the fire modules 2 to 9. On the whole all rise with depth: the squeeze layers smoothly from 16 to 40 percent, the 3 x 3 layers in zigzags from 64 to 93, the 1 x 1 layers between them. Both expand layers dip at module 8."
from cnnvis_helpers import show_curve, sparsity

zeros = {each.name: 100 * each.zeros for each in sparsity(net, photo)}
kinds = ["squeeze1x1", "expand1x1", "expand3x3"]
curves = {kind: [zeros[f"fire{n}_{kind}"] for n in range(2, 10)] for kind in kinds}
show_curve(range(2, 10), curves, xlabel="fire module", ylabel="zeros in percent")
for name in ["conv1", "fire2_squeeze1x1", "fire9_squeeze1x1", "fire2_expand3x3",
             "fire9_expand3x3", "conv10"]:
    print(f"{name:16} {zeros[name]:.0f}%")
# <check>
assert zeros["fire9_expand3x3"] > 90 and zeros["conv10"] < 30
# </check>

# %% [markdown]
# On the whole it is true of each kind, if in zigzags: from 64% to 93% in the 3 x 3 layers, with a deep dip at module 8. A deep channel responds to something special, such as an eye, and most places are not an eye. The squeeze layers are far less sparse: they have few channels (16 to 64), and everything must pass through them.
#
# And `conv10`, the very last, has only 26% zeros. Its 1000 maps are the scores of the classes, and a class with little evidence still gets small numbers rather than zeros.
#
# **Exercise: zeros by hand.** Return the share of exact zeros in an array of any shape and sign, from 0 to 1.


# %%
def share_of_zeros(maps):
    """Share (0..1) of the values of maps, of any shape and sign, that are exactly zero."""
    # <solution>
    return float((maps == 0).mean())
    # </solution>


check("02-zeros", share_of_zeros)

# %% [markdown]
# ## How far can a cell see?
#
# A cell of `conv1` sees 3 x 3 pixels. A cell of the next layer sees a window of *such cells*, and so on: its **receptive field** grows with each layer, and faster after each pooling, because then neighbouring cells lie further apart.

# %% alt="Left, three boxes on the cat: one as small as a pupil, one as large as an eye with its surroundings, and one that covers nearly all of the photo. Right, a curve of the pixels that a cell sees over the fire modules 2 to 9; it is steeper behind module 3, and again behind module 5."
from cnnvis_helpers import figure_row, show_boxes

names = ["fire3_concat", "fire5_concat", "fire9_concat"]
fields = [receptive_field(net, name) for name in names]
boxes = [f.box(f.cells[0] // 2, f.cells[1] // 2, photo) for f in fields]
modules = range(2, 10)
widths = [receptive_field(net, f"fire{n}_concat").size[0] for n in modules]
with figure_row(2, width=10, height=3.6) as (left, right):
    show_boxes(photo, boxes, labels=names, title="What one cell can see", ax=left)
    show_curve(modules, widths, xlabel="fire module", ylabel="pixels across", ax=right)
for f in fields:
    print(f)
# <check>
assert [f.size[0] for f in fields] == [23, 63, 207]
# </check>

# %% [markdown]
# 23, 63 and 207 pixels of the 227: a pupil, an eye, nearly the whole photo. The curve jumps after modules 3 and 5, where the network pools. So a cell of `fire9_concat` *can* know that there is a cat. (What it can see is not what it uses: pixels in the middle of the box reach it on many paths, those at the edge on few. And the boxes are wider than high because the network reads the photo squeezed into a square.)
#
# **Exercise: the receptive field on paper.** Layers come in order as pairs (window, stride), such as `[(3, 1), (2, 2), (3, 1)]`. Return how many pixels wide the receptive field of one cell of the last layer is.


# %%
def field_size(layers):
    """Width in pixels that one cell sees through layers [(window, stride), ...]."""
    # <solution>
    size, step = 1, 1
    for window, stride in layers:
        size += (window - 1) * step
        step *= stride
    return size
    # </solution>


check("02-field", field_size)

# %% [markdown] tags=["teaching-note"]
# Draw the pyramid of cells on the board, from the top down. The usual slip is to multiply by the layer's own stride before adding.

# %% [markdown]
# ## What is left at each stage
#
# Now back to the question in the title. We repeat the experiment of the beginning at four depths: each time from grey noise, with nothing but the maps of one layer.
#
# **Predict first:** `fire9_concat` has 13 x 13 cells. What will the fourth picture show?

# %% alt="Four pictures. From conv1 the photo itself; from fire3_concat nearly the photo in slightly paler colours; from fire5_concat the cat in pale colours, with eyes, nose and spotted fur; from fire9_concat coloured noise, in which no cat can be seen."
stages = ["conv1", "fire3_concat", "fire5_concat", "fire9_concat"]
found = {name: invert_features(net, photo, name, steps=60) for name in stages}
show_grid([each.picture for each in found.values()], stages, columns=4)
for name, each in found.items():
    print(f"{name:13} error {each.error:.2f}, correlation with the photo {each.correlation:.2f}")
# <check>
assert found["conv1"].correlation > 0.95 and abs(found["fire9_concat"].correlation) < 0.1
# </check>

# %% [markdown]
# `error` says how much the maps still differ (0: not at all), `correlation` how much the *pixels* agree. From `conv1` the photo comes back nearly perfect, at 0.99, and from `fire3_concat` at 0.84. So early layers throw away almost nothing.
# At `fire5_concat` the colours go and the drawing stays. And from `fire9_concat` comes coloured noise, whose correlation with the photo is close to 0, although the error of its maps is only about a third. Is nothing left?
#
# Ask the network. **Predict first:** what does the network say about the fourth picture?

# %%
for name, picture in [("photo", photo), ("from fire9_concat", found["fire9_concat"].picture)]:
    print(name)
    for guess in net.predict(picture, top=3):
        print(f"   {guess.label:13} {guess.probability:.2f}")
# <check>
answer = net.predict(found["fire9_concat"].picture, top=3)
assert {each.label for each in answer} == {"Egyptian cat", "tiger cat", "tabby"}
assert sum(each.probability for each in answer) > 0.8
# </check>

# %% [markdown]
# Surprised? You see noise; the network sees the same three cats, and hardly anything else. (Which of the three comes first may differ from computer to computer.) What *it* needs for its answer is still there. What *we* need to recognise a cat is not.
#
# So this is the answer to the question in the title. Early layers keep the photo, late layers keep the *answer*. Lesson 06 turns this into an attack.
#
# **Exercise: what may you conclude?** From the last layer of a network that tells left hands from right hands, an inversion brings back a picture in which nobody recognises a hand. Which sentence is justified? (a) The network does not look at the hand. (b) The layer has lost the information on which hand it is.
# (c) Many different pictures have the same maps there, and this is one of them. (d) The inversion has failed.

# %%
# <solution>
conclusion = "c"
# <stub>
# conclusion = None  # a letter from a to d
# </solution>
check("02-conclusion", conclusion)

# %% [markdown] tags=["teaching-note"]
# 8 min, the heart of the lesson. Show the fourth picture, collect guesses, and only then run the prediction. Ask: is this a flaw of the network? Every classifier must throw away what does not matter; the surprise is how much that is.

# %% [markdown]
# ## Explore
#
# Every map of every layer. Find a channel that sees the background, one that sees the eyes, and one that sees nothing. Do they keep their roles with another photo?

# %%
from cnnvis_helpers import explore_layers

explore_layers(net, photo, layer="fire5_expand3x3")

# %% [markdown]
# ## What goes wrong: pixels on the wrong scale
#
# Many tutorials divide every photo by 255. Some networks want this: a small one for cats and dogs, with 3,453,121 numbers, is a well-known example. <!-- source -->
# SqueezeNet, as it is built here, wants 0 to 255. `net.predict` refuses a photo of values from 0 to 1. The bare model does not complain:

# %% alt="Two maps of the cat from the same filter, from pixels 0 to 255 and from pixels 0 to 1. They look nearly the same, but the first runs to 176, the second to 0.73."
small = net.prepare(photo) / 255
wrong = extractor(small)
two = [maps["conv1"][..., 31], wrong["conv1"][0, ..., 31].numpy()]
show_grid(two, ["0..255", "0..1"], columns=2, scale="each", cmap="viridis")
print(f"largest values {two[0].max():.0f} and {two[1].max():.2f}")
print("the model says:", net.labels[net.logits(small).numpy().argmax()])
# <check>
assert "cat" not in net.labels[net.logits(small).numpy().argmax()]
# </check>

# %% [markdown]
# A nematode is a worm. Each on its own scale, the maps look nearly the same; only the numbers below them give the mistake away. No error, no warning. So check the *prediction* before you interpret any map.

# %% [markdown]
# ## Go deeper: from a cell back to the photo
#
# **Exercise: the middle of a cell.** A map has `rows` x `columns` cells and covers a photo of shape (H, W) evenly. Return the middle of the cell (row, column) as a tuple (y, x) in pixels of the photo; the upper left corner of the photo is (0, 0).


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
# ## Go deeper: a photo from the web
#
# `load_photo("https://...")` downloads a picture once and keeps it in a cache; after that it needs no internet. To show this even offline, `photo_server` starts a small web server on this computer, with our photo on it, and stops it at the end of the block.

# %%
from cnnvis_helpers.classroom.serving import photo_server

with photo_server(photo) as address:
    first = load_photo(address)

again = load_photo(address)  # the server is gone: this comes from the cache
print("the same picture:", np.array_equal(first, again), again.shape)
# <check>
assert np.array_equal(again, photo)
# </check>

# %% [markdown]
# ## Take-away
#
# 1. A feature map says where in the photo a filter found what it responds to; one pass gives the maps of all layers.
# 2. Drawn tests say what a channel prefers among the tests; only real photos show what else it responds to.
# 3. Early layers keep the photo, late layers keep the answer: noise with the right maps is a cat to the network.

# %% [markdown]
# ## Further reading
#
# - Mahendran and Vedaldi, [Understanding deep image representations by inverting them](https://arxiv.org/abs/1412.0035)
# - Zeiler and Fergus, [Visualizing and understanding convolutional networks](https://arxiv.org/abs/1311.2901)
# - Luo et al., [Understanding the effective receptive field](https://arxiv.org/abs/1701.04128)
# - Iandola et al., [SqueezeNet](https://arxiv.org/abs/1602.07360)

# %% [markdown]
# ## Next lesson
#
# The maps say what a layer found. Which part of the photo does the answer depend on? [Lesson 03](03_occlusion.ipynb) hides one part after another.
