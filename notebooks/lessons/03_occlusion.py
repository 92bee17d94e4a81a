# %% [markdown]
# # Which part of the photo does the answer depend on?
#
# **You will do:** hide one part of a photo after another, watch the answer change, and draw the changes as a heat map.
#
# **You will learn:** what an occlusion map says, what it costs, and four ways in which it can fool you.
#
# **You need:** [lesson 00](00_start_here.ipynb) for logits and probabilities, a little NumPy.
#
# **Time:** 64 minutes, without "Go deeper"

# %% [markdown] tags=["teaching-note"]
# 64 min: the bobsled 4, the sweep by hand 11, the stretch 9, which class gains 10, finer maps 15, fills 4, two objects 9, a map of nothing 2. "Go deeper" is homework.
# **The aha of this lesson:** with salmon over an eye, the probability of the Egyptian cat falls and its logit *rises*. Let the class explain it before you scroll.
# Credit the fill, too: blur does the same as salmon, and with grey or black the logit hardly moves. What survives every fill: the probability falls, and tabby and tiger cat gain more ("What do you hide with?").
# Start without the computer: show the cat, cover parts with your hand, and ask each time "still a cat?". That is the whole method.

# %% [markdown]
# The first cell loads the network, EfficientNet-Lite0, and two photos.

# %% tags=["exercise-setup"]
import numpy as np

from cnnvis_helpers import (
    check, figure_row, hint, load_network, load_photo, occlusion, occlusion_grid, show_photo,
    show_predictions, solution,
)

net = load_network()
photo = load_photo("chelsea")
camera = load_photo("camera")
cat = net.class_index("Egyptian cat")

# %% [markdown]
# ## Where is the bobsled?
#
# This is the astronaut Eileen Collins. None of the 1000 classes is an astronaut. What does the network make of her?

# %% alt="Left, Eileen Collins in an orange space suit; in front of her a white and black helmet, behind her a flag and a model of a space shuttle. Right, bars: bobsled 0.22, football helmet 0.14, go-kart 0.05 and two smaller ones."
astronaut = load_photo("astronaut")
with figure_row(2, width=11, height=4.2) as (left, right):
    show_photo(astronaut, ax=left)
    show_predictions(net.predict(astronaut, top=5), ax=right)
# <check>
assert net.predict(astronaut)[0].label == "bobsled"
# </check>

# %% [markdown]
# A bobsled! The network is not sure, but why a *bobsled*? The number does not say. So we do what you would do with your hand: cover one part of the photo after another,
# and watch the score of "bobsled". Where covering lowers it, we paint red.
#
# **Predict first:** where is the bobsled?

# %% alt="The astronaut in grey under a signed map. The deepest red lies on the left half of the helmet in front of her; her face has no colour."
from cnnvis_helpers import show_overlay

where = occlusion(net, astronaut, "bobsled", patch=56, stride=28)
show_overlay(astronaut, where, "What speaks for bobsled", signed=True, label="drop in logits")
# <check>
row, column = np.unravel_index(where.argmax(), where.shape)
assert row > 300 and column > 200
# </check>

# %% [markdown]
# It is the helmet. Bobsledders wear helmets, so many of the bobsled photos that the network learned from probably show a large smooth helmet, too. Its second guess was "football helmet", which fits.
#
# This method is called **occlusion**. It needs nothing but the network's answers. In this lesson we build it, and then we find out when not to believe it.

# %% [markdown] tags=["teaching-note"]
# Let them guess before the map. Somebody says "the shuttle", because both are vehicles. The map says otherwise, and this is the promise of the method: a checkable answer to "why?".

# %% [markdown]
# ## The answer before we hide anything
#
# Now the cat, step by step. First the whole photo: the first ten of the 1000 probabilities, the position of the largest (its **arg-max**), the top five with their names, and all of them as a picture.

# %% alt="One thin line for each of the 1000 classes. All are at zero but three beside each other: Egyptian cat, the highest by far, tiger cat and tabby."
from cnnvis_helpers import describe, show_vector

pixels = net.prepare(photo)  # what the network reads
print(describe(pixels))
logits = net.logits(pixels).numpy()[0]
probabilities = np.exp(logits) / np.exp(logits).sum()  # softmax

print("first ten:", " ".join(f"{p:.6f}" for p in probabilities[:10]))
print("arg-max:", probabilities.argmax())
for guess in net.predict(photo, top=5):
    print(f"{guess.label:14} {guess.probability:.3f}")
show_vector(probabilities, net.labels, ylabel="probability")
# <check>
assert probabilities.argmax() == cat and abs(probabilities[cat] - 0.771) < 0.002
# </check>

# %% [markdown]
# Three kinds of cat share nearly all of the probability: Egyptian cat 0.771, tiger cat 0.103, tabby 0.079. Keep the three in mind.
#
# The tutorial that we follow now, from 2018, asks VGG16 about a dog. Its answer looks much like ours: golden retriever 0.778, Labrador retriever 0.031, tennis ball 0.024, Irish setter 0.022, Norfolk terrier 0.019. <!-- source -->

# %% [markdown]
# ## The sweep by hand
#
# The tutorial hides **patches** of 56 x 56 pixels and moves them in **strides** of 56, so a picture of 224 x 224 pixels has 4 x 4 places.
# The patch has the colour salmon, (250, 128, 128). <!-- source -->
#
# We do the same. Each of the sixteen pictures must be a copy; without `.copy()` they would all be one picture, completely salmon in the end.

# %% alt="The cat sixteen times in four rows. In each picture a salmon square hides another place, from the upper left to the lower right."
from cnnvis_helpers import tile

salmon = (250, 128, 128)
pictures = []
for top in range(0, 224, 56):
    for left in range(0, 224, 56):
        picture = pixels[0].copy()
        picture[top : top + 56, left : left + 56] = salmon
        pictures.append(picture)
pictures = np.stack(pictures)  # (16, 224, 224, 3)
show_photo(tile(pictures.astype(np.uint8), columns=4, margin=6, fill=255))

# %% [markdown]
# **Predict first:** which of the sixteen squares lowers the probability most: an eye, the nose, the forehead? And how far will 0.771 fall: to a half, to a tenth?

# %% alt="Left, the cat's face as the network reads it. Right, a table of four by four probabilities, all between 0.685 and 0.839, in similar shades of green."
from cnnvis_helpers import show_matrix

hidden = net.probabilities(net.logits(pictures))  # (16, 1000)
answers = hidden[:, cat].reshape(4, 4)
with figure_row(2, width=11) as (left, right):
    show_photo(pixels[0], "what the network reads", left)
    show_matrix(answers, "Egyptian cat, this square hidden", right, fmt=".3f", vmin=0, vmax=1)
print(f"whole {probabilities[cat]:.3f}, from {answers.min():.3f} to {answers.max():.3f}")
print("squares that help when hidden:", (answers > probabilities[cat]).sum())
# <check>
assert abs(answers.min() - 0.685) < 0.01 and abs(answers.max() - 0.839) < 0.01
# </check>

# %% [markdown]
# Hide an eye, hide the nose, and hardly anything happens. The worst square leaves 0.685. And with any of eight squares hidden, the network is even *more* sure than before: up to 0.839. How can that be?
# Keep the question.
#
# **Exercise: the other way round.** Return a copy of `picture` (h, w, 3) in which everything *except* the patch has the given `colour`. The patch has its upper left corner at row `top` and column `left`;
# `patch` is (height, width). The picture that you were given stays as it was. `hint("03-keep")` helps.


# %%
def keep_only(picture, top, left, patch, colour):
    """uint8 copy of picture (h, w, 3): colour (r, g, b) everywhere except in the patch."""
    # <solution>
    kept = np.empty_like(picture)
    kept[:] = colour
    kept[top : top + patch[0], left : left + patch[1]] = picture[
        top : top + patch[0], left : left + patch[1]
    ]
    return kept
    # </solution>


check("03-keep", keep_only)

# %% [markdown] tags=["teaching-note"]
# 15 min up to here. Collect the guesses on the board: nearly everybody says "the eyes", and a fall to below a half. Both are wrong, and this is worth a minute of silence.
# Misconception: "so the network ignores the eyes". No: each square *alone* is not needed, because the others suffice. Live slip: forgetting `.copy()`.

# %% [markdown]
# ## The stretch that lies
#
# The tutorial turns its sixteen probabilities $p$ into a map by stretching them to 0..1:
#
# $$m = \frac{p_{max} - p}{p_{max} - p_{min}}$$
#
# so $m$ is 1 where hiding hurt most and 0 where it hurt least (`to_unit` of the package does such a stretch). Beside it, the **drop** $d = p_0 - p$, where $p_0$ is the probability of the whole photo. It is positive where hiding hurts and negative where hiding helps.
# We draw it on the scale that a probability has.

# %% alt="The same sixteen numbers twice. Left, stretched: strong reds from 0.00 to 1.00. Right, the drops from -0.07 to 0.09 on a scale from -1 to 1: almost white."
stretched = (answers.max() - answers) / (answers.max() - answers.min())
drop = probabilities[cat] - answers

with figure_row(2, width=11) as (left, right):
    show_matrix(stretched, "stretched to 0..1", cmap="Reds", ax=left)
    show_matrix(drop, "drop in probability", signed=True, vmin=-1, vmax=1, ax=right)
print(f"drops from {drop.min():.2f} to {drop.max():.2f}")
# <check>
assert abs(stretched[0, 2] - 0.47) < 0.03 and abs(drop[0, 2] - 0.004) < 0.004
# </check>

# %% [markdown]
# Both tables hold the same sixteen numbers. The left one is dramatic: one square looks decisive, others useless. The right one says what happened: not much. Stretching throws away *how far* the answer fell and *whether* it fell at all.
# The square in row 0, column 2 looks half as important as the worst one (0.47), yet its drop is 0.00.
#
# The helper `occlusion_grid` gives the drops in one line. The tutorial ends with the photo times its stretched map squared: `occlusion` spreads the drops over the photo, and `mask_photo` does the rest.

# %% alt="The cat, and beside it the same photo gone dark except for the right-hand eye, the cheek below it and, dimly, a part of the left edge and the upper corners."
from cnnvis_helpers import mask_photo, show_grid

same = occlusion_grid(net, photo, cat, 56, 56, salmon, score="probability")
print(f"largest difference from ours: {np.abs(same - drop).max():.3f}")

heat = occlusion(net, photo, cat, 56, 56, salmon, score="probability")
masked = mask_photo(photo, heat)
show_grid([photo, masked], ["the photo", "times the map squared"], columns=2)
# <check>
assert np.abs(same - drop).max() < 0.01
# </check>

# %% [markdown]
# A beautiful picture that says *where* and hides *how much*. You would swear that the network looks at nothing but the cat's right-hand eye and cheek.
#
# **Exercise: undo the stretch.** A paper prints only a stretched map $m$, but its text gives $p_0$, $p_{max}$ and $p_{min}$. Return the map of drops.


# %%
def undo(stretched, p_0, p_max, p_min):
    """Drops (rows, columns) from a stretched map (rows, columns) and three probabilities."""
    # <solution>
    answers = p_max - stretched * (p_max - p_min)
    return p_0 - answers
    # </solution>


check("03-undo", undo)

# %% [markdown] tags=["teaching-note"]
# Ask: which of the two tables would you put into a paper? Good answer: the drops, with their scale printed beside them.

# %% [markdown]
# ## Which class takes what the cat loses?
#
# Look at the square with the right-hand eye: row 1, column 2, counted from 0. With it hidden, the probability of the Egyptian cat falls by 0.08. Probabilities add up to 1, so others must have gained. **Predict first:** who? And did the *logit* of the Egyptian cat fall, too?

# %%
names = ["Egyptian cat", "tabby", "tiger cat", "lynx"]
chosen = [net.class_index(name) for name in names]
eye = 1 * 4 + 2  # row 1, column 2

after = net.logits(pictures[eye : eye + 1]).numpy()[0]
for name, c in zip(names, chosen, strict=True):
    print(f"{name:13} probability {hidden[eye, c] - probabilities[c]:+.3f}"
          f"   logit {after[c] - logits[c]:+.2f}")
cats = chosen[:3]
print(f"all three: {probabilities[cats].sum():.3f} before, {hidden[eye, cats].sum():.3f} after")
# <check>
assert hidden[eye, cat] < probabilities[cat] - 0.05 and after[cat] > logits[cat] + 0.2
assert after[chosen[1]] - logits[chosen[1]] > 0.8
# </check>

# %% [markdown]
# Read the first line twice: the probability of the Egyptian cat falls, and its logit **rises**. With salmon over the eye, this cat scores *higher*, and the network is less sure of it. (Is it the missing eye or the salmon? We test that below.)
#
# There is no contradiction. The softmax divides by the sum over all classes, so a probability is a race. Our cat gained 0.40 logits, but tabby gained a full logit and tiger cat almost as much: they caught up. The three
# together even went up, from 0.953 to 0.973. The network did not doubt that this is a *cat*; it only became less sure *which*.
#
# So there are two questions, and two kinds of drop:
#
# - **drop in logits**: how far does the score of this class fall? This is what `occlusion` measures unless you ask for something else.
# - **drop in probability**: how much does the answer change? That depends on the other classes, too.
#
# Here are both for all sixteen squares.

# %% alt="Two signed tables of sixteen drops. In probability the square of the right-hand eye is red; in logits the same square is blue, with -0.40."
logit_drop = occlusion_grid(net, photo, cat, 56, 56, salmon)
with figure_row(2, width=11) as (left, right):
    show_matrix(drop, "drop in probability", signed=True, ax=left)
    show_matrix(logit_drop, "drop in logits", signed=True, ax=right)
# <check>
assert logit_drop[1, 2] < -0.2 and drop[1, 2] > 0.05
assert abs(logit_drop[0, 3] - 0.38) < 0.03 and abs(logit_drop[1, 3] + 0.63) < 0.03
# </check>

# %% [markdown]
# The two tables do not even agree on the sign. Always say which drop you measured. (The bluest square in logits, -0.63, is mostly the blurred room beside the face. The reddest, 0.38, holds the right-hand ear.)
#
# **Exercise: why this cat rather than that one?** There is a drop that answers "which cat?": the drop of the *difference* $S_a - S_b$ of two logits. From the logits before, (classes,), and with each square hidden, (positions, classes),
# return it for every position.


# %%
def pair_drop(before, after, a, b):
    """Drops (positions,) of S_a - S_b; before (classes,), after (positions, classes)."""
    # <solution>
    return (before[a] - before[b]) - (after[:, a] - after[:, b])
    # </solution>


check("03-pair", pair_drop)

# %% [markdown]
# `occlusion(net, photo, ("Egyptian cat", "tabby"))` asks exactly this question.

# %% [markdown] tags=["teaching-note"]
# 10 min, the heart of the lesson. Let them argue about the rising logit. Somebody will say "a bug". Then write the softmax on the board and let only the denominator grow.

# %% [markdown]
# ## Finer maps, and what they cost
#
# Sixteen squares are coarse. With a stride smaller than the patch, patches overlap, and a pixel then gets the mean over all patches that covered it. A smaller patch shows finer detail. But each position costs a **forward pass**: one
# picture through the network. The positions along one side multiply with those along the other. Where the last patch does not reach the border, one more is added that ends exactly there. And the whole photo needs a pass, too.

# %%
from cnnvis_helpers import occlusion_passes

for patch, stride in [(56, 56), (56, 14), (28, 14), (28, 1)]:
    print(f"patch {patch}, stride {stride:2}: {occlusion_passes(net, patch, stride):6} passes")
# <check>
assert occlusion_passes(net, 56, 14) == 170 and occlusion_passes(net, 28, 1) == 38810
# </check>

# %% [markdown]
# Halve the stride, and it costs four times as much. The last line is one photo and nearly forty thousand passes. (Lesson 04 gets its map from *one* pass.)
#
# **Exercise: the bill.** Return the number of passes for a square input of `size` pixels, a square patch and a stride.


# %%
def bill(size, patch, stride):
    """Forward passes (int) of a sweep over size x size pixels, the whole photo included."""
    # <solution>
    positions = -(-(size - patch) // stride) + 1
    return positions**2 + 1
    # </solution>


check("03-bill", bill)

# %% [markdown]
# Now a photo with something small in it: a man at a camera, which the network calls a tripod (0.951). **Predict first:** the second map has small steps, the third also a small patch. Which will be sharper, and which will have larger numbers?

# %% alt=["Three signed maps over a man at a camera on a tripod. With large patches the camera or the tripod's legs are deep red and the man's head is blue; with small patches everything is pale.", "The photo, and beside it the third map on its own scale: the man's face is deep blue, the joint of the tripod's legs is blue, too; the camera and the feet of the tripod are pale red."]
from cnnvis_helpers import compare_maps

plans = [(56, 56), (56, 21), (28, 21)]
maps = {f"patch {p}, stride {s}": occlusion(net, camera, "tripod", p, s) for p, s in plans}
compare_maps(maps, camera, columns=3, signed=True, label="drop in logits")
small = maps["patch 28, stride 21"]
with figure_row(2, width=10) as (left, right):
    show_photo(camera, "the photo", ax=left)
    show_overlay(camera, small, "patch 28, on its own scale", ax=right, signed=True, label="logits")
for name, each in maps.items():
    print(f"{name}: from {each.min():.2f} to {each.max():.2f}")
# <check>
assert small.max() < 0.6 * maps["patch 56, stride 21"].max()
assert small.min() < -1.1 and small[320, 272] < -0.8
dark, tripod = camera.copy(), net.class_index("tripod")
dark[288:352, 240:304] = 0
logits = [net.logits(net.prepare(each))[0, tripod] for each in (dark, camera)]
assert logits[0] < logits[1]
# </check>

# %% [markdown]
# A smaller stride makes the map smoother. A smaller patch makes it finer, and the largest drop falls from 1.65 to 0.47. Its own scale shows what the third map has found. The joint of the tripod is blue: a grey square there *raises* "tripod". Does the square itself play a part? A later section tests it. You cannot compare the numbers of maps with different patches, and
# a patch much smaller than the thing that matters may find nothing.
#
# Is the heat on the tripod? Somebody drew its outline, so `relevance_mass` can measure which share of the positive drops lies inside. A map that knows nothing would score the share of the photo that the tripod covers.

# %%
from cnnvis_helpers import load_mask, relevance_mass

fine = maps["patch 56, stride 21"]
outline = load_mask("camera")
print(f"{relevance_mass(fine, outline):.0%} of the heat lies on the tripod,")
print(f"which covers {outline.mean():.0%} of the photo")
# <check>
assert relevance_mass(fine, outline) > 2 * outline.mean()
# </check>

# %% [markdown]
# Three times what chance would give. But why is the man's head *blue*? Hiding it raises the logit of the tripod. Let us ask the network what it sees when we hide the head, and when we hide the legs of the tripod with a larger patch.

# %% alt="Two photos of the man at his camera. In the first a grey square hides his head, in the second a large grey square hides the tripod."
no_head, no_tripod = camera.copy(), camera.copy()
no_head[50:180, 150:260] = 127
no_tripod[256:512, 128:384] = 127
show_grid([no_head, no_tripod], columns=2)
for each in (camera, no_head, no_tripod):
    print(", ".join(f"{p.label} {p.probability:.3f}" for p in net.predict(each, top=4)))
# <check>
assert net.predict(no_head)[0].label == "tripod" and net.predict(no_tripod)[0].label != "tripod"
# </check>

# %% [markdown]
# Without the tripod he plays the violin, a little! A man bent over something that he holds at his face: musicians look like this, and the harmonica was among the network's guesses all along. So ask for both classes.

# %% alt="Two signed maps of the man at his camera. For tripod, the legs of the tripod are pale red and the man's head is pale blue; for violin, his head and hands are deep red."
rivals = {name: occlusion(net, camera, name, 56, 28) for name in ("tripod", "violin")}
compare_maps(rivals, camera, columns=2, signed=True, label="drop in logits")
# <check>
assert rivals["tripod"][:128, 128:256].mean() < 0 < rivals["violin"][:128, 128:256].mean()
# </check>

# %% [markdown]
# The head, with the sky just above it, is blue for the tripod and red for the violin: it speaks for a musician and *against* a tripod. A blue place need not be noise. Here it shows where a rival class finds its evidence.
#
# **Exercise: how large a hole?** An experiment. How large must the grey square be to bring the probability of "tripod" below a half, somewhere in the photo? Guess first. Then sweep with patches of 28, 56, 70 and 84 pixels in steps of 28, and set `smallest`
# to the first size that does it.

# %%
# <solution>
sure = net.predict(camera)[0].probability
for size in (28, 56, 70, 84):
    drops = occlusion_grid(net, camera, "tripod", size, 28, score="probability")
    if sure - drops.max() < 0.5:
        smallest = size
        break
# <stub>
# smallest = None  # 28, 56, 70 or 84
# </solution>
check("03-smallest", smallest)

# %% [markdown] tags=["teaching-note"]
# Ask "what would a map score that is the same everywhere?" before the percentages. The violin gets a laugh; use it: a negative place may belong to a rival class.

# %% [markdown]
# ## What do you hide with?
#
# A patch takes something away, but it also *adds* a square with four hard edges. Hardly any photo in the training set looked like this; such a picture is **out of distribution**. Here are four ways to fill the same patch.

# %% alt="The man at the camera four times, a square over the legs of the tripod: black, grey, salmon, and blurred."
from cnnvis_helpers import occluded_photos

fills = {"black": 0, "grey": 127.5, "salmon": salmon, "blur": "blur"}
place = 5 * 7 + 4  # row 5, column 4 of 7 x 7 positions
shown = [occluded_photos(net, camera, 56, 28, fill)[place] for fill in fills.values()]
show_grid(shown, list(fills), columns=4)

# %% [markdown]
# **Predict first:** which fill lowers the logit of the tripod most?

# %% alt="Four signed maps of 7 by 7 squares on one scale. All are reddest at the tripod's legs and bluest at the head, but the black one is far redder than the grey one."
grids = {n: occlusion_grid(net, camera, "tripod", 56, 28, f) for n, f in fills.items()}
compare_maps(grids, columns=4, signed=True, label="drop in logits")
for name, grid in grids.items():
    row, column = divmod(int(grid.argmax()), 7)
    print(f"{name:6} mean {grid.mean():.2f}, largest {grid.max():.2f} at ({row}, {column})")
# <check>
assert all(grid.argmax() == place for grid in grids.values())
assert grids["black"].max() > 2 * grids["grey"].max()
# </check>

# %% [markdown]
# All four agree on the place, but not on the amount: a black square costs 4.37 logits where a grey one costs 1.79. Both hid the same legs, so the difference comes from what was *put there*.
# Believe what survives a change of fill. And the rising logit of the Egyptian cat, with its eye hidden? Each line: its probability, then the logits of Egyptian cat, tabby and tiger cat.

# %%
for name, fill in fills.items():
    no_eye = occluded_photos(net, photo, 56, 56, fill)[eye]
    after = net.logits(net.prepare(no_eye))
    chance = net.probabilities(after)[0, cat] - probabilities[cat]
    rises = after.numpy()[0, cats] - logits[cats]
    print(f"{name:6} {chance:+.2f}, logits", *(f"{rise:+.2f}" for rise in rises))
    # <check>
    assert chance < -0.02 and rises[0] < min(rises[1:])
    # </check>

# %% [markdown]
# The rise depends on the fill: about half a logit with blur or salmon, next to nothing with grey or black. So it is not the salmon alone, for blur adds no new colour; and it is not the missing eye alone, for black and grey hide it as well. (With salmon it is 0.43 here, not 0.40, because `occluded_photos` rounds to whole levels.) What survives all four: the probability falls, and tabby and tiger cat gain more than Egyptian cat. Beside every occlusion map, write its patch, stride and fill.
#
# **Exercise: an invisible patch.** You sweep a photo of a black horse on a white wall with a black patch. For which places will the drop be close to zero, whatever the network looks at? (a) the wall, (b) the body of the horse, (c) the outline of the horse, (d) nowhere.

# %%
# <solution>
invisible = "b"
# <stub>
# invisible = None  # a letter from a to d
# </solution>
check("03-invisible", invisible)

# %% [markdown] tags=["teaching-note"]
# Somebody asks for "the right" fill. There is none. Grey or the photo's mean is common; a blur keeps colours and may leave the object recognisable.

# %% [markdown]
# ## Two objects
#
# The astronaut's photo shows more than one object. We asked for "bobsled"; "space shuttle" is a class, too. **Predict first:** what will its map show?

# %% alt="Two signed maps of the astronaut on one scale. For bobsled the helmet in front of her is red, for space shuttle the model behind her."
asked = {"bobsled": where, "space shuttle": occlusion(net, astronaut, "space shuttle", 56, 28)}
compare_maps(asked, astronaut, columns=2, signed=True, label="drop in logits")
answer = net.probabilities(net.logits(net.prepare(astronaut)))[0]
shuttle = answer[net.class_index("space shuttle")]
print(f"probability of space shuttle: {shuttle:.4f}")
# <check>
assert asked["space shuttle"][:128, 384:].mean() > 1 and shuttle < 0.01
# </check>

# %% [markdown]
# The same photo, the same network, two different maps: the helmet and the model behind her. The network gives the shuttle less than half a percent, and still its map finds the model. A map without the name of its class says nothing.
#
# Now *two cats*, the second one mirrored. We hide the upper one, then the lower one, then both.

# %% alt="Two cats one above the other, four times: both visible, the upper one hidden, the lower one hidden, both hidden."
two = np.concatenate([photo, photo[:, ::-1]])  # (600, 451, 3)
scenes = [two.copy() for _ in range(4)]
scenes[1][:300] = 127
scenes[2][300:] = 127
scenes[3][:] = 127
chances = [net.probabilities(net.logits(net.prepare(each)))[0, cat] for each in scenes]
show_grid(scenes, [f"{chance:.3f}" for chance in chances], columns=4)
print("Egyptian cat:", np.round(chances, 3))
print(f"one is worth {chances[0] - min(chances[:3]):.2f}, both {chances[0] - chances[3]:.2f}")
# <check>
assert min(chances[:3]) > 0.65 and chances[3] < 0.01
# </check>

# %% [markdown]
# One cat is worth 0.12 at most. Both together are worth 0.83. A sweep hides one place at a time and never sees this. Could it be so with the sixteen small drops at the beginning, *inside* one cat?
#
# **Exercise: pairs.** To find places that can replace each other, hide *two* of the sixteen squares at a time, every pair once. How many forward passes does it take, with the whole photo?

# %%
# <solution>
passes_for_pairs = 16 * 15 // 2 + 1
# <stub>
# passes_for_pairs = None  # a whole number
# </solution>
check("03-pairs", passes_for_pairs)

# %% [markdown]
# **Exercise: what may you conclude?** A colleague hides one square after another of a street scene. The probability of "minivan" is `0.99` and never falls below `0.98`. Which sentence is justified?
#
# - (a) There is no minivan in the photo.
# - (b) The network does not look at the minivan.
# - (c) No single square of this size is needed for the answer.
# - (d) Stretched to 0..1, the map will show where the minivan is.

# %%
# <solution>
conclusion = "c"
# <stub>
# conclusion = None  # a letter from a to d
# </solution>
check("03-conclusion", conclusion)

# %% [markdown]
# And the small drops of the sixteen squares at the beginning? That table hid one square at a time, so it cannot tell whether two of them stand in for each other. Hide a pair, and see.

# %% [markdown] tags=["teaching-note"]
# The two cats are the picture to remember. Ask: how would you find out that both matter? (Pairs, or the other way round: start from nothing and show parts. Lesson 08 does that.)

# %% [markdown]
# ## Explore
#
# Ask the photo of the astronaut for "football helmet": is it the same place? Then take the motorcycle with a patch of 28 pixels, and see which places keep their colour when you change only the fill. *Stop* ends a sweep and keeps what is done.

# %%
from cnnvis_helpers import explore_occlusion

explore_occlusion(net, "astronaut", patch=56)

# %% [markdown]
# ## What goes wrong: a map of nothing
#
# Take a grey picture with a little noise. Stretched, its map looks as meaningful as that of the cat:

# %% alt=["Two red maps of sixteen squares, one from the cat and one from noise. Both run from white to full red.", "The same drops on one signed scale: those of the cat are coloured, those of the noise almost white."]
from cnnvis_helpers import to_unit

noise = np.random.default_rng(0).normal(127, 10, photo.shape).clip(0, 255).astype(np.uint8)
drops = {"cat": drop, "noise": occlusion_grid(net, noise, cat, 56, 56, salmon, "probability")}
stretch = [to_unit(each) for each in drops.values()]
show_grid(stretch, list(drops), columns=2, cmap="Reds", title="Stretched to 0..1")
compare_maps(drops, columns=2, signed=True, title="Drop in probability, one scale")
print("largest drop of the noise:", f"{abs(drops['noise']).max():.4f}")
# <check>
assert abs(drops["noise"]).max() < 0.01
# </check>

# %% [markdown]
# The noise has no drop above 0.0009. The stretched picture does not tell you that. The library tf-explain draws $1 - p$ instead of the drop, which has the opposite problem: for a class that is not in the photo, $1 - p$ is near 1 everywhere, as if every place mattered. <!-- source -->

# %% [markdown]
# ## Go deeper: why probabilities saturate
#
# Call the lead of class $c$ over all others together its **margin**: $m = S_c - \log \sum_{j \ne c} e^{S_j}$. Then the softmax becomes
#
# $$p_c = \frac{1}{1 + e^{-m}}$$
#
# a curve that is steep in the middle and flat at its ends. When the network is very sure, the margin can fall a lot before the probability moves.
#
# **Exercise: one logit less.** A class has the probability `0.999`. Hiding a square lowers its margin by exactly 1. By how much does its probability fall?

# %%
# <solution>
margin = np.log(0.999 / 0.001)
saturated_drop = 0.999 - 1 / (1 + np.exp(-(margin - 1)))
# <stub>
# saturated_drop = None  # a number
# </solution>
check("03-saturated", saturated_drop)

# %% [markdown]
# ## Go deeper: the mean over all patches
#
# **Exercise: overlap.** `drops` has one number for each position, shape (rows, columns); position (i, j) covers `patch` x `patch` pixels from row `i * stride` and column `j * stride` on. Return the map (size, size): each pixel is the mean of the drops of all patches
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
# ## Go deeper: the same numbers for less work
#
# A patch changes 28 x 28 pixels, less than 2 percent of the picture. Why compute the rest again, for every position? Let us see which cells of the feature maps change at all.

# %% alt="Four maps of what a small patch changes, deeper and deeper in the network: a small square in the middle that grows until it fills the map."
layers = ["stem", "block2_add", "block5_project", "block8_project"]
whole = pixels[0].round().astype(np.uint8)
patched = whole.copy()
patched[98:126, 98:126] = 127
with_patch = net.maps(patched[None].astype(np.float32), layers)
without = net.maps(whole[None].astype(np.float32), layers)
change = [np.abs(a - b)[0].max(axis=-1) for a, b in zip(with_patch, without, strict=True)]
light = [60 + 155 * np.uint8(each[..., None] > 0).repeat(3, axis=-1) for each in change]
show_grid(light, layers, columns=4)
for name, each in zip(layers, change, strict=True):
    print(name, each.shape, f"{(each > 0).mean():.0%} of the cells change")

# %% [markdown]
# Light cells have changed. Their window grows with depth. You met it in lesson 02, seen from the other side: a cell's **receptive field** says which pixels it can see, the window says which cells can see a patch.
#
# So run the whole photo once and keep its maps. For each position compute only the window, and take everything around it from the kept maps. The result is *exact*. `occlusion` does this for long sweeps, where it saves time; `occlusion_plan` counts the multiplications.

# %%
from cnnvis_helpers import occlusion_plan

squeezenet = load_network("squeezenet")
for each in (net, squeezenet):
    plan = occlusion_plan(each, 28, 14, exact="incremental")
    print(f"{each.name}: {plan.operations / plan.full_operations:.0%} of the multiplications")
a, b = (occlusion_grid(net, photo, cat, 56, 56, exact=way) for way in ("full", "incremental"))
print(f"largest difference: {np.abs(a - b).max():.0e} logits")
# <check>
assert np.abs(a - b).max() < 1e-3 and plan.operations < 0.6 * plan.full_operations
# </check>

# %% [markdown]
# A third less work here, nearly half on SqueezeNet, whose windows grow more slowly. No more than that: where the window has become the whole map, nothing is saved. The idea is by Nakandala, Kumar and Papakonstantinou (2019).
#
# **Exercise: the window.** A patch of 56 x 56 pixels. The network begins with three 3 x 3 layers: one of stride 2, one of stride 1, one of stride 2. At most how many cells wide is the changed window behind each? A tuple of three numbers.

# %%
# <solution>
widths, width = [], 56
for stride in (2, 1, 2):
    width = -(-(width + 2) // stride)
    widths.append(width)
window = tuple(widths)
# <stub>
# window = None  # (first, second, third)
# </solution>
check("03-window", window)

# %% [markdown]
# ## Take-away
#
# 1. An occlusion map is the drop of a score while each place is hidden: signed, with its unit, one forward pass for each position.
# 2. A probability is a race between classes, a logit is evidence for one; hiding a place may raise the one and lower the other.
# 3. A place whose hiding costs little may still matter, because another place can replace it; and a stretched map looks meaningful even when there is nothing.

# %% [markdown]
# ## Further reading
#
# - Zeiler and Fergus, [Visualizing and understanding convolutional networks](https://arxiv.org/abs/1311.2901), where the method comes from
# - Nakandala, Kumar and Papakonstantinou, "Incremental and approximate inference for faster occlusion-based deep CNN explanations", SIGMOD 2019
# - Adebayo et al., [Sanity checks for saliency maps](https://arxiv.org/abs/1810.03292), on trusting what looks right

# %% [markdown]
# ## Next lesson
#
# Occlusion asks the network once for each place. Can a single pass tell us where the cat is?
