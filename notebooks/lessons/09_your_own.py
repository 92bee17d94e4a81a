# %% [markdown]
# # What does your own network look at in your own photos?
#
# **You will do:** show the network a photo of your own, train a small network yourself, build a better one on top of EfficientNet, and take both apart with the tools of this course.
#
# **You will learn:** which pixel scale and class names a network needs; how a test result of 94% can be hollow; why eight pictures may be enough; which questions a heat map should survive.
#
# **You need:** [lesson 04](04_class_activation_maps.ipynb). It helps to have seen a Keras model trained once.
#
# **Time:** 56 minutes, without "Go deeper"

# %% [markdown] tags=["teaching-note"]
# 56 min: photo and studio 9, the small network 12, load it and look 13, transfer 8, the capstone 14. "Go deeper" is homework.
# **The aha of this lesson:** 94% right on the test, and in another light 56%. The test could not show it.
# Ask the group beforehand to bring photos, one that the network should know and one that it cannot know. Run the notebook once before class: several networks are trained, some seconds each.

# %% [markdown]
# The first cell loads EfficientNet-Lite0, as always. Its last line shows a photo that gave us trouble in lesson 00.

# %% alt="An astronaut in an orange suit sits before a flag; behind her, at the right, stands a model of a space shuttle, and her helmet lies on her lap." tags=["exercise-setup"]
import numpy as np

from cnnvis_helpers import (
    check, gradcam, hint, load_network, load_photo, show_photo, show_predictions, solution,
)

net = load_network()
photo = load_photo("astronaut")  # or your own: load_photo("my_photo.jpg")
show_photo(photo)

# %% [markdown]
# ## A photo of your own
#
# `load_photo` takes the name of a bundled photo, a file, a web address, or an array. In Colab, drop a file into the folder view at the left and write its name; in Jupyter, put it beside the notebook.
# We go on with the astronaut; every cell below works for your photo as well.
#
# What does the network make of her?

# %% alt="Bars for five answers: bobsled 0.22, football helmet 0.14, and three small ones."
show_predictions(net.predict(photo))
# <check>
assert net.predict(photo)[0].label == "bobsled" and net.predict(photo)[0].probability < 0.3
# </check>

# %% [markdown]
# A bobsled, but with 0.22 it is not sure of anything. None of the 1000 classes is an astronaut. And there is a second problem: the network was trained on photos that mostly show *one* thing, large and in the middle.
# This photo holds several, and all of them together are shrunk to the small square that it sees.
#
# **Predict first:** cut out the upper right corner, with the model of the shuttle. What will it say?

# %% alt="Two pictures in grey under heat maps. The whole photo, titled bobsled 0.22. The cutout with the shuttle, titled space shuttle 0.36, hot on the shuttle."
from cnnvis_helpers import figure_row, show_overlay

top, bottom, left, right = 60, 320, 330, 512  # in pixels
cutout = photo[top:bottom, left:right]

with figure_row(2) as axes:
    for ax, each in zip(axes, (photo, cutout), strict=True):
        best = net.predict(each)[0]
        title = f"{best.label} {best.probability:.2f}"
        show_overlay(each, gradcam(net, each), title=title, ax=ax)
# <check>
assert best.label == "space shuttle" and abs(best.probability - 0.36) < 0.03
# </check>

# %% [markdown]
# "Space shuttle". The knowledge was there all along; the rest of the photo hid it. Cutting out what you mean is the first thing to try with any photo of your own.
#
# **Exercise: find the other one.** An experiment. One more thing in this photo is a class that the network knows well. Choose four numbers, predict what the network will say, look, and try again, until its best answer for the
# cutout is *not* a space shuttle and has a probability of more than one half.

# %%
# <solution>
box = (300, 512, 300, 512)
# <stub>
# box = None  # (top, bottom, left, right), in pixels
# </solution>
check("09-cutout", box, net=net)

# %% [markdown] tags=["teaching-note"]
# 5 min, and it is a game: who finds the highest probability? The helmet on her lap gets 0.83 as a football helmet. Then ask what the answer is worth: it is no football helmet, but among 1000 words it is the best one.

# %% [markdown]
# ## Everything at once: the studio
#
# The studio holds all explorers of this course. Choose a network and a photo once; each tab is one method with its own controls. **Save picture** writes a file, and **Copy the code** gives you the lines of Python behind what you see.
# A model that you saved as a file goes into "Network file".

# %%
from cnnvis_helpers import studio

studio(net, photo)

# %% [markdown]
# Take a few minutes. A good first question: does *every* class get a heat map, also one that is nowhere in the photo? (It does. A map answers the question that you ask, not whether it was a good question.)

# %% [markdown] tags=["teaching-note"]
# Let the students say what to click, and use their photos. Questions that work: which other class still gets a map? Does the layer matter more than the method?

# %% [markdown]
# ## A network that you train
#
# Now your own network. Its task is small: tell **grass** from **gravel**. We have one photo of each and cut many small squares out of them. The left part of each photo is for training.
# For the test we cut from the right part, which the network never gets to see.

# %% alt="Eight small grey squares. Above, four of grass with thin blades; below, four of gravel with stones close together."
from cnnvis_helpers import show_grid

album = [load_photo(name, max_side=256) for name in ("grass", "gravel")]

def crops(count, first, last, seed):
    """`count` squares of each photo from columns first to last, and their classes, 0 or 1."""
    rng, cut = np.random.default_rng(seed), []
    for surface in album:  # 256 x 256 pixels; a square of 48 has to fit in
        for top, left in rng.integers((0, first), (209, last - 47), (count, 2)):
            cut.append(surface[top : top + 48, left : left + 48])
    return np.stack(cut), np.repeat([0, 1], count)

train, train_class = crops(300, 0, 150, seed=0)
test, test_class = crops(50, 150, 256, seed=1)
show_grid([*train[:4], *train[-4:]], titles=["grass"] * 4 + ["gravel"] * 4, columns=4)
# <check>
assert train.shape == (600, 48, 48, 3) and test.shape == (100, 48, 48, 3)
# </check>

# %% [markdown]
# Three convolutions, an average over each map, and one Dense layer: you know all of these from lessons 01 and 04.

# %%
import keras
from keras import layers

def small_network():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((48, 48, 3))])
    for channels in (8, 16, 32):
        model.add(layers.Conv2D(channels, 3, padding="same", activation="relu"))
        model.add(layers.MaxPooling2D())
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(2, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model

print(f"{small_network().count_params():,} weights")
# <check>
assert small_network().count_params() == 6_098
# </check>

# %% [markdown]
# Training works best with numbers near 0, so we scale the pixels to -1 ... 1. Remember this; it will matter. The training takes a few seconds.

# %%
def scaled(pixels):
    return pixels / 127.5 - 1

def share_right(network, inputs):
    return (network(inputs).numpy().argmax(axis=1) == test_class).mean()

model = small_network()
model.fit(scaled(train), train_class, epochs=6, verbose=0)
print(f"right on the test: {share_right(model, scaled(test)):.0%}")
# <check>
assert share_right(model, scaled(test)) > 0.9
# </check>

# %% [markdown] tags=["teaching-note"]
# Stop here and take a vote: would you use this network? Write the number of hands on the board.

# %% [markdown]
# ## 94%, and what it is worth
#
# Very good, on parts of the photos that it never saw. Would you use it? One question first, and it costs nothing: what is the *simplest rule* that could do the same?
#
# The gravel photo is a little lighter. **Predict first:** how far do you get with a single number, the mean brightness of a square?

# %%
def by_brightness(squares):
    return squares.mean(axis=(1, 2, 3)) > 122  # halfway between the two photos

print(f"mean brightness of grass {train[:300].mean():.0f}, of gravel {train[300:].mean():.0f}")
print(f"right by brightness alone: {(by_brightness(test) == test_class).mean():.0%}")
# <check>
assert abs((by_brightness(test) == test_class).mean() - 0.85) < 0.011
# </check>

# %% [markdown]
# 85% without looking at a single blade or stone. Does our network do this, too? Let us change what should not matter: the same test squares, each in a light of its own.

# %% alt="Four squares of the test and below them the same ones, lighter, darker, paler or with more contrast."
def relight(squares, seed):
    """The squares, each with another contrast and up to 30 levels lighter or darker."""
    rng, shape = np.random.default_rng(seed), (len(squares), 1, 1, 1)
    changed = (squares - 127.5) * rng.uniform(0.7, 1.3, shape) + rng.uniform(-30, 30, shape)
    return (changed + 127.5).clip(0, 255).astype(np.uint8)

relit = relight(test, seed=2)
show_grid([*test[::25], *relit[::25]], columns=4)
print(f"by brightness: {(by_brightness(relit) == test_class).mean():.0%}")
print(f"our network:   {share_right(model, scaled(relit)):.0%}")
# <check>
assert share_right(model, scaled(relit)) < 0.75
# </check>

# %% [markdown]
# From 94% to 56%, and a coin gets 50%. You and I still see grass and gravel; the network does not. It had leaned on brightness and contrast, which are easy to learn.
#
# The test could not tell us. Its squares come from the *same two photos*, taken in the same light. It asked "do you know these photos?", and we read "do you know gravel?".
#
# **Exercise: an honest split.** Suppose that your squares come from many photos. `sources` names, for each square, the photo it was cut from. Return two lists of indices, for training and for testing: every square of the photos
# in `held_out` is for testing, all the others are for training.

# %%
def split(sources, held_out):
    """(train, test): two lists of indices into `sources`, each in order."""
    # <solution>
    train = [i for i, source in enumerate(sources) if source not in held_out]
    test = [i for i, source in enumerate(sources) if source in held_out]
    return train, test
    # </solution>


check("09-split", split)

# %% [markdown]
# With two photos there is nothing to hold out. But there is another remedy, and it is cheap: show every *training* square in a light of its own. Then brightness says nothing about the class, and the network has to look for something else.

# %%
second = small_network()
second.fit(scaled(relight(train, seed=3)), train_class, epochs=6, verbose=0)

for name, squares in {"same light": test, "another light": relit}.items():
    print(f"{name:14}{share_right(second, scaled(squares)):.0%}")
# <check>
assert share_right(second, scaled(relit)) > 0.9
# </check>

# %% [markdown]
# The same network and the same squares, only relit. This is called **augmentation**. It helps whenever you can say what should *not* matter. (But these squares, too, come from our two photos. Does it know *gravel*? Only gravel from somewhere else could tell.)

# %% [markdown] tags=["teaching-note"]
# Nothing was staged: the two photos differ by 11 levels in their mean, and nobody noticed. Ask where the students' own data might differ in light, camera, compression or background.

# %% [markdown]
# ## Load your network
#
# `load_network` takes a Keras model in memory, a `.keras` or an `.h5` file. Two things it cannot know: how the pixels were scaled, and what the classes are called. There are three usual scales: 0 to 255 ("identity"), 0 to 1
# ("unit") and -1 to 1 ("tf"). Let us try all three and count how many of the test squares come out right.
#
# **Predict first:** the network was trained on -1 to 1. What happens with the others: an error, or an answer?

# %%
for scale in ("identity", "unit", "tf"):
    loaded = load_network(second, preprocess=scale, labels=["grass", "gravel"])
    answers = [loaded.predict(square)[0].index for square in test]
    print(f"{scale:10}{np.mean(answers == test_class):.0%} right")
# <check>
assert np.mean(answers == test_class) > 0.95
# </check>

# %% [markdown]
# No error. The network answers whatever it is given, and at a wrong scale it is no better than a coin. A heat map of it would look like any other heat map. So if you leave `preprocess` out and the model does not bring its own scaling, `load_network` warns you and names the three choices.
# Then do what we just did: count, on pictures whose answer you know.
#
# **Exercise: prepare the pixels.** ResNet50 was trained in a fourth way: blue first (BGR), minus a mean colour: `103.939` for blue, `116.779` for green and `123.68` for red. Return its input for a photo.


# %%
def resnet_input(photo):
    """float32 (1, h, w, 3), BGR minus the mean colour, from uint8 (h, w, 3), RGB."""
    # <solution>
    mean = np.array([103.939, 116.779, 123.68], np.float32)
    return (photo[None, :, :, ::-1] - mean).astype(np.float32)
    # </solution>


check("09-pixels", resnet_input)

# %% [markdown] tags=["teaching-note"]
# Published slips to tell: feature maps of a photo that was never scaled; the preprocessing of one network used on another; Keras's own `preprocess_input`, which changes a float array in place, so that a second call scales it twice.

# %% [markdown]
# ## Where does it look?
#
# For a fair question we need pictures whose answer we know. So we glue them: half grass, half gravel, both equally bright. A map for "gravel" should lie on the gravel, on the right.

# %% alt="A square, half grass and half gravel, with two heat maps: for grass hot all down the left half, for gravel only a few faint spots at the right."
from cnnvis_helpers import compare_maps

def halves(i):
    """Test square i of grass at the left, of gravel at the right, both at a mean of 127.5."""
    parts = [test[i][:, :24], test[50 + i][:, :24]]
    glued = np.concatenate([part - part.mean() + 127.5 for part in parts], axis=1)
    return glued.clip(0, 255).astype(np.uint8)

own = load_network(second, preprocess="tf", labels=["grass", "gravel"])
glued = halves(0)
maps = {label: gradcam(own, glued, label) for label in own.labels}
compare_maps(maps, photo=glued)

grey = own.predict(np.full((48, 48, 3), 128, np.uint8))[0]
print(f"plain grey: {grey.label} {grey.probability:.2f}")
# <check>
assert grey.label == "gravel"
assert maps["gravel"][:, 24:].sum() > maps["gravel"][:, :24].sum()
# </check>

# %% [markdown]
# Both lie where they should, though the one for gravel is only a few faint spots. (Why so faint? Even plain grey is gravel to this network: it says gravel where it finds no grass.) But one picture proves little. Over 20 of them, which share of the heat lies on the right half? We ask both our networks, the one that learned the light and the one that could not.
#
# **Predict first:** the first network fails in another light. Does its heat lie on the wrong half?

# %%
def heat_on_its_half(network):
    shares = []
    for i in range(20):
        heat = gradcam(network, halves(i), "gravel")
        shares.append(heat[:, 24:].sum() / heat.sum() if heat.any() else 0.5)
    return np.mean(shares)

first = load_network(model, preprocess="tf", labels=["grass", "gravel"])
print(f"learned the light: {heat_on_its_half(first):.2f}")
print(f"could not:         {heat_on_its_half(own):.2f}   (by chance 0.50)")
# <check>
assert heat_on_its_half(own) > 0.8
# </check>

# %% [markdown]
# No: 0.58 of the first network's heat lies on the gravel, hardly more than by chance. It does not look at the wrong place; its map says next to nothing. The second has 0.94 of it in the right place. To see this we needed pictures whose answer we know, and many of them. On a photo of gravel
# alone, both maps would lie on the gravel.
#
# **Exercise: what may you say?** A network tells your two cats apart in nearly all test photos. All photos of one cat were taken in the kitchen, all of the other in the garden. Grad-CAM peaks on the cat in most of them. Which sentence holds?
# (a) It recognises the cats: the heat lies on the cat, and nearly all answers are right. (b) It recognises the rooms: they differ more than the cats, and networks learn what is easy.
# (c) It looks where the cats are; photos of each cat in the other room would show what it uses. (d) It ignores the rooms: outside the cat there is little heat in most photos.

# %%
# <solution>
sentence = "c"
# <stub>
# sentence = None  # a letter from a to d
# </solution>
check("09-claim", sentence)

# %% [markdown]
# ## With eight pictures: transfer learning
#
# Hundreds of squares are more than most people have. Suppose that we have eight, four of grass and four of gravel. How far does our small network get with them?
#
# But EfficientNet has already seen more than a million photos. Its convolutions turn any picture into 1280 numbers, the averages of its last maps (lesson 04). We keep them as they are and train only a new last layer on top. This is **transfer learning**.

# %%
body = keras.Model(net.model.input, net.model.get_layer("pooling").output)

def features(squares):
    pixels = np.concatenate([net.prepare(square) for square in squares])
    return body.predict(pixels, verbose=0)

probe = features(relit)
print(f"{probe.shape[0]} squares, {probe.shape[1]} numbers each")

# %% [markdown]
# **Exercise: how much is trained?** The new layer is a Dense layer with biases that makes 2 logits out of these 1280 numbers. How many weights does it have?

# %%
# <solution>
trained = 1280 * 2 + 2
# <stub>
# trained = None  # a whole number
# </solution>
check("09-head", trained)

# %% [markdown]
# The body is not trained, so each picture goes through it only once. What is left to train takes a moment. For comparison, our small network gets the same eight pictures.

# %%
def new_head():
    head = keras.Sequential([keras.Input((1280,)), layers.Dense(2, activation="softmax")])
    loss = "sparse_categorical_crossentropy"
    head.compile(keras.optimizers.Adam(0.01), loss)
    return head

def trained_on(network, inputs, classes):
    for _ in range(60):
        network.train_on_batch(inputs, classes)
    return network

# %% [markdown]
# Which eight pictures we happen to have is luck, so draw them twice. **Predict first:** who does better on the 100 squares in another light, and who depends more on the luck?

# %%
for seed in (24, 4):
    few, few_class = crops(4, 0, 150, seed)
    few = relight(few, seed + 1)
    alone = trained_on(small_network(), scaled(few), few_class)
    head = trained_on(new_head(), features(few), few_class)
    small, large = share_right(alone, scaled(relit)), share_right(head, probe)
    print(f"small network {small:.0%}, EfficientNet's features {large:.0%}")
    # <check>
    assert large > 0.95 and 0.6 < small < 0.95
    # </check>

# %% [markdown]
# Eight pictures, and nearly every square is right, in both draws. EfficientNet knows no class "gravel", but the 1280 numbers that it learned for a thousand other things keep these two surfaces apart. (Again: squares from our two photos.)
#
# Surprised by the small network? Eight pictures, each in a light of its own, took it to 87% in one draw and to 69% in the other; six hundred in one light, to 56%. What your pictures vary in can count for more than how many they are. And a single draw of eight would have told you little.
#
# Body and head together make an ordinary Keras model, and `load_network` takes it as it takes any other. No `preprocess` this time: the body brings its scaling with it.

# %% alt="The glued square under a signed map: blue on the grass at the upper left, red on the gravel at the upper right; the lower right has no colour."
from cnnvis_helpers import cam

whole = keras.Sequential([keras.Input((224, 224, 3)), body, head.layers[-1]])
moved = load_network(whole, labels=["grass", "gravel"])

by_cell = cam(moved, glued, "gravel")
show_overlay(glued, by_cell, signed=True, label="logits", title="CAM for gravel")
print(f"heat on the right half: {heat_on_its_half(moved):.2f}")
# <check>
assert heat_on_its_half(moved) > 0.85
# </check>

# %% [markdown]
# Red lies on one part of the gravel alone. Average pooling and one Dense layer: the class activation map of lesson 04 is exact for this network. `studio(moved, glued)` shows it in every other way. To keep the network, write `whole.save("grass_or_gravel.keras")`.

# %% [markdown] tags=["teaching-note"]
# Ask why the body is not trained, too. (With eight pictures its millions of weights would learn them by heart. With more data, unfreeze the last block at a small rate.)
# A common slip to mention: setting `body.trainable = False` after `compile` changes nothing.

# %% [markdown]
# ## Make your case
#
# The last task is yours. Choose a network, a photo and a class, and defend one sentence: "It says ... because of ...". Here is an example to change: "EfficientNet says *espresso* because of the coffee in the cup." The map looks fine. Now we try to
# prove ourselves wrong.

# %% alt="A cup of espresso on a wooden table, in grey under a heat map; the heat lies on the coffee and the rim of the cup."
my_photo, my_class = load_photo("coffee"), "espresso"  # change me
heat = gradcam(net, my_photo, my_class)
show_overlay(my_photo, heat, title=my_class)

# %% [markdown]
# **First doubt:** do the hot places matter more than others? We paint the hottest tenth of the photo grey, and then as many pixels somewhere else: the same spot, moved by half the photo.

# %%
def logit(picture):
    return net.logits(net.prepare(picture)).numpy()[0, net.class_index(my_class)]

def hidden(spot):
    return np.where(spot[:, :, None], 128, my_photo).astype(np.uint8)

spot = heat > np.quantile(heat, 0.9)
height, width = spot.shape
shifts = [(height // 2, 0), (0, width // 2), (height // 2, width // 2)]
moved_spots = [np.roll(spot, shift, axis=(0, 1)) for shift in shifts]
elsewhere = np.mean([logit(hidden(each)) for each in moved_spots])
print(f"logit {logit(my_photo):.1f}")
print(f"hiding the hot places costs {logit(my_photo) - logit(hidden(spot)):.1f}")
print(f"hiding as much elsewhere    {logit(my_photo) - elsewhere:.1f}")
# <check>
assert logit(hidden(spot)) < elsewhere - 1
# </check>

# %% [markdown]
# Good: hiding the hot places costs 2.5, hiding as much elsewhere 0.5. **Second doubt:** does a method of another kind agree? Grad-CAM uses gradients; occlusion does not.

# %%
from cnnvis_helpers import occlusion

by_hiding = occlusion(net, my_photo, my_class, patch=56, stride=28)
print(f"mean drop in the hot places {by_hiding[spot].mean():.2f}")
print(f"everywhere else             {by_hiding[~spot].mean():.2f}")
# <check>
assert by_hiding[spot].mean() > 5 * abs(by_hiding[~spot].mean())
# </check>

# %% [markdown]
# It agrees. **Third doubt:** is this a map of *espresso*, or would another class get the same one? Rank correlation is 1 for the same order of places, 0 for unrelated maps, and -1 for opposite ones.

# %%
from cnnvis_helpers import rank_correlation

for other in ("tabby", "cup"):
    print(f"{other:8}{rank_correlation(heat, gradcam(net, my_photo, other)):.2f}")
# <check>
assert rank_correlation(heat, gradcam(net, my_photo, "cup")) > 0.9
# </check>

# %% [markdown]
# The map of a tabby is quite different, -0.52. But that of a *cup* is the same, 0.99! So our sentence claims too much. The heat shows what speaks for "something of this kind": the cup with what is in it. Is it the coffee or the cup? A changed photo could tell, say an
# empty cup.
#
# That is a good result, not a failed one. Look for the number that speaks against your sentence, and then write a better sentence.
#
# **Exercise: your evidence.** Put the first doubt into a function that works for any network and photo. Return a dict with three keys: `"label"`, the name of the top class; `"heat"`, its Grad-CAM, as it comes; and `"drop"`, how far
# the logit of this class falls when all pixels whose heat is above the 0.9 quantile become 128.


# %%
def evidence(net, photo):
    """{"label": str, "heat": float32 (H, W), "drop": float} for the top class of a photo."""
    # <solution>
    top = net.predict(photo)[0]
    heat = gradcam(net, photo, top.index)
    hidden = photo.copy()
    hidden[heat > np.quantile(heat, 0.9)] = 128
    before, after = (net.logits(net.prepare(each)).numpy()[0] for each in (photo, hidden))
    return {"label": top.label, "heat": heat, "drop": float(before[top.index] - after[top.index])}
    # </solution>


check("09-capstone", evidence, net=net, photo=load_photo("rocket"))

# %% [markdown]
# **Exercise: the checklist.** Now for your own case. Answer each question with a sentence of at least five words, the last one most of all. For what hiding the hot places did, give the numbers. If you have to write "I do not know" somewhere, that is an honest answer, and the place to go on.

# %%
# <solution>
my_case = {
    "my claim": "EfficientNet says espresso because of the cup with the coffee in it.",
    "compared with which class": "Rather than tabby; against cup the map cannot tell.",
    "how I know that the pixels are right": "The network is bundled and names our photos well.",
    "what a simple rule would reach": "With one photo I cannot say; brown things might do.",
    "what hiding the hot places did": "The logit fell by 2.5, and by 0.5 with as much elsewhere.",
    "what a second method says": "Occlusion finds a mean drop of 0.52 there and 0.05 outside.",
    "what the map cannot say": "Whether the coffee or the cup decides; an empty cup would tell.",
}
# <stub>
# my_case = {
#     "my claim": "",
#     "compared with which class": "",
#     "how I know that the pixels are right": "",
#     "what a simple rule would reach": "",
#     "what hiding the hot places did": "",
#     "what a second method says": "",
#     "what the map cannot say": "",
# }
# </solution>
check("09-checklist", my_case)

# %% [markdown] tags=["teaching-note"]
# 13 min in pairs, then three cases in front of everybody. Ask each pair for the number that spoke *against* their sentence; if they have none, they have not looked. The coffee cup and the motorcycle ("moped", 0.47) make good discussions.

# %% [markdown]
# ## Go deeper: networks by name
#
# `load_network` knows every classifier of `keras.applications` by name and scales the pixels as each wants them. The first call downloads the weights. Here are those that are not bundled:

# %%
import textwrap

from cnnvis_helpers import list_networks

names = [row.name for row in list_networks() if row.megabytes]
print(textwrap.fill(", ".join(names), 88))
# <check>
wanted = "xception vgg16 vgg19 inceptionv3 inceptionresnetv2 mobilenet mobilenetv2 nasnetmobile"
wanted += " densenet121 densenet169 densenet201 nasnetlarge"
wanted += "".join(f" resnet{n} resnet{n}v2" for n in (50, 101, 152))
wanted += "".join(f" efficientnetb{n}" for n in range(8))
assert len(wanted.split()) == 26 and set(wanted.split()) <= set(names)
# </check>

# %% [markdown]
# Every one of them can be opened in the studio, layer by layer: `studio(load_network("vgg16"), photo)`. For the dream of lesson 07, `"inceptionv3"` is the usual choice. `print(list_networks())` shows their sizes.
#
# If you train on pictures in folders, the numbers of the classes come in a dict, such as `{"tulip": 1, "rose": 0}`. **Exercise: names in order.** Return the list that `labels` wants: the name of class 0 first.


# %%
def names_in_order(class_indices):
    """List of names, by class number."""
    # <solution>
    return sorted(class_indices, key=class_indices.get)
    # </solution>


check("09-labels", names_in_order)

# %% [markdown]
# ## Go deeper: one output, two classes
#
# Many courses tell cats from dogs with a single output: four blocks of convolution and pooling, a Dense layer of 512, and one **sigmoid**, the probability of the second class.

# %%
pets = keras.Sequential([keras.Input((150, 150, 3))])
for channels in (32, 64, 128, 128):
    pets.add(layers.Conv2D(channels, 3, activation="relu"))
    pets.add(layers.MaxPooling2D())
pets.add(layers.Flatten())
pets.add(layers.Dense(512, activation="relu"))
pets.add(layers.Dense(1, activation="sigmoid"))
print(f"{pets.count_params():,} weights")
# <check>
assert pets.count_params() == 3_453_121
# </check>

# %% [markdown]
# 3,453,121 weights, nearly all of them in the Dense layer after `Flatten`: the averages that our small network uses save most of it. `load_network(pets, preprocess="unit", labels=["cat", "dog"])` gives it two classes.
#
# **Exercise: two scores.** Such a network gives `p`, the probability of class 1. Grad-CAM needs a score for each class, in logits. Return both: of class 0 and of class 1.


# %%
def two_scores(p):
    """Scores (2,) of class 0 and class 1, in logits, from the probability p of class 1."""
    # <solution>
    z = np.log(p / (1 - p))
    return np.array([-z, z])
    # </solution>


check("09-sigmoid", two_scores)

# %% [markdown]
# **Exercise: better than nothing?** Return the accuracy of the simplest classifier there is: whatever it sees, it answers with the commonest class of the *training* set. Your network should be clearly better.


# %%
def baseline(train_labels, test_labels):
    """Accuracy (0..1) on the test labels of always answering the commonest training label."""
    # <solution>
    values, counts = np.unique(train_labels, return_counts=True)
    return float(np.mean(np.asarray(test_labels) == values[counts.argmax()]))
    # </solution>


check("09-baseline", baseline)

# %% [markdown]
# ## Take-away
#
# 1. A network of your own needs two facts besides its weights: how its pixels are scaled, and what its classes are called.
# 2. A good result on parts of the same photos proves little. Look for the simplest rule that does as well, and change what should not matter.
# 3. Test a map on pictures whose answer you know. To learn what the network uses at the hot place, change the photo.

# %% [markdown]
# ## Further reading
#
# - Geirhos et al. 2020, [Shortcut learning in deep neural networks](https://arxiv.org/abs/2004.07780)
# - Keras, [Transfer learning and fine-tuning](https://keras.io/guides/transfer_learning/)
# - Kaufman et al. 2011, [Leakage in data mining](https://doi.org/10.1145/2020408.2020496)

# %% [markdown]
# ## Next lesson
#
# There is none. You have the tools; the next network to open is yours. If you find something that surprised you, show it to somebody.
