# %% [markdown]
# # Which picture would a network like best?
#
# **You will do:** grow, out of noise, pictures that excite a filter or a class, and let a network dream into a cup of coffee.
#
# **You will learn:** gradient ascent on pixels, why it needs regularisation, and how far to trust such pictures.
#
# **You need:** [lesson 02](02_feature_maps.ipynb) and, for the tape, [lesson 04](04_class_activation_maps.ipynb).
#
# **Time:** 62 minutes, without "Go deeper"

# %% [markdown] tags=["teaching-note"]
# 62 min: the eagle 6, without help and the other network 14, one filter by hand 9, depth 9, patches 3, dreams 21.
# **The aha of this lesson:** two pictures get a probability of 1.00 for bald eagle. One is grey noise. Ask another network, and it sees birds in the first and nothing in the second.
# With ten minutes only: the eagle, the grey noise, the cup.

# %% [markdown]
# The first cell loads SqueezeNet, the small network from lesson 01 with its 1000 classes.

# %% tags=["exercise-setup"]
import numpy as np

from cnnvis_helpers import (
    check, class_pattern, hint, load_network, show_curve, show_grid, show_photo, solution,
)

net = load_network("squeezenet")

# %% [markdown]
# ## A picture of a bald eagle
#
# In training, the photos stay fixed and the weights change. Let us turn this round: the *weights* stay fixed, and the *pixels* change. We start from grey noise and ask, at each step:
# which small change of the pixels raises the score of "bald eagle" most? No photo takes part.
#
# **Predict first:** what will you see after 40 steps?

# %% alt="A painting-like picture on a grey-blue ground: two large dark-feathered birds side by side, one with a pale head and one with a green-yellow head, their yellow beaks crossed."
eagle = class_pattern(net, "bald eagle", steps=40, seed=8)
show_photo(eagle, title="What SqueezeNet takes for a bald eagle")
best = net.predict(eagle)[0]
print(f"class {best.index}, {best.label}: {best.probability:.2f}")
# <check>
assert net.predict(eagle)[0].label == "bald eagle" and net.predict(eagle)[0].probability > 0.99
# </check>

# %% [markdown]
# A pale head, yellow beaks, dark feathers, and legs below. All of it comes out of the weights. Notice too that there is not one eagle before a sky: two of them grow into each other.
# The score of a class is an average over places, so a second head is worth more than a sky.
#
# The answer has 1000 probabilities. Here are all of them, drawn as one curve:

# %% alt="A curve over 1000 classes that stays at zero, with one single peak up to 1.0 near the left edge, at class 22."
probabilities = net.probabilities(net.logits(net.prepare(eagle)))[0]
show_curve(range(1000), probabilities, xlabel="class", ylabel="probability")

# %% [markdown]
# One peak, at class 22, the bald eagle, and nothing else.
#
# **Exercise: what is this?** Here is another class. Is it (a) a jellyfish, (b) a strawberry, (c) a volcano, or (d) an umbrella?

# %% alt="A broad dark cone, red at its top and on its right slope, pale on the left one; above it two round puffs, one white and one dark blue."
mystery = class_pattern(net, 980, steps=32, seed=1)
show_photo(mystery)

# %% [markdown]
# Decide before you look the number up.

# %%
# <solution>
mystery_class = "c"
# <stub>
# mystery_class = None  # a letter from a to d
# </solution>
check("07-name", mystery_class)

# %% [markdown]
# Now choose a class of your own. Animals and things with a clear shape work best: try a school bus, a tarantula or a flamingo.

# %% alt="An animal with a striped body on four legs, on a green and brown ground; behind it two blurred heads with long ears."
MY_CLASS = "zebra"  # change me
mine = class_pattern(net, MY_CLASS, steps=40, seed=5)
show_photo(mine, title=MY_CLASS)

# %% [markdown] tags=["teaching-note"]
# Show the eagle without its title first. Somebody will say "heron", and that is worth a minute: what would the network have to know to tell them apart?

# %% [markdown]
# ## Why it needs regularisation
#
# The helper did more than climb. It moves coarse shapes before fine ones, and at each step it shows the network a slightly shifted and zoomed version of the picture, so that only patterns
# that survive this can grow. Such a limit on the picture is called **regularisation**. Let us switch it all off.
#
# **Predict first:** will the network still be sure? Will you still see an eagle?

# %% alt="The eagle picture with its two birds, and beside it an even grey field of fine coloured grain."
bare = class_pattern(net, "bald eagle", steps=40, smooth=False, jitter=0, zoom=0)
chances = [net.predict(picture, top=1)[0].probability for picture in (eagle, bare)]
titles = [f"with help: {chances[0]:.2f}", f"without: {chances[1]:.2f}"]
show_grid([eagle, bare], titles=titles, columns=2, size=4.5)
# <check>
assert round(min(chances), 2) == 1.00 and net.predict(bare)[0].label == "bald eagle"
# </check>

# %% [markdown]
# Both get a probability of 1.00, and the second is noise to us. The gradient is honest: this grain really does raise the score. There are very many pictures that a network calls an eagle, and hardly any of
# them looks like one. Regularisation decides which of them you see. (Lesson 06 used the same weakness to fool a network.)
#
# **Exercise: how rough?** Write a measure of roughness: the mean absolute difference between each pixel and its neighbour on the right. The picture is `uint8`, so beware. Then predict which is rougher, `eagle` or `bare`, and measure.


# %%
def roughness(picture):
    """Mean absolute difference of horizontal neighbours, in levels, of a uint8 (h, w, 3)."""
    # <solution>
    return np.abs(np.diff(picture.astype(float), axis=1)).mean()
    # </solution>


check("07-rough", roughness)

# %% [markdown]
# (Surprised how close they are? The grain is even a little rougher: it is faint, but it changes at every pixel, while the eagle has strong edges and smooth places between them. What sets the two apart is not their roughness but that the edges of the eagle belong together.) Is anything of the eagle left in the grain? Ask somebody else. EfficientNet-Lite0 knows the same 1000 classes, but learned them on its own.

# %% tags=["exercise-setup"]
other = load_network("efficientnet_lite0")

# %% [markdown]
# **Predict first:** what will it call the two?

# %%
for name, picture in {"eagle": eagle, "grain": bare}.items():
    guesses = [f"{guess.label} {guess.probability:.2f}" for guess in other.predict(picture, top=3)]
    print(f"{name}:", ", ".join(guesses))
# <check>
assert other.predict(bare)[0].probability < 0.3
birds = {*range(7, 25), *range(80, 101), *range(127, 147)}
assert other.predict(eagle)[0].index in birds
# </check>

# %% [markdown]
# To this network the grain is nothing in particular. The eagle is a bird to it: a hornbill first, and the bald eagle third. So the picture is about birds, and not about SqueezeNet alone.
#
# **Exercise: convince both.** An experiment. Is there a class whose picture convinces the other network, too? Choose a class, predict, grow its picture with `class_pattern(net, "...", steps=48)`, and ask `other`. Go on until its first answer is your class, with at least 0.3. Hand over that picture.

# %%
# <solution>
for my_class in ("tiger", "tarantula", "starfish"):
    convincing = class_pattern(net, my_class, steps=48)
    best = other.predict(convincing)[0]
    if best.label == my_class and best.probability > 0.3:
        break
# <stub>
# convincing = None  # the picture that both networks call your class
# </solution>
check("07-other", convincing, net=net, other=other)

# %% [markdown] tags=["teaching-note"]
# Let the class vote on "which of the two is the true eagle of the network?" Both are; one of them also means something to others.

# %% [markdown]
# ## One filter, by hand
#
# Now let us do the climb ourselves, on something smaller than a class: one filter of `fire4_concat`. Let $a(x)$ be the mean of its map for a picture $x$, and $g$ the gradient of $a$ with respect to the pixels.
# Each step goes uphill:
#
# $$x \leftarrow x + s \cdot \frac{g}{\text{mean}(|g|)}$$
#
# Dividing by the mean size of the gradient makes all steps equally long: $s$ levels per value on average, however steep the hill. `net.maps` gives the maps of a layer for pixels of any size.


# %% tags=["exercise-setup"]
import tensorflow as tf

noise = np.random.default_rng(0).uniform(112, 144, (1, 96, 96, 3)).astype(np.float32)


def uphill(picture, layer, channel, step=4.0):
    """The picture (1, h, w, 3) after one step, and the filter's mean activation before it."""
    pixels = tf.constant(picture)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        answer = tf.reduce_mean(net.maps(pixels, [layer])[0][..., channel])
    gradient = tape.gradient(answer, pixels).numpy()
    length = np.abs(gradient).mean() + 1e-12
    return np.clip(picture + step * gradient / length, 0, 255), float(answer)


# %% [markdown]
# Take thirty steps for filter 224. **Predict first:** stripes, dots, eyes, or more noise?

# %% alt=["Four pictures: grey noise, a coloured strip at the lower edge, a larger one, and coloured, rounded patches that cover the lower two thirds.", "The answer of the filter rises steadily from near zero to above 2000 in 30 steps."]
pictures, answers = [noise], []
for _ in range(30):
    picture, answer = uphill(pictures[-1], "fire4_concat", 224)
    pictures.append(picture)
    answers.append(answer)
shown = [pictures[k][0].astype(np.uint8) for k in (0, 3, 10, 30)]
show_grid(shown, titles=["noise", "3 steps", "10 steps", "30 steps"])
show_curve(range(30), answers, xlabel="step", ylabel="mean activation of filter 224")
# <check>
assert answers[-1] > 2000 / 2 and answers[0] < 10
# </check>

# %% [markdown]
# Round, shaded bumps, still rough; the helper draws this filter more clearly below. Why do they begin at the lower edge? In the noise only a few cells there are active; from these the pattern spreads to its neighbours. Now filter 112 of the same layer:

# %%
picture, answer = uphill(noise, "fire4_concat", 112)
print("answer:", answer, " largest change of a pixel:", np.abs(picture - noise).max())
# <check>
assert answer == 0 and np.abs(picture - noise).max() == 0
# </check>

# %% [markdown]
# Nothing moves at all. **Exercise: how many filters are silent?** `start` holds the maps of the noise, for all 256 filters of the layer. How many of them are zero everywhere?

# %% tags=["exercise-setup"]
start = net.maps(tf.constant(noise), ["fire4_concat"])[0][0].numpy()  # (11, 11, 256)

# %% [markdown]
# One line of NumPy is enough.

# %%
# <solution>
silent = int((start.max(axis=(0, 1)) == 0).sum())
# <stub>
# silent = None  # a number
# </solution>
check("07-silent", silent, maps=start)

# %% [markdown]
# **Exercise: wake it up.** Predict, then try it with `uphill`. What gets filter 112 moving? (a) Three hundred steps instead of one. (b) A step a hundred times as long. (c) The photo of Chelsea in place of the noise. (d) Noise of all levels, from 0 to 255.

# %%
# <solution>
wakes_it = "c"
# <stub>
# wakes_it = None  # a letter from a to d
# </solution>
check("07-relu", wakes_it)

# %% [markdown] tags=["teaching-note"]
# Let the class explain why nothing moves for filter 112 before you open the exercise. Common misconception: the pattern is what the filter looks for in photos.

# %% [markdown]
# ## From stripes to faces
#
# Our helper, `filter_patterns`, reads a filter's sum *before* its ReLU, where a silent filter has a slope as well. Here are four filters from each of four layers, from shallow to deep. **Predict first:** at which layer will you see the first eyes?

# %% alt="Four rows of four pictures. fire2: horizontal stripes, vertical stripes, orange and yellow spots, green spots. fire4: red curved lines, shaded bumps, a woven mesh, dark dots. fire6: rings like eyes, bricks, striped strands, a large eye. fire8: a head with several eyes, the face of a dog, a coiled scaly body, a knot with thin legs."
from cnnvis_helpers import filter_patterns

shelf = {"fire2": [0, 4, 7, 12], "fire4": [24, 224, 88, 112]}
shelf |= {"fire6": [60, 84, 36, 216], "fire8": [304, 320, 96, 32]}
sizes = {"fire2": 48, "fire4": 48, "fire6": 80, "fire8": 96}
pictures, titles = [], []
for name, channels in shelf.items():
    settings = dict(size=sizes[name], steps=30, seed=1)
    pictures += list(filter_patterns(net, f"{name}_concat", channels, **settings))
    titles += [f"{name}, filter {k}" for k in channels]
show_grid(pictures, titles=titles, columns=4)
rings = pictures[8]  # fire6, filter 60: we need it again below

# %% [markdown]
# Stripes and spots of colour, then meshes and bumps, then rings that look at you, then faces. Each layer builds its patterns out of those of the layers before it. Nobody drew any of them.
#
# Did we choose the pretty ones? In the deeper layers, yes. Here are the first eight filters of `fire8_concat`, without any choice; many more of all four layers are in "Go deeper".

# %% alt="Eight patterns in two rows: a mesh, circles, curved bands, twigs; scattered dots, and three with rings like eyes."
show_grid(filter_patterns(net, "fire8_concat", range(8), size=72, steps=24), columns=4)

# %% [markdown]
# **Exercise: whose picture?** To test such patterns, show every picture to every filter. `responses[i, k]` is the answer of filter k to the picture made for filter i. Return the share of filters that answer most to
# their own picture.


# %%
def share_of_own(responses):
    """Share (0..1) of filters k whose largest answer, over the pictures, is responses[k, k]."""
    # <solution>
    favourite = responses.argmax(axis=0)
    return float((favourite == np.arange(responses.shape[1])).mean())
    # </solution>


check("07-own", share_of_own)

# %% [markdown]
# ## The same filter in real photos
#
# A pattern is a guess about a filter. The test is real photos. Filter 60 of `fire6_concat` grew rings like eyes: which places in the photos of this course excite it most? We cut out what the strongest cell sees, its **receptive field**.

# %% tags=["exercise-setup"]
from cnnvis_helpers import feature_maps, list_photos, load_photo, receptive_field, resize_photo

field = receptive_field(net, "fire6_concat")


def strongest_patch(photo, channel, rim=2):
    """(answer, patch) of the cell that answers most; cells at the rim see beyond the photo."""
    answers = feature_maps(net, photo, "fire6_concat")[rim:-rim, rim:-rim, channel]
    row, column = np.unravel_index(answers.argmax(), answers.shape)
    top, left, bottom, right = (int(edge) for edge in field.box(row + rim, column + rim))
    seen = resize_photo(photo, net.input_size)
    return answers.max(), seen[top:bottom, left:right]


# %% [markdown]
# The best four of all photos, beside the pattern. **Predict first:** eyes?

# %% alt="The pattern with rings like eyes, and four patches: the handle of a cup with a spoon beside it, a cat's eye, bright galaxies on black, a raccoon's face."
found = [strongest_patch(load_photo(row.name), 60) for row in list_photos()]
found.sort(key=lambda pair: -pair[0])
titles = ["the pattern"] + [f"answer {answer:.0f}" for answer, _ in found[:4]]
show_grid([rings] + [patch for _, patch in found[:4]], titles=titles, columns=5)
# <check>
assert len(found) == len(list_photos()) and found[0][0] > found[4][0]
# </check>

# %% [markdown]
# A cat's eye and a raccoon's face, yes. But also the handle of a cup, and galaxies. So "eye detector" was our word, not the network's. Where pattern and patches differ, believe the patches: those are what the network really meets.

# %% [markdown]
# ## Dreaming, by hand
#
# Start with a photo instead of noise. And instead of one filter, raise *everything* that a layer already responds to: the mean square of its maps. What is strong gets stronger. If a cloud looks a little like a bird to the layer, it will look more like one after each step.


# %%
@tf.function(reduce_retracing=True)  # the same numbers, several times as fast
def dream_slopes(pixels, layer):
    """Gradient of the mean square of a layer's maps, for pixels (1, h, w, 3)."""
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        objective = tf.reduce_mean(net.maps(pixels, [layer])[0] ** 2)
    return tape.gradient(objective, pixels)


def dream_at_one_size(picture, layer, steps=10, step=2.0):
    """The picture (1, h, w, 3) after steps that exaggerate what the layer sees in it."""
    for _ in range(steps):
        gradient = dream_slopes(tf.constant(picture), layer).numpy()
        picture = np.clip(picture + step * gradient / np.abs(gradient).mean(), 0, 255)
    return picture


# %% [markdown]
# **Predict first:** what will `fire8_concat`, the layer with the faces, find in a cup of coffee?

# %% tags=["exercise-setup"]
coffee = load_photo("coffee", max_side=300)
batch = coffee[None].astype(np.float32)  # (1, 200, 300, 3)

# %% [markdown]
# First the dream at the photo's own size; and the helper with one size (`octaves=1`) and no shifts (`jitter=0`) takes the same steps.

# %% alt="A cup of coffee, and the same cup with small eyes on its inner wall and on the spoon."
from cnnvis_helpers import deep_dream

small_dream = dream_at_one_size(batch, "fire8_concat")[0].astype(np.uint8)
show_grid([coffee, small_dream], titles=["the photo", "one size"], columns=2, size=4.5)

ours = dream_at_one_size(batch, "fire8_concat", steps=4)[0]
theirs = deep_dream(net, coffee, "fire8_concat", octaves=1, steps=4, step=2.0, jitter=0)
alike = np.corrcoef(ours.ravel(), theirs.ravel())[0, 1]
print(f"after 4 steps, ours and the helper's: correlation {alike:.3f}")
# <check>
assert alike > 0.995
# </check>

# %% [markdown]
# Tiny eyes, on the inner wall of the cup and on the spoon. A filter's pattern has one size in pixels, so on a large photo everything it dreams is small. The cure is simple: dream on a *small* version of the photo first, enlarge the result, dream on, and so
# on up to the full size. These sizes are called **octaves**.

# %% alt="The cup again: out of the coffee looks a furry face with two eyes. The wooden table is blurred."
dream = batch
for size in [(73, 109), (102, 153), (143, 214), (200, 300)]:
    dream = tf.image.resize(dream, size, antialias=True).numpy()
    dream = dream_at_one_size(dream, "fire8_concat")
by_octaves = dream[0].astype(np.uint8)
show_photo(by_octaves, title="Four octaves, by hand")
# <check>
assert np.abs(by_octaves.astype(float) - coffee).mean() > 10
# </check>

# %% [markdown]
# A furry face looks at you out of the cup. The small photo decides where the large shapes go; each larger one adds finer fur to them.
#
# **Exercise: octaves.** Where do the four sizes come from? Return the sizes (height, width), smallest first, of a dream with `octaves` sizes: the last is the photo's own, each one before it smaller by the factor `scale`, rounded to whole pixels.


# %%
def octave_sizes(height, width, octaves, scale):
    """[(height, width), ...], smallest first, the photo's own size last."""
    # <solution>
    return [(round(height / scale**k), round(width / scale**k)) for k in range(octaves - 1, -1, -1)]
    # </solution>


check("07-octaves", octave_sizes)

# %% [markdown]
# One flaw remains: the table is blurred. Enlarging the small photo cannot bring back the grain of the wood. The helper puts it back at each octave, and shifts the picture a little before each step (that is `jitter`).
#
# **Exercise: put the detail back.** `photos[k]` is the photo shrunk to octave k and enlarged again, all to one size. `dream` was made in octave k - 1. Return it
# with the detail that the photo gains from octave k - 1 to octave k (do not cut to 0..255).


# %%
def with_detail(dream, photos, k):
    """The dream plus what octave k of the photo shows and octave k - 1 could not."""
    # <solution>
    gained = photos[k] - photos[k - 1]
    return dream + gained
    # </solution>


check("07-detail", with_detail)

# %% [markdown] tags=["teaching-note"]
# Show the small dream before the octaves, and ask how the eyes could become larger. Two published slips are among the answers that the checks know: a scale of 1.14 where the comment says 1.4,
# and detail taken from a base that is never updated.

# %% [markdown]
# ## What networks see in galaxies and clouds
#
# In lesson 00 birds came out of the Hubble telescope's dark sky. Here is the photo again. **Predict first:** what will the network *call* it, before the dream and after?

# %% alt="The galaxies of the Hubble deep field on black; in the dream, a large bird with an eye and a beak at the upper left, a round body and thin legs."
sky = load_photo("hubble", max_side=240)
birds = deep_dream(net, sky, "fire9_concat", octaves=4, steps=16)
show_grid([sky, birds], titles=["Hubble", "the dream"], columns=2, size=4.5)
for what, picture in {"before": sky, "after": birds}.items():
    best = net.predict(picture)[0]
    print(f"{what}: {best.label} {best.probability:.2f}")
# <check>
assert net.predict(birds)[0].index in range(7, 147) and net.predict(sky)[0].probability < 0.3
# </check>

# %% [markdown]
# A bird. Before, the network had no idea what it saw; now it names a bird. It finds in the sky what it knows, and it knows many animals: 398 of the 1000 classes of ImageNet. <!-- source -->
#
# We do the same when we see faces in clouds. So let us make some: random noise with strong slow waves and weak fast ones, white where it is high and blue where it is low. **Predict first:** which animal will `fire8_concat` find?

# %% alt="White clouds on a blue sky, made of noise; in the dream they are fur with several eyes, and in the middle a dog-like face with a dark nose."
rng = np.random.default_rng(3)
frequency = np.hypot(np.fft.fftfreq(300)[:, None], np.fft.fftfreq(300))
frequency[0, 0] = 1
waves = np.fft.fft2(rng.normal(size=(300, 300))) / frequency**1.7
noise_sky = np.fft.ifft2(waves).real
white = np.clip(2.5 * (noise_sky - noise_sky.min()) / np.ptp(noise_sky) - 0.9, 0, 1)[..., None]
clouds = (white * [250, 250, 250] + (1 - white) * [70, 130, 200]).astype(np.uint8)

faces = deep_dream(net, clouds, "fire8_concat", octaves=4, steps=16)
show_grid([clouds, faces], titles=["noise", "the dream"], columns=2, size=4.5)
# <check>
assert clouds.shape == (300, 300, 3) and np.abs(faces.astype(float) - clouds).mean() > 10
# </check>

# %% [markdown]
# A furry face with a nose, and far too many eyes. None of it was in the noise. A dream tells you about the network and its training photos. It tells you little about the sky.
#
# A well-known program for dreams, an example of Keras, takes InceptionV3, three sizes that differ by a factor of 1.4, and 20 steps a size. These dreams by SqueezeNet take the same factor, four sizes and 16 steps a size. <!-- source -->
#
# Your turn: another photo, a layer nearer to the input, more octaves. The dream is shown while it grows, and *Stop* keeps what you see.

# %%
from cnnvis_helpers import explore_dream

explore_dream(net, "coffee", layer="fire8_concat", octaves=4, steps=6)

# %% [markdown]
# ## Go deeper: 64 filters of four layers
#
# No choice at all: the first 64 filters of four layers, eight in a row. The steps are few and long, so the patterns are rougher than those above.

# %% alt=["fire2: 64 patterns, most of them fine stripes in several directions, some dots or flat colours.", "fire4: 64 patterns of meshes, dots, scales and bumps.", "fire6: 64 patterns of rings, knots, curls and short strands.", "fire8: 64 patterns; many have rings like eyes, some thin legs or spirals."]
from cnnvis_helpers import tile

for name, size in {"fire2": 32, "fire4": 40, "fire6": 40, "fire8": 40}.items():
    wall = filter_patterns(
        net, f"{name}_concat", range(64), size=size, steps=8, step=15, jitter=8
    )
    shown = [tile(wall, columns=8, margin=3, fill=255)]
    show_grid(shown, titles=[f"{name}_concat, filters 0 to 63"], columns=1, size=5)

# %% [markdown]
# Edges and colours, then textures, then rings, curls and knots that are hard to name at this size; more steps and larger pictures, as above, make them clearer. Lectures often show the same wall for VGG16, with its block1_conv1, block2_conv1, block3_conv1 and block4_conv1: there, textures turn into feathers, eyes and leaves. <!-- source -->

# %% [markdown]
# ## Go deeper: the field's library
#
# tf-keras-vis has `ActivationMaximization`. We let it climb for 28 steps to your own class, which is a zebra unless you changed it; our helper took 40 steps. Its regularisation differs: it shifts the picture by up to 4 pixels, rotates it by up to
# one degree, and lowers the score of rough pictures. `pool10` holds the logits, before the softmax.

# %% alt="Ours: a striped animal on four legs, on a green and brown ground. tf-keras-vis: nearly even grey; with four times the contrast, two striped bodies with legs."
from tf_keras_vis.activation_maximization import ActivationMaximization
from tf_keras_vis.utils.scores import CategoricalScore

tf.keras.utils.set_random_seed(1)
wanted = net.class_index(MY_CLASS)
logits = tf.keras.Model(net.model.inputs, net.model.get_layer("pool10").output)
logits.call = tf.function(logits.call)  # the same numbers, twice as fast
start_here = np.random.default_rng(0).uniform(112, 144, (1, 227, 227, 3)).astype(np.float32)
climb = ActivationMaximization(logits, clone=False)
theirs = np.asarray(climb(CategoricalScore([wanted]), seed_input=start_here, steps=28))[0]

clearer = np.clip(128 + 4 * (theirs - theirs.mean()), 0, 255)
shown = [picture.astype(np.uint8) for picture in (mine, theirs, clearer)]
show_grid(shown, titles=["ours", "tf-keras-vis", "its contrast times 4"], columns=3)
for name, picture in {"ours": shown[0], "theirs": shown[1]}.items():
    print(f"{name}:", ", ".join(guess.label for guess in net.predict(picture, top=3)))
# <check>
tops = [net.predict(picture, 3) for picture in shown[:2]]
assert all("zebra" in [one.label for one in top] for top in tops), tops
# </check>

# %% [markdown]
# The network calls both a zebra. Theirs, after fewer steps, is pale, yet with four times the contrast you see two striped bodies with legs. Ours has colours and a ground, because our helper moves coarse shapes before fine ones.
# (tf-keras-vis draws its rotations anew in each run, so your picture may differ.) Neither picture is *the* zebra of the network: the rules of the climb decide which one you see.

# %% [markdown]
# ## Take-away
#
# 1. Gradient ascent on the pixels grows pictures that excite a filter, a layer or a class.
# 2. Regularisation decides what they look like: without it the network is just as sure, and we see noise.
# 3. Such a picture is one of many that excite a filter; compare it with the parts of real photos that excite the same filter.

# %% [markdown]
# ## Further reading
#
# - Simonyan, Vedaldi and Zisserman, [Deep inside convolutional networks](https://arxiv.org/abs/1312.6034), the first class patterns
# - Olah, Mordvintsev and Schubert, [Feature visualization](https://distill.pub/2017/feature-visualization/)
# - Mordvintsev, Olah and Tyka, [Inceptionism](https://research.google/blog/inceptionism-going-deeper-into-neural-networks/), the first dreams
# - Nguyen, Yosinski and Clune, [Deep neural networks are easily fooled](https://arxiv.org/abs/1412.1897)

# %% [markdown]
# ## Next lesson
#
# All these pictures look convincing. [Lesson 08](08_trust.ipynb) asks which of them you can trust.
