# %% [markdown]
# # Which pixels would change the answer?
#
# **You will do:** ask every single pixel of a photo what it does to the score, clean up the answer, and share a score out among the pixels.
#
# **You will learn:** what a gradient says and what it cannot say; SmoothGrad; integrated gradients and the sum that checks them; and a test that every explanation should pass.
#
# **You need:** [lesson 04](04_class_activation_maps.ipynb) for the tape, and that a derivative is a slope.
#
# **Time:** 56 minutes, without "Go deeper"

# %% [markdown] tags=["teaching-note"]
# 56 min: the drawing 2, slopes and their check 17, noise and SmoothGrad 14, the dark photos 2, integrated gradients 13, the drawing again 4, explorer 1, the tower 3. "Go deeper" is homework.
# **The aha of this lesson:** the drawing from the first minute comes out the same when you ask for a toaster.
# Write two questions on the board: "How would the score change?" and "Where did the score come from?" The first is the gradient's, the second that of integrated gradients.

# %% [markdown]
# The first cell loads EfficientNet-Lite0 and Chelsea the cat. `pixels` is the photo as the network gets it: a batch of one, values from 0 to 255.

# %% tags=["exercise-setup"]
import numpy as np

from cnnvis_helpers import (
    around_grey, check, guided_backprop, hint, load_network, load_photo, show_grid, solution,
)

net = load_network()
photo = load_photo("chelsea")
cat, toaster = net.class_index("Egyptian cat"), net.class_index("toaster")
pixels = net.prepare(photo)  # (1, 224, 224, 3)

# %% [markdown]
# ## The prettiest picture first
#
# The heat maps of lesson 04 had 7 x 7 cells. This one has a value for every pixel. It is called **guided backprop**, and it answers "what makes this an Egyptian cat?" with a drawing. Grey is zero; red, green and blue stand for the three colour values of a pixel.

# %% alt="Left the photo of the cat; right, on even grey, a fine drawing of the same cat in coloured lines: bright eyes and nose, whiskers, the edge of the face."
drawing = guided_backprop(net, photo, cat, reduce="rgb", resize=False)
drawing = around_grey(drawing, np.percentile(np.abs(drawing), 97))
seen = pixels[0].astype(np.uint8)
show_grid([seen, drawing], titles=["photo", "guided backprop"], columns=2, size=4.4)

# %% [markdown]
# Eyes, nose, whiskers: everything a cat needs. **Predict first:** would you trust this picture? Write down yes or no; we come back to it.
#
# To judge it, we have to know what such a picture is made of. It begins with a slope.
#
# ## A slope for every pixel
#
# Take one number of the photo, say the green value of one pixel. Raise it a little. How fast does the score of the cat rise? That is a **slope**, and you can measure it without any calculus:
# move the number a small step up, then the same step down, and look at the two scores.
#
# **Exercise: measure a slope.** `score` is a function of an array `x`. Return the slope of the score in `x[place]`, measured from one `step` below to one `step` above. `hint("05-slope")` helps.


# %%
def measured_slope(score, x, place, step):
    """Slope of score(x) in x[place], from two scores; x stays as it is."""
    # <solution>
    up, down = x.copy(), x.copy()
    up[place] += step
    down[place] -= step
    return (score(up) - score(down)) / (2 * step)
    # </solution>


check("05-slope", measured_slope)

# %% [markdown]
# For one number that costs two forward passes; this photo has 150528 numbers. The tape of lesson 04 gets all their slopes in a single backward pass. All slopes together are the **gradient**. (`@tf.function` compiles a
# function; it is faster and gives the same numbers.)

# %% tags=["exercise-setup"]
import tensorflow as tf


@tf.function(reduce_retracing=True)
def slopes_of(pixels, c):
    """Slopes of the logit of class c for pixels (n, h, w, 3): the same shape."""
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        logits, _ = net.forward(pixels)
        score = tf.reduce_sum(tf.gather(logits, c, axis=1))  # n photos, each with its own slopes
    return tape.gradient(score, pixels)


gradient = slopes_of(tf.constant(pixels), tf.constant(cat))[0].numpy()
print(gradient.shape, gradient.size, "slopes")
# <check>
assert gradient.shape == (224, 224, 3) and np.abs(gradient).max() > 0
# </check>

# %% [markdown]
# Trust, but check: take the steepest number of all, and move it one **level**, one of the 255 steps from black to white, up and one down.

# %%
place = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
up, down = pixels.copy(), pixels.copy()
up[0][place] += 1
down[0][place] -= 1

above, below = net.logits(np.concatenate([up, down])).numpy()[:, cat]
print(f"row {place[0]}, column {place[1]}, colour {place[2]}")
print(f"gradient {gradient[place]:.4f}, measured {(above - below) / 2:.4f} logits per level")
# <check>
assert np.isclose((above - below) / 2, gradient[place], rtol=0.2)
# </check>

# %% [markdown]
# They agree roughly: a step of one level is not infinitely small. (And the steepest of all pixels lies at the lower edge, not on an eye. Keep that in mind.)
#
# A pixel has three slopes, one per colour, and a map has one number. The first paper on **saliency maps** (Simonyan and others, 2013) takes the largest *magnitude*: it asks how much a pixel could do, no matter in which direction.
#
# **Exercise: three become one.** Make this map (h, w) from a gradient (h, w, 3).


# %%
def saliency_map(gradient):
    """One number a pixel: (h, w) from (h, w, 3)."""
    # <solution>
    return np.abs(gradient).max(axis=-1)
    # </solution>


check("05-colours", saliency_map)

# %% [markdown]
# The helper `saliency` does both steps. **Predict first:** will you see a cat?

# %% alt="A dark picture full of fine bright specks, all over the cat and the background. The face can hardly be made out."
from cnnvis_helpers import load_mask, saliency, show_map

heat = saliency(net, photo, cat)
show_map(1000 * heat, "Saliency for Egyptian cat", percentile=99.5, label="1/1000 logit per level")

mask = load_mask("chelsea")  # True on the cat
print(f"{heat[mask].sum() / heat.sum():.0%} of the map on the cat, {mask.mean():.0%} of the photo")
# <check>
assert abs(heat[mask].sum() / heat.sum() - mask.mean()) < 0.1
ours = np.abs(gradient).max(axis=-1)
assert np.corrcoef(ours.ravel(), saliency(net, photo, cat, resize=False).ravel())[0, 1] > 0.99
# </check>

# %% [markdown]
# Specks everywhere. Spread evenly, the map would put 74% on the cat, because the cat fills so much of the photo; it puts 70% there. As a picture of "where the cat is", the gradient is worth nothing. Is it wrong? The slope that we checked was right. It answers another question than we thought.

# %% [markdown] tags=["teaching-note"]
# Ask: is a steep pixel an important pixel? Steep means "the answer would change here", not "the answer was made here".
# Live trouble: `None` from the tape means that the pixels were not watched, or that `model.predict` was used.

# %% [markdown]
# ## How far can you trust a slope?
#
# Add noise of at most 3 levels, which nobody sees. **Predict first:** will the score stay? Will the map stay?

# %% alt="Two maps of specks, of the photo and of the nearly equal noisy photo; many of the bright specks are in other places."
from cnnvis_helpers import compare_maps

random = np.random.default_rng(0)
noisy = np.float32(pixels + random.integers(-3, 4, pixels.shape))

both = [slopes_of(tf.constant(each), tf.constant(cat))[0].numpy() for each in (pixels, noisy)]
maps = [np.abs(each).max(axis=-1) for each in both]
compare_maps({"photo": maps[0], "3 levels of noise": maps[1]}, percentile=99)

scores = net.logits(np.concatenate([pixels, noisy])).numpy()[:, cat]
print(f"scores {scores[0]:.2f} and {scores[1]:.2f}, a fall of {scores[0] - scores[1]:.2f}")
print(f"correlation of the two maps {np.corrcoef(maps[0].ravel(), maps[1].ravel())[0, 1]:.2f}")
# <check>
assert abs(scores[0] - scores[1]) < 1 and np.corrcoef(maps[0].ravel(), maps[1].ravel())[0, 1] < 0.7
# </check>

# %% [markdown]
# The score falls a little, and the map changes far more: a correlation of 0.43. Every ReLU is a kink, and a tiny step flips many of them on or off. So the slope at *this very photo* is partly luck.
#
# ## SmoothGrad: ask thirty neighbours
#
# If one slope is luck, take the average of many. **SmoothGrad** (Smilkov and others, 2017) makes copies of the photo with random noise and averages their gradients. Slopes that come and go cancel, and those that all copies agree on remain.
#
# **Exercise: the mean.** You get the gradients of n noisy copies. Make one map of them, in which slopes that come and go can cancel: one number a pixel, as in the saliency map.


# %%
def mean_map(gradients):
    """SmoothGrad (h, w) from the gradients (n, h, w, 3) of n noisy copies."""
    # <solution>
    return np.abs(gradients.mean(axis=0)).max(axis=-1)
    # </solution>


check("05-mean", mean_map)

# %% [markdown]
# How much noise? The unit is the *range* of the photo, its largest value minus its smallest. We take 5 per cent of it and thirty copies, ten at a time.

# %%
from cnnvis_helpers import resize_map, smoothgrad

def slopes_of_many(batch):
    """Slopes of the cat's logit for a batch (n, h, w, 3), ten photos at a time."""
    parts = [batch[k : k + 10] for k in range(0, len(batch), 10)]
    return np.concatenate([slopes_of(tf.constant(each), tf.constant(cat)) for each in parts])


sigma = 0.05 * (pixels.max() - pixels.min())
copies = np.float32(pixels + random.normal(0, sigma, (30, 224, 224, 3)))
smooth = np.abs(slopes_of_many(copies).mean(axis=0)).max(axis=-1)
helper = smoothgrad(net, photo, cat, samples=30, noise=0.05, resize=False)
print(f"correlation with the helper: {np.corrcoef(smooth.ravel(), helper.ravel())[0, 1]:.2f}")
# <check>
assert np.corrcoef(smooth.ravel(), helper.ravel())[0, 1] > 0.2
# </check>

# %% [markdown]
# The helper draws other noise. Only 0.63: pixel by pixel, thirty copies still leave much to luck. What they agree on is regions. And now the cat? Here is the helper's map, at the size of the photo.

# %% alt="The SmoothGrad map: the specks are densest on the cat's face, at the eye on the left and beside the nose; the background at the right is dark."
heat = resize_map(helper, photo.shape[:2])
show_map(1000 * heat, "SmoothGrad for Egyptian cat", percentile=99, label="1/1000 logit per level")
print(f"{heat[mask].sum() / heat.sum():.0%} of the map on the cat, {mask.mean():.0%} of the photo")
# <check>
assert heat[mask].sum() / heat.sum() > mask.mean() + 0.03
# </check>

# %% [markdown]
# There she is: 82% now.
#
# But whose explanation is it? Not that of the photo; that of the noisy copies. If the network sees no cat in them, the map explains nothing. We took 0.05 of the range; the paper advises 0.1 to 0.2. **Exercise: an experiment.** Measure the mean probability of the cat over ten noisy copies,
# `net.probabilities(net.logits(copies))[:, cat].mean()`, for noise of 0.05, 0.1, 0.15, 0.2 and 0.3 of the range. Which is the smallest of the five for which it is below one quarter? Guess first.

# %%
# <solution>
for too_much in (0.05, 0.1, 0.15, 0.2, 0.3):
    noise = np.random.default_rng(1).normal(0, too_much * np.ptp(pixels), (10, 224, 224, 3))
    if net.probabilities(net.logits(np.float32(pixels + noise)))[:, cat].mean() < 0.25:
        break
# <stub>
# too_much = None  # 0.05, 0.1, 0.15, 0.2 or 0.3
# </solution>
check("05-quarter", too_much)

# %% [markdown]
# So advice that was given for one network need not suit another. That is why we took 0.05: measure what your copies are to the network before you explain them.

# %% [markdown] tags=["teaching-note"]
# Somebody asks why not simply blur the map. A blur mixes neighbouring *pixels*; SmoothGrad keeps them apart and mixes *photos*. A clearer map is not a truer one: it answers a question about a neighbourhood.

# %% [markdown]
# ## The cat in the dark
#
# Here is another weakness of slopes. Turn the light down: multiply the photo by a number alpha from 0 (black) to 1. **Predict first:** how dark may it be before the network loses the cat? And where will its score rise most?

# %% alt=["Five photos from nearly black to full light. The second is so dark that the cat is hardly visible.", "A curve that shoots up to 8.6 at alpha 0.05, reaches 10 at a quarter of the light and is flat from there on."]
from cnnvis_helpers import show_curve

alphas = np.linspace(0, 1, 21, dtype=np.float32)
path = alphas[:, None, None, None] * pixels  # (21, 224, 224, 3)
logits = net.logits(path).numpy()
rising = logits[:, cat]

some = [0, 1, 2, 5, 20]
show_grid([path[k].astype(np.uint8) for k in some], [f"{alphas[k]:.2f}" for k in some], columns=5)
show_curve(alphas, rising, "alpha", "logit", "Score of Egyptian cat")
for k in some:
    print(f"{alphas[k]:.2f}: cat {rising[k]:5.2f}, on top {net.labels[logits[k].argmax()]}")
# <check>
assert logits[1].argmax() == cat
assert rising[1] > 0.6 * rising[-1] and abs(rising[10] - rising[-1]) < 0.1 * rising[-1]
# </check>

# %% [markdown]
# With a twentieth of the light, where you see almost nothing, the network still says Egyptian cat, and the score has climbed from 0.18 to 8.57 of its 10.54. From a quarter of the light on it hardly moves. This is **saturation**: at the photo itself the curve is flat, and a slope that is measured there misses where the score came from.
#
# ## Integrated gradients: share out the climb
#
# So do not measure the slope at the end only. Measure it all along the way from black to the photo, and take the mean. A climb is distance times mean slope, so each number $x_i$ of the photo gets a share of it:
#
# $$a_i = (x_i - x'_i) \cdot \text{mean slope of } x_i \text{ on the way from } x' \text{ to } x$$
#
# $x$ is the photo, and $x'$, here black, is the **baseline**. These are **integrated gradients** (Sundararajan and others, 2017). All shares must add up to the climb of the score. This is called **completeness**, and your code can fail the test.
#
# **Exercise: shares.** You have the slopes at n places, in the middles of n equal steps along the way. Return the shares.


# %%
def shares_of(x, baseline, gradients):
    """Shares (h, w, 3) from x and baseline (h, w, 3) and slopes (n, h, w, 3) on the way."""
    # <solution>
    return (x - baseline) * gradients.mean(axis=0)
    # </solution>


check("05-shares", shares_of)

# %% [markdown]
# **Exercise: what must come out?** Take mid grey, `127.5`, as the baseline instead of black. To which number must the shares of all values add up? `np.full_like(pixels, 127.5)` is the grey picture.

# %%
# <solution>
grey = np.full_like(pixels, 127.5)
ends = net.logits(np.concatenate([pixels, grey])).numpy()[:, cat]
total = ends[0] - ends[1]
# <stub>
# total = None  # a number
# </solution>
check("05-total", total, net=net, photo=photo)

# %% [markdown]
# From black, the climb is known from the curve. How many places on the way do we need? Completeness tells us.

# %%
print(f"the climb of the score: {rising[-1] - rising[0]:.2f}")

for n in (10, 20, 40):
    middles = (np.arange(n, dtype=np.float32) + 0.5) / n
    slopes = slopes_of_many(middles[:, None, None, None] * pixels)
    shares = pixels[0] * slopes.mean(axis=0)
    print(f"{n} places: the shares add up to {shares.sum():.2f}")
# <check>
assert abs(shares.sum() / (rising[-1] - rising[0]) - 1) < 0.15
# </check>

# %% [markdown]
# Surprised? With 10 places the sum is far too small, with 20 far too large; with 40 it comes close to 10.36. The maps alone would not have shown the mistake: no map has its sum written on it. Four fifths of the climb happen in the first twentieth of the way, and ten places hardly look there.
# *That* is what the sum is for. The helper takes 60 places, closer together near both ends, and it says how large the error is.

# %% alt="Left SmoothGrad; right the magnitudes of integrated gradients: fine specks on the fur, while the dark rims of both eyes and the nostrils are black."
from cnnvis_helpers import integrated_gradients

found, report = integrated_gradients(net, photo, cat, steps=60, return_error=True)
print(f"shares {report.attributed:.2f}, climb {report.difference:.2f}, error {report.error:.1%}")

titles = ["SmoothGrad, 1/1000 logit per level", "integrated gradients, logits"]
show_grid([1000 * heat, np.abs(found)], titles, columns=2, scale="each", percentile=99.5, size=4.4)
# <check>
assert report.error < 0.2
# </check>

# %% [markdown]
# The unit has changed: no longer logits per level, but logits. A share says where the score *came from*, and no longer what would change it. And look at the eyes: their dark rims are black in the map. Compared with a black baseline, a black pixel has a share of exactly zero, however much it matters, because $x_i - x'_i$ is zero. Always name your baseline.

# %% [markdown] tags=["teaching-note"]
# The best minute: which number must come out of the sum? Most say "the logit". It is the logit minus the baseline's logit. Then run the cell and let them be shocked by the first two rows.

# %% [markdown]
# ## Back to the beautiful drawing
#
# Now you know what a slope is. Guided backprop computes slopes, with one change: on the way back, every ReLU also throws away all *negative* slopes. So it keeps only what speaks for something, all the way down. That is why it is so clean.
#
# And here is the test of every explanation: ask for something that is not there. **Predict first:** what will guided backprop draw for *toaster*?

# %% alt="Two drawings of the cat on grey that look exactly alike, titled Egyptian cat and toaster."
pair = [guided_backprop(net, photo, c, reduce="rgb", resize=False) for c in (cat, toaster)]
drawings = [around_grey(each, np.percentile(np.abs(each), 97)) for each in pair]
show_grid(drawings, titles=["Egyptian cat", "toaster"], columns=2, size=4.4)

plain = [slopes_of(tf.constant(pixels), tf.constant(c)).numpy() for c in (cat, toaster)]
for name, (a, b) in {"guided backprop": pair, "plain gradient": plain}.items():
    print(f"{name}, cat and toaster: correlation {np.corrcoef(a.ravel(), b.ravel())[0, 1]:.3f}")
# <check>
assert np.corrcoef(pair[0].ravel(), pair[1].ravel())[0, 1] > 0.95
assert np.corrcoef(plain[0].ravel(), plain[1].ravel())[0, 1] < 0.5
# </check>

# %% [markdown]
# The same cat. The plain gradient, ugly as it is, at least knows the difference.
#
# **Exercise: what follows?** The drawing is the same for two classes. So it shows (a) that the network sees a toaster in the cat, (b) mostly the photo, and hardly what the class depends on, (c) the reasons for the cat, since its lines are so clear,
# (d) that the network cannot tell cats from toasters.

# %%
# <solution>
follows = "b"
# <stub>
# follows = None  # a letter from a to d
# </solution>
check("05-pretty", follows)

# %% [markdown] tags=["teaching-note"]
# Before the cell, ask who wrote "yes, I trust it" at the start. Afterwards nobody needs a lecture. Adebayo and others (2018) went further: even a network with *random* weights draws the photo. Lesson 08 repeats that.

# %% [markdown]
# ## Your turn
#
# In the explorer, take SmoothGrad and let the number of copies grow: when does the map stop changing? Then ask for a class that is not in the photo, with each method. Which of them notice?

# %%
from cnnvis_helpers import explore_saliency

explore_saliency(net, photo)

# %% [markdown]
# ## What goes wrong: the tower that is minus a cat
#
# Some published code differentiates the probability instead of the logit. Let us ask that way for *bell cote*, a church tower, to which the network gives almost no probability here. And compare the result with two maps: the slopes of the tower's own logit, and the cat's slopes with their
# signs reversed.

# %%
tower = net.class_index("bell cote")


@tf.function
def probability_slopes(pixels):
    """Slopes of the tower's probability."""
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        probability = tf.nn.softmax(net.forward(pixels)[0])[0, tower]
    return tape.gradient(probability, pixels)


asked = probability_slopes(tf.constant(pixels)).numpy().ravel()
own = slopes_of(tf.constant(pixels), tf.constant(tower)).numpy().ravel()
print(f"correlation with the tower's own slopes: {np.corrcoef(asked, own)[0, 1]:.2f}")
print(f"with minus the cat's slopes: {np.corrcoef(asked, -gradient.ravel())[0, 1]:.2f}")
print(f"largest slope: probability {np.abs(asked).max():.0e}, logit {np.abs(own).max():.0e}")
# <check>
assert np.corrcoef(asked, -gradient.ravel())[0, 1] > np.corrcoef(asked, own)[0, 1] + 0.1
# </check>

# %% [markdown]
# **Exercise: why?** The slopes of the tower's probability are nearly the cat's with the signs reversed (0.91). Why? (a) The tower is in the background. (b) By chance. (c) All probabilities add up to 1, so the cheapest way to raise any other class is less cat. (d) The logit of the tower
# has no slopes of its own.

# %%
# <solution>
why = "c"
# <stub>
# why = None  # a letter from a to d
# </solution>
check("05-tower", why)

# %% [markdown]
# So differentiate the logit. And look at the sizes: where a probability is near 0 or 1, its slopes nearly vanish. A map that is divided by its own maximum hides that, too.

# %% [markdown]
# ## Go deeper: guided backprop of any layer
#
# Guided backprop can also be asked for a single *channel*. Two layers, and in each the channel with the highest mean. **Predict first:** will they differ?

# %% alt="Two drawings on grey: for a channel of an earlier layer, fine lines all over the cat and the background; for a channel of a deeper layer, mostly the eyes, the nose and the edge of the face."
from cnnvis_helpers import feature_maps

drawings, titles = [], []
for name in ("block5_expand", "block11_expand"):
    k = int(feature_maps(net, photo, f"{name}_relu").mean(axis=(0, 1)).argmax())
    lines = guided_backprop(net, photo, layer=name, channel=k, reduce="rgb", resize=False)
    drawings.append(around_grey(lines, np.percentile(np.abs(lines), 98)))
    titles.append(f"{name}, channel {k}")
show_grid(drawings, titles=titles, columns=2, size=4.4)

# %% [markdown]
# The earlier channel reacts to edges anywhere, the deeper one more to the eyes and the nose. But its drawing is nearly the one that we got for the cat and for the toaster: do not read too much into it.
#
# **Exercise: the rule.** Write the backward step of one guided ReLU. `x` is what went into the ReLU, `slope` what comes back from above. A plain ReLU lets a slope pass where `x` was positive.


# %%
def guided_relu(x, slope):
    """The slope that a guided ReLU passes on, of the same shape as x."""
    # <solution>
    return slope * (x > 0) * (slope > 0)
    # </solution>


check("05-relu", guided_relu)

# %% [markdown]
# ## Go deeper: the field's library
#
# tf-keras-vis has `Saliency`. `ReplaceToLinear` takes the softmax off a copy of the model, for the reason you know now.

# %%
from tf_keras_vis.saliency import Saliency
from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
from tf_keras_vis.utils.scores import CategoricalScore

tool = Saliency(net.model, model_modifier=ReplaceToLinear(), clone=True)
theirs = np.asarray(tool(CategoricalScore([cat]), pixels, normalize_map=False))[0]
alike = np.corrcoef(theirs.ravel(), maps[0].ravel())[0, 1]
print(f"correlation with our saliency map: {alike:.4f}")
# <check>
assert np.corrcoef(theirs.ravel(), maps[0].ravel())[0, 1] > 0.99
# </check>

# %% [markdown]
# The same map. Its SmoothGrad differs from the paper: it averages the magnitudes, so that slopes of opposite sign cannot cancel. When two libraries draw different maps under one name, look at the order of the steps.

# %% [markdown]
# ## Take-away
#
# 1. A gradient says what would change the score, at this very photo; it does not say where the score came from.
# 2. SmoothGrad averages some of the luck away; integrated gradients share out the climb, and their sum must fit.
# 3. Ask every method for something that is not there: a map that stays the same is a picture of the photo.

# %% [markdown]
# ## Further reading
#
# - Simonyan, Vedaldi and Zisserman, [Deep inside convolutional networks](https://arxiv.org/abs/1312.6034)
# - Smilkov et al., [SmoothGrad](https://arxiv.org/abs/1706.03825)
# - Sundararajan, Taly and Yan, [Axiomatic attribution for deep networks](https://arxiv.org/abs/1703.01365)
# - Springenberg et al., [Striving for simplicity](https://arxiv.org/abs/1412.6806), guided backprop
# - Adebayo et al., [Sanity checks for saliency maps](https://arxiv.org/abs/1810.03292)

# %% [markdown]
# ## Next lesson
#
# If slopes say which way the score rises, we can walk that way, and turn a cat into a toaster: [lesson 06](06_adversarial_examples.ipynb).
