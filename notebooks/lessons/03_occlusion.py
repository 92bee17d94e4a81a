# %% [markdown]
# # Which part of the photo does the answer hang on?
#
# **You will do:** hide one part of a photo after another, watch the answer fall, and draw the falls as a heat map.
#
# **You will learn:** what an occlusion map says, what patch, step and colour do to it, what it costs, and three ways to be fooled by one.
#
# **You need:** [lesson 00](00_start_here.ipynb) for logits and probabilities, a little NumPy.
#
# **Time:** 35 minutes

# %% [markdown] tags=["teaching-note"]
# 35 min: the sweep by hand and the honest drop 11, the photo through the map 1, logits or probabilities 4, finer maps and cost 4,
# heat on the animal 2, which colour hides best 4, what goes wrong 5, one exercise in class 4, play and the other exercises at home.
# Start without the computer: show the photo, cover parts with your hand, ask at each "still a cat?". That is the whole method.
# With 15 minutes only: the sixteen pictures, the two maps of the same numbers, and the two cats.

# %% [markdown]
# The first cell loads what this lesson uses. Another network? Change the line `NETWORK = "course"`.

# %% tags=["exercise-setup"]
import numpy as np
from scipy.stats import spearmanr

from cnnvis_helpers import (
    check,
    compare_maps,
    figure_row,
    hint,
    load_mask,
    load_network,
    load_photo,
    mask_photo,
    occluded_photos,
    occlusion,
    occlusion_grid,
    occlusion_passes,
    photo_alt,
    show_curve,
    show_grid,
    show_matrix,
    show_overlay,
    show_photo,
    solution,
)

NETWORK = "course"  # a name from list_networks(), or the path of your own Keras model
net = load_network(NETWORK)
photo = load_photo("chelsea")
height, width = net.input_size  # what the network reads, in pixels

# %% [markdown]
# ## What is the answer before we hide anything?
#
# Our photo, and the network's answer: one probability a class. Here are the first ten of them, the position of the largest (its **arg-max**), and the top
# five with their names.

# %%
show_photo(photo, alt=photo_alt("chelsea"))
pixels = net.prepare(photo)
probabilities = np.array(net.probabilities(net.logits(pixels)))[0]
print("first ten:", " ".join(f"{p:.4f}" for p in probabilities[:10]))
print("arg-max:", probabilities.argmax(), "of", len(probabilities))
top = net.predict(photo, top=5)
for guess in top:
    print(f"   {guess.label:16s} {guess.probability:.4f}")

animal, before = top[0].label, top[0].probability  # the class we ask about, and its probability
if net.name == "course":
    assert animal == "cat" and before > 0.98

# %% [markdown]
# **Predict first.** Cut the photo into 4 x 4 fields and hide one of them. Which of the sixteen costs the network most? How far will
# the probability fall: to a half, to a tenth? Write down a field and a number.

# %% [markdown] tags=["teaching-note"]
# 3 min. Collect the guesses on the board: nearly everybody says "the eyes" or "the face", and a fall to below a half.
# Keep the list; both guesses will be wrong with the course network, and that is the lesson.

# %% [markdown]
# ## The sweep by hand
#
# A well-known tutorial on VGG16, which reads 224 x 224 pixels, hides **patches** of 56 x 56 pixels in **strides** (steps from one position
# to the next) of 56: a quarter of the side, so 4 x 4 positions and sixteen pictures. Its patch is salmon, the colour (250, 128, 128). Patch
# and stride count pixels of the network's *input*, not of the photo. So another network needs another number for the same sixteen pictures.

# %%
patch = (-(-height // 4), -(-width // 4))  # a quarter of each side, rounded up
tops = [min(row * patch[0], height - patch[0]) for row in range(4)]
lefts = [min(column * patch[1], width - patch[1]) for column in range(4)]
salmon = (250, 128, 128)
print(
    f"the network reads {height} x {width}, so the patch is {patch[0]} x {patch[1]}; it begins at",
    tops,
)
if net.name == "course":
    assert patch == (32, 32)
assert 4 * 56 == 224

# %% [markdown]
# Now make the sixteen pictures. The copy matters: without it, all sixteen entries would be one and the same
# array, `pixels` itself, with sixteen holes.

# %%
pictures = []
for y in tops:
    for x in lefts:
        picture = pixels[0].copy()
        picture[y : y + patch[0], x : x + patch[1]] = salmon
        pictures.append(picture)
pictures = np.stack(pictures)

show_grid(
    pictures.round().astype(np.uint8),
    columns=4,
    title="The sixteen pictures the network will judge",
    alt=(
        "The same cat sixteen times in four rows; a salmon square hides another field in each, "
        "from the top left to the bottom right."
    ),
)

# %% [markdown]
# All sixteen go through the network together; of each answer we keep the probability of our class.

# %%
index = net.class_index(animal)
answers = np.array(net.probabilities(net.logits(pictures)))[:, index].reshape(4, 4)
show_matrix(
    answers,
    fmt=".3f",
    vmin=0,
    vmax=1,
    title=f"Probability of {animal} with this field hidden",
    alt=(
        f"A table of four by four probabilities, from {answers.min():.3f} to {answers.max():.3f}"
        + (", in nearly the same colour." if np.ptp(answers) < 0.1 else ".")
    ),
)
print(f"without a patch {before:.3f}; the worst field leaves {answers.min():.3f}")
if net.name == "course":
    assert answers.min() > 0.93  # no single field is needed

# %% [markdown]
# With the course network, no single field is needed: whichever one you hide, the probability stays above 0.93. The cat is still there in
# the other fifteen.

# %% [markdown]
# ## From numbers to a heat map
#
# The tutorial turns the probabilities $p$ into a map with $m = (p_{max} - p) / (p_{max} - p_{min})$, where $p_{max}$ and $p_{min}$ are the
# largest and the smallest of the sixteen: 1 where hiding hurt most, 0 where it hurt least.

# %%
stretched = (answers.max() - answers) / (answers.max() - answers.min())
show_matrix(
    stretched,
    cmap="Reds",
    title="The tutorial's map: stretched to 0..1",
    alt=(
        "A table of four by four red fields, one of them full red with the number 1.00 and one "
        "white with 0.00."
    ),
)

# %% [markdown]
# A convincing picture. But the stretching has thrown away two things: how far the answer fell, and whether it fell at all. The honest map is the
# **drop**, signed, in its own unit:
#
# $$d = p_0 - p$$
#
# with $p_0$ the probability of the whole photo. Positive: hiding the field hurts. Negative: hiding it *helps*. Beside it, the same numbers on
# the whole scale that a probability has.

# %%
drop = before - answers
with figure_row(
    2,
    alt="The same sixteen drops twice: coloured on their own scale of about "
    f"{abs(drop).max():.2f}, red and blue; paler on the scale from -1 to 1.",
) as (left, right):
    show_matrix(drop, fmt=".3f", signed=True, title="drop, on its own scale", ax=left)
    show_matrix(
        drop,
        fmt=".3f",
        signed=True,
        vmin=-1,
        vmax=1,
        title="on the scale of a probability",
        ax=right,
    )
worst = np.unravel_index(drop.argmax(), drop.shape)
print(
    f"largest drop {drop.max():.3f} in row {worst[0]}, column {worst[1]}; smallest {drop.min():.3f}"
)
if net.name == "course":
    assert drop.min() < 0 < drop.max() < 0.05
    assert worst == (0, 2)  # above the eye on the right
    assert drop[1, 1] == drop.min() and (drop < 0).sum() == 1  # the eye on the left
    assert stretched[1, 1] == 0  # white in the tutorial's map

# %% [markdown]
# With the course network the dearest field is the third of the top row: the forehead above the eye on the right, and neither an eye nor the nose. One field is blue there, the one with the eye on the left:
# without it, the network is *more* sure. The tutorial's map paints the same field white, as if it did not matter.
#
# Now the helper: `occlusion_grid` gives the drops in one line, `occluded_photos` the pictures. (The library of the next lessons, tf-keras-vis, has no occlusion to compare with.)

# %%
by_helper = occlusion_grid(net, photo, animal, patch, patch, salmon, score="probability")

print("largest difference:", f"{np.abs(by_helper - drop).max():.0e}")
assert np.allclose(by_helper, drop, atol=1e-4)
assert (occluded_photos(net, photo, patch, patch, salmon) == pictures.round()).all()

# %% [markdown] tags=["teaching-note"]
# 11 min up to here. Ask: "the left table and the right one hold the same numbers; which would you put into a paper?" Good answer: the left, with
# the scale printed beside it. Misconception to meet: "the network ignores the eyes". No: each field *alone* is not needed, because the others
# suffice. Live slip: forgetting `.copy()`; all sixteen pictures are then the same
# array, salmon all over, and `pixels` is spoilt for the cells below.

# %% [markdown]
# ## The photo through the map
#
# The tutorial ends by keeping the photo bright only where the map is high: photo times map squared. `occlusion` gives the map at the photo's own
# size, `mask_photo` stretches it to 0..1 and multiplies.

# %%
coarse = occlusion(
    net, photo, animal, patch, patch, salmon, score="probability"
)  # (H, W) of the photo
weight = (coarse - coarse.min()) / (coarse.max() - coarse.min())
by_hand = np.rint(photo * weight[:, :, None] ** 2).astype(np.uint8)

assert np.abs(by_hand.astype(int) - mask_photo(photo, coarse)).max() <= 1
show_grid(
    [photo, mask_photo(photo, coarse)],
    titles=["the photo", "times the map squared"],
    columns=2,
    alt=(
        "The cat, and beside it the same photo gone dark but for a few rectangular fields; the "
        "brightest is the field that cost most."
    ),
)

# %% [markdown]
# It shows *where*, and hides *how much*: the brightest field is bright because it is the largest of sixteen, be it a large drop or a tiny one.

# %% [markdown]
# ## Logits or probabilities?
#
# With the course network the drops are small, below 0.05. Why? The probability of one class against all others depends on its **margin**: its logit minus the logarithm of the
# other classes' summed exponentials,
#
# $$p_c = \frac{1}{1 + e^{-m}}, \qquad m = S_c - \log \sum_{j \ne c} e^{S_j}$$
#
# with $S_c$ the logit of class $c$. The curve is steep in the middle and flat at its ends. Where do our seventeen pictures lie on it?


# %%
def margin(logits):
    """How far the class is ahead of all others together (n,); logits (n, classes)."""
    if net.units == 1:  # one score for two classes: it is the margin itself, or minus that
        return logits @ net.score_vector(index)
    others = np.delete(logits, index, axis=1).astype(np.float64)
    return logits[:, index] - np.log(np.exp(others).sum(axis=1))


margins = margin(np.array(net.logits(np.concatenate([pixels, pictures]))))
with figure_row(
    1,
    width=8,
    height=4,
    alt="An S-shaped curve from 0 to 1 with the seventeen pictures marked on it; "
    f"their margins run from {margins.min():.1f} to {margins.max():.1f}.",
) as (ax,):
    x = np.linspace(-6, 6, 121)
    show_curve(x, 1 / (1 + np.exp(-x)), xlabel="margin, in logits", ylabel="probability", ax=ax)
    ax.plot(margins[1:], answers.ravel(), "o", markersize=9, alpha=0.6, label="one field hidden")
    ax.plot(margins[0], before, "k*", markersize=18, label="whole photo")
    ax.legend(loc="center left")
if net.head == "softmax":
    assert np.allclose(1 / (1 + np.exp(-margins[1:])), answers.ravel(), atol=1e-4)
if net.name == "course":
    assert margins.min() > 2.5

# %% [markdown]
# With the course network all of them sit on the flat end on the right: the probability is **saturated**. A margin that falls by one
# whole logit moves it by only about 0.03 there, and by more than 0.2 in the middle. Logits do not saturate, so `occlusion`
# measures in logits unless told otherwise.


# %%
def chance(m):
    """Probability (0..1) that belongs to a margin m in logits."""
    return 1 / (1 + np.exp(-m))


print(
    f"one logit less from here: {chance(margins[0]) - chance(margins[0] - 1):.3f}; from the "
    f"middle: {chance(0) - chance(-1):.3f}"
)
assert 0.2 < chance(0) - chance(-1)
if net.name == "course":
    assert round(chance(margins[0]) - chance(margins[0] - 1), 2) == 0.03

# %% [markdown]
# So here are the sixteen drops in both units. Do they put the fields into the same order?

# %%
logit_drop = occlusion_grid(net, photo, animal, patch, patch, salmon)  # score="logit"
with figure_row(
    2,
    alt="Two tables of sixteen drops: in logits on the left, in probability on the right"
    + (
        "; both are darkest red in the third column, rows 1 and 3, and blue at row 2, column 2."
        if net.name == "course"
        else "."
    ),
) as (left, right):
    show_matrix(logit_drop, signed=True, title="drop in logits", ax=left)
    show_matrix(drop, fmt=".3f", signed=True, title="drop in probability", ax=right)
same_order = float(spearmanr(logit_drop.ravel(), drop.ravel()).statistic)
print("rank correlation of the two:", round(same_order, 2))
if net.name == "course":
    assert same_order > 0.98
    for each in (logit_drop, drop):
        assert set(each.ravel().argsort()[-2:]) == {2, 10}  # third column, rows 1 and 3
        assert each.argmin() == 5 and each.min() < 0

# %% [markdown]
# A **rank correlation** compares two orders: 1 means that both put the sixteen fields into the same order, 0 that the orders have nothing to
# do with each other. With the course network it is above 0.98. It need not be: a probability also moves when *another* class gains or loses.

# %% [markdown]
# ## Finer maps, and what they cost
#
# Sixteen fields are coarse. Make the stride smaller than the patch and the patches overlap; a pixel's value is then the mean over all
# patches that covered it. Make the patch smaller, and the map resolves more. Each position costs one **forward pass**, one
# picture through the network. Along one side of $n$ pixels, a patch of $k$ pixels in steps of $s$ takes
#
# $$\left\lceil \frac{n - k}{s} \right\rceil + 1$$
#
# positions ($\lceil\ \rceil$ rounds up: the last patch is moved back to end at the border). Both sides multiply, and the whole photo needs one pass more.


# %%
def passes_by_hand(size, patch, stride):
    """Forward passes of an occlusion sweep; all three are (vertical, horizontal), in pixels."""
    down, across = (-(-(n - k) // s) + 1 for n, k, s in zip(size, patch, stride, strict=True))
    return down * across + 1


quarter, eighth, sixteenth = ((-(-height // n), -(-width // n)) for n in (4, 8, 16))
plans = {
    "1/4, no overlap": (quarter, quarter),
    "1/4 in steps of 1/16": (quarter, sixteenth),
    "1/8 in steps of 1/16": (eighth, sixteenth),
    "1/8 in steps of one pixel": (eighth, (1, 1)),
}
for name, plan in plans.items():
    assert passes_by_hand(net.input_size, *plan) == occlusion_passes(net, *plan)
    print(f"{name:26s} {occlusion_passes(net, *plan):6,} forward passes")
if net.name == "course":
    assert occlusion_passes(net, *plans["1/4, no overlap"]) == 17
    assert occlusion_passes(net, *plans["1/4 in steps of 1/16"]) == 10 * 17
    assert occlusion_passes(net, *plans["1/8 in steps of one pixel"]) == 12_770

# %% [markdown]
# Half the stride costs up to four times as much. From the first line to the second the stride was halved twice: with the course network that is ten times as many passes, and the
# last line needs 12,770. **Predict first:** which of the next three maps will be sharper, and which will have larger numbers? From here on we measure in logits, with a grey
# patch (127.5, the helper's own choice).

# %%
sharpness = {
    f"{name}: {occlusion_passes(net, *plan)} passes": occlusion(net, photo, animal, *plan)
    for name, plan in list(plans.items())[:3]
}
compare_maps(
    sharpness,
    photo,
    columns=3,
    label=f"drop of the {animal} logit",
    alt=(
        "Three maps on one colour scale over the cat: sixteen flat fields, then soft broad areas, "
        "then smaller spots; the largest drops are "
        + ", ".join(f"{each.max():.2f}" for each in sharpness.values())
        + "."
    ),
)
if net.name == "course":
    _, broad, small = sharpness.values()
    assert small.max() < 0.7 * broad.max()

# %% [markdown]
# The stride decides how smooth the map is, the patch how much it resolves. A smaller patch also hides less: with the course network the largest drop of the third map is less than
# 0.7 of that of the second. So numbers of maps with different patches cannot be compared, and a patch much smaller than the thing that matters may find nothing. Look at the finest of the three by itself:

# %%
fine = sharpness[list(sharpness)[2]]
show_overlay(
    photo,
    fine,
    title=f"Where the {animal} logit comes from",
    label="drop in logits",
    alt=(
        "The cat in grey under a signed map, red where hiding hurts, blue where it helps; drops "
        f"from {fine.min():.2f} to {fine.max():.2f}."
    ),
)

# %% [markdown]
# ## Is the heat on the animal?
#
# Somebody drew the outline of this cat by hand. What share of the positive drops lies inside it? Heat spread evenly would score
# exactly the cat's share of the photo, so that is the number to beat.


# %%
def share_inside(heat, mask):
    """Share (0..1) of the positive values of heat (H, W) that lies where mask (H, W) is True."""
    positive = np.maximum(heat, 0)
    return positive[mask].sum() / positive.sum()


outline = load_mask("chelsea")
print(
    f"{share_inside(fine, outline):.0%} of the heat is on the cat, which covers "
    f"{outline.mean():.0%} of the photo"
)
if net.name == "course":
    assert round(share_inside(fine, outline), 2) == 0.77 and round(outline.mean(), 2) == 0.74

# %% [markdown]
# With the course network: 77 % against 74 %, more than by chance, but only just. A cat that fills most of the photo is an easy target, and the test says little. A fairer one is a smaller
# thing: the motorcycle in its garage.

# %%
garage, machine = load_photo("motorcycle"), load_mask("motorcycle")
vehicle = net.predict(garage)[0].label
heat = occlusion(net, garage, vehicle, eighth, sixteenth)
show_overlay(
    garage,
    heat,
    title=f"Drop of the logit of {vehicle}",
    label="drop in logits",
    alt="A motorcycle in a garage under a signed map of drops"
    + ("; the red spots lie on the machine." if net.name == "course" else "."),
)
print(
    f"{share_inside(heat, machine):.0%} of the heat is on the motorcycle, which covers "
    f"{machine.mean():.0%} of the photo"
)
if net.name == "course":
    assert 1.8 < share_inside(heat, machine) / machine.mean() < 2.2

# %% [markdown]
# With the course network this is about twice what chance would give, and it says something.

# %% [markdown] tags=["teaching-note"]
# 6 min with the finer maps. Ask "what would a map score that is the same everywhere?" before showing the percentages: without that number, 77 per cent sounds
# like proof. The same pair of numbers returns in lessons 04, 05 and 08.

# %% [markdown]
# ## Which colour hides best?
#
# A patch does not only remove; it also *adds* a square with four hard edges, which no photo of the training set had. Such a picture is
# **out of distribution**, and nobody taught the network what to say about it. Here are four ways to fill the same patch.

# %%
fills = {"black": 0, "grey": 127.5, "salmon": salmon, "blur": "blur"}
middle = 6  # of the sixteen positions: second row, third column
show_grid(
    [occluded_photos(net, photo, patch, patch, fill)[middle] for fill in fills.values()],
    titles=list(fills),
    columns=4,
    alt=(
        "The cat four times with the same field hidden: by a black, a grey and a salmon square, "
        "and by a brown one, the photo blurred, whose edges show least."
    ),
)

# %% [markdown]
# If the map told only about the cat, the four would agree. **Predict first:** which fill will cost the most? All four on one scale:

# %%
grids = {
    name: occlusion_grid(net, photo, animal, quarter, eighth, fill) for name, fill in fills.items()
}
compare_maps(
    grids,
    columns=4,
    signed=True,
    label="drop in logits",
    alt=(
        "Four maps of drops on one signed scale, one for each fill; their means are "
        + ", ".join(f"{grid.mean():.2f} for {name}" for name, grid in grids.items())
        + (
            "; all are red at the upper right and near the nose; grey, salmon and blur are blue at "
            "the eye on the left, black is almost white there."
            if net.name == "course"
            else "."
        )
    ),
)
for name, grid in grids.items():
    print(f"{name:7s} mean drop {grid.mean():6.2f}, from {grid.min():5.2f} to {grid.max():5.2f}")
if net.name == "course":
    assert grids["black"].mean() > 2 * grids["blur"].mean() > 0

# %% [markdown]
# With the course network a black square costs more than twice as much as a blur, averaged over all places. Both hid the same parts of the cat, so
# the difference is the price of what was put there. How far do the four agree about the *order* of the places? Rank correlations again, each fill with each:

# %%
flat = np.array([grid.ravel() for grid in grids.values()])
agreement = np.array([[spearmanr(a, b).statistic for b in flat] for a in flat])
with figure_row(
    1,
    width=5.5,
    height=4.6,
    alt="A table of rank correlations between black, grey, salmon and blur, with ones on "
    f"the diagonal; the smallest is {agreement.min():.2f}.",
) as (ax,):
    show_matrix(agreement, vmin=0, vmax=1, title="rank correlation", ax=ax)
    ax.set_xticks(range(4), list(fills))
    ax.set_yticks(range(4), list(fills))
if net.name == "course":
    assert round(agreement.min(), 1) == 0.8
    assert agreement.min() == agreement[0, 3]
    assert all(grid[2, 2] < 0 for grid in grids.values())  # this patch lies on the eye

# %% [markdown]
# With the course network the least agreement is about 0.8, between black and blur: the story is alike, the details are not. All four agree there that
# hiding the eye on the left helps. Trust what survives a change of fill, and name patch, stride and fill beside every occlusion map.

# %% [markdown] tags=["teaching-note"]
# 4 min. Somebody will ask for "the right" fill. There is none: grey or the photo's mean is a common choice, a blur keeps the colours
# but may leave the object recognisable. A second useful question: which fill is invisible where? (A black patch on a dark background changes little.)

# %% [markdown]
# ## Play
#
# Change the four values and run the cell again. Try a large patch and a small one, `"blur"` and `255`, another photo, another class. The course network takes
# this cup for a rose: see what holds up the mistake, then ask it for `"cup_or_jug"`.

# %%
PHOTO = "coffee"  # change me: a name from list_photos(), or a file of yours
PATCH = 4  # change me: the patch is one PATCH-th of the side, 2 to 16
FILL = 127.5  # change me: 0 to 255, a colour (r, g, b), "mean" or "blur"
TARGET = None  # change me: one of net.labels, or None for the top class

mine = load_photo(PHOTO)
size = (height // PATCH, width // PATCH)
step = (max(1, size[0] // 2), max(1, size[1] // 2))
guess = TARGET or net.predict(mine)[0].label
show_overlay(
    mine,
    occlusion(net, mine, guess, size, step, FILL),
    title=f"{guess}: drop in logits",
    alt=(f"The chosen photo in grey under a signed map of what hiding each place does to {guess}."),
)
print(occlusion_passes(net, size, step), "forward passes")
if net.name == "course":
    assert net.predict(load_photo("coffee"))[0].label == "rose"

# %% [markdown]
# The same with controls. Watch what a smaller patch does to the map, and to the time it takes: *Stop* ends a sweep and keeps the positions that are done. Then change
# only what the patch shows. (The map may stay below the frame's number: a pixel gets the mean of all patches over it.)

# %%
from cnnvis_helpers import explore_occlusion

explore_occlusion(net, photo)

# %% [markdown]
# ## What goes wrong with occlusion maps
#
# **A picture of nothing.** Here is a grey picture with a little noise: there is nothing to find.

# %%
noise = np.random.default_rng(0).normal(127, 10, photo.shape).clip(0, 255).astype(np.uint8)
names = ["cat photo", "noise"]
show_grid(
    [photo, noise],
    titles=names,
    columns=2,
    alt="The photo of the cat, and beside it a picture of even grey with fine noise.",
)

# %% [markdown]
# Stretched to 0..1 by the tutorial's formula, the map of the noise looks as meaningful as the cat's. On a shared scale, with the course network, less than a
# tenth of the cat's range is left of it.

# %%
drops = [occlusion_grid(net, each, animal, patch, patch) for each in (photo, noise)]
show_grid(
    [(d - d.min()) / (d.max() - d.min()) for d in drops],
    titles=[f"{name}, stretched" for name in names],
    columns=2,
    vmin=0,
    vmax=1,
    cmap="Reds",
    alt=(
        "Two red maps of sixteen fields, both with fields from white to full red, though one "
        "comes from the cat and one from the noise."
    ),
)
compare_maps(
    dict(zip(names, drops, strict=True)),
    signed=True,
    label="drop in logits",
    title="the same drops on one scale",
    alt="The same two maps on one scale: the drops of the cat reach from "
    f"{drops[0].min():.2f} to {drops[0].max():.2f}, those of the noise from "
    f"{drops[1].min():.2f} to {drops[1].max():.2f}.",
)
if net.name == "course":
    assert np.ptp(drops[1]) < 0.1 * np.ptp(drops[0])

# %% [markdown]
# **One minus p.** The library [tf-explain](https://github.com/sicara/tf-explain) draws $1 - p$ in place of the drop $p_0 - p$. For a class that the photo does not show, $p$ is near 0
# wherever the patch lies, so $1 - p$ is near 1 everywhere: "everything matters". The drop says the truth: nothing does. With the course network, for its least probable class, $1 - p$ is above 0.99
# in every field, and no drop reaches 0.01.

# %%
absent = net.predict(photo, top=len(net.labels))[-1]  # the least probable class
absent_drop = occlusion_grid(net, photo, absent.label, patch, patch, score="probability")
one_minus = 1 - (absent.probability - absent_drop)
with figure_row(
    2,
    alt=f"Two tables for {absent.label}: one minus p, at least {one_minus.min():.3f} in every "
    f"field; and the drop, at most {np.abs(absent_drop).max():.3f} in size.",
) as (left, right):
    show_matrix(
        one_minus,
        fmt=".3f",
        cmap="Reds",
        vmin=0,
        vmax=1,
        title=f"1 - p for {absent.label}",
        ax=left,
    )
    rounded = absent_drop.round(3) + 0.0  # no minus before a zero
    show_matrix(rounded, fmt=".3f", signed=True, vmin=-1, vmax=1, title="the drop", ax=right)
print(f"1 - p lies between {one_minus.min():.4f} and {one_minus.max():.4f}")
if net.name == "course":
    assert one_minus.min() > 0.99 and np.abs(absent_drop).max() < 0.01

# %% [markdown]
# **Two that stand in for each other.** Two cats, one below the other. Hide one: the other can still answer. Hide both: nobody can. A sweep
# never hides both, so a map of probabilities may say of each cat that it hardly matters.

# %%
two = np.concatenate([photo, photo[:, ::-1]])  # the second one mirrored
half = len(photo)
scenes = {
    "both seen": two.copy(),
    "upper hidden": two.copy(),
    "lower hidden": two.copy(),
    "both hidden": two.copy(),
}
scenes["upper hidden"][:half] = 127
scenes["lower hidden"][half:] = 127
scenes["both hidden"][:] = 127
scores = np.array([np.array(net.logits(net.prepare(each)))[0] for each in scenes.values()])
chances, cat_scores = net.probabilities(scores)[:, index], scores @ net.score_vector(index)
show_grid(
    list(scenes.values()),
    titles=[
        f"{name}\np {p:.2f}, logit {s:.1f}"
        for name, p, s in zip(scenes, chances, cat_scores, strict=True)
    ],
    columns=4,
    alt=(
        "Two cats one below the other, then with the upper, the lower and both hidden; the "
        "probability of "
    )
    + ", ".join(f"{name} is {p:.2f}" for name, p in zip(scenes, chances, strict=True))
    + ".",
)
if net.name == "course":
    assert (chances[0] - chances[1:3] < 0.08).all() and chances[0] - chances[3] > 0.9
    assert (cat_scores[0] - cat_scores[1:3] > 2.5).all()

# %% [markdown]
# With the course network each cat alone is worth less than 0.08 of probability, and both together more than 0.9. The logits do better: each cat
# is worth more than 2.5. Still, no map of single patches can show that two parts work together.

# %% [markdown] tags=["teaching-note"]
# 5 min. The two cats are the picture to remember. Ask: "how would you find out that both matter?" (Hide pairs: 16 fields give
# 120 pairs, 1,820 groups of four; or the other way round, start from nothing and show parts.) The same redundancy explains the sixteen small drops at the
# start: each field is a stand-in for the others.

# %% [markdown]
# ## Exercises
#
# **Hide.** Return a copy of `picture` with a patch of `colour` whose top left corner lies in row `top` and column `left`. The picture is `uint8`
# (h, w, 3), `patch` is (height, width). The picture you were given stays as it was. `hint("03-hide")` helps.


# %%
def hide(picture, top, left, patch, colour):
    """uint8 copy of picture (h, w, 3) with a patch (height, width) of colour (r, g, b)."""
    # <solution>
    hidden = picture.copy()
    hidden[top : top + patch[0], left : left + patch[1]] = colour
    return hidden
    # </solution>


check("03-hide", hide)

# %% [markdown]
# **The honest drop.** `whole` is the probability of the whole photo, a number; `hidden` is an array (rows, columns) with the probabilities
# while each field was hidden. Return the map of drops, of the same shape: signed, in units of probability.


# %%
def drop_map(whole, hidden):
    """Signed drops (rows, columns): positive where hiding hurts."""
    # <solution>
    return whole - hidden
    # </solution>


check("03-drop", drop_map)

# %% [markdown]
# **The bill.** A square input of `size` pixels a side, a square patch, a stride, all whole numbers: return how many forward passes the sweep
# takes, as a whole number. Count the whole photo too, and the last patch that is moved back to end at the border.


# %%
def bill(size, patch, stride):
    """Forward passes (int) of a sweep over size x size pixels."""
    # <solution>
    positions = -(-(size - patch) // stride) + 1
    return positions**2 + 1
    # </solution>


check("03-bill", bill)

# %% [markdown]
# **Overlap.** `drops` has one number for each position, shape (rows, columns); position (i, j) covers the pixels from row `i * stride` and
# column `j * stride` on, `patch` pixels each way. Return the map (size, size), floats: each pixel is the mean of the drops of all patches
# that cover it, and 0 where there is none.


# %%
def spread_out(drops, patch, stride, size):
    """Mean drop of the patches over each pixel, float (size, size)."""
    # <solution>
    total, count = np.zeros((size, size)), np.zeros((size, size))
    for (i, j), value in np.ndenumerate(drops):
        place = np.s_[i * stride : i * stride + patch, j * stride : j * stride + patch]
        total[place] += value
        count[place] += 1
    return total / np.maximum(count, 1)
    # </solution>


check("03-overlap", spread_out)

# %% [markdown]
# **The dearest field.** Divide the photo into 4 x 4 fields and hide each with the photo's *mean colour*, patch and stride `field`. Which one costs the
# logit of the photo's top class most? Put its place into `dearest`, a tuple (row, column) counted from 0.

# %%
field = (-(-height // 4), -(-width // 4))  # in pixels of the network's input
# <solution>
mean_drop = occlusion_grid(net, photo, None, field, field, fill="mean")
dearest = tuple(int(n) for n in np.unravel_index(mean_drop.argmax(), mean_drop.shape))
# </solution>
check("03-dearest", dearest, net=net, photo=photo)

# %% [markdown]
# **Positive heat.** Return the share of the *positive* values of a signed map that lies inside a mask, a number from 0 to 1. Negative
# values count as nothing.


# %%
def positive_share(heat, mask):
    """Share (0..1) of the positive part of heat (H, W) where mask (H, W) is True."""
    # <solution>
    positive = np.maximum(heat, 0)
    return float(positive[mask].sum() / positive.sum())
    # </solution>


check("03-share", positive_share)

# %% [markdown]
# **What may you conclude?** A colleague hides one field after another of a street scene. The probability of "car" is `0.99` and never
# falls below `0.98`. Which sentence is justified? Put its letter into `conclusion`.
#
# - a: There is no car in the photo.
# - b: The network does not look at the car.
# - c: No single field of this size is needed for the answer.
# - d: Stretched to 0..1, the map will show where the car is.

# %%
# <solution>
conclusion = "c"
# </solution>
check("03-conclusion", conclusion)

# %% [markdown]
# ## Take-away
#
# 1. An occlusion map is the drop of a score while each place is hidden: signed, in logits or probability, one forward pass a position.
# 2. Patch, stride and fill are part of the result, because a patch removes something and adds something at the same time.
# 3. A place whose hiding costs little may still matter, for another may stand in for it; and a stretched map looks meaningful even when nothing is there.

# %% [markdown]
# ## Further reading
#
# - Zeiler and Fergus, [Visualizing and understanding convolutional networks](https://arxiv.org/abs/1311.2901), where the method comes from
# - Simonyan and Zisserman, [Very deep convolutional networks](https://arxiv.org/abs/1409.1556), the VGG16 of the tutorial
# - Adebayo et al., [Sanity checks for saliency maps](https://arxiv.org/abs/1810.03292), on trusting what looks right

# %% [markdown]
# ## Next lesson
#
# Occlusion costs a pass for each place. Class activation maps answer "where?" from a single pass.
