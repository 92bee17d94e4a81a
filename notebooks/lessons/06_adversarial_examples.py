# %% [markdown]
# # How little must change for a network to be wrong?
#
# **You will do:** turn a cat into a toaster without touching anything you can see, find out why that works, and then try to break your own attack.
#
# **You will learn:** FGSM, PGD and the one-pixel attack; what such a change survives; and how an attack can move a heat map.
#
# **You need:** [lesson 04](04_class_activation_maps.ipynb) for the tape and class activation maps.
#
# **Time:** 54 minutes, without "Go deeper"

# %% [markdown] tags=["teaching-note"]
# 54 min: the toaster and the noise 5, one step by hand 15, one level 8, many steps, a target and the explorer 10, saving 6, another network 3, the heat map 3, the unit of epsilon 4. "Go deeper", with the single pixel, is homework.
# **The aha of this lesson:** noise of 16 levels leaves the cat on top, one level in the right direction fools the network, because more than 150,000 tiny pushes add up.
# On the board: a *level* is one step of a colour value, 0 to 255. Every epsilon of this lesson is in levels.

# %% [markdown]
# The first cell loads EfficientNet-Lite0 and Chelsea the cat. A colour value is a whole number from 0 to 255, and we call one step a **level**. `original` is the photo at the size that the network sees.

# %% tags=["exercise-setup"]
import numpy as np

from cnnvis_helpers import (
    check, hint, load_network, load_photo, pgd, show_grid, solution, survives,
)

net = load_network()
photo = load_photo("chelsea")
original = np.rint(net.prepare(photo)[0]).astype(np.uint8)
cat, toaster = net.class_index("Egyptian cat"), net.class_index("toaster")

# %% [markdown]
# ## A cat is a toaster
#
# We allow each colour value to change by at most 2 of its 255 levels. `pgd` looks for the change that makes the
# network say "toaster"; later you will write it yourself. **Predict first:** will you see the change, and how sure will the network be of its toaster?

# %% alt="Two photos of Chelsea the cat that look exactly alike. The title of the first says Egyptian cat, that of the second says toaster."
attack = pgd(net, photo, toaster, epsilon=2, steps=20)

was, now = attack.before[0], attack.after[0]
titles = [f"{was.label} {was.probability:.2f}", f"{now.label} {now.probability:.2f}"]
show_grid([attack.original, attack.photo], titles=titles, columns=2, size=4.4)
# <check>
assert now.index == toaster and now.probability > 0.9 and attack.linf == 2
# </check>

# %% [markdown]
# The network is surer of the toaster than it ever was of the cat. A photo that was changed to mislead a network is called an **adversarial example**.
#
# Where is the toaster? Here is the difference of the two photos, enlarged 60 times around grey, and cut to a corner so that single pixels show.

# %% alt="The change of the whole photo as coloured noise on grey, and 40 by 40 pixels of it as small coloured squares. No toaster is to be seen, only a few streaks at the right."
change = attack.magnified(60)
show_grid([change, change[:40, :40]], titles=["difference x 60", "its corner"], columns=2, size=4.4)
print(f"largest change: {attack.linf} levels")
# <check>
assert attack.linf == 2
# </check>

# %% [markdown]
# There is no toaster in it, only specks and a few streaks. So is it just noise that fools the network? We can test that: give every value a push of the same size, up or down at random. **Predict first:** how many levels of random noise
# can you add before the network loses the cat?

# %%
signs = np.random.default_rng(0).choice([-1, 1], original.shape)

for level in (2, 4, 8, 16):
    noisy = np.clip(original + level * signs, 0, 255).astype(np.uint8)
    answer = net.predict(noisy)[0]
    print(f"noise of {level:2d} levels: {answer.label} {answer.probability:.2f}")
    # <check>
    assert answer.index == cat
    # </check>

# %% [markdown]
# Even 16 levels, which you would see at once, leave the cat on top. It is not the *size* of the change that fools the network. It is the direction.
#
# ## Which way hurts?
#
# In training, a network follows the slope of its **loss** downhill, by changing its weights. The loss of a photo is the cross-entropy $L = -\ln p$, where $p$ is the probability of the true class: 0 if the network is sure and right, large if it is wrong.
# We leave the weights alone and change the *photo*, uphill.
#
# The tape of lesson 04 gives the slope of the loss for every colour value of the photo. `@tf.function` compiles the function, which makes it faster and changes nothing else.

# %%
import tensorflow as tf


@tf.function
def loss_slopes(pixels, label):
    """How fast the loss of a class rises with each value of pixels (1, h, w, 3)."""
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        logits, _ = net.forward(pixels)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits([label], logits)
    return tape.gradient(loss, pixels)


pixels = tf.constant(original[None], tf.float32)
gradient = loss_slopes(pixels, tf.constant(cat))[0].numpy()
print(f"{gradient.size} slopes, their mean size {np.abs(gradient).mean():.6f}")
# <check>
assert gradient.shape == (224, 224, 3)
# </check>

# %% [markdown]
# Each slope is tiny: one level more in one value changes the loss by about two hundred-thousandths. How can such small slopes fool the network?
#
# The **fast gradient sign method** (FGSM; Goodfellow and others, 2014) moves *every* value by the same $\varepsilon$ (epsilon), up where the slope is positive and down where it is negative:
#
# $$x' = x + \varepsilon \, \mathrm{sign}\left(\nabla_x L\right)$$
#
# **Exercise: what should come out?** If the slopes stayed as they are, by how much would the loss rise? Write it as a function of the slopes and of $\varepsilon$, then look whether the next cell agrees. `hint("06-rise")` helps.


# %%
def expected_rise(gradient, epsilon):
    """Rise of the loss after an FGSM step, if the slopes (h, w, 3) did not change."""
    # <solution>
    return epsilon * np.abs(gradient).sum()
    # </solution>


check("06-rise", expected_rise)

# %% [markdown]
# Now the real thing, one level each: along the signs of the slopes, and along the random signs from above.

# %%
def cat_loss(picture):
    """Loss of Egyptian cat for a picture (h, w, 3)."""
    logits = net.logits(np.float32(picture)[None])
    return -np.log(net.probabilities(logits)[0, cat])


start = cat_loss(original)
uphill, random_way = original + np.sign(gradient), original + signs
print(f"sum of the sizes of all slopes: {np.abs(gradient).sum():.2f}")
print(f"the loss rises by {cat_loss(uphill) - start:.2f} along the slopes")
print(f"             and by {cat_loss(random_way) - start:.2f} at random")
# <check>
assert cat_loss(uphill) - start > 50 * abs(cat_loss(random_way) - start)
# </check>

# %% [markdown]
# There it is. At random, ups and downs cancel: 0.02. Along the slopes, 150,528 tiny pushes all go the same way, and they add up to 2.65. That is why attacks work: a slope may be tiny if there are so many of them. (The straight-line
# prediction was 3.38; slopes change on the way.)
#
# **Exercise: must all of them move?** Write an FGSM step in which only the `count` steepest values move; all others stay. A photo file holds whole numbers from 0 to 255, and the step may leave that range: return the photo as it would be saved. Then try it. How few values are enough to lose the Egyptian cat?


# %%
def steepest_step(photo, gradient, epsilon, count):
    """uint8 (h, w, 3): the uint8 photo after an FGSM step of its `count` steepest values."""
    # <solution>
    slopes, step = gradient.ravel(), np.zeros(gradient.size)
    steepest = np.argsort(-np.abs(slopes))[:count]
    step[steepest] = epsilon * np.sign(slopes[steepest])
    return np.clip(photo + step.reshape(photo.shape), 0, 255).astype(np.uint8)
    # </solution>


check("06-step", steepest_step)

# %% [markdown] tags=["teaching-note"]
# Let the class estimate the sum before the cell runs: 150,000 times two hundred-thousandths. Somebody gets 3 in the head, and that is the aha.
# Ask why the sign and not the slope itself. (If no value may move more than epsilon, moving all of them by epsilon gains most.) Many expect any noise to fool the network. On this photo 16 levels at random do not; the table with SqueezeNet shows that noise is not always harmless.

# %% [markdown]
# ## Is one level enough?
#
# `fgsm` makes the step and reports what happened. One photo proves little, so take five that the network gets right, and a single level, the smallest change that a file can hold.
#
# **Predict first:** how many of the five will it still get right?

# %%
from cnnvis_helpers import fgsm

names = ["chelsea", "coffee", "camera", "motorcycle", "hopper"]
for name in names:
    one = fgsm(net, load_photo(name), epsilon=1)
    was, now = one.before[0], one.after[0]
    print(f"{was.label} {was.probability:.2f} -> {now.label} {now.probability:.2f}")
    # <check>
    assert one.linf == 1
    # </check>

# %% [markdown]
# None. But look at *what* it says: an espresso becomes a cup, a moped a motor scooter. One step often ends at a similar class, though not always: a tripod becomes a harmonica. (Five photos are a demonstration, not a benchmark.)
#
# **Exercise: the success rate.** Papers report how often an attack succeeds. From three integer arrays (photos,), return the share, 0 to 1, of the photos that were answered rightly before and wrongly after.
# Photos that were wrong anyway do not count, neither for nor against.


# %%
def success_rate(truth, before, after):
    """Share of the photos answered rightly before that are answered wrongly after."""
    # <solution>
    right_before = before == truth
    return (after != truth)[right_before].mean()
    # </solution>


check("06-rate", success_rate)

# %% [markdown]
# ## Many small steps, towards a target
#
# How did we get as far as the toaster? Two ideas. First, a **target**: follow the loss of the class that you want. Second, many small steps, since a slope is only right nearby. After each step the photo is brought back to where it may be.
# This is **projected gradient descent** (PGD; Madry and others, 2017).
#
# **Exercise: which way?** To make the network say "toaster", a step goes along the sign of ... (a) plus the slopes of the cat's loss, (b) plus the slopes of the toaster's loss, (c) minus the slopes of the toaster's loss,
# (d) minus the slopes of the cat's loss.

# %%
# <solution>
direction = "c"
# <stub>
# direction = None  # a letter from a to d
# </solution>
check("06-direction", direction)

# %% [markdown]
# **Exercise: bring it back.** Return `x` with every value moved to the nearest place that is within `epsilon` of the original *and* within 0 to 255.


# %%
def project(x, original, epsilon):
    """float (h, w, 3): x within epsilon of the uint8 original and within 0..255."""
    # <solution>
    original = original.astype(float)
    near = np.clip(x, original - epsilon, original + epsilon)
    return np.clip(near, 0, 255)
    # </solution>


check("06-project", project)

# %% [markdown]
# Together they make PGD. A step is 2.5 epsilon divided by the number of steps, so that all steps together can reach every corner of what is allowed. `walk` takes a function that returns the slopes, so we can use it again later.

# %%
def walk(slopes, sign, epsilon=2, steps=20):
    """The attacked photo, uint8, after steps along sign * the slopes of a picture."""
    low = np.clip(original - float(epsilon), 0, 255)
    high = np.clip(original + float(epsilon), 0, 255)
    x = original.astype(float)
    for _ in range(steps):
        up = np.sign(slopes(tf.constant(x[None], tf.float32))[0].numpy())
        x = np.clip(x + sign * 2.5 * epsilon / steps * up, low, high)
    return np.rint(x).astype(np.uint8)


# %% [markdown]
# For the toaster we walk *down* the slopes of its loss.


# %%
def toaster_slopes(pixels):
    """Slopes of the toaster's loss."""
    return loss_slopes(pixels, tf.constant(toaster))


by_hand = walk(toaster_slopes, -1)
answer = net.predict(by_hand)[0]
print(f"by hand: {answer.label} {answer.probability:.2f}")
# <check>
assert answer.index == toaster and answer.probability > 0.8
# </check>

# %% [markdown]
# This is what `pgd(net, photo, toaster, epsilon=2, steps=20)` did at the top, except that `pgd` starts at a random place within the two levels. Watch the toaster appear: `history` holds its probability before each step; here is every third.

# %%
print([f"{p:.2f}" for p in attack.history[::3]])
# <check>
assert attack.history[0] < 0.01 and attack.history[-1] > 0.8
# </check>

# %% [markdown] tags=["teaching-note"]
# The name says descent although an untargeted attack climbs; it descends the negative loss. Ask what would happen with a target that is already on top. What goes wrong live: epsilon is not in levels but in the network's own units (see below).

# %% [markdown]
# Now try to do better. Turn down the largest change as far as you can while the toaster stays on top; then pick a class that you find even sillier. (The explorer takes fewer steps than we did, so it is less sure.) Which classes are hard to reach from a cat?

# %%
from cnnvis_helpers import explore_attack

explore_attack(net, photo, target="toaster", method="PGD, many steps", epsilon=2)

# %% [markdown]
# ## Does it survive being saved?
#
# A PNG file keeps every level. JPEG does not, and most photos on the web are JPEG files; many are resized, too. We put two toasters to the test, one of 2 levels and one of 8. **Predict first:** in which rows is the toaster gone?

# %%
strong = pgd(net, photo, toaster, epsilon=8, steps=20)

print(f"{'':26} 2 levels       8 levels")
for two, eight in zip(survives(net, attack), survives(net, strong), strict=True):
    print(f"{two.change:26} {two.after[0].label:14} {eight.after[0].label}")
# <check>
assert survives(net, attack)[0].success and not survives(net, attack)[2].success
# </check>

# %% [markdown]
# The toaster of 2 levels survives PNG and enlargement. But even JPEG at the high quality of 95 brings back the cat. Fine specks are just what JPEG throws away first. A stronger attack survives more.
#
# **Exercise: an experiment.** How strong must the attack be to survive JPEG at quality 75? Try `pgd(net, photo, toaster, epsilon=..., steps=20)` with 6, 12, 24, 48 and 96 levels, put each result into `survives(net, ..., qualities=[75], scales=[])`,
# and see whether the toaster is still there. Set `enough` to the smallest of the five that survives. Look at that photo, too.

# %%
# <solution>
for enough in (6, 12, 24, 48, 96):
    trial = pgd(net, photo, toaster, epsilon=enough, steps=20)
    if survives(net, trial, qualities=[75], scales=[])[-1].success:
        break
# <stub>
# enough = None  # 6, 12, 24, 48 or 96
# </solution>
check("06-jpeg", enough, net=net, photo=photo)

# %% [markdown]
# ## Does it fool another network?
#
# An attacker rarely has your network. If an attack that was made with one network also fools another one, it **transfers**. SqueezeNet knows the same 1000 classes but has other layers and was trained separately. Three photos, 8 levels, away from
# the right answer; and, as a control, random noise of the same 8 levels.

# %%
squeezenet = load_network("squeezenet")

for name in ["chelsea", "coffee", "camera"]:
    away = pgd(net, load_photo(name), epsilon=8, steps=10)
    noisy = np.clip(away.original + 8 * signs, 0, 255).astype(np.uint8)
    for what, picture in [("photo", away.original), ("attack", away.photo), ("noise", noisy)]:
        ours, theirs = net.predict(picture)[0], squeezenet.predict(picture)[0]
        theirs = f"{theirs.label} {theirs.probability:.2f}"
        print(f"{name:8} {what:7} Lite0: {ours.label:13} SqueezeNet: {theirs}")
# <check>
assert squeezenet.predict(pgd(net, load_photo("coffee"), epsilon=8).photo)[0].label == "espresso"
# </check>

# %% [markdown]
# **Exercise: read the table.** The attack on Chelsea changes SqueezeNet's answer from Egyptian cat to tiger cat. What does that show? (a) The attack transfers. (b) SqueezeNet is easier to fool than Lite0. (c) Nothing yet about the attack. (d) The attack fails for one
# network and therefore for all.

# %%
# <solution>
what_it_shows = "c"
# <stub>
# what_it_shows = None  # a letter from a to d
# </solution>
check("06-transfer", what_it_shows)

# %% [markdown]
# The espresso and the tripod are clear: EfficientNet-Lite0 is fooled, SqueezeNet is not, although the tripod falls further than with noise. These attacks hardly transfer. (An attack works on the resized photo, rounded to whole levels; that is why the last digit of a probability can differ from lesson 00.)
#
# Attacks that are made on several networks at once do better, so a secret network is no defence. And a success without a control shows little.

# %% [markdown] tags=["teaching-note"]
# The control is the point. Hide the rows "noise" and ask for a conclusion.

# %% [markdown]
# ## Can an attack move the heat map?
#
# Suppose the network still says "Egyptian cat". May we at least believe its heat map then? Lesson 04 showed that the class activation map is `maps @ weights`. That has slopes, too. So leave the answer alone and attack the *explanation*: pull the heat into
# the top right corner, to the tip of the ear. (Ghorbani and others, 2017, had this idea.)

# %%
from cnnvis_helpers import pooled_head

layer, dense = pooled_head(net)
weights = dense.kernel[:, cat]


@tf.function
def pull_slopes(pixels):
    """Slopes of (mean heat in the top right corner - mean heat of the map)."""
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        _, (maps,) = net.forward(pixels, [layer])
        heat = tf.linalg.matvec(maps, weights)[0]  # (7, 7), the class activation map
        pull = tf.reduce_mean(heat[:3, 4:]) - tf.reduce_mean(heat)
    return tape.gradient(pull, pixels)


moved = walk(pull_slopes, +1)
# <check>
assert np.abs(moved.astype(int) - original).max() <= 2
# </check>

# %% [markdown]
# The same `walk`, the same two levels, only other slopes. **Predict first:** will the answer stay? And how much of the heat can two levels move?

# %% alt="Grad-CAM on two photos of the cat that look alike, on one scale: before, a faint glow on the face; after, strong heat in the top right corner, at the ear."
from cnnvis_helpers import figure_row, gradcam, show_overlay

heats = [gradcam(net, each, cat) for each in (original, moved)]
with figure_row(2, width=11) as axes:
    for ax, picture, heat in zip(axes, (original, moved), heats, strict=True):
        answer = net.predict(picture)[0]
        title = f"{answer.label} {answer.probability:.2f}"
        show_overlay(picture, heat, title, ax=ax, label="logits per cell", vmax=np.max(heats))
for what, heat in zip(("before", "after"), heats, strict=True):
    corner, face = heat[:96, 128:].mean(), heat[96:].mean()
    print(f"{what:7}mean heat in the corner {corner:.2f}, on the face below it {face:.2f}")
print(f"correlation of the two maps: {np.corrcoef(heats[0].ravel(), heats[1].ravel())[0, 1]:.2f}")
# <check>
assert net.predict(moved)[0].index == cat and heats[1].argmax() // 224 < 112
# </check>

# %% [markdown]
# The answer is the same, and even surer. But corner and face were equally hot before, 0.21, and now the corner has 0.98 and the face 0.05. The two maps have next to nothing in common. (The left map looks faint because both share one scale: the attack did not only move the heat, it made far more of it.) Is the second map wrong? No. It explains the photo that it was given, and in *this* photo the attack has put the evidence there.

# %% [markdown] tags=["teaching-note"]
# Cover the title of the right picture and ask what the network says. Most expect a wrong class. Discuss: is the map wrong?

# %% [markdown]
# ## What goes wrong: the unit of epsilon
#
# An epsilon without a unit means nothing. Many networks read inputs from 0 to 1 or from -1 to 1, and a tutorial's epsilon then counts in *those*. **Exercise: how many levels?** A well-known tutorial attacks a network that reads inputs from -1 to 1, with
# epsilon 0.1. How many levels (0 to 255) is that? Do not round.

# %%
# <solution>
in_levels = 0.1 * 255 / 2
# <stub>
# in_levels = None  # a number
# </solution>
check("06-levels", in_levels)

# %% [markdown]
# Another trap is invisible in the code: `uint8` has no number above 255. Adding 2 to a white pixel gives 1, which is nearly black.

# %%
white = np.array([253, 254, 255], np.uint8)
print(white + np.uint8(2), np.clip(white.astype(int) + 2, 0, 255))
# <check>
assert (white + np.uint8(2)).tolist() == [255, 0, 1]
# </check>

# %% [markdown]
# ## Go deeper: can a single pixel do it?
#
# So far we changed all pixels a little. Now the opposite: *one* pixel, by as much as you like. Su, Vargas and Sakurai tried it: one pixel was enough for 67.97% of the small CIFAR-10 photos (32 x 32 pixels) and for 16.04% of the ImageNet photos. <!-- source -->
# Their search needs no slopes. It keeps a **population** of candidates (row, column, red, green, blue), makes new ones from the differences of old ones, and keeps what lowers the probability: **differential evolution**.
#
# **Exercise: try a candidate.** Return a *copy* of the photo with this one pixel set.


# %%
def with_pixel(photo, candidate):
    """uint8 (h, w, 3): a copy with one pixel set; candidate = row, column, red, green, blue."""
    # <solution>
    row, column, *colour = candidate
    changed = photo.copy()
    changed[row, column] = colour
    return changed
    # </solution>


check("06-pixel", with_pixel)

# %% [markdown]
# One pixel among so many is little, so we choose a photo with a close call: SqueezeNet hesitates between moped and motor scooter. Each dot is a candidate, in its own colour; the yellow square marks the best so far.

# %% alt="A motorcycle three times with 32 coloured dots, the pixels that three generations of the search try; a yellow square marks the best one."
from cnnvis_helpers import one_pixel, show_photo

states = []
size = {"population": 32, "generations": 20}
moped = load_photo("motorcycle")
found = one_pixel(squeezenet, moped, settings=size, watch=states.append)

with figure_row(3, width=13) as axes:
    for ax, state in zip(axes, [states[0], states[len(states) // 2], states[-1]], strict=True):
        show_photo(found.original, f"generation {state.generation}", ax=ax)
        row, column, *colour = state.candidates[:, 0].T
        ax.scatter(column, row, s=70, c=np.transpose(colour) / 255, edgecolor="white")
        row, column = state.best[0, :2]
        ax.scatter(column, row, s=400, marker="s", c="none", edgecolor="yellow", lw=3)
# <check>
assert len(found.pixels) == 1
# </check>

# %% [markdown]
# Did it work? The photo, the changed photo, and the surroundings of the pixel:

# %% alt="The motorcycle, the same with one changed pixel that is hard to find, and 24 by 24 pixels around it, where it stands out."
row, column = found.pixels[0]
top, left = np.clip(row - 12, 0, 203), np.clip(column - 12, 0, 203)
close = found.photo[top : top + 24, left : left + 24]
titles = [f"{p[0].label} {p[0].probability:.2f}" for p in (found.before, found.after)]
show_grid([found.original, found.photo, close], titles=[*titles, "that pixel"], columns=3)
print(found.queries, "photos tried")

# %% [markdown]
# One pixel, and the moped is a motor scooter. That was easy, because we *chose* a photo on which two classes are close: 0.54 and 0.45. Chelsea is a harder case:

# %%
tried = one_pixel(squeezenet, photo, settings={"population": 32, "generations": 10})
was, now = tried.before[0], tried.after[0]
print(f"{was.label} {was.probability:.2f} -> {now.label} {now.probability:.2f}")
print(tried.queries, "photos tried;", "success" if tried.success else "no success")
rivals = [f"{p.label} {p.probability:.2f}" for p in found.before[:2]]
print("for comparison, the motorcycle before:", rivals)
# <check>
assert now.probability < was.probability
# </check>

# %% [markdown]
# A drop, but no success. Nor does "not found" mean "impossible": the paper's search tries 400 candidates for 100 generations. <!-- source -->

# %% [markdown]
# ## Go deeper: a defence, and its end
#
# If the attack sits in fine specks, smooth them away before asking: replace each pixel by the mean of 3 x 3.

# %%
def smooth(pixels):
    """The mean of 3 x 3 pixels, for pixels (1, h, w, 3)."""
    return tf.nn.avg_pool2d(pixels, 3, 1, "SAME")


def answer_behind(picture):
    """What the network says behind the defence."""
    smoothed = smooth(tf.constant(picture[None], tf.float32))[0].numpy()
    return net.predict(np.rint(smoothed).astype(np.uint8))[0]


for name, picture in [("photo", original), ("attack", attack.photo)]:
    answer = answer_behind(picture)
    print(f"{name:7} {answer.label} {answer.probability:.2f}")
# <check>
assert answer_behind(original).label.endswith("cat") and answer.index != toaster
# </check>

# %% [markdown]
# The toaster is gone. Is the network safe now? Only from an attacker who does not know about the smoothing. One who does puts the smoothing *inside* the slopes:

# %%
@tf.function
def slopes_through(pixels):
    """Slopes of the toaster's loss behind the defence."""
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        logits, _ = net.forward(smooth(pixels))
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits([toaster], logits)
    return tape.gradient(loss, pixels)


answer = answer_behind(walk(slopes_through, -1, epsilon=4))
print(f"{answer.label} {answer.probability:.2f}")
# <check>
assert answer.index == toaster
# </check>

# %% [markdown]
# The toaster is back. A defence counts only when somebody who knew about it has tried to break it. What helps more is **adversarial training**: put attacked photos into the training, with the right label, over and over. It costs much time and some accuracy.

# %% [markdown]
# ## Go deeper: the loss by hand
#
# We took the loss from TensorFlow. It is a few lines of NumPy: networks give logits, the softmax makes probabilities of them, and the loss is minus the logarithm of one probability.
#
# **Exercise: the loss.** Compute the cross-entropy. Your `loss_of(net.logits(pixels)[0].numpy(), cat)` should be `cat_loss(original)`.


# %%
def loss_of(logits, label):
    """Cross-entropy of class `label`, from logits (classes,)."""
    # <solution>
    powers = np.exp(logits - logits.max())
    return -np.log(powers[label] / powers.sum())
    # </solution>


check("06-loss", loss_of)

# %% [markdown]
# ## Take-away
#
# 1. Random noise has to be far stronger than an attack: thousands of tiny pushes along the slopes of the loss add up, and one level can be enough.
# 2. Give epsilon in levels, judge the saved photo, count only what was right before, and always run a control.
# 3. A heat map of an attacked photo explains the attack; it cannot tell you that you were attacked.

# %% [markdown]
# ## Further reading
#
# - Goodfellow, Shlens and Szegedy, [Explaining and harnessing adversarial examples](https://arxiv.org/abs/1412.6572)
# - Madry et al., [Towards deep learning models resistant to adversarial attacks](https://arxiv.org/abs/1706.06083)
# - Su, Vargas and Sakurai, [One pixel attack for fooling deep neural networks](https://arxiv.org/abs/1710.08864)
# - Ghorbani, Abid and Zou, [Interpretation of neural networks is fragile](https://arxiv.org/abs/1710.10547)

# %% [markdown]
# ## Next lesson
#
# We followed slopes to fool a network. Follow them further, from pure noise, and you get pictures that nobody took: [lesson 07](07_patterns_and_dreams.ipynb).
