# %% [markdown]
# # What has a network learned before it sees your photo?
#
# **You will do:** list the layers of a network, count its weights, compute one convolution by hand, and look at filters as pictures.
#
# **You will learn:** what kernel and bias of a convolution are, how many numbers a layer holds, and how much one can read from weights alone.
#
# **You need:** [lesson 00](00_start_here.ipynb), a little NumPy.
#
# **Time:** 35 minutes

# %% [markdown] tags=["teaching-note"]
# 35 min: layers 8, convolution by hand 10, filters as pictures 10, exercises 7 (the rest at home).
# Draw one 3 x 3 window on the board before the lesson; everything here is that window, moved.

# %% [markdown]
# The first cell loads what this lesson uses. Another network? Change the line `NETWORK = "course"`.

# %% tags=["exercise-setup"]
import numpy as np

from cnnvis_helpers import (
    check,
    conv_layers,
    describe,
    feature_maps,
    filters,
    hint,
    load_network,
    load_photo,
    show_filter_channels,
    show_filters,
    show_grid,
    show_vector,
    solution,
    weights,
)

NETWORK = "course"  # a name from list_networks(), or the path of your own Keras model
net = load_network(NETWORK)
photo = load_photo("chelsea")

# %% [markdown]
# ## A network is a list of layers
#
# Keras keeps the layers in order. Each takes the output of an earlier one and hands its own on. The first lines of the list:

# %%
for layer in net.model.layers[:8]:
    print(f"{layer.name:24s} {type(layer).__name__:16s} {layer.count_params():>9,} numbers")
print("...", len(net.model.layers), "layers,", f"{net.model.count_params():,}", "numbers in all")
if net.name == "course":
    assert net.model.count_params() == 2_147_792

# %% [markdown]
# Most of the work is done by the **convolutions**. This table shows them alone, with the shape of what each has learned (`kernel`) and
# of what it makes (`output`, height by width by channels).

# %%
table = conv_layers(net)
table

# %% [markdown]
# **Predict first.** Reading down the table: what happens to height and width, and what happens to the number of channels? Which layer
# will hold most of the numbers? Then look at the numbers layer by layer.

# %%
counts = np.array([row.parameters for row in table])
largest = table[int(counts.argmax())]
show_vector(
    counts,
    labels=[row.name for row in table],
    top=1,
    xlabel="convolution, in order",
    ylabel="weights and biases",
    title="How many numbers each convolution holds",
    alt=(
        f"One bar a convolution; the highest is {largest.name} with {largest.parameters:,} numbers."
    ),
)
print(
    f"{largest.name} alone holds {largest.parameters / counts.sum():.0%} of all numbers in "
    "convolutions"
)
if net.name == "course":
    assert counts[-1] == counts.max() and (np.diff(counts) > 0).all()

# %% [markdown] tags=["teaching-note"]
# 5 min. Ask before running: "where are the weights?" Most say at the beginning, because the maps are large there. The maps are large,
# the kernels are small: a kernel does not depend on the size of the picture. In VGG16, which this network is modelled on, the first
# Dense layer alone holds most of the 138 million numbers; see the exercise.

# %% [markdown]
# ## One convolution: a kernel and a bias
#
# A convolution layer holds two arrays. The **kernel** $W$ has the shape (height, width, input channels, filters); the **bias** $b$ is
# one number a filter.

# %%
first = table[0].name
kernel, bias = weights(net, first)
print(first)
print("kernel", describe(kernel))
print("bias  ", "none" if bias is None else describe(bias))

# %% [markdown]
# Count them: every filter has a weight for each pixel of its window and each input channel, and one bias.
#
# $$\text{numbers} = (h \cdot w \cdot c_{in} + 1) \cdot c_{out}$$
#
# with $h$, $w$ the window's height and width, $c_{in}$ the input channels and $c_{out}$ the filters.

# %%
height, width, channels_in, channels_out = kernel.shape
by_hand = (height * width * channels_in + (bias is not None)) * channels_out

print("by hand", by_hand, " Keras says", net.layer(first).count_params())
assert by_hand == net.layer(first).count_params()

# %% [markdown]
# ## One convolution by hand
#
# What does the layer do with these numbers? It lays the window on the picture, multiplies each pixel by the weight on top of it, adds
# everything up, and adds the bias. For filter $k$ at the place $(y, x)$, with the picture $P$:
#
# $$z_k(y, x) = b_k + \sum_{i, j, c} W_{ijck} \, P(y + i, x + j, c)$$
#
# Here is one window of the photo, scaled to -1..1 as many networks like it, under one filter.

# %%
picture = net.prepare(photo)[0] / 127.5 - 1
y, x = 40, 60
k = int(np.abs(kernel).sum(axis=(0, 1, 2)).argmax())  # the filter with the largest weights

window = picture[y : y + height, x : x + width]
response = (window * kernel[:, :, :, k]).sum() + (0 if bias is None else bias[k])

print("window", window.shape, "times filter", k, "gives", round(float(response), 4))

# %% [markdown]
# Now every place at once: Keras's own convolution, compared with ours at this place.

# %%
import keras

everywhere = keras.ops.convert_to_numpy(keras.ops.conv(picture[None], kernel, padding="valid"))[0]
if bias is not None:
    everywhere = everywhere + bias

print("from one number to", everywhere.shape, "numbers: a map for each filter")
assert np.isclose(everywhere[y, x, k], response, atol=1e-4)

# %% [markdown]
# After the sum comes the **activation function**. In this course's network it is ReLU, $\max(0, z)$: what is negative becomes zero.
# With it, our one number is what the network itself computes in this place.

# %%
if net.name == "course":
    its_own = feature_maps(net, photo, first)[y + 1, x + 1, k]  # padding: the corner moves by one
    print("by hand", round(max(0.0, float(response)), 4), " the network", round(float(its_own), 4))
    assert np.isclose(max(0.0, response), its_own, atol=1e-3)
else:
    print("This network prepares its pixels in its own way; the two numbers agree for 'course'.")

# %% [markdown] tags=["teaching-note"]
# 10 min for this part. Two questions that always come. "Is the window flipped?" In signal processing a convolution flips its kernel;
# what every deep-learning library calls convolution does not (it is a cross-correlation). "Why is the same filter used everywhere?"
# An ear is an ear in every corner, and one filter for all places saves weights: that is the idea of the convolution.

# %% [markdown]
# ## Filters as pictures
#
# The first layer looks at red, green and blue, so each of its filters is itself a tiny colour picture. Grey means weight zero; a
# filter responds most where the photo looks like it. **Predict first:** what will they look like: noise, edges, colours, eyes?

# %%
show_filters(
    kernel,
    scale="each",
    title=f"The {kernel.shape[-1]} filters of {first}",
    alt=(
        f"{kernel.shape[-1]} tiny pictures of {height} by {width} coloured squares: no shape is "
        "recognised, and each has colours of its own."
    ),
)

# %% [markdown]
# Famous pictures of first-layer filters show clear stripes and blobs of colour; they come from windows of 7 x 7 or 11 x 11 pixels. In a
# window of 3 x 3 there are nine squares, and the eye finds little. So look colour by colour: one row a filter, one column for red,
# green and blue.

# %%
strongest = np.argsort(-np.abs(kernel).sum(axis=(0, 1, 2)))[:6]
show_filter_channels(
    kernel,
    filters=strongest,
    channels=range(kernel.shape[2]),
    title="Six filters by colour",
    alt=(
        "A table of six filters and three colours; each small square has light cells, which add, "
        "and dark cells, which subtract."
    ),
)

# %% [markdown]
# White cells add, black cells subtract. A filter whose white and black cells cancel gives the same answer on every even area, however
# bright: its bias. It answers more where one side of the window is lighter than the other: it detects an **edge**. If red, green and
# blue differ, it detects a change of colour. The surest way to know is to let the filter work:

# %%
answers = feature_maps(net, photo, first)
shown = [int(k) for k in strongest[:3]]
show_grid(
    [photo] + [answers[:, :, k] for k in shown],
    titles=["the photo"] + [f"filter {k} finds" for k in shown],
    columns=4,
    alt=(
        "The cat, and three maps of it: outlines of eyes, nose and ears are bright, and in some "
        "maps whole areas are filled."
    ),
)

# %% [markdown]
# ## Is this learned?
#
# A new layer starts with random weights. To see what training did, put random filters of the same shape beside the learned ones.

# %%
random = np.random.default_rng(0).normal(0, kernel.std(), kernel.shape).astype(np.float32)
show_filters(
    random,
    scale="each",
    title="Random filters of the same shape",
    alt="Tiny pictures of coloured noise: neighbouring pixels have nothing to do with each other.",
)

# %% [markdown]
# Could you tell which grid is the learned one? The eye is easily fooled, so ask for a number. Add up all weights of a filter: if
# positive and negative ones cancel, the filter ignores an even area and answers to change. What remains, as a share of all weights:


# %%
def remainder(kernel):
    """Share (0..1) of each filter's weights that is left when positive and negative ones cancel."""
    left = np.abs(kernel.sum(axis=(0, 1))).sum(axis=0)
    return left / np.abs(kernel).sum(axis=(0, 1, 2))


learned_share, random_share = np.median(remainder(kernel)), np.median(remainder(random))
print(f"left over in a typical filter: learned {learned_share:.0%}, random {random_share:.0%}")
if net.name == "course":
    assert learned_share < 0.8 * random_share

# %% [markdown]
# ## Deeper filters cannot be read like this
#
# A filter of a deeper layer looks at many channels, not at three colours. Here are six filters of a middle layer, three of their many
# input channels.

# %%
middle = table[len(table) // 2]
deep = filters(net, middle.name)
show_filter_channels(
    deep,
    filters=range(min(6, deep.shape[3])),
    channels=range(min(3, deep.shape[2])),
    title=f"{middle.name}: 3 of {deep.shape[2]} input channels",
    alt="Small squares of light and dark in no order that the eye can name.",
)
print("one filter of", middle.name, "has", deep[:, :, :, 0].size, "weights")

# %% [markdown]
# Nothing to recognise: each input channel is itself the answer of another filter, so these squares are no pictures. Lesson 02 looks at
# what such filters make of a photo, lesson 07 asks which picture excites them most.

# %% [markdown]
# ## Explore: every filter of every layer
#
# Now with controls: choose a layer, then move through its channels with the mouse or the arrow keys. Questions to take along: which filter of the first layer
# answers to one colour only? Is there one that does next to nothing? What does the same filter find in another photo? In a deeper layer each small square
# belongs to one input channel. Own photos come in through the button.

# %%
from cnnvis_helpers import explore_layers

explore_layers(net, photo, show="weights")

# %% [markdown]
# ## What goes wrong with pictures of weights
#
# Three ways to get a wrong picture. First, scaling each filter on its own: a filter that hardly does anything looks as strong as any.
# The same filters, now all on one scale:

# %%
strength = np.abs(kernel).max(axis=(0, 1, 2))
show_filters(
    kernel,
    scale="shared",
    title="The same filters on one scale",
    alt=(
        "The same tiny pictures; many are now nearly grey, because their weights are small beside "
        "the strongest."
    ),
)
print(f"the weakest filter reaches {strength.min() / strength.max():.0%} of the strongest")

# %% [markdown]
# Second, stretching smallest to 0 and largest to 1. It looks natural, but then zero is no longer grey, and a filter that only
# subtracts looks as if it added. Third, colours in the wrong order: VGG and ResNet were trained on blue, green, red. A blue detector
# then looks red. `filters` puts them in order; below, the wrong order on purpose.

# %%
colourful = np.abs(kernel[:, :, 0] - kernel[:, :, -1]).sum(axis=(0, 1))
order = np.argsort(-colourful)[:8]
right, wrong = kernel[:, :, :, order], kernel[:, :, ::-1][:, :, :, order]
show_filters(
    right,
    scale="each",
    title="Red, green, blue: right",
    alt="Eight tiny filters in their true colours.",
)
show_filters(
    wrong,
    scale="each",
    title="The same filters read as blue, green, red: wrong",
    alt="The same eight filters with red and blue exchanged: blue and orange have changed places.",
)
assert not np.allclose(right, wrong)

# %% [markdown] tags=["teaching-note"]
# 4 min. The wrong order is a real and published mistake: a widely used notebook draws VGG16's kernels, which expect blue, green, red,
# as if they were red, green, blue. Nothing crashes, the picture is pretty, and every statement about colour is false.

# %% [markdown]
# ## Exercises
#
# **Count.** Write a function that returns how many numbers (weights and biases) a convolution holds, a whole number.
# `hint("01-count")` helps.


# %%
def count_numbers(height, width, channels_in, channels_out):
    """Weights and biases of a convolution with a window of height x width."""
    # <solution>
    weights_of_one_filter = height * width * channels_in
    return (weights_of_one_filter + 1) * channels_out
    # </solution>


check("01-count", count_numbers)

# %% [markdown]
# **VGG16 on paper.** VGG16 has thirteen 3 x 3 convolutions with these numbers of filters, on a photo with 3 channels. Its last map is
# 7 x 7 with 512 channels; it is flattened and followed by Dense layers with 4096, 4096 and 1000 units, each with biases. How many
# numbers does the network hold? Put the total, a whole number, into `vgg16`.

# %%
vgg16_filters = [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
# <solution>
vgg16, before = 0, 3
for after in vgg16_filters:
    vgg16 += (3 * 3 * before + 1) * after
    before = after
before = 7 * 7 * 512
for units in (4096, 4096, 1000):
    vgg16 += (before + 1) * units
    before = units
# </solution>
check("01-vgg16", vgg16)

# %% [markdown]
# **One window.** Write a function that returns the answer of one filter on one window, a number: weighted sum, bias, ReLU.


# %%
def answer(window, filter, bias):
    """ReLU of (window (h, w, c) under filter (h, w, c), summed, plus bias)."""
    # <solution>
    total = (window * filter).sum() + bias
    return max(0.0, total)
    # </solution>


check("01-window", answer)

# %% [markdown]
# **Zero is grey.** Write a function that turns a kernel of any shape into values from 0 to 1 for a picture: 0.5 where the weight is zero,
# 1 at plus the largest absolute weight, 0 at minus it.


# %%
def grey_at_zero(kernel):
    """Array of the kernel's shape, 0..1, with 0.5 for weight zero."""
    # <solution>
    return 0.5 + kernel / (2 * np.abs(kernel).max())
    # </solution>


check("01-grey", grey_at_zero)

# %% [markdown]
# **Put the colours right.** A kernel of shape (h, w, 3, n) was trained on blue, green, red. Return it with its input channels in the order
# red, green, blue, same shape.


# %%
def to_rgb(kernel):
    """Kernel (h, w, 3, n) with its input channels reversed."""
    # <solution>
    return kernel[:, :, ::-1, :]
    # </solution>


check("01-colours", to_rgb)

# %% [markdown]
# ## Take-away
#
# 1. A convolution holds a kernel and a bias, and answers with a weighted sum of the window under it.
# 2. A filter of the first layer is a tiny picture of what it answers to, a deeper one is not, and the surest test is to let it work.
# 3. A picture of weights is honest only if zero is grey, the scale is stated, and the colours are in order.

# %% [markdown]
# ## Further reading
#
# - Zeiler and Fergus, [Visualizing and understanding convolutional networks](https://arxiv.org/abs/1311.2901)
# - Simonyan and Zisserman, [Very deep convolutional networks](https://arxiv.org/abs/1409.1556), the VGG paper
# - Dumoulin and Visin, [A guide to convolution arithmetic](https://arxiv.org/abs/1603.07285)

# %% [markdown]
# ## Next lesson
#
# What the filters make of a photo: feature maps.
