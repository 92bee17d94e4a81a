# %% [markdown]
# # Which places in the photo raise the score of a class?
#
# **You will do:** build a class activation map and Grad-CAM by hand, ask a network "why cat rather than dog", and test its answer against an outline.
#
# **You will learn:** how maps and gradients make a heat map, how Grad-CAM and its relatives differ, and which choices can spoil the picture.
#
# **You need:** [lesson 02](02_feature_maps.ipynb); that a derivative says how fast a number changes.
#
# **Time:** 45 minutes

# %% [markdown] tags=["teaching-note"]
# 45 min: CAM 7, the tape 3, Grad-CAM and the ratio 9, checking with the outline 4, cat or dog 5, logits and layers 7, relatives 4, what goes wrong 4, the slide exercise 2; a class that is not there, the field's library and your turn at home.
# The other exercises are homework. The room enjoys the wrong number on the slide. With 15 minutes only: CAM, the ratio, what goes wrong.

# %% [markdown]
# The first cell loads what this lesson uses. Another network? Change the line `NETWORK = "course"`.

# %% tags=["exercise-setup", "long"]
import numpy as np

from cnnvis_helpers import (
    cam,
    check,
    conv_layers,
    feature_maps,
    figure_row,
    gradcam,
    gradcam_from,
    hint,
    layer_gradients,
    list_networks,
    load_network,
    load_photo,
    photo_alt,
    pooled_head,
    resize_map,
    show_curve,
    show_grid,
    show_map,
    show_matrix,
    show_overlay,
    show_photo,
    solution,
)

NETWORK = "course"  # a name from list_networks(), or the path of your own Keras model
net = load_network(NETWORK)
photo = load_photo("chelsea")

# %% [markdown]
# ## Predict first
#
# The next cell shows a photo, and prints what the network calls it. **Predict first:** which part of the photo gave the class its points?
# And if you asked for a class that is *not* there, what should the heat map look like?

# %%
best, second = net.predict(photo, top=2)
rival = net.class_index("dog") if net.name == "course" else second.index
show_photo(photo, alt=photo_alt("chelsea"))
print(f"top class: {best.label}, probability {best.probability:.3f}")
print("the class that we shall compare with:", net.labels[rival])
if net.name == "course":
    assert best.label == "cat" and best.probability > 0.97

# %% [markdown]
# ## How the last maps become a score
#
# Many networks end in the same short way. The last maps are averaged, one number a channel (**global average pooling**), and one Dense
# layer multiplies these numbers by the weights of each class. `pooled_head` finds both ends of it.

# %%
try:
    layer, dense = pooled_head(net)
except ValueError as reason:  # another kind of network: CAM does not exist for it, Grad-CAM does
    layer, dense = net.last_conv, None
    print(reason, "The cells on CAM and on the ratio stay empty for this network.")
maps = feature_maps(net, photo, layer)
height, width, channels = maps.shape
print(f"layer {layer}: {channels} maps of {height} x {width} cells")
if net.name == "course":
    assert layer == "block5_conv2" and maps.shape == (8, 8, 320)

# %% [markdown]
# Here are the eight maps that give the class most: largest mean times weight. They say where each channel was active, in coarse cells; none
# of them draws an outline. `net.score_vector(c)` has a 1 at class $c$ and 0 elsewhere: a matrix times it picks one column.

# %%
if dense is not None:
    weights = dense.kernel.numpy() @ net.score_vector(best.index)  # the column of the class
    givers = np.argsort(-weights * maps.mean(axis=(0, 1)))[:8]
    show_grid(
        [maps[..., k] for k in sorted(givers)],
        titles=[f"channel {k}" for k in sorted(givers)],
        columns=4,
        cmap="viridis",
        percentile=99.5,
        title=f"The eight maps that give {best.label} most",
        alt=f"Eight coarse maps of {height} by {width} cells"
        + (
            "; the bright cells lie in broad patches, in several of them at the same place."
            if net.name == "course"
            else ", each with bright cells where its channel was active."
        ),
    )

# %% [markdown]
# ## A class activation map by hand
#
# The score, or logit, $S_c$ of the class $c$ is the pooled maps times the weights. Both steps are sums, so their order can be changed:
#
# $$S_c = b_c + \sum_k w_k^c \, \frac{1}{Z} \sum_{i,j} A_{ij}^k = b_c + \frac{1}{Z} \sum_{i,j} M_{ij}^c
# \qquad\text{with}\qquad M_{ij}^c = \sum_k w_k^c A_{ij}^k$$
#
# where $A_{ij}^k$ is the value of map $k$ in row $i$ and column $j$, $Z$ the number of cells, $w_k^c$ the weight of channel $k$ for class $c$,
# and $b_c$ the bias of the class. $M^c$ is the **class activation map** (CAM). Divided by $Z$, it is the share of each place in the score.

# %%
if dense is not None:
    by_hand = maps @ weights  # (h, w, c) times (c,): one number a cell
    score = by_hand.mean() + dense.bias.numpy() @ net.score_vector(best.index)
    truth = net.logits(net.prepare(photo)).numpy()[0] @ net.score_vector(best.index)
    print(f"mean of the map plus bias {score:.4f}, logit of the network {truth:.4f}")
    assert np.isclose(score, truth, atol=1e-3)
    assert np.allclose(by_hand, cam(net, photo, best.index, resize=False), atol=1e-3)

# %% [markdown]
# For a network with a pooled head nothing was estimated: the mean of the map, plus the bias, is the score. ResNet50 ends in the same way, with 2048 maps of 7 x 7 cells and 2048 weights a class: with
# `NETWORK = "resnet50"` this section runs as it is. The helper `cam` gives the same numbers. Look at the cells themselves before
# anything is smoothed.

# %%
if dense is not None:
    row, column = np.unravel_index(by_hand.argmax(), by_hand.shape)
    limit = float(np.abs(by_hand).max())
    look = dict(signed=True, vmax=limit, label="logits")
    with figure_row(
        2,
        alt=(
            f"Left, the photo under {height} by {width} coloured cells, darkest red in row "
            f"{row + 1}, column "
            f"{column + 1}; right, the same values as a smooth heat."
        ),
    ) as (left, right):
        show_overlay(photo, by_hand, grid=True, title="What was computed", ax=left, **look)
        show_overlay(photo, cam(net, photo, best.index), title="Enlarged", ax=right, **look)

# %% [markdown]
# The smooth picture of a class activation map looks precise to the pixel. It is not: everything it knows is in the cells, and the smooth edges come from
# the enlargement alone.

# %% [markdown] tags=["teaching-note"]
# 7 min. Write the two sums on the board and swap them; the whole method is that swap. Ask: why is there no ReLU here? (A CAM is exact with
# its negative cells; cut them off and it no longer adds up.) A common misconception is that the pooled value keeps the place: it does not,
# the maps before pooling do.

# %% [markdown]
# ## A tape for slopes
#
# What about a network with another head, or an earlier layer? There are no weights $w_k^c$ to read. But one can ask how fast the score changes when a cell of a map changes: a
# derivative. TensorFlow finds it with a `GradientTape`, a recorder. What is computed inside the `with` block is written down, step by step. Then `tape.gradient(y, x)` goes
# through the record backwards, from the result $y$ to the value $x$, and multiplies the slopes of the single steps. Try it where you know the answer: $y = 3 x^2$ at $x = 2$.

# %%
import tensorflow as tf

x = tf.constant(2.0)
with tf.GradientTape() as tape:
    tape.watch(x)  # a constant is followed only when you ask for it
    square = x**2  # a value on the way
    y = 3 * square
slope, slope_of_square = tape.gradient(y, [x, square])

step = 0.01
by_steps = (3 * (2 + step) ** 2 - 3 * (2 - step) ** 2) / (2 * step)
print(f"slope of y for x: {slope:.2f} from the tape, {by_steps:.2f} from two small steps")
print(f"slope of y for the value on the way, x squared: {slope_of_square:.2f}")
assert np.isclose(slope, 12) and np.isclose(by_steps, 12) and slope_of_square == 3
across = np.linspace(0, 3, 31)
show_curve(
    across,
    {"y = 3 x²": 3 * across**2, "a line of slope 12": 12 + 12 * (across - 2)},
    xlabel="x",
    ylabel="y",
    alt="A parabola, and a straight line that touches it at x = 2.",
)

# %% [markdown]
# The slope is 12, as $6x$ says, and the second slope is 3: if $x^2$ grew by a little, $y$ would grow by three times as much. This second kind is what we need, for the maps of a
# layer are values on the way too. The record holds only what TensorFlow itself computes inside the block: `tf.reduce_sum` is its name for `np.sum`, `tf.reduce_mean` for `np.mean`.
# NumPy and `model.predict` leave no trace, and then the tape answers `None`.

# %% [markdown]
# ## Grad-CAM by hand
#
# **Grad-CAM** takes a gradient in place of the missing weights:
# how fast does the score rise when a cell of map $k$ rises? Averaged over the cells, this is the weight of the map:
#
# $$\alpha_k^c = \frac{1}{Z} \sum_{i,j} \frac{\partial S_c}{\partial A_{ij}^k}
# \qquad\qquad L^c = \mathrm{ReLU}\Big(\sum_k \alpha_k^c A^k\Big)$$
#
# with the weight $\alpha_k^c$ of map $k$ for class $c$ and the heat map $L^c$; the other symbols are as above. $\partial S_c / \partial A_{ij}^k$ is the slope of the score
# for one cell. The ReLU keeps what speaks *for* the class. `net.forward` runs the network and also hands out the maps of a layer, from the same pass.


# %%
def gradcam_by_hand(score_of, layer):
    """Heat map (h, w) before the ReLU; score_of(logits) says what to differentiate."""
    pixels = tf.constant(net.prepare(photo))
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        logits, (activations,) = net.forward(pixels, [layer])
        score = score_of(logits)
    gradients = tape.gradient(score, activations)  # (1, h, w, c), as the maps
    alpha = tf.reduce_mean(gradients, axis=(0, 1, 2))  # (c,)
    return tf.reduce_sum(activations[0] * alpha, axis=-1).numpy()


def logit_of(target):
    """Score function: the logit of a class. score_vector is 1 at this class, else 0."""
    return lambda logits: tf.reduce_sum(logits * net.score_vector(target))


signed = gradcam_by_hand(logit_of(best.index), layer)
heat = np.maximum(signed, 0)  # the ReLU
assert np.allclose(heat, gradcam(net, photo, best.index, layer, resize=False), atol=1e-5)
print("largest value", round(float(heat.max()), 4), ": equal to the helper's map")

# %% [markdown]
# With a bare Keras model `net.forward` becomes a second model with two outputs: the maps of the layer, and the scores. Make sure that the last layer has no softmax.

# %%
import keras

if net.name == "course":  # its model reads pixels and gives logits
    model = net.model
    both = keras.Model(model.input, [model.get_layer(layer).output, model.output])
    pixels = tf.constant(net.prepare(photo))
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        activations, scores = both(pixels)
        score = scores[0, best.index]
    alpha = tf.reduce_mean(tape.gradient(score, activations), axis=(0, 1, 2))
    bare = tf.reduce_sum(activations[0] * alpha, axis=-1).numpy()
    print("largest difference:", f"{np.abs(bare - signed).max():.0e}")
    assert np.allclose(bare, signed, atol=1e-5)

# %% [markdown]
# ## Two methods, one map?
#
# **Predict first:** the two methods took different ways. How similar will their maps be? Divide one by the other, cell by cell.

# %%
if dense is not None:
    ratio = by_hand / signed
    print(np.array2string(ratio[:4, :4], precision=3, suppress_small=True))
    print("smallest and largest ratio:", ratio.min().round(2), ratio.max().round(2))
    print("cells of the map:", height * width)

# %% [markdown]
# With a pooled head all cells have the same ratio. Stop here for a minute: where does this number come from? The score is $S_c = b_c + \frac{1}{Z} \sum_k w_k^c \sum_{i,j} A_{ij}^k$. Take the derivative
# with respect to one cell $A_{ij}^k$: everything else drops out and $w_k^c / Z$ remains, the same for every cell of the map. So
# $\alpha_k^c = w_k^c / Z$, and for such a network **Grad-CAM is CAM divided by $Z$**. It is the more general method, not another one.

# %%
if dense is not None:
    assert np.allclose(signed * height * width, by_hand, atol=1e-3)
    _, gradients = layer_gradients(net, photo, best.index, layer)
    assert np.allclose(gradients, weights / (height * width), atol=1e-5)
    k = givers[0]
    print(f"gradients of map {k}: {gradients[..., k].min():.6f} to {gradients[..., k].max():.6f}")
    print(
        f"its weight for {best.label}, divided by {height * width}: "
        f"{weights[k] / height / width:.6f}"
    )

# %% [markdown] tags=["teaching-note"]
# 12 min with the tape. Let them see the ratios before you scroll. Somebody will say "rounding errors" or "coincidence"; let them count the cells. Then the
# derivative on the board: one line. What goes wrong live: `model.predict` returns NumPy, which has no gradient; the tape needs the model
# called inside it.

# %% [markdown]
# ## On paper
#
# One worked example, small enough to check by head. Three channels show the same map, the gradients differ. Average each gradient, weight,
# add. (One of the averages was printed wrong on a lecture slide. You will find it in the exercises.)

# %%
small_map = np.add.outer([1.0, 1.1, 1.2, 1.3], [0.0, 0.1, 0.2, 0.3])
activations = np.stack([small_map] * 3, axis=-1)  # (4, 4, 3)
gradients = np.stack([small_map - 0.9, small_map - 0.5, small_map], axis=-1)

on_paper = gradcam_from(activations, gradients)
tables = {"each of the three maps": small_map}
tables |= {f"gradient of channel {k + 1}": gradients[..., k] for k in range(3)}
with figure_row(
    5,
    width=15,
    height=3.4,
    alt="Five tables of four by four numbers: the map, which rises from 1.0 to 1.6; its three "
    f"gradients; and Grad-CAM, which rises from {on_paper.min():.2f} to {on_paper.max():.2f}.",
) as axes:
    for ax, (name, table) in zip(axes, (tables | {"Grad-CAM": on_paper}).items(), strict=True):
        show_matrix(table, name, ax=ax, vmin=0, vmax=4)
assert np.allclose(on_paper, 2.5 * small_map)

# %% [markdown]
# ## Is the heat where it should be?
#
# Somebody drew the outline of this cat by hand. The share of the heat inside the outline is a number; heat spread evenly would score exactly the share of
# the photo that the cat covers.

# %%
from cnnvis_helpers import load_mask

outline = load_mask("chelsea")
heat = gradcam(net, photo, best.index)  # at the photo's size


def share_inside(heat, mask):
    """Share (0..1) of the heat inside a mask; nan for an empty map."""
    return float(heat[mask].sum() / heat.sum()) if heat.any() else float("nan")


print(f"{share_inside(heat, outline):.0%} of the heat, {outline.mean():.0%} of the photo")
if net.name == "course":
    assert share_inside(heat, outline) > 0.8 > outline.mean() > 0.5

# %% [markdown]
# With the course network the heat prefers the cat; but the cat fills most of this photo, so the test is not hard. A harder one: the head in the photo `astronaut`
# covers a fourteenth of it.

# %%
astronaut, head = load_photo("astronaut"), load_mask("astronaut")
target = "face" if net.name == "course" else None  # None: the photo's top class
on_astronaut = gradcam(net, astronaut, target)
show_overlay(
    astronaut,
    on_astronaut,
    title=f"Grad-CAM for {target or net.predict(astronaut)[0].label}",
    alt="The astronaut in grey under a heat map"
    + ("; it is brightest on her head, and weaker around it." if target else "."),
)
print(
    f"{share_inside(on_astronaut, head):.0%} of the heat lies on the head, {head.mean():.0%} of "
    "the photo"
)
if net.name == "course":
    assert round(1 / head.mean()) == 14 and share_inside(on_astronaut, head) > 3 * head.mean()
    assert head[np.unravel_index(on_astronaut.argmax(), head.shape)]  # the peak is on the head

# %% [markdown]
# To keep such a picture, blend it and write it to disk: here the colours of the heat count 0.4, the photo the rest. A temporary folder stands for yours.

# %%
import tempfile
from pathlib import Path

from cnnvis_helpers import overlay_picture, save_picture

with tempfile.TemporaryDirectory() as folder:
    blend = overlay_picture(photo, heat, alpha=0.4, fade=False, grey=False)
    path = save_picture(Path(folder) / "heat.png", blend)
    again = load_photo(path)
print("saved", path.name, "with", again.shape, "values")
assert np.array_equal(again, blend)
show_photo(again, "heat.png", alt=f"The photo in colour, under the heat map for {best.label}.")

# %% [markdown]
# ## Why this class rather than that one?
#
# A score can be any number made of logits. The difference of two logits, $S_a - S_b$, asks "why $a$ rather than $b$": `target=(a, b)`. Leave out the ReLU,
# so that red speaks for $a$ and blue for $b$. First each class alone, then the difference, on one scale.

# %%
from cnnvis_helpers import compare_maps

pair = {
    best.label: gradcam(net, photo, best.index, relu=False),
    net.labels[rival]: gradcam(net, photo, rival, relu=False),
    f"{best.label} rather than {net.labels[rival]}": gradcam(
        net, photo, (best.index, rival), relu=False
    ),
}
compare_maps(
    pair,
    signed=True,
    title="Before the ReLU",
    alt="Three heat maps on one scale, red for and blue against: "
    + "; ".join(f"{name} from {each.min():.2f} to {each.max():.2f}" for name, each in pair.items())
    + (
        "; dog is blue where cat is reddest, and the difference is deepest there."
        if net.name == "course"
        else "."
    ),
)
a, b, difference = pair.values()
if net.name == "course":
    assert b.ravel()[a.argmax()] < 0
    assert difference.ravel()[a.argmax()] > 0.9 * difference.max()
if net.units > 1:  # a single logit is the difference already
    assert np.allclose(a - b, difference, atol=1e-4)  # before the ReLU, maps subtract as logits do

# %% [markdown]
# The same question about the astronaut. **Predict first:** the course network calls the whole photo a shoe. Where is the shoe for it, and where
# the face?

# %%
first, other = (
    ("face", "shoe")
    if net.name == "course"
    else [guess.index for guess in net.predict(astronaut, top=2)]
)
names = [net.labels[net.class_index(each)] for each in (first, other)]
contrast = gradcam(net, astronaut, (first, other), relu=False)
show_overlay(
    astronaut,
    contrast,
    signed=True,
    title=f"Red: {names[0]}, blue: {names[1]}",
    alt=f"Signed heat map on the astronaut: red where {names[0]} gains, blue where {names[1]} does"
    + (
        "; pale red on her hair, deep blue on the collar and chest."
        if net.name == "course"
        else "."
    ),
)
if net.name == "course":
    assert net.predict(astronaut)[0].label == "shoe"
    assert contrast[head].mean() > 0 > contrast[~head].mean()

# %% [markdown] tags=["teaching-note"]
# 5 min. This is the most useful question in practice: why did it choose the wrong class? Typical mistake: subtracting two finished maps, after
# the ReLU. What spoke against each class is lost by then; see the exercises.

# %% [markdown]
# ## Logit or probability?
#
# Several published notebooks differentiate the probability $p_c$, after the softmax; so does Keras's own example of [integrated gradients](https://keras.io/examples/vision/integrated_gradients/), a method of lesson 05. The chain rule says what that does:
#
# $$\frac{\partial p_c}{\partial A} = p_c \Big( \frac{\partial S_c}{\partial A} - \sum_j p_j \frac{\partial S_j}{\partial A} \Big)$$
#
# with the probability $p_j$ and the logit $S_j$ of each class $j$. For a class that the network is sure of, $p_c$ is near 1, the bracket subtracts
# nearly everything, and the gradient vanishes: softmax is **saturated**. Let us make the network surer by multiplying its logits by 2, 4, and so on;
# the order of the classes stays the same.


# %%
def probability_of(target, sharper=1):
    """Score function: the probability of a class, of logits times `sharper`."""
    head = tf.sigmoid if net.head == "sigmoid" else tf.nn.softmax
    return lambda logits: tf.reduce_sum(head(sharper * logits) * net.score_vector(target))


def peak(score_of):
    return float(np.abs(gradcam_by_hand(score_of, layer)).max())


for k in (1, 2, 4, 8, 16):
    logit = k * peak(logit_of(best.index))
    probability = peak(probability_of(best.index, k))
    print(
        f"logits x {k:2d}: peak from the logit {logit:.3f}, from the probability {probability:.2g}"
    )
if net.name == "course":
    assert probability == 0 and peak(probability_of(best.index)) < 0.03 * peak(logit_of(best.index))

# %% [markdown]
# The surer the network, the emptier the map; with the course network it is exactly zero at last. Rescaling for display hides this until the last moment. The probability also asks another
# question: for a class that the network rejects, the bracket is "this class *rather than the winner*". Below is a class that finds some support in the photo,
# of the runners-up the one with the strongest map.

# %%
runners_up = [guess.index for guess in net.predict(photo, top=6)[1:]]
loser = max(runners_up, key=lambda c: gradcam(net, photo, c, layer, resize=False).max())
from_logit = gradcam_by_hand(logit_of(loser), layer)
from_probability = gradcam_by_hand(probability_of(loser), layer)
show_grid(
    [from_logit, from_probability],
    titles=["from its logit", "from its probability"],
    columns=2,
    scale="each",
    signed=True,
    title=f"Grad-CAM for {net.labels[loser]}, before the ReLU",
    alt=f"Two coarse maps for the same class: {(from_logit > 0).mean():.0%} of the cells are red "
    f"on the left, {(from_probability > 0).mean():.0%} on the right; the others are blue.",
)
print(
    "peak after the ReLU:",
    f"{max(from_logit.max(), 0):.3f} and {max(from_probability.max(), 0):.1e}",
)
if net.name == "course":
    assert from_logit.max() > 0.04 and from_probability.max() < -0.05 * from_probability.min()
    rather = gradcam(net, photo, (loser, best.index), relu=False, resize=False)
    assert np.corrcoef(from_probability.ravel(), rather.ravel())[0, 1] > 0.99

# %% [markdown]
# Each map has its own scale, printed below it. The left one shows where the photo supports the class. With the course
# network the right one has the shape of "this class rather than cat", and after the ReLU next to nothing is left of it. So differentiate the logit, and
# to ask "rather than", say so with a pair.

# %% [markdown]
# ## Which layer?
#
# Early layers have fine maps that know little about classes; late ones know the class and have few cells. Here is Grad-CAM for the
# same class from several depths. For earlier layers the gradient differs from cell to cell, and averaging it throws that away.

# %%
rows = conv_layers(net)
names = [rows[int(share * (len(rows) - 1))].name for share in (0.5, 0.75, 0.9)] + [net.last_conv]
by_layer = {name: gradcam(net, photo, best.index, name) for name in names}
show_grid(
    list(by_layer.values()),
    titles=list(by_layer),  # a small network has fewer than four
    columns=4,
    scale="each",
    title="Grad-CAM from several layers, each on its own scale",
    alt=f"{len(by_layer)} heat maps from early to late"
    + (
        ": fine and scattered at first, one broad blob on the animal at last."
        if net.name == "course"
        else ", from fine cells to coarse ones."
    ),
)
for name, each in by_layer.items():
    print(f"{name:24s} {share_inside(each, outline):.0%} inside the outline")
if net.name == "course":
    shares = [share_inside(each, outline) for each in by_layer.values()]
    assert np.ptp(shares) < 0.1 and shares[-1] < shares[0]

# %% [markdown]
# The last maps are what the score is made of; averaging the gradient of an earlier layer loses which cell counted. Read the last maps before pooling, unless you
# have a reason. With the course network, the shares inside the outline differ by less than a tenth and do not rise with depth: one number is never the whole story.
#
# ### A trap: the last convolution is not the last map
#
# "Take the last convolution" is a common rule. In a network with **shortcuts**, which carry a layer's input past some convolutions and add it to their result, it is
# wrong. The convolution makes only one *summand*; the shortcut adds another, and the ReLU comes after. A tiny network shows it: only the maps that are really pooled give the exact CAM.

# %%
keras.utils.set_random_seed(0)
inputs = keras.Input((16, 16, 3))
shortcut = keras.layers.Conv2D(6, 1, name="shortcut")(inputs)
branch = keras.layers.Conv2D(6, 3, padding="same", name="branch_conv")(inputs)
total = keras.layers.Add(name="add")([shortcut, branch])
pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU(name="out")(total))
tiny = load_network(
    keras.Model(inputs, keras.layers.Dense(2, name="scores")(pooled)), preprocess="tf"
)

exact = np.maximum(cam(tiny, photo, 1, resize=False), 0)
for name in ("branch_conv", "out"):
    found = gradcam(tiny, photo, 1, name, resize=False)
    agreement = np.corrcoef(found.ravel(), exact.ravel())[0, 1]
    print(f"{name:12s} correlation with the exact map {agreement:.3f}")
    assert np.allclose(found * 256, exact, atol=1e-3) == (name == "out")
convolutions = [row.name for row in conv_layers(tiny)]
print("last convolution:", convolutions[-1], " last map:", tiny.last_conv)
assert tiny.last_conv == "out" and convolutions[-1] == "branch_conv"

# %% [markdown]
# That is why this course asks for `net.last_conv`, the last *map* on the way to the output, whatever kind of layer makes it. In ResNet50 it is `conv5_block3_out`, while
# the last convolution is `conv5_block3_3_conv`. In DenseNet121 the last convolution makes only 32 of the 1024 channels that are pooled.
#
# Does it show in the picture? When the weights of a large network are on this machine, the next cell asks it. Otherwise it says so, and shows the tiny one.

# %%
here = {row.name for row in list_networks() if row.here}
large = [name for name in ("resnet50", "densenet121", "mobilenetv2") if name in here]
asked, target = (load_network(large[0]), None) if large else (tiny, 1)
if not large:
    print("No ImageNet network is on this machine, so this says nothing about one. To fetch the")
    print("classic case, with a connection: from cnnvis_helpers import prefetch")
    print('prefetch("resnet50")    (103 MB); then run this cell again.')
last_convolution = conv_layers(asked)[-1].name
two = {name: gradcam(asked, photo, target, name) for name in (last_convolution, asked.last_conv)}
correlation = np.corrcoef([each.ravel() for each in two.values()])[0, 1]
show_grid(
    list(two.values()),
    titles=[f"last convolution: {last_convolution}", f"last map: {asked.last_conv}"],
    columns=2,
    scale="each",
    title=f"Grad-CAM of {'the tiny network' if asked is tiny else asked.name}, two layers",
    alt=f"Two heat maps of one class, each on its own scale; their correlation is "
    f"{correlation:.2f}.",
)
print(f"correlation of the two: {correlation:.2f}")

# %% [markdown] tags=["teaching-note"]
# 7 min for both questions. If someone asks why the pictures from the wrong layer look fine: they often do, because the branch and the sum
# are related. That a picture looks right is no test; the exact map is.

# %% [markdown]
# ## The relatives
#
# **Grad-CAM++** does not average the gradients. With $g_{ij}^k = \partial S_c / \partial A_{ij}^k$:
#
# $$\alpha_{ij}^k = \frac{(g_{ij}^k)^2}{2 (g_{ij}^k)^2 + \big(\sum_{a,b} A_{ab}^k\big) (g_{ij}^k)^3} \qquad
# w_k = \sum_{i,j} \alpha_{ij}^k \, \mathrm{ReLU}(g_{ij}^k) \qquad
# L = \mathrm{ReLU}\Big(\sum_k w_k A^k\Big)$$
#
# $g_{ij}^k$ is the gradient at row $i$, column $j$ of map $k$; the sum over $a, b$ adds up all cells of map $k$; $\alpha_{ij}^k$ is the share that this cell
# gets (0 where the denominator is 0); $w_k$ is the weight of the map; $L$ is the heat map. A map that is active in few cells gets a larger share, so a small
# second object of the class is not drowned by a large one.
#
# **LayerCAM** weights every cell by itself, $L = \mathrm{ReLU}\big(\sum_k \mathrm{ReLU}(g_{ij}^k) A_{ij}^k\big)$, which suits early layers. **Score-CAM** takes no
# gradient: it lays each map over the photo as a mask and takes the probability of the class as the map's weight, one pass a channel. Here it uses
# the 64 channels that vary most.

# %%
from cnnvis_helpers import gradcam_plus_plus, layercam, scorecam

relatives = {
    "Grad-CAM": gradcam(net, photo, best.index),
    "Grad-CAM++": gradcam_plus_plus(net, photo, best.index),
    "LayerCAM": layercam(net, photo, best.index),
    "Score-CAM": scorecam(net, photo, best.index, max_channels=64),
}
show_grid(
    list(relatives.values()),
    titles=list(relatives),
    columns=4,
    scale="each",
    title=f"Four methods for {best.label}; their units differ, so each has its own scale",
    alt="Four heat maps, each on its own scale"
    + (
        ", that look much alike: one broad bright region on the animal in each."
        if net.name == "course"
        else "."
    ),
)
for name, each in relatives.items():
    alike = np.corrcoef(each.ravel(), heat.ravel())[0, 1]
    print(
        f"{name:12s} {share_inside(each, outline):.0%} inside, correlation with Grad-CAM "
        f"{alike:.2f}"
    )
    assert net.name != "course" or alike > 0.9

# %% [markdown]
# With the course network all correlations are above 0.9. At the last layer of a network with a pooled head, the gradient is the same in every cell, which leaves the first three
# little to differ in. (Score-CAM uses no gradient.) **Predict first:** what happens in the middle of the network, where it is not the same?

# %%
middle = names[0]
early = {
    "Grad-CAM": gradcam(net, photo, best.index, middle),
    "Grad-CAM++": gradcam_plus_plus(net, photo, best.index, middle),
    "LayerCAM": layercam(net, photo, best.index, middle),
}
show_grid(
    list(early.values()),
    titles=list(early),
    columns=3,
    scale="each",
    title=f"Three methods at {middle}, each on its own scale",
    alt="Three heat maps of one layer in the middle, made of many small cells"
    + (
        "; Grad-CAM has scattered specks, Grad-CAM++ and LayerCAM are brightest at the two eyes."
        if net.name == "course"
        else "."
    ),
)
seen = {name: each.ravel() for name, each in early.items() if each.any()}
if len(seen) < len(early):  # a map before its ReLU can lead to this
    print("zero everywhere at this layer:", *(name for name in early if name not in seen))
alike = np.atleast_2d(np.corrcoef(list(seen.values())))
print("correlations:", alike[np.triu_indices(len(seen), 1)].round(2))
assert net.name != "course" or alike.min() < 0.5

# %% [markdown]
# With the course network the least of these correlations is below 0.5: here the choice of the method is a choice of the picture. Say which one you took, and at which layer.
#
# **Guided Grad-CAM** multiplies Grad-CAM with guided backprop, a gradient at the pixels in which every ReLU lets pass only what is positive. It has the finest
# lines of all. **Look at it with a warning:** the lines come from guided backprop, which draws edges and hardly asks for the class.
# Compare its lines for two classes.

# %%
from cnnvis_helpers import guided_backprop, guided_gradcam

try:
    fine = {net.labels[c]: guided_backprop(net, photo, c) for c in (best.index, rival)}
    guided = guided_gradcam(net, photo, best.index)
    drawn = {f"Guided Grad-CAM, {best.label}": guided}
    drawn |= {f"guided backprop, {name}": each for name, each in fine.items()}
    with figure_row(
        3,
        width=12,
        alt="Three maps of fine lines: Guided Grad-CAM, and guided backprop for two classes"
        + (
            "; eyes, nose and fur show in all, and the last two look nearly the same."
            if net.name == "course"
            else "."
        ),
    ) as axes:
        for ax, (name, each) in zip(axes, drawn.items(), strict=True):
            show_map(each, title=name, percentile=99.5, ax=ax)
    lines = np.corrcoef([each.ravel() for each in fine.values()])[0, 1]
    coarse = np.corrcoef(a.ravel(), b.ravel())[0, 1]
    print(f"correlation of the two classes: guided backprop {lines:.2f}, Grad-CAM {coarse:.2f}")
    assert net.name != "course" or round(lines, 1) == 0.9 and coarse < 0.5
except ValueError as reason:  # guided backprop is defined for networks of ReLUs alone
    print(reason)

# %% [markdown]
# With the course network the lines for cat and for dog are nearly the same picture: their correlation is about 0.9, that of the two Grad-CAMs below 0.5. Pretty, and not evidence;
# lesson 08 puts it to a hard test.

# %% [markdown] tags=["teaching-note"]
# 5 min. The room always likes Guided Grad-CAM best. Ask what they like: the lines. Then show the pair. The paper to name is Adebayo et al.,
# arXiv 1810.03292: guided backprop hardly changes when the network's weights are made random.

# %% [markdown]
# ## A class that is not there
#
# A network of the 1000 ImageNet classes can be asked for the African elephant, number 386, or the great white shark, number 2. This cat is neither: what is left of
# the map? The next cell asks when such a network is on this machine. Otherwise it says so, and puts the question to the class with the lowest score.

# %%
large = [name for name in ("vgg16", "resnet50", "mobilenetv2") if name in here]
imagenet = len(net.labels) == 1000 and net.labels[386] == "African_elephant"
knows = net if imagenet else load_network(large[0]) if large else None
if knows:
    assert knows.labels[386] == "African_elephant" and knows.labels[2] == "great_white_shark"
    assert knows.labels[281] == "tabby"
    same_name = sorted({name for name in knows.labels if knows.labels.count(name) > 1})
    print("names that stand for two classes:", same_name)
    assert same_name == ["crane", "maillot"]
    absent = [386, 2]
else:
    knows = net
    absent = [int(np.argmin(net.probabilities(net.logits(net.prepare(photo)))[0]))]
    print(f"No network here knows an elephant, {net.name} neither; we ask for", end=" ")
    print(f'{net.labels[absent[0]]}. NETWORK = "mobilenet_v2" knows the elephant.')
top = knows.predict(photo)[0]
answers = {knows.labels[c]: gradcam(knows, photo, c) for c in (top.index, *absent)}
compare_maps(
    answers,
    photo=photo,
    label="Grad-CAM",
    title=f"The network {knows.name} is asked for what it sees and for what is not there",
    alt="Heat maps on one scale; the largest values are "
    + ", ".join(f"{each.max():.3f} for {name}" for name, each in answers.items())
    + ".",
)
print(", ".join(f"{name}: peak {each.max():.4f}" for name, each in answers.items()))
if knows.name == "course":
    assert answers[knows.labels[absent[0]]].max() < 0.05 * answers["cat"].max()

# %% [markdown]
# ## The field's library
#
# tf-keras-vis has Grad-CAM and Grad-CAM++. `ReplaceToLinear` strips a softmax from a copy of the model. Say the layer yourself, because its default is the
# last convolution. The library does not prepare a photo: the model must get its pixels as it was trained on them, and `MODES` knows how for each network of Keras.

# %% tags=["long"]
import importlib.util

from cnnvis_helpers.networks.applications import MODES, application_of

application = application_of(knows.model)
library_here = importlib.util.find_spec("tf_keras_vis") is not None
ready_for_it = library_here and (application is not None or knows.name == "course")
if not library_here:
    print("tf-keras-vis is not installed here; `pip install tf-keras-vis` brings it.")
elif not ready_for_it:
    print("How this model wants its pixels is not known here, so the library is left out.")
else:
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    inputs = MODES[application.mode if application else "identity"](knows.prepare(photo))

    def theirs(method, c):
        explain = method(knows.model, model_modifier=ReplaceToLinear(), clone=True)
        grids = explain(
            CategoricalScore([c]),
            inputs,
            penultimate_layer=knows.last_conv,
            seek_penultimate_conv_layer=False,
            expand_cam=False,
            normalize_cam=False,
        )
        return np.asarray(grids)[0]

    theirs_now = {c: theirs(Gradcam, c) for c in (top.index, absent[-1])}
    for c, grid in theirs_now.items():
        A, g = layer_gradients(knows, photo, c)
        assert np.allclose(grid, gradcam_from(A, g), rtol=1e-3, atol=1e-5)
        print(f"Grad-CAM for {knows.labels[c]}: equal to ours, peak {grid.max():.4f}")

# %% [markdown]
# Its Grad-CAM++ differs from the paper in two ways: it multiplies by $e^{S_c}$, the same for every cell, and it divides the shares $\alpha$ of each map by their sum. Both can
# be written down and asserted. At the pooled layer neither changes the picture much. Here it is for the top class and for the class that is not there, each divided by its maximum, as most programs draw it.
# Grad-CAM++ counts positive gradients alone, so a map may come out even where Grad-CAM's is empty: read the peak in the title.

# %%
if ready_for_it:
    from cnnvis_helpers import gradcam_plus_plus_from

    drawn = {}
    for c in theirs_now:
        A, g = layer_gradients(knows, photo, c)
        alpha = g**2 / np.where(g == 0, 1, 2 * g**2 + g**3 * A.sum(axis=(0, 1)))
        total = alpha.sum(axis=(0, 1))
        w = (alpha / np.where(total == 0, 1, total) * np.maximum(g, 0)).sum(axis=(0, 1))
        logit = knows.logits(knows.prepare(photo)).numpy()[0, c]
        plus = theirs(GradcamPlusPlus, c)
        assert np.allclose(plus, np.exp(logit) * np.maximum(A @ w, 0), rtol=1e-2)
        alike = np.corrcoef(plus.ravel(), gradcam_plus_plus_from(A, g).ravel())[0, 1]
        print(f"Grad-CAM++ for {knows.labels[c]}: correlation with the paper's {alike:.3f}")
        assert alike > 0.99 or c != best.index or knows.name != "course"
        name = f"{knows.labels[c]}, peak {plus.max():.2g}"
        drawn[name] = resize_map(plus / max(plus.max(), 1e-30), photo.shape[:2])
    compare_maps(
        drawn,
        photo=photo,
        title=f"tf-keras-vis, Grad-CAM++, network {knows.name}: each divided by its maximum",
        alt="The photo under two maps of tf-keras-vis, each with a spot of full heat: "
        + " and ".join(drawn)
        + ".",
    )

# %% [markdown]
# ## Your turn
#
# Choose a photo, a class and a layer. `None` stands for the top class and for the last maps; a pair asks "rather than". Run the cell once, read the list of the best five, and then ask
# for the second or third of them: is there a place in the photo that speaks for it?

# %%
MY_PHOTO = "motorcycle"  # change me: a name, "my_photo.jpg", or "https://..."
MY_TARGET = None  # change me: a label of net.labels, or a pair ("rose", "tulip")
MY_LAYER = None  # change me: a name from conv_layers(net)

mine = load_photo(MY_PHOTO)
five = net.predict(mine)
print(", ".join(f"{guess.label} {guess.probability:.2f}" for guess in five))
try:
    with_lines = guided_gradcam(net, mine, MY_TARGET, MY_LAYER)
except ValueError as reason:  # a network without ReLUs
    with_lines = None
    print(reason)
with figure_row(
    1 if with_lines is None else 2,
    width=11,
    height=4.2,
    title=f"{MY_TARGET or five[0].label}",
    alt="The chosen photo in grey under the heat map of the chosen class"
    + ("." if with_lines is None else "; beside it the same heat in fine lines."),
) as axes:
    show_overlay(mine, gradcam(net, mine, MY_TARGET, MY_LAYER), title="Grad-CAM", ax=axes[0])
    if with_lines is not None:
        show_map(with_lines, title="Guided Grad-CAM", percentile=99.5, ax=axes[1])

# %% [markdown]
# The same with controls. Keep the class and go down through the layers; then keep the layer and ask for a class that is not there; then ask for one class *rather than*
# another, with what speaks against it.

# %%
from cnnvis_helpers import explore_cam

explore_cam(net, photo)

# %% [markdown]
# ## What goes wrong with heat maps: normalised by their own maximum
#
# Most code divides a map by its own maximum before it draws. Then every map has a spot of full heat, also one that is almost empty. Here is the
# class with the faintest map that is not quite zero, next to the top class: on one scale, then each normalised.

# %%
some = range(0, len(net.labels), max(1, len(net.labels) // 16))
peaks = {c: float(gradcam(net, photo, c, resize=False).max()) for c in some}
others = [c for c in peaks if c != best.index and peaks[c] > 0]
empty = [net.labels[c] for c in peaks if peaks[c] == 0]
print("maps that are exactly zero:", ", ".join(empty) or "none")
if others:
    faint = min(others, key=peaks.get)
    both = {net.labels[c]: gradcam(net, photo, c) for c in (best.index, faint)}
    top_peak, faint_peak = (each.max() for each in both.values())
    compare_maps(
        both,
        photo=photo,
        title="One scale",
        alt=f"Two heat maps on one scale: the peak for {best.label} is {top_peak:.3f}, that for "
        f"{net.labels[faint]} {faint_peak:.3f}.",
    )
    compare_maps(
        {f"{name} / its maximum": each / each.max() for name, each in both.items()},
        photo=photo,
        title="Each divided by its own maximum",
        alt=f"The same two maps, normalised: now {net.labels[faint]} glows as strongly as "
        f"{best.label} does.",
    )
    part = faint_peak / top_peak
    print(f"peak for {net.labels[faint]}: {part:.1%} of the peak for {best.label}")
if net.name == "course":
    assert part < 0.05 and "tulip" in empty

# %% [markdown]
# Normalised, the faint map tells a story about a class that is not there. And an empty map divided by its maximum is 0 / 0, `nan`. Keep the
# numbers: a colour bar with values, one scale for what is compared.

# %% [markdown] tags=["teaching-note"]
# 5 min. Cover the titles and ask which of the two lower maps belongs to the top class. Then show the upper row. Many published notebooks
# normalise in this way.

# %% [markdown]
# ## Exercises
#
# **CAM.** Return the class activation map, an array (h, w), signed. `kernel` is the kernel of the Dense layer, with shape (channels, classes), of
# any network: use only what the function is given. `hint("04-cam")` helps.


# %%
def class_map(maps, kernel, c):
    """CAM (h, w) of class c from maps (h, w, channels) and kernel (channels, classes)."""
    # <solution>
    return maps @ kernel[:, c]
    # </solution>


check("04-cam", class_map)

# %% [markdown]
# **The wrong number on the slide.** For these three gradients a slide prints the pooled gradients below. One of them is wrong. Put a
# tuple into `correction`: the channel's number, 1 to 3, and what it should be.

# %%
printed = (0.45, 0.8, 1.3)
first = np.add.outer([0.1, 0.2, 0.3, 0.4], [0.0, 0.1, 0.2, 0.3])
slide_gradients = np.stack([first, first + 0.4, first + 0.9], axis=-1)  # (4, 4, 3)
# <solution>
means = slide_gradients.mean(axis=(0, 1))
channel = int(np.abs(means - printed).argmax())
correction = (channel + 1, float(means[channel]))
# </solution>
check("04-slide", correction)

# %% [markdown]
# **Grad-CAM.** Return the heat map (h, w), never negative, from a layer's maps and the gradients of the score, both (h, w, channels).


# %%
def heat_map(activations, gradients):
    """Grad-CAM (h, w) from maps and gradients (h, w, channels)."""
    # <solution>
    alpha = gradients.mean(axis=(0, 1))
    return np.maximum(activations @ alpha, 0)
    # </solution>


check("04-gradcam", heat_map)

# %% [markdown]
# **What to differentiate.** Return the score that Grad-CAM's tape should differentiate for class `c`, one number. The logits are of
# any network with one logit a class: use only what the function is given.


# %%
def score_to_differentiate(logits, c):
    """The score of class c from logits (1, classes)."""
    # <solution>
    return logits[0, c]
    # </solution>


check("04-score", score_to_differentiate)

# %% [markdown]
# **Grad-CAM++.** Return the weight $w_k$ of each map, an array (channels,), by the formula above. Some gradients are zero.


# %%
def plus_plus_weights(activations, gradients):
    """Weights (channels,) of Grad-CAM++ from maps and gradients (h, w, channels)."""
    # <solution>
    square, cube = gradients**2, gradients**3
    denominator = 2 * square + cube * activations.sum(axis=(0, 1))
    alpha = square / np.where(denominator == 0, 1, denominator)
    return (alpha * np.maximum(gradients, 0)).sum(axis=(0, 1))
    # </solution>


check("04-plus", plus_plus_weights)

# %% [markdown]
# **Rather than.** From maps and the gradients of two logits $S_a$ and $S_b$, all (h, w, channels), return the signed map (h, w) of "why $a$
# rather than $b$".


# %%
def rather_than(activations, gradients_a, gradients_b):
    """Signed map (h, w): positive for a, negative for b."""
    # <solution>
    alpha = (gradients_a - gradients_b).mean(axis=(0, 1))
    return activations @ alpha
    # </solution>


check("04-rather", rather_than)

# %% [markdown]
# **Which layer?** The end of ResNet50 reads, in order: (a) `conv5_block3_3_conv`, a convolution; `conv5_block3_3_bn`; (b) `conv5_block3_add`, which adds the
# shortcut; (c) `conv5_block3_out`, a ReLU; (d) `avg_pool`. Which output should Grad-CAM read?

# %%
# <solution>
layer_of_resnet = "c"
# <stub>
# layer_of_resnet = None  # a letter from a to d
# </solution>
check("04-layer", layer_of_resnet)

# %% [markdown]
# **One name, two classes.** ImageNet has a bird and a machine called crane. Return a dict from each name to the list of *all* its
# class numbers, in order.


# %%
def numbers_of(labels):
    """{name: [class numbers]} of a list of labels; class 0 is labels[0]."""
    # <solution>
    found = {}
    for number, name in enumerate(labels):
        found.setdefault(name, []).append(number)
    return found
    # </solution>


check("04-names", numbers_of)

# %% [markdown]
# ## Take-away
#
# 1. A class activation map weights the last maps by what each gives to the class, and Grad-CAM finds these weights by gradients for any network.
# 2. Differentiate the logit, read the maps that are really pooled, and say which class you compare with.
# 3. A map divided by its own maximum always glows, so keep the numbers and test them against an outline.

# %% [markdown]
# ## Further reading
#
# - Zhou et al., [Learning deep features for discriminative localization](https://arxiv.org/abs/1512.04150), the CAM paper
# - Selvaraju et al., [Grad-CAM](https://arxiv.org/abs/1610.02391)
# - Chattopadhyay et al., [Grad-CAM++](https://arxiv.org/abs/1710.11063)
# - Wang et al., [Score-CAM](https://arxiv.org/abs/1910.01279)

# %% [markdown]
# ## Next lesson
#
# From cells to pixels: saliency maps, their noise, and what to do about it.
