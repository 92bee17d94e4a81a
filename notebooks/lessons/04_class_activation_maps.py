# %% [markdown]
# # Where does the network see the cat?
#
# **You will do:** turn the last maps of a network into a heat map, first with its own weights, then with gradients, and ask "why this cat and not that one?"
#
# **You will learn:** how class activation maps and Grad-CAM work, why they are nearly the same thing, and how they can fool you.
#
# **You need:** [lesson 02](02_feature_maps.ipynb); that a derivative says how fast a number changes.
#
# **Time:** 48 minutes, without "Go deeper"

# %% [markdown] tags=["teaching-note"]
# 48 min: the map by hand 12, SqueezeNet 2, Grad-CAM and the ratio 14, the outline 8, this cat or that cat 9, the experiment 2, what goes wrong 1. "Go deeper" is homework.
# **The aha of this lesson:** divide the two maps cell by cell, and every cell gives 49. Let the class see that number before anybody explains it.

# %% [markdown]
# The first cell loads the network, which is EfficientNet-Lite0, and a photo of Chelsea the cat.

# %% tags=["exercise-setup"]
import numpy as np

from cnnvis_helpers import (
    check, figure_row, gradcam, hint, load_mask, load_network, load_photo, show_overlay,
    show_predictions, solution,
)

net = load_network()
photo = load_photo("chelsea")
cat = net.class_index("Egyptian cat")

# %% [markdown]
# ## The answer first
#
# Lesson 03 hid one part of the photo after another and needed hundreds of passes. There is a way that needs only one. Here is what it finds.
#
# **Predict first:** which part of the cat says "Egyptian cat" most?

# %% alt="Left, Chelsea the cat in grey under a heat map that glows on the face, most of all on the forehead beside the right-hand eye. Right, bars: Egyptian cat 0.77, tiger cat 0.10, tabby 0.08, and two near zero."
heat = gradcam(net, photo, cat)
with figure_row(2, width=11, height=3.7) as (left, right):
    show_overlay(photo, heat, "Grad-CAM for Egyptian cat", ax=left, label="logits per cell")
    show_predictions(net.predict(photo, top=5), ax=right)
# <check>
assert net.predict(photo)[0].index == cat and heat.argmax() // heat.shape[1] in range(90, 200)
# </check>

# %% [markdown]
# The face, most of all the forehead beside the right-hand eye, and hardly the ears or the background. In this lesson we build that picture ourselves, and then we ask how far to believe it.

# %% [markdown]
# ## How the last maps become a score
#
# This network ends like most modern ones. Its last layer makes 1280 feature maps of 7 x 7 cells. Each map is averaged to a single number (**global average pooling**),
# and one Dense layer multiplies these 1280 numbers by 1280 weights for each class. Such an end is called a **pooled head**. `pooled_head` finds the two ends: the layer with the maps, and the Dense layer.

# %% tags=["exercise-setup"]
from cnnvis_helpers import feature_maps, pooled_head

layer, dense = pooled_head(net)
maps = feature_maps(net, photo, layer)
weights = dense.kernel.numpy()[:, cat]  # one weight a map, for our class
bias = dense.bias.numpy()[cat]

print("layer", layer, "makes maps", maps.shape, "and the class has weights", weights.shape)
print(f"score of Egyptian cat: {maps.mean(axis=(0, 1)) @ weights + bias:.3f}")
# <check>
assert maps.shape == (7, 7, 1280)
assert abs(maps.mean(axis=(0, 1)) @ weights + bias - net.logits(net.prepare(photo))[0, cat]) < 1e-3
# </check>

# %% [markdown]
# That score is the **logit**, the number before the softmax. Which maps contribute most to it? Multiply each average by its weight and take the eight largest.

# %% alt="Eight maps of 7 by 7 cells. In most of them the brightest cells lie where the cat's face is."
from cnnvis_helpers import show_grid

gives = maps.mean(axis=(0, 1)) * weights
best = np.argsort(gives)[::-1][:8]

titles = [f"map {k}: {gives[k]:+.2f}" for k in best]
show_grid([maps[..., k] for k in best], titles=titles, columns=4, cmap="viridis")

# %% [markdown]
# No map draws a cat. Each one says only *how strongly* it found something, and in *which cells*. (The largest value is 6 because this network's ReLU stops there.) The best of the maps adds half a logit; the score is a sum of many.

# %% [markdown]
# ## A class activation map by hand
#
# Averaging first and weighting afterwards gives one number. Reverse the order: weight the maps first, add them up, and average last. The number stays the same,
# because both steps are sums. But now there is a picture in between:
#
# $$S_c = b_c + \frac{1}{Z} \sum_{i,j} M_{ij}^c \qquad\text{with}\qquad M_{ij}^c = \sum_k w_k^c A_{ij}^k$$
#
# $A_{ij}^k$ is the value of map $k$ in row $i$ and column $j$, $w_k^c$ its weight for class $c$, $Z$ the number of cells (here 7 x 7), $b_c$ the bias, and $S_c$ the logit.
# $M^c$ is the **class activation map**, CAM for short. In NumPy it is one line.

# %% tags=["exercise-setup"]
by_hand = maps @ weights  # (7, 7, 1280) times (1280,): one number a cell

print(f"mean of the map plus bias: {by_hand.mean() + bias:.3f}")
print(f"largest cell {by_hand.max():.1f}, smallest {by_hand.min():.1f}")
# <check>
assert abs(by_hand.mean() + bias - net.logits(net.prepare(photo))[0, cat]) < 1e-3
# </check>

# %% [markdown]
# The mean of the map, plus the bias, *is* the score. Nothing was estimated. `cam(net, photo, cat)` is the same map, enlarged to the size of the photo.

# %% alt="Left, the photo under 7 by 7 coloured cells, the strongest of them on the face; right, the same values as a smooth glow."
from cnnvis_helpers import cam

with figure_row(2, width=10) as (left, right):
    show_overlay(photo, by_hand, "What was computed", ax=left, grid=True, label="logits")
    show_overlay(photo, cam(net, photo, cat), "Enlarged", ax=right, label="logits")
# <check>
assert np.allclose(by_hand, cam(net, photo, cat, resize=False), atol=1e-3)
# </check>

# %% [markdown]
# Both pictures hold the same 7 x 7 numbers. The smooth one *looks* precise to the pixel, but it is not: its soft edges come from the enlargement. Remember the cells whenever
# you see a heat map.
#
# The lecture slides that this course grew from do the same on ResNet50 with a photo of an Australian terrier: 2048 maps of 7 x 7 cells and 2048 weights a class. <!-- source -->
#
# **Exercise: the whole score.** The mean of our map misses the score by the bias. Write a function, for any class and any network with such a head, that returns a map whose mean is *exactly* the score. Change every cell by the same amount, so that no place gains on another. `kernel` has the shape (channels, classes), `bias` one number for each class. `hint("04-cam")` helps.


# %%
def whole_map(maps, kernel, bias, c):
    """Map (h, w) whose mean is the score of class c, from maps (h, w, channels)."""
    # <solution>
    return maps @ kernel[:, c] + bias[c]
    # </solution>


check("04-cam", whole_map)

# %% [markdown] tags=["teaching-note"]
# Write the two sums on the board and swap them: the whole method is that swap. Ask why there is no ReLU (a CAM is exact *with* its negative cells).
# Common misconception: that the pooled numbers still know the place. They do not; the maps before the pooling do.

# %% [markdown]
# ## A network that draws its own class maps
#
# SqueezeNet, the other network of this course, has no Dense layer at all. Its last convolution, `conv10`, makes 1000 maps: one for each class. Their averages are the logits.
# So there is nothing to compute. We only have to *look* at map 285, here beside EfficientNet's map from above.

# %% tags=["exercise-setup"] alt="Left, the photo under EfficientNet's map, whose strongest of 7 by 7 cells lie on the forehead. Right, the photo under SqueezeNet's own map, 13 by 13 cells; the brightest three lie on the whiskers, left of the nose."
squeezenet = load_network("squeezenet")
own_map = feature_maps(squeezenet, photo, "conv10")[..., cat]

with figure_row(2, width=10) as (left, right):
    show_overlay(photo, by_hand, "EfficientNet-Lite0", ax=left, grid=True, label="logits")
    show_overlay(photo, own_map, "SqueezeNet, map 285 of conv10", ax=right, grid=True)
logit = squeezenet.logits(squeezenet.prepare(photo)).numpy()[0, cat]
print(f"mean of the map {own_map.mean():.3f}, logit {logit:.3f}")
# <check>
assert own_map.shape == (13, 13) and abs(own_map.mean() - logit) < 1e-3
# </check>

# %% [markdown]
# Surprised? SqueezeNet's strongest cells lie on the spotted whisker pad, EfficientNet's on the forehead. Two networks give the same answer, and their maps differ: a heat map says as much about the network as about the photo.
#
# The idea comes from Lin, Chen and Yan ("Network in network", 2013), two years before CAM had its name: if the last layer has one map for each class, you can read off the explanation.

# %% [markdown]
# ## Grad-CAM: when there are no weights to read
#
# And a network with another head? Or a layer in the middle? There is no $w_k^c$ to look up. But we can *measure* how much the score depends on a map: raise a cell a little
# and see how fast the score rises. That is a derivative, and TensorFlow computes all of them at once. What happens inside the `with` block is recorded on a **tape**;
# `tape.gradient(y, x)` plays it backwards, from the result $y$ to the value $x$. Try it where you know the answer: $y = 3 x^2$ at $x = 2$ has the slope $6x = 12$.

# %% tags=["exercise-setup"]
import tensorflow as tf

x = tf.constant(2.0)
with tf.GradientTape() as tape:
    tape.watch(x)  # a constant is recorded only if you ask for it
    y = 3 * x**2
print("slope of y at x = 2:", tape.gradient(y, x).numpy())

# %% [markdown]
# **Grad-CAM** does this for every cell of every map, and averages over the cells of each map. This average takes the place of the weight:
#
# $$\alpha_k^c = \frac{1}{Z} \sum_{i,j} \frac{\partial S_c}{\partial A_{ij}^k}
# \qquad\qquad L^c = \mathrm{ReLU}\Big(\sum_k \alpha_k^c A^k\Big)$$
#
# The ReLU at the end keeps only what speaks *for* the class. `net.forward` runs the network and also returns the maps of a layer from the same pass.

# %% tags=["exercise-setup"]
pixels = tf.constant(net.prepare(photo))
with tf.GradientTape() as tape:
    tape.watch(pixels)
    logits, (activations,) = net.forward(pixels, [layer])
    score = logits[0, cat]
gradients = tape.gradient(score, activations)  # (1, 7, 7, 1280), as the maps

alpha = tf.reduce_mean(gradients, axis=(0, 1, 2))  # one weight a map
signed = tf.reduce_sum(activations[0] * alpha, axis=-1).numpy()
by_gradient = np.maximum(signed, 0)  # the ReLU
print(f"largest cell {by_gradient.max():.4f}")
# <check>
assert np.allclose(by_gradient, gradcam(net, photo, cat, resize=False), atol=1e-4)
# </check>

# %% [markdown]
# Ten lines, and `gradcam(net, photo, cat, resize=False)` gives the same numbers.
#
# **Predict first:** CAM and Grad-CAM find their weights in different ways. How similar will the two maps be? Divide one by the other, cell by cell.

# %%
ratio = by_hand / by_gradient
print(ratio.round(2))
# <check>
assert np.allclose(ratio, 49, atol=0.05)
# </check>

# %% [markdown]
# Surprised? Every cell says 49. The maps are the same picture.
#
# **Exercise: the other network.** SqueezeNet's logit is the mean of map 285 of `conv10`, without any weights. By which number do you have to multiply Grad-CAM at `conv10` to get that map? By 49 again? Think first, then test.

# %%
# <solution>
factor = own_map.max() / gradcam(squeezenet, photo, cat, "conv10", resize=False).max()
# <stub>
# factor = None  # a number
# </solution>
check("04-factor", factor)

# %% [markdown]
# Both times it is the number of cells. Here is why. Take the formula of the score, $S_c = b_c + \frac{1}{Z} \sum_k w_k^c \sum_{i,j} A_{ij}^k$, and differentiate it with respect to a single cell $A_{ij}^k$. Everything else drops out;
# $w_k^c / Z$ is left, the same for every cell of the map. So $\alpha_k^c = w_k^c / Z$: for a network with a pooled head, **Grad-CAM is CAM divided by $Z$**. Grad-CAM is the more general of the two:
# it can be computed for any layer with maps. Whether the map means anything there is another question, for "Go deeper".

# %% [markdown] tags=["teaching-note"]
# 14 min with the tape. Show the ratios before you scroll. Somebody says "rounding" or "coincidence"; let them count the cells. Then one line on the board.
# What goes wrong live: `model.predict` returns NumPy, which has no gradient; the tape needs the model called inside the block.

# %% [markdown]
# **Exercise: the other half.** The ReLU throws away what speaks *against* the class. Write a function for just that half: a map (h, w) that is large where the sum speaks strongly against the class, and 0 where it speaks for it. Grad-CAM's authors call it counterfactual.


# %%
def against(activations, gradients):
    """Map (h, w), never negative, from maps and gradients of the score (h, w, channels)."""
    # <solution>
    alpha = gradients.mean(axis=(0, 1))
    return np.maximum(-(activations @ alpha), 0)
    # </solution>


check("04-gradcam", against)

# %% [markdown]
# ## Is the heat where it should be?
#
# A picture that looks right is not yet a measurement. Somebody drew the outline of this cat by hand, so we can count: what share of the heat lies inside? `relevance_mass` does the counting. A map that knows nothing would spread its heat
# evenly and score the share of the photo that the object covers. Here are three photos with outlines.

# %% alt="Three photos in grey under their heat maps: the glow lies on the cat's face, in the cup of coffee and on the engine of the motorcycle."
from cnnvis_helpers import relevance_mass

names = ["chelsea", "coffee", "motorcycle"]
with figure_row(3, width=12, height=3.6) as axes:
    for ax, name in zip(axes, names, strict=True):
        each, mask = load_photo(name), load_mask(name)
        found = gradcam(net, each)
        top, inside = net.predict(each)[0].label, relevance_mass(found, mask)
        show_overlay(each, found, title=f"{top}: {inside:.0%}", ax=ax)
        print(f"{name}: {inside:.0%} of the heat, {mask.mean():.0%} of the photo")
        # <check>
        assert inside > mask.mean() + 0.1 and mask.ravel()[found.argmax()]
        # </check>

# %% [markdown]
# In all three, most of the heat lies on the right thing, and the numbers say how much better than an even spread that is. The cat is the weakest test, because it fills most of its photo anyway.
# Notice the motorcycle: 59% is far above 29%, yet a good part of the heat lies beside it. Seven cells across a photo make a coarse grid.
#
# **Exercise: measure it yourself.** Do it by hand: return the share of a heat map that lies inside an outline, 0 to 1. `heat` (h, w) has no negative values, `mask` (h, w) is True inside.


# %%
def share_inside(heat, mask):
    """Share (0..1) of the heat inside the mask; 0 for a map without any heat."""
    # <solution>
    return heat[mask].sum() / heat.sum() if heat.any() else 0.0
    # </solution>


check("04-share", share_inside)

# %% [markdown] tags=["teaching-note"]
# Ask first what a map of pure noise would score. Many say 50%. It scores the share that the object covers, which is why one number alone says nothing.

# %% [markdown]
# ## Why this cat rather than that one?
#
# The network is surer of Egyptian cat than of tiger cat. **Predict first:** where will the heat map of *tiger cat* be? Both maps on one scale:

# %% alt="Two heat maps of the same cat on one scale, for Egyptian cat and for tiger cat. Both glow on the face; the second is somewhat weaker."
from cnnvis_helpers import compare_maps

tiger = net.class_index("tiger cat")
both = {"Egyptian cat": gradcam(net, photo, cat), "tiger cat": gradcam(net, photo, tiger)}
compare_maps(both, photo)

alike = np.corrcoef(both["Egyptian cat"].ravel(), both["tiger cat"].ravel())[0, 1]
print(f"correlation of the two maps: {alike:.2f}")
# <check>
assert alike > 0.9
# </check>

# %% [markdown]
# Nearly the same picture, with a correlation of 0.96. No wonder: a cat's face is good evidence for *any* cat. So the map above does not answer "why Egyptian?"; it answers "why a cat?".
#
# To ask for the difference, differentiate the difference. The score of a question like this is $S_a - S_b$, and `target=(a, b)` means just that. Leave out the ReLU: red speaks for
# Egyptian cat, blue for tiger cat.

# %% alt="Left, the photo. Right, a signed map over the cat: deep red on the forehead beside the right-hand eye, pale red at the left-hand eye, almost nothing blue."
from cnnvis_helpers import show_photo

why = gradcam(net, photo, (cat, tiger), relu=False)
with figure_row(2, width=10) as (left, right):
    show_photo(photo, ax=left)
    show_overlay(photo, why, "Egyptian cat, not tiger cat", ax=right, signed=True)
print(f"from {why.min():.2f} to {why.max():.2f}")
# <check>
assert why.min() < -0.02 and why.max() > 0.1
assert np.allclose(why, gradcam(net, photo, cat, relu=False) - gradcam(net, photo, tiger, relu=False), atol=1e-4)
# </check>

# %% [markdown]
# *This* is the answer: the striped forehead beside the right-hand eye speaks for Egyptian cat. Next to nothing speaks for the tiger cat; the most negative place reaches only -0.04. When a network is wrong, this is
# the question to ask: why did it choose the wrong class rather than the right one?
#
# **Exercise: rather than.** From maps and the gradients of two logits $S_a$ and $S_b$, all (h, w, channels), return the signed map (h, w) of "why $a$ rather than $b$".


# %%
def rather_than(activations, gradients_a, gradients_b):
    """Signed map (h, w): positive for a, negative for b."""
    # <solution>
    alpha = (gradients_a - gradients_b).mean(axis=(0, 1))
    return activations @ alpha
    # </solution>


check("04-rather", rather_than)

# %% [markdown] tags=["teaching-note"]
# The most useful question in practice. Typical mistake: subtracting two finished maps, after the ReLU. What spoke against each class is lost by then; the exercise catches it.

# %% [markdown]
# ## Your turn: an experiment
#
# The explorer lets you change photo, class, method and layer. Try this: take the motorcycle, which the network calls a moped, and ask for "motor scooter". Then go back through the layers, and watch what
# becomes of the heat.

# %%
from cnnvis_helpers import explore_cam

explore_cam(net, photo)

# %% [markdown]
# **Exercise: how deep?** An experiment. Which of these layers puts the largest share of its heat on the cat: `block4_project`, `block8_project`, `block11_project`, `head` or `head_relu`? Write your guess down, then
# measure each with `gradcam(net, photo, cat, name)` and your `share_inside`. Set `winner` to the name of the best.

# %%
# <solution>
outline = load_mask("chelsea")
names = ["block4_project", "block8_project", "block11_project", "head", "head_relu"]
heats = {name: gradcam(net, photo, cat, name) for name in names}
winner = max(names, key=lambda name: heats[name][outline].sum() / heats[name].sum())
# <stub>
# winner = None  # the name of a layer
# </solution>
check("04-winner", winner)

# %% [markdown]
# ## What goes wrong: a map divided by its own maximum
#
# Most published code divides every map by its own maximum before drawing it. Then every map glows somewhere, even for a class that is not there at all. Ask for an African elephant:

# %% alt=["On one scale, the map for African elephant is almost empty beside that for Egyptian cat.", "Each divided by its own maximum, the elephant has a small spot on the cheek, as bright as the brightest part of the cat."]
elephant = net.class_index("African elephant")
asked = {"Egyptian cat": heat, "African elephant": gradcam(net, photo, elephant)}
peaks = {name: each.max() for name, each in asked.items()}
compare_maps(asked, photo, title="One scale")
compare_maps({name: asked[name] / peaks[name] for name in asked}, photo, title="Each / its maximum")
print({name: f"{peak:.3f}" for name, peak in peaks.items()})
# <check>
assert peaks["African elephant"] < 0.15 * peaks["Egyptian cat"]
# </check>

# %% [markdown]
# In the second picture the elephant has a spot as hot as the cat's forehead. The peaks say otherwise: 0.036 against 0.449. Keep the numbers, draw what you compare on one scale, and never trust a map without a colour bar.
# (And a map that is zero everywhere, divided by its maximum, is 0 / 0: not a number.)

# %% [markdown] tags=["teaching-note"]
# Cover the titles of the second picture and ask which spot means more. Then show the first.

# %% [markdown]
# ## Go deeper: on paper
#
# One worked example, small enough for pencil and paper. Three channels show the same 4 x 4 map; only the gradients differ. Average each gradient, weight the maps, add. (This example comes from a lecture slide,
# and one of the three averages printed there is wrong.)

# %% tags=["exercise-setup"] alt="Five tables of 4 by 4 numbers: the map, three gradients, and the Grad-CAM, whose numbers rise from 2.5 to 4.0."
from cnnvis_helpers import gradcam_from, show_matrix

small_map = np.add.outer([1.0, 1.1, 1.2, 1.3], [0.0, 0.1, 0.2, 0.3])
slide_maps = np.stack([small_map] * 3, axis=-1)  # (4, 4, 3)
slide_gradients = np.stack([small_map - 0.9, small_map - 0.5, small_map], axis=-1)

tables = {"each map": small_map}
tables |= {f"gradient {k + 1}": slide_gradients[..., k] for k in range(3)}
tables["Grad-CAM"] = gradcam_from(slide_maps, slide_gradients)
with figure_row(5, width=15, height=3.4) as axes:
    for ax, (name, table) in zip(axes, tables.items(), strict=True):
        show_matrix(table, name, ax=ax, vmin=0, vmax=4)
# <check>
assert np.allclose(tables["Grad-CAM"], 2.5 * small_map) and np.isclose(tables["Grad-CAM"].max(), 4)
# </check>

# %% [markdown]
# **Exercise: the wrong number.** The slide prints the pooled gradients 0.45, 0.8 and 1.3. Which one is wrong? Give the channel, counted from 1, and what it should be. <!-- source -->

# %%
# <solution>
means = slide_gradients.mean(axis=(0, 1))
wrong_one = int(np.abs(means - [0.45, 0.8, 1.3]).argmax())
correction = (wrong_one + 1, float(means[wrong_one]))
# <stub>
# correction = None  # (channel, number)
# </solution>
check("04-slide", correction)

# %% [markdown]
# ## Go deeper: logit or probability?
#
# Several published notebooks differentiate the probability instead of the logit. Then a confident network has almost nothing to explain: when $p_c$ is near 1, raising any cell can hardly raise it further, and the gradient
# fades. Watch what happens as the network gets surer. We multiply its logits by 1, 2, 4 and 8, which does not change the order of the classes.

# %%
for k in (1, 2, 4, 8):
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        logits, (activations,) = net.forward(pixels, [layer])
        probability = tf.nn.softmax(k * logits)[0, cat]
    slope = tape.gradient(probability, activations)
    size = tf.reduce_max(tf.abs(slope)).numpy()
    print(f"p = {probability.numpy():.4f}: largest gradient {size:.1e}")
# <check>
assert probability > 0.999 and size < 1e-4
# </check>

# %% [markdown]
# The surer the network, the emptier the map: the softmax is **saturated**. Drawing each map relative to its maximum hides this. So differentiate the logit.
#
# **Exercise: one against all.** An experiment. The logit asks "why this class?", and the other classes do not matter. The margin of lesson 03 asks "why this class rather than *all the others together*?": $m = k S_c - \log \sum_{j \ne c} e^{k S_j}$. Put it into the loop above, in place of the probability
# (`tf.concat` joins the logits before and after our class, `tf.reduce_logsumexp` does the rest). What becomes of the largest gradient: (a) it fades as well, (b) it stays nearly the same, (c) it grows about as fast as $k$, (d) it becomes infinite?

# %%
# <solution>
for k in (1, 2, 4, 8):
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        logits, (activations,) = net.forward(pixels, [layer])
        others = tf.concat([logits[0, :cat], logits[0, cat + 1 :]], 0)
        margin = k * logits[0, cat] - tf.reduce_logsumexp(k * others)
    size = tf.reduce_max(tf.abs(tape.gradient(margin, activations))).numpy()
    print(f"k = {k}: largest gradient {size:.1e}")
what_happens = "c"
# <stub>
# what_happens = None  # a letter from a to d
# </solution>
check("04-score", what_happens)

# %% [markdown]
# ## Go deeper: the last convolution is not the last map
#
# "Take the last convolution" is a common rule. Is it right?
#
# **Exercise: which layer?** Which output should Grad-CAM read at the end of ResNet50? It has, in order: (a) `conv5_block3_3_conv`, a convolution, and its batch norm, which rescales the values; (b) `conv5_block3_add`, which adds the input of the block (the shortcut); (c) `conv5_block3_out`, a ReLU;
# (d) `avg_pool`, the mean over all places.

# %%
# <solution>
layer_of_resnet = "c"
# <stub>
# layer_of_resnet = None  # a letter from a to d
# </solution>
check("04-layer", layer_of_resnet)

# %% [markdown]
# The rule is a trap in our network, too. The last convolution is `head`, and its maps go through a ReLU before they are averaged. Only `head_relu` holds what the score is made of.
# And earlier layers? Their maps are finer, but the average of a gradient no longer knows which cell mattered.

# %% alt="Four heat maps of the cat. Those of block8 and block10 are scattered over the background; head and head_relu glow on the face, head in fewer cells."
names = ["block8_project", "block10_add", "head", "head_relu"]
found = [gradcam(net, photo, cat, name) for name in names]
show_grid(found, titles=names, columns=4, scale="each")
print("correlation with head_relu:", np.corrcoef([each.ravel() for each in found])[-1].round(2))
# <check>
assert np.corrcoef(found[2].ravel(), found[3].ravel())[0, 1] < 0.97
# </check>

# %% [markdown]
# The map of `head` looks fine, and it is wrong: the correlation is 0.94, not 1. In DenseNet121 the same rule catches only 32 of the 1024 maps that are pooled. `net.last_conv` names the last *map*. <!-- source -->

# %% [markdown]
# ## Go deeper: the relatives
#
# **Grad-CAM++** replaces the plain average of the gradients $g_{ij}^k$ by a weighted one, so that a large object does not hide a small second one:
#
# $$\alpha_{ij}^k = \frac{(g_{ij}^k)^2}{2 (g_{ij}^k)^2 + \big(\sum_{a,b} A_{ab}^k\big) (g_{ij}^k)^3} \qquad
# w_k = \sum_{i,j} \alpha_{ij}^k \, \mathrm{ReLU}(g_{ij}^k) \qquad
# L = \mathrm{ReLU}\Big(\sum_k w_k A^k\Big)$$
#
# **LayerCAM** weights every cell by its own gradient, $L = \mathrm{ReLU}\big(\sum_k \mathrm{ReLU}(g_{ij}^k) A_{ij}^k\big)$. **Score-CAM** needs no gradient: it lays each map over the photo as a mask and asks the network again (here 64 of the 1280 maps).
#
# **Predict first:** four methods, one photo. How different will the maps be?

# %% alt="Four heat maps of the cat's face that look nearly the same: Grad-CAM, Grad-CAM++, LayerCAM and Score-CAM."
from cnnvis_helpers import gradcam_plus_plus, layercam, scorecam

relatives = {
    "Grad-CAM": heat,
    "Grad-CAM++": gradcam_plus_plus(net, photo, cat),
    "LayerCAM": layercam(net, photo, cat),
    "Score-CAM": scorecam(net, photo, cat, max_channels=64),
}
show_grid(list(relatives.values()), titles=list(relatives), columns=4, scale="each")
print(np.corrcoef([each.ravel() for each in relatives.values()])[0].round(3))
# <check>
assert np.corrcoef([each.ravel() for each in relatives.values()])[0].min() > 0.95
# </check>

# %% [markdown]
# Hardly at all: their correlations with Grad-CAM are 0.995, 0.995 and 0.982. At the last layer of a pooled head all cells of a map have the same gradient. That leaves the three methods with gradients little to disagree about. In the middle of the network they differ:

# %% alt="Three heat maps from the middle of the network. Grad-CAM is brightest at the left edge, Grad-CAM++ at the ear, LayerCAM beside the mouth and at the ear."
middle = "block10_add"
early = [method(net, photo, cat, middle) for method in (gradcam, gradcam_plus_plus, layercam)]
show_grid(early, titles=["Grad-CAM", "Grad-CAM++", "LayerCAM"], columns=3, scale="each")
print(np.corrcoef([each.ravel() for each in early]).round(2))

# %% [markdown]
# Grad-CAM and Grad-CAM++ have a correlation of -0.07 here: the choice of the method is a choice of the picture. Always say which one you took, and at which layer.
#
# **Exercise: Grad-CAM++.** Return the weight $w_k$ of each map, an array (channels,), by the formula above. Some gradients are zero, and the share of such a cell is 0.


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
# ## Go deeper: the prettiest picture of all
#
# **Guided Grad-CAM** multiplies Grad-CAM by guided backprop, a gradient at the pixels in which every ReLU lets only positive values back. Its detail is as fine as the pixels.

# %% alt="Two drawings of fine coloured lines on grey: guided backprop shows eyes, nose and fur all over the cat; Guided Grad-CAM the part of them where the heat map glows."
from cnnvis_helpers import around_grey, guided_backprop, guided_gradcam

lines = {
    "guided backprop": guided_backprop(net, photo, cat, reduce="rgb"),
    "Guided Grad-CAM": guided_gradcam(net, photo, cat, reduce="rgb"),
}
drawings = [around_grey(each, np.percentile(np.abs(each), 97)) for each in lines.values()]
show_grid(drawings, titles=list(lines), columns=2)
# <check>
assert lines["guided backprop"].shape == lines["Guided Grad-CAM"].shape == photo.shape
# </check>

# %% [markdown]
# Zero is grey. Is that an explanation? Lesson 05 begins with this drawing and tests it.

# %% [markdown]
# ## Go deeper: one name, two classes
#
# The 1000 classes of ImageNet have a number, a name and an id from WordNet, a dictionary that computers can read. Keras keeps them in a JSON file, from number to (id, name). We can write the same text ourselves:

# %%
import json

from cnnvis_helpers.networks.bundled import imagenet_ids

pairs = zip(imagenet_ids(net.labels), net.labels, strict=True)
class_index = json.dumps(dict(enumerate(pairs)))
print(class_index[:96], "...")
print("281:", json.loads(class_index)["281"])
# <check>
assert json.loads(class_index)["281"] == ["n02123045", "tabby"]
assert len(json.loads(class_index)) == 1000
# </check>

# %% [markdown]
# JSON turns the numbers into texts, so the key is `"281"`. `net.class_index` takes any of the three:

# %%
for target in (281, "n02123045", "tabby"):
    print(repr(target), "is class", net.class_index(target))
twice = sorted({name for name in net.labels if net.labels.count(name) > 1})
print(len(net.labels), "classes; names that stand for two of them:", twice)
print("classes 134 and 517:", net.labels[134], "and", net.labels[517])
# <check>
assert net.class_index("n02123045") == 281 and twice == ["crane", "maillot"]
# </check>

# %% [markdown]
# One crane is a bird, the other a machine. A dict from name to number silently loses one of them, as one published notebook does. (A class notebook also gives 282 as the tabby. It is 281: Python counts from 0.) <!-- source -->
#
# **Exercise: keep both.** Return a dict from each name to the list of *all* its class numbers, in order.


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
# ## Go deeper: the field's library, and a picture to keep
#
# tf-keras-vis has Grad-CAM and its relatives. The class notebook that this course grew from uses its Grad-CAM++ on a great white shark. Its default layer is the last convolution, so name the right one. `ReplaceToLinear` takes the softmax off a copy of the model. Here are the same calls on Chelsea and our network.

# %%
from cnnvis_helpers import gradcam_plus_plus
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
from tf_keras_vis.utils.scores import CategoricalScore

settings = dict(penultimate_layer=layer, seek_penultimate_conv_layer=False,
                expand_cam=False, normalize_cam=False)
plus_plus = gradcam_plus_plus(net, photo, cat, resize=False)
for method, ours in ((Gradcam, by_gradient), (GradcamPlusPlus, plus_plus)):
    theirs = method(net.model, model_modifier=ReplaceToLinear(), clone=True)(
        CategoricalScore([cat]), net.prepare(photo), **settings)
    alike = np.corrcoef(np.ravel(theirs), ours.ravel())[0, 1]
    print(f"{method.__name__}: correlation with ours {alike:.4f}")
    # <check>
    assert alike > 0.999
    # </check>

# %% [markdown]
# The same maps as ours. (The library has its Grad-CAM++ on another scale.)
#
# To keep a heat map, blend it with the photo and save the pixels. The slides do this with VGG16, whose `block5_conv3` makes 512 maps, and an African elephant (class 386, probability .925, then tusker .070 and Indian elephant .004). They give the heat a weight of 0.4 and the colour map *jet*; the class notebook draws its shark in jet, too, with an alpha of .5. <!-- source -->
# Here are jet and our look side by side. The picture goes into a temporary folder; give a path of your own to keep it.

# %% tags=["jet"] alt="The same heat map over the cat twice: in jet, with hard-looking bands of blue, green and red over the whole photo; in magma, fading softly from the face."
from tempfile import mkdtemp

from cnnvis_helpers import overlay_picture, save_picture

jet = overlay_picture(photo, heat, alpha=0.4, cmap="jet", fade=False, grey=False)
magma = overlay_picture(photo, heat)
show_grid([jet, magma], titles=["jet, alpha 0.4", "magma, fading out"], columns=2)

path = save_picture(f"{mkdtemp()}/heat_of_chelsea.png", magma)
print("saved", path.name)
# <check>
assert np.array_equal(load_photo(str(path)), magma)
# </check>

# %% [markdown]
# Jet paints the photo blue where there is no heat, and its yellow and cyan rings look like borders that the numbers do not have. A perceptual colour map such as magma rises evenly from dark to light.

# %% [markdown]
# ## Take-away
#
# 1. A class activation map is the score, spread over the cells before it is averaged; Grad-CAM measures the weights with gradients. It can be computed for any layer, and is exact for the maps that are averaged.
# 2. Differentiate the logit, read the maps that are really pooled, and ask "why this rather than that".
# 3. Divided by its own maximum, every map glows: keep the numbers, and test them against an outline.

# %% [markdown]
# ## Further reading
#
# - Zhou et al., [Learning deep features for discriminative localization](https://arxiv.org/abs/1512.04150), the CAM paper
# - Selvaraju et al., [Grad-CAM](https://arxiv.org/abs/1610.02391)
# - Chattopadhyay et al., [Grad-CAM++](https://arxiv.org/abs/1710.11063)
# - Lin, Chen and Yan, [Network in network](https://arxiv.org/abs/1312.4400)

# %% [markdown]
# ## Next lesson
#
# Seven cells across a photo are coarse. What if we ask every single pixel?
