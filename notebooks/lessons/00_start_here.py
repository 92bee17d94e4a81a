# %% [markdown]
# # What does a network see in this photo?
#
# **You will do:** let a network dream, show it a cat, read its answer, and ask where in the photo that answer came from.
#
# **You will learn:** what goes into a network and what comes out; what a logit, a softmax and a probability are; when not to believe them.
#
# **You need:** Python, and the idea of an array.
#
# **Time:** 28 minutes, without "Go deeper"

# %% [markdown] tags=["teaching-note"]
# 28 min: the dream 3, the cat and its numbers 9, the heat map and the grey square 8, other photos 6, your own photo 2. "Go deeper" is homework.
# **The aha of this lesson:** three cats share 0.95 of the probability, and an astronaut is a bobsled. A network can only answer with the words it has.
# Before class, run the lesson once from top to bottom: the dream takes a few seconds, and the first pass of every network is its slowest.

# %% [markdown]
# Colab and your own computer work alike: click on a cell and press **Shift + Enter** to run it. Start with the next one.
#
# It loads two networks that know the same 1000 kinds of things, called **classes**. They come from ImageNet, a large collection of photos.
# **SqueezeNet** is small and simple, so we take it apart in lessons 01, 02 and 07.
# **EfficientNet-Lite0** is harder to read and more often right, so we ask it everywhere else.

# %% tags=["exercise-setup"]
import numpy as np

from cnnvis_helpers import (
    check, deep_dream, hint, list_photos, load_network, load_photo, show_grid, solution,
)

squeezenet = load_network("squeezenet")
net = load_network()  # EfficientNet-Lite0
photo = load_photo("chelsea")

# %% [markdown]
# ## First, a dream
#
# The Hubble telescope took this photo of a dark sky full of galaxies. We cut out a part of it and change it step by step: every pixel becomes a little lighter or
# darker, always so that SqueezeNet sees *more* of whatever it already sees.
#
# **Predict first:** SqueezeNet was trained on photos of animals, tools and food, never on galaxies. What will appear in the sky? (The cell takes a few seconds. Lesson 07 explains its settings.)

# %% alt="Two pictures. Left, small galaxies on a black sky. Right, the same sky with birds in it: a large dark hen with a red eye, a tall bird with an orange head, and a small round one at its feet."
stars = load_photo("hubble")[190:440, 90:465]
dream = deep_dream(squeezenet, stars, "fire9_concat", octaves=2, steps=25, step=2.0)

show_grid([stars, dream], titles=["the photo", "what SqueezeNet made of it"], columns=2, size=5)
# <check>
assert dream.shape == stars.shape and 2 < np.abs(dream.astype(float) - stars).mean() < 40
# </check>

# %% [markdown]
# Birds! Nobody painted them. Many of the 1000 classes are birds. Where a few galaxies happened to look like an eye and a pair of legs, the network saw a trace of a bird. We
# made that trace stronger, again and again. In lesson 07 you will do this to your own photos.
#
# But how can a network see a bird, or anything at all? Let us start with an easier photo.

# %% [markdown] tags=["teaching-note"]
# Say nothing at first; let somebody discover the legs. Then ask who drew them. (The network drew nothing: we changed pixels by its gradients. Lesson 07 has the details.)
# If the class is impatient, start the cell before you speak.

# %% [markdown]
# ## What goes in
#
# This is Chelsea. We see a cat. A computer sees an array of whole numbers from 0 (dark) to 255 (bright).
#
# EfficientNet does not take photos of any size. A photo is first resized, as a whole, to the size that the network reads.

# %% tags=["exercise-setup"] alt="Two pictures of Chelsea, a cat with striped fur whose face fills the photo. Left, the photo, wider than high; right, the same photo pressed into a square, so that she looks narrower."
from cnnvis_helpers import figure_row, resize_photo, show_photo

with figure_row(2, width=9, height=3.7) as (left, right):
    show_photo(photo, "the photo", ax=left)
    show_photo(resize_photo(photo, net.input_size), "what the network reads", ax=right)
print("height, width, colours:", photo.shape)
print("smallest and largest number:", photo.min(), photo.max())
print("red, green and blue of the pixel at the top left:", photo[0, 0])
print("rows and columns that the network reads:", net.input_size)
# <check>
assert photo.shape == (300, 451, 3) and (photo.min(), photo.max()) == (0, 231)
# </check>

# %% [markdown]
# To the network, Chelsea looks a little narrower than to us: it reads 224 x 224 pixels, a square. And the word "cat" is nowhere among the numbers. Getting it out of them is the network's job.
#
# **Exercise: how much goes in?** How many numbers does the network read? Replace `None` by your answer and run the cell; `check` replies. Stuck? Run `hint("00-numbers")` in a cell
# of its own, more than once if you like. `solution("00-numbers")` shows our way.

# %%
# <solution>
numbers_read = 224 * 224 * 3
# </solution>
check("00-numbers", numbers_read)

# %% [markdown]
# ## What comes out
#
# **Predict first:** what will the network call her, and how sure will it be?

# %% alt="Bars for five answers: Egyptian cat 0.77, tiger cat 0.10, tabby 0.08, lynx 0.01, and a plastic bag near zero."
from cnnvis_helpers import show_predictions

show_predictions(net.predict(photo, top=5))
print(len(net.labels), "classes, for example:", ", ".join(net.labels[281:286]))
# <check>
best = net.predict(photo, top=3)
assert [each.label for each in best] == ["Egyptian cat", "tiger cat", "tabby"]
assert abs(best[0].probability - 0.771) < 0.01
# </check>

# %% [markdown]
# "Egyptian cat", 0.77. There is no class that is simply called *cat*: the network must choose between five kinds of house cat, and most of the rest goes to tiger cat and tabby.
# (With her striped coat many people would call Chelsea a tabby. But who could be sure, from a face alone?)
#
# ## What the numbers mean
#
# Inside, the network first computes one number for each class. These numbers are called **logits**. (`prepare` resizes the photo and puts it into a stack of one, because a
# network reads stacks of photos; `[0]` takes the answer to the first photo of the stack.)

# %% tags=["exercise-setup"]
logits = net.logits(net.prepare(photo)).numpy()[0]
best = np.argsort(logits)[::-1][:3]  # the three highest

for c in best:
    print(f"{net.labels[c]:14}{logits[c]:6.2f}")
print(f"the lowest of all {logits.min():.2f}, and {(logits < 0).sum()} are below zero")
# <check>
assert abs(logits[285] - 10.54) < 0.01 and abs((logits < 0).sum() - 564) < 5
# </check>

# %% [markdown]
# A logit only says "more" or "less". It may be negative, and the 1000 logits need not add up to any particular number. **Softmax** turns them into probabilities. For the class $c$ with the logit $S_c$,
#
# $$p_c = \frac{e^{S_c}}{\sum_j e^{S_j}}$$
#
# The power $e^{S}$ makes every number positive. Dividing by the sum over all classes $j$ makes them add up to 1.

# %% tags=["exercise-setup"]
powers = np.exp(logits)
probabilities = powers / powers.sum()

for c in best:
    print(f"{net.labels[c]:14} e^{logits[c]:.2f} = {powers[c]:7,.0f}   p = {probabilities[c]:.3f}")
print(f"e^{logits[best[0]] - logits[best[1]]:.2f} = {powers[best[0]] / powers[best[1]]:.1f}")
# <check>
assert abs(probabilities[285] - net.predict(photo)[0].probability) < 1e-4
assert abs(powers[285] / powers[282] - 7.5) < 0.1
# </check>

# %% [markdown]
# There is our 0.77 again. Look at the last line: the logit of Egyptian cat is only 2.02 higher than that of tiger cat, and that makes it 7.5 times as probable. A small lead in logits is a large one in probability.
#
# **Exercise: ten more.** Add 10 to each of the 1000 logits. What happens to the probabilities? (a) All of them grow. (b) They come closer together. (c) Nothing. (d) They add up to more than 1.

# %%
# <solution>
after_adding = "c"
# <stub>
# after_adding = None  # a letter from a to d
# </solution>
check("00-shift", after_adding)

# %% [markdown] tags=["teaching-note"]
# 8 min with "What comes out". Ask what a probability of 0.77 promises. The common misconception: "77 of 100 such photos are Egyptian cats". It is only the network's own share among its 1000 words;
# nobody has checked it against reality. Cover the last line of the table and let them estimate the ratio from the two logits.

# %% [markdown]
# ## Where did it look?
#
# The network has given its answer. What in the photo made it say so?
#
# **Predict first:** put a finger on the spot that mattered most.

# %% tags=["exercise-setup"] alt="Left, the photo in grey under a heat map that glows on the cat's face, most of all on the forehead beside the right-hand eye. Right, the cat cut out on black: a strip at the upper left and most of the right-hand third are gone."
from cnnvis_helpers import gradcam, load_mask, relevance_mass, show_overlay

heat = gradcam(net, photo, "Egyptian cat")
outline = load_mask("chelsea")  # True on the cat

with figure_row(2, width=11, height=3.9) as (left, right):
    show_overlay(photo, heat, "What raised the logit of Egyptian cat", ax=left)
    show_photo(photo * outline[..., None], "The cat, outlined by hand", ax=right)
print(f"{relevance_mass(heat, outline):.0%} of the heat is on the cat,", end=" ")
print(f"which covers {outline.mean():.0%} of the photo")
# <check>
assert relevance_mass(heat, outline) > outline.mean() + 0.1
# </check>

# %% [markdown]
# The brighter a place, the more it raised the logit. The method is called Grad-CAM, and you will build it yourself in lesson 04.
#
# It looks convincing, but a picture that looks right is not yet evidence. So this course puts a number beside a picture wherever it can. Somebody drew the outline of this cat by hand, on the right: 89% of the heat lies inside.
# Heat spread evenly over the photo would score 74%, because the cat fills most of her photo. Better than chance, then, though less striking than the picture.
#
# ## Does that spot really matter?
#
# There is a direct way to find out: hide it, and ask again. Here is a grey square over a corner of the photo.

# %% alt="Left, Chelsea with a grey square over the lower left corner, where her shoulder is. Right, bars: Egyptian cat 0.80, tiger cat 0.09, tabby 0.07, lynx 0.01, and a plastic bag near zero."
def cover(photo, top, left, size=100):
    covered = photo.copy()
    covered[top : top + size, left : left + size] = 128
    return covered


covered = cover(photo, 200, 0)
with figure_row(2, width=11, height=3.6) as (left, right):
    show_photo(covered, ax=left)
    show_predictions(net.predict(covered, top=5), ax=right)
# <check>
assert 0.77 < net.predict(covered)[0].probability < 0.83
# </check>

# %% [markdown]
# 0.80! Without that corner, the network is even a little surer than before.
#
# **Exercise: hide the evidence.** Place the square so that "Egyptian cat" falls below 0.68. Look at the heat map, **predict** a place, try it, and judge: did the heat map help?
# `spot` is (top, left) of the square in pixels, and the whole square must lie inside the photo of 300 x 451 pixels.

# %%
# <solution>
y, x = np.unravel_index(heat.argmax(), heat.shape)  # the hottest pixel
spot = (int(y) - 50, int(x) - 50)
# <stub>
# spot = None  # (top, left), for a probability below 0.68
# </solution>
check("00-spot", spot, net=net, photo=photo)

# %% [markdown] tags=["teaching-note"]
# 7 min with the heat map. Collect guesses from the class before anybody runs: most hide an eye or the nose. The surprise is how little happens: wherever we tried, the first answer stayed Egyptian cat.
# The network has many reasons. Lesson 03 moves such a square over the photo and makes a map of it.

# %% [markdown]
# ## Something else: a cup of coffee
#
# One photo proves little. Here is another.

# %% alt="Left, a cup of coffee on a table under a heat map that glows on the cup. Right, bars: espresso 0.88, then cup, coffee mug, consomme and soup bowl, all below 0.05."
coffee = load_photo("coffee")

with figure_row(2, width=11, height=3.6) as (left, right):
    show_overlay(coffee, gradcam(net, coffee), ax=left)
    show_predictions(net.predict(coffee, top=5), ax=right)
# <check>
assert net.predict(coffee)[0].label == "espresso" and net.predict(coffee)[0].probability > 0.8
# </check>

# %% [markdown]
# Espresso, 0.88, and the heat is on the cup. Even the runners-up make sense: a cup, a coffee mug, a soup, a soup bowl.
#
# ## And what if it is not on the list?
#
# Now a photo of an astronaut, Eileen Collins. "Astronaut" is none of the 1000 classes.
#
# **Predict first:** what will the network say? "I don't know"?

# %% alt="Left, a smiling astronaut in an orange suit, with a helmet in front of her. Right, bars: bobsled 0.22, football helmet 0.14, go-kart 0.05 and two smaller ones."
astronaut = load_photo("astronaut")

with figure_row(2, width=11, height=4.2) as (left, right):
    show_photo(astronaut, ax=left)
    show_predictions(net.predict(astronaut, top=5), ax=right)
# <check>
assert net.predict(astronaut)[0].label == "bobsled"
# </check>

# %% [markdown]
# A bobsled, a football helmet, a go-kart! Not so silly, when you think about it: all three have to do with people in suits and helmets. But the network *cannot* say "I don't know". Softmax shares out all of the probability
# among the classes that exist, and an astronaut must go somewhere. At least the network is unsure here. That is not always so. Here is what SqueezeNet says
# about three more photos that show none of its classes:

# %% alt="Three photos with SqueezeNet's answers: a dahlia called coral fungus 0.59, old coins called golf ball 0.87, and a raccoon called grey fox 0.47."
names = ["dahlia", "coins", "raccoon"]  # none of them is a class
photos = [load_photo(name) for name in names]
answers = [squeezenet.predict(each)[0] for each in photos]

show_grid(photos, titles=[f"{a.label} {a.probability:.2f}" for a in answers], columns=3)
# <check>
assert [a.label for a in answers] == ["coral fungus", "golf ball", "grey fox"]
assert abs(answers[1].probability - 0.87) < 0.02
# </check>

# %% [markdown]
# SqueezeNet calls these old coins a golf ball with a probability of 0.87. A high probability means "this class rather than my other classes", and no more.

# %% [markdown] tags=["teaching-note"]
# Ask what an honest answer about the astronaut would be, and how a network could give one. (A class "other" would have to be trained on everything else there is.) Lesson 08 comes back to trust.

# %% [markdown]
# ## A photo of your own
#
# `load_photo` takes the path of a file, the address of a picture on the web, or one of the names that `list_photos()` shows. Change the name and run the cell again.

# %% alt="Left, a motorcycle under a heat map that glows on the engine and the tank. Right, bars: moped 0.47, motor scooter 0.34, and three small ones."
mine = load_photo("motorcycle")  # or "my_photo.jpg", or "https://..."

with figure_row(2, width=11, height=3.7) as (left, right):
    show_overlay(mine, gradcam(net, mine), ax=left)
    show_predictions(net.predict(mine, top=5), ax=right)

# %% [markdown]
# A motorcycle is called a moped, because there is no class "motorcycle" either. With your own photos, ask two questions: is the answer right, and is the heat where it should be? This course is about those two.
#
# ## Go deeper: change the photo
#
# A network that really sees a cat should not care how we turn the photo. In a mirror, is Chelsea still Chelsea?

# %%
mirrored = photo[:, ::-1]
first = net.predict(mirrored)[0]
print(f"{first.label} {first.probability:.2f}")
# <check>
assert abs(first.probability - 0.58) < 0.02
# </check>

# %% [markdown]
# Still an Egyptian cat, but with 0.58 instead of 0.77.
#
# **Exercise: surer than before.** Which of these changes makes the network *surer* than 0.77?
#
# - (a) upside down: `photo[::-1]`
# - (b) the upper half only: `photo[:150]`
# - (c) without colour: `np.repeat(photo.mean(axis=2, keepdims=True), 3, axis=2)`
# - (d) red and blue exchanged: `photo[:, :, ::-1]`
#
# **Predict** first, then ask `net.predict(...)[0]` about each of them.

# %%
# <solution>
grey = np.repeat(photo.mean(axis=2, keepdims=True), 3, axis=2)
for each in (photo[::-1], photo[:150], grey, photo[:, :, ::-1]):
    print(net.predict(each)[0])
surer = "c"
# <stub>
# surer = None  # a letter from a to d
# </solution>
check("00-change", surer)

# %% [markdown]
# ## Go deeper: is it at least an animal?
#
# SqueezeNet's best guess for the raccoon was grey fox, with 0.47. It sounds unsure. But unsure of what?
#
# **Exercise: any animal.** The classes 0 to 397 are animals, from the tench to the puffer. How probable is it, says SqueezeNet, that the photo of the raccoon shows *some* animal? <!-- source -->

# %%
raccoon = load_photo("raccoon")
# <solution>
its_powers = np.exp(squeezenet.logits(squeezenet.prepare(raccoon)).numpy()[0])
some_animal = its_powers[:398].sum() / its_powers.sum()
# <stub>
# some_animal = None  # a probability
# </solution>
check("00-animal", some_animal, net=squeezenet, photo=raccoon)

# %% [markdown]
# ## Go deeper: a softmax that survives
#
# Our two lines of softmax have a weak spot. The numbers of the network (`float32`) end at about $10^{38}$, those that NumPy uses by itself (`float64`) at about $10^{308}$, and $e^{1000}$ is far above both.
# Then infinity is divided by infinity, and you get `nan`, "not a number".
#
# **Exercise: softmax.** Write one that survives logits of any size. Your answer to "ten more" is the key.


# %%
def softmax(logits):
    """Probabilities (n,) of logits (n,): they add up to 1."""
    # <solution>
    powers = np.exp(logits - np.max(logits))
    return powers / powers.sum()
    # </solution>


check("00-softmax", softmax)

# %% [markdown]
# ## Go deeper: where is it least sure?
#
# **Exercise: the most puzzling photo.** `list_photos()` lists the photos of this course, and each of them has a `.name`. For which one is the network's *first* answer the least probable? Give its name.

# %%
# <solution>
first_answers = {p.name: net.predict(load_photo(p.name))[0] for p in list_photos()}
puzzling = min(first_answers, key=lambda name: first_answers[name].probability)
# <stub>
# puzzling = None  # a name
# </solution>
check("00-puzzling", puzzling)

# %% [markdown]
# ## Take-away
#
# 1. A classifier turns an array of pixels into one logit for each class, and softmax turns the logits into probabilities that add up to 1.
# 2. A network answers with the classes it has, even when none of them fits.
# 3. A heat map shows where an answer came from, and a picture that looks right still needs a number beside it.

# %% [markdown]
# ## Further reading
#
# - Russakovsky et al., [ImageNet large scale visual recognition challenge](https://arxiv.org/abs/1409.0575): where the 1000 classes come from
# - Iandola et al., [SqueezeNet](https://arxiv.org/abs/1602.07360), and Tan and Le, [EfficientNet](https://arxiv.org/abs/1905.11946): the two networks
# - Olah et al., [Feature visualization](https://distill.pub/2017/feature-visualization/): more pictures like the dream

# %% [markdown]
# ## Next lesson
#
# What is inside such a network? We open SqueezeNet and look at what it has learned.
