# %% [markdown]
# # What does a network see in this photo?
#
# **You will do:** show a photo to a network, read its answer, and ask which part of the photo the answer came from.
#
# **You will learn:** what goes into a network and what comes out, what a logit and a probability are, and how the lessons of this course work.
#
# **You need:** Python, and the idea of an array.
#
# **Time:** 15 minutes

# %% [markdown] tags=["teaching-note"]
# 15 min in all. This lesson is the tour: photo, answer, heat map. Show the last picture first if you have only three minutes.
# Before the lesson, run it once from top to bottom: the first forward pass of a process is slower than all later ones.

# %% [markdown]
# ## One photo
#
# A cell runs with **Shift + Enter**. This first one loads a network and a photo; to look at another network, change the line
# `NETWORK = "course"` and run the notebook again.

# %% tags=["exercise-setup"]
import numpy as np

from cnnvis_helpers import (
    check,
    gradcam,
    hint,
    list_photos,
    load_mask,
    load_network,
    load_photo,
    photo_alt,
    show_grid,
    show_overlay,
    show_photo,
    show_predictions,
    solution,
)

NETWORK = "course"  # a name from list_networks(), or the path of your own Keras model
net = load_network(NETWORK)
photo = load_photo("chelsea")

# %% [markdown]
# This is the photo. Before you run the next cell: what would you call the thing in it, in one word?

# %%
show_photo(photo, alt=photo_alt("chelsea"))

# %% [markdown]
# To a computer it is an array: height, width, and three numbers a pixel for red, green and blue, each from 0 to 255.

# %%
print("shape", photo.shape, " numbers", photo.size, " type", photo.dtype)
print("darkest", photo.min(), " brightest", photo.max())
print("the pixel in the top left corner:", photo[0, 0])
assert photo.shape == (300, 451, 3) and photo.dtype == np.uint8

# %% [markdown] tags=["teaching-note"]
# 3 min. Ask: how many numbers is this photo? (300 x 451 x 3, about four hundred thousand.) The point to make: the word "cat" is
# nowhere among them. Everything in this course is about how it gets out.

# %% [markdown]
# ## One answer
#
# A **classifier** is a network that gives one number to each class it knows. `net.labels` lists these classes.

# %%
print(net)
print(
    len(net.labels), "classes:", ", ".join(net.labels[:16]), "..." if len(net.labels) > 16 else ""
)
if net.name == "course":
    assert len(net.labels) == 16

# %% [markdown]
# **Predict first.** Which class will come out on top, how sure will the network be, and which class will come second? Write it down,
# then run the cell.

# %%
answer = net.predict(photo, top=5)
best = answer[0]
show_predictions(
    answer,
    title="What the network answers",
    alt=(
        f"Bars for the five most probable classes; the longest, for {best.label}, reaches "
        f"{best.probability:.2f}."
    ),
)
if net.name == "course":
    assert best.label == "cat" and best.probability > 0.5

# %% [markdown]
# ## The same by hand
#
# Three steps hide in `net.predict`. First the photo is resized to the size that the network was made for, as a whole, so that it may
# look squeezed.

# %%
pixels = net.prepare(photo)
print("the network reads", pixels.shape, pixels.dtype, "- one photo, height, width, three colours")
show_grid(
    [photo, pixels[0].astype(np.uint8)],
    titles=["the photo", f"what the network reads, {pixels.shape[2]} x {pixels.shape[1]}"],
    columns=2,
    alt=(
        "The same cat twice: sharp on the left, squeezed into a small, coarser square on the right."
    ),
)

# %% [markdown]
# Second, the network computes one number a class. They are called **logits**: they may be negative, and they do not add up to anything.

# %%
logits = net.logits(pixels).numpy()[0]
for index in np.argsort(-logits)[:3]:
    print(f"{net.labels[index]:12s} {logits[index]:7.2f}")
print("smallest", round(float(logits.min()), 2), " sum", round(float(logits.sum()), 2))

# %% [markdown]
# Third, **softmax** turns logits into probabilities. For a class $c$ with logit $S_c$, among all classes $j$,
#
# $$p_c = \frac{e^{S_c}}{\sum_j e^{S_j}}$$
#
# so every probability lies between 0 and 1, and together they make 1. Here it is in one line of NumPy, compared with the helper.

# %%
probabilities = np.exp(logits) / np.exp(logits).sum()

print(
    f"{net.labels[best.index]}: {probabilities[best.index]:.4f} by hand, {best.probability:.4f} "
    "by the helper"
)
if net.head == "softmax":
    assert np.isclose(probabilities[best.index], best.probability, rtol=1e-4)
    assert np.isclose(probabilities.sum(), 1, atol=1e-5)

# %% [markdown]
# ## One question: where?
#
# The network has answered. *Where* in the photo did it find the reason? **Predict first:** put a finger on the spot that mattered most.

# %%
heat = gradcam(net, photo, target=best.label)
show_overlay(
    photo,
    heat,
    title=f"Grad-CAM for {best.label}: what raised its logit",
    alt=(
        f"The photo in grey under a heat map for {best.label}: brightest above the eye at the "
        "right, spilling past the edge of the head, with some heat over most of the face."
    ),
)
print("the map has the photo's size:", heat.shape == photo.shape[:2])

# %% [markdown]
# The brighter a place, the more it raised the logit. The method is called **Grad-CAM**, and in lesson 04 you will build it in ten
# lines. It is tempting to believe such a picture because it looks right. In this course we check: somebody drew the outline of this
# cat by hand, so the share of the heat that lies on the cat is a number. Compare it with the share of the photo that the cat covers:
# heat spread evenly over the photo would score exactly that.

# %%
cat = load_mask("chelsea")
share_of_heat = heat[cat].sum() / heat.sum()
share_of_photo = cat.mean()
print(
    f"{share_of_heat:.0%} of the heat lies on the cat, which covers {share_of_photo:.0%} of the "
    "photo"
)
if net.name == "course":
    assert share_of_heat > share_of_photo

# %% [markdown] tags=["teaching-note"]
# 5 min. This is the moment of the lesson. Ask: does a bright spot on the cat prove that the network recognised a cat? Most will say
# yes. It proves only that these pixels raised this number; lesson 08 shows maps that look as good and mean nothing. Compare the two
# percentages: heat spread evenly would score exactly the cat's share of the photo.

# %% [markdown]
# ## What goes wrong with an answer
#
# A network answers every photo: one that it should know, and one that shows nothing it knows. Look at the next photos and say for each
# what an honest answer would be. Then look at what came out.

# %%
names = ["coffee", "rocket", "horse", "coins"]
strange = [load_photo(name) for name in names]
first = [net.predict(picture, top=1)[0] for picture in strange]
show_grid(
    strange,
    titles=[f"{guess.label} {guess.probability:.2f}" for guess in first],
    columns=4,
    alt="Four photos with the network's answer above each: "
    + "; ".join(f"{name}, called {guess.label}" for name, guess in zip(names, first, strict=True))
    + ".",
)

# %% [markdown]
# The probabilities always add up to 1 over the classes that the network knows. There is no "none of these": even a very high
# probability, such as the one above the coins, says "more like this class than like my other classes", and no more.

# %% [markdown]
# ## Your turn: a photo of your own
#
# `load_photo` takes a name from `list_photos()`, the path of a file, or the address of a picture on the web. Change the name, or put
# your own path in, and run the cell.

# %%
MY_PHOTO = "motorcycle"  # change me: a name, "my_photo.jpg", or "https://..."

mine = load_photo(MY_PHOTO)
guess = net.predict(mine, top=1)[0]
show_overlay(
    mine,
    gradcam(net, mine),
    title=f"{guess.label} {guess.probability:.2f}",
    alt=f"The chosen photo in grey under the heat map of its top class, {guess.label}.",
)
print(
    "there are",
    len(list_photos()),
    "photos in the course:",
    ", ".join(p.name for p in list_photos()),
)

# %% [markdown]
# ## Exercises
#
# Write your answer into the cell and run it. `check` looks at it and answers in a sentence. Stuck? `hint("00-softmax")` gives a hint
# at each call, `solution("00-softmax")` shows ours.
#
# **Softmax.** Write a function that takes the logits of one photo, an array of shape `(n,)`, and returns the probabilities of the
# `n` classes, also of shape `(n,)`. It should survive large logits: $e^{1000}$ is not a number that a computer can hold.


# %%
def softmax(logits):
    """Probabilities (n,) of logits (n,): positive, summing to 1."""
    # <solution>
    powers = np.exp(logits - np.max(logits))
    return powers / powers.sum()
    # </solution>


check("00-softmax", softmax)

# %% [markdown]
# **The runner-up.** Which class does the network give second place for the photo `coffee`? Put its label, a string, into `second`.

# %%
coffee = load_photo("coffee")
# <solution>
second = net.predict(coffee)[1].label
# </solution>
check("00-second", second, net=net, photo=coffee)

# %% [markdown]
# **A heat map's share.** Write a function that takes a heat map (an array of shape `(h, w)`, no negative values) and a mask of the same
# shape (`True` on the object), and returns the share of the heat that lies on the object, a number from 0 to 1.


# %%
def share_on(heat, mask):
    """Share (0..1) of a heat map (h, w) inside a mask (h, w) of bool."""
    # <solution>
    return heat[mask].sum() / heat.sum()
    # </solution>


check("00-share", share_on)

# %% [markdown] tags=["teaching-note"]
# 4 min. Set the third exercise if there is time for one only: it is the question of the whole course, "is the heat where it should
# be?". The common slip is the mean inside the mask in place of the sum, which can exceed 1.

# %% [markdown]
# ## Take-away
#
# 1. A classifier turns an array of pixels into one logit a class, and softmax turns the logits into probabilities that add up to 1.
# 2. A heat map such as Grad-CAM says which places raised one of these logits.
# 3. A picture that looks right is not yet evidence, so this course puts a number beside every picture.

# %% [markdown]
# ## Further reading
#
# - Selvaraju et al., [Grad-CAM: visual explanations from deep networks](https://arxiv.org/abs/1610.02391)
# - Olah et al., [Feature visualization](https://distill.pub/2017/feature-visualization/), for what is to come in lesson 07
# - Adebayo et al., [Sanity checks for saliency maps](https://arxiv.org/abs/1810.03292), for why we ask for numbers

# %% [markdown]
# ## Next lesson
#
# What is inside the network: its layers, and the weights of the very first one.
