# %% [markdown]
# # What has a network learned before it sees your photo?
#
# **You will do:** list the layers of a network, count its weights, slide a filter over a photo, and look at what 64 filters have learned.
#
# **You will learn:** what the kernel, the bias and the stride of a convolution are, how to read filters as pictures, and what such a picture can hide.
#
# **You need:** [lesson 00](00_start_here.ipynb), a little NumPy.
#
# **Time:** 47 minutes, without "Go deeper"

# %% [markdown] tags=["teaching-note"]
# 47 min: two sets of filters 3, layers and counting 10, the fire module 6, the sliding window 8, reading filters 9, what nobody asked for 6, explorer 1, colours in the wrong order 4. "Go deeper" is homework.
# **The aha of this lesson:** add up the 27 weights of a filter. In 50 of 64 filters they cancel almost exactly. Nobody asked for that: the network has found out that flat areas say nothing about a photo.
# Draw one 3 x 3 window on the board before you begin. Everything here is that window, moved.

# %% [markdown]
# We take SqueezeNet apart, because every part of it is simple.

# %% tags=["exercise-setup"]
import numpy as np

from cnnvis_helpers import (
    check, figure_row, filters, hint, load_network, load_photo, show_filters, solution,
)

net = load_network("squeezenet")
photo = load_photo("chelsea")

# %% [markdown]
# ## Trained or random?
#
# The first layer of SqueezeNet holds 64 **filters**. Each of them looks at 3 x 3 pixels in red, green and blue, so we can draw it as a tiny colour picture. Here they are, beside 64 filters of random numbers.
# (The number of a filter is that of its row plus that of its column: filter 15 stands in row 8, column +7.) <!-- source -->
#
# **Predict first:** which set is the trained one, A or B? What gives it away?

# %% tags=["exercise-setup"] alt="Two sets of 64 tiny pictures of 3 by 3 squares. Set A has light and dark stripes, crosses and dots, and pure colours such as green and magenta. Set B is colourful noise."
kernel = filters(net, "conv1")
random = np.random.default_rng(0).normal(0, kernel.std(), kernel.shape)

with figure_row(2, width=11, height=5.2) as (left, right):
    show_filters(kernel, scale="each", title="A", ax=left)
    show_filters(random, scale="each", title="B", ax=right)
# <check>
assert kernel.shape == (3, 3, 3, 64)
# </check>

# %% [markdown]
# A is trained. There are light and dark bars, vertical, horizontal and slanting; there are edges, dots, and plain colours. In B, neighbouring squares have nothing to do with each other.
#
# Nobody drew the filters of A. The network found them by looking at more than a million photos, and before it sees yours, numbers like these are all that it knows. Let us see where they are stored, and what they do. <!-- source -->
#
# ## Layers
#
# Our networks are written with Keras, a Python library. A Keras model is a list of layers. Each takes the output of an earlier one and computes something from it. `model.summary()` lists them; here are the first.

# %%
net.model.summary(layer_range=("photo", "fire2_concat"), line_length=100)
print(len(net.model.layers), "layers in all,", f"{net.model.count_params():,} numbers")
# <check>
assert net.model.count_params() == 1_235_496
# </check>

# %% [markdown]
# `Output Shape` says what comes out: how many photos at once (`None`: any number), height, width, and **channels**. A photo has three channels: red, green and blue.
# The output of a convolution can have many more. Each of its channels is a small picture without colours, called a **map**; the pixels of a map are called cells.
#
# `Param #` counts the numbers that the layer has learned. All of them belong to the
# **convolutions**; a pooling layer only shrinks its input. `conv_layers` shows the convolutions alone.

# %% tags=["skip"]
from cnnvis_helpers import conv_layers

table = conv_layers(net)
table

# %% [markdown]
# **Predict first:** read down the column `output`. What happens to height and width, what happens to the channels? And which convolution holds most of the numbers?

# %% alt="One bar for each of the 26 convolutions, small at the beginning and growing; the last one, conv10 with 513 thousand numbers, is by far the highest."
from cnnvis_helpers import show_vector

counts = np.array([row.parameters for row in table])
names = [row.name for row in table]
show_vector(counts / 1000, names, top=1, xlabel="convolution", ylabel="thousand numbers")
print(f"share of conv10 {counts[-1] / counts.sum():.0%}, of conv1 {counts[0] / counts.sum():.2%}")
# <check>
assert counts.argmax() == 25 and counts.sum() == net.model.count_params()
# </check>

# %% [markdown]
# The maps shrink from 113 to 13 cells across. The channels go up and down, but they grow from 64 to 1000: the network keeps less of *where* and more of *what*. The last convolution holds 42% of all numbers, because it must tell 1000 classes apart. The first,
# with all its bars and colours, needs only 0.15%.
#
# ## Kernel and bias
#
# A convolution has learned two arrays. The **kernel** $W$ holds its filters, in the shape (height, width, input channels, filters). The **bias** $b$ holds one number for each filter, which is added to its output.

# %% tags=["exercise-setup"]
from cnnvis_helpers import weights

kernel, bias = weights(net, "conv1")
print("kernel", kernel.shape, "bias", bias.shape)
print("filter 19 in red:")
print(kernel[:, :, 0, 19].round(2))
# <check>
assert kernel.shape == (3, 3, 3, 64) and bias.shape == (64,)
# </check>

# %% [markdown]
# **Exercise: count them.** How many numbers, weights and biases together, does a convolution hold? Write a function, and try it on rows of the table above.


# %%
def count_numbers(height, width, channels_in, filters):
    """Weights and biases of a convolution with windows of height x width."""
    # <solution>
    return (height * width * channels_in + 1) * filters
    # </solution>


check("01-count", count_numbers)

# %% [markdown] tags=["teaching-note"]
# 12 min for layers and counting. Ask "where are the numbers?" before the bars. Most say at the beginning, where the maps are large. The maps are large, the kernels are small: a kernel does not depend on the size of the picture.

# %% [markdown]
# ## A fire module
#
# Why do the channels go up and down? The names in the table repeat: *squeeze*, *expand*, *expand*. SqueezeNet repeats the same small group of layers eight times. Its authors called it a **fire module**. This is the first:
#
# ```
#                  64 maps, 56 x 56
#                         |
#              squeeze: 16 filters, 1 x 1
#                         |
#                  16 maps, 56 x 56
#                  /              \
#   expand: 64 filters, 1 x 1    expand: 64 filters, 3 x 3
#                  \              /
#                concatenate: 128 maps
# ```
#
# A filter of 1 x 1 sees a single cell, but all of its channels: it mixes maps without looking at the neighbouring cells. The squeeze layer mixes 64 maps into only 16, so that the expensive 3 x 3 filters have few channels to look at.
# Then the two outputs are put into one stack ("concatenated"): 64 + 64 maps.
#
# How much of the cat is left after the squeeze?

# %% tags=["exercise-setup"] alt="Sixteen small maps of the cat. The face is easy to recognise in nearly all of them; in some the eyes glow, in others the fur or the background."
from cnnvis_helpers import feature_maps, show_feature_maps

squeezed = feature_maps(net, photo, "fire2_squeeze1x1")
show_feature_maps(squeezed, columns=8, scale="each", title="fire2_squeeze1x1")
# <check>
assert squeezed.shape == (56, 56, 16)
# </check>

# %% [markdown]
# Nearly everything. Most of the 16 maps still show a cat, and each brings out something different. Lesson 02 is about such maps.
#
# **Exercise: what the squeeze saves.** The last fire module, fire9, turns 512 maps into 512 maps. Its three convolutions hold 32,832, 16,640 and 147,712 numbers. How many numbers would *one* ordinary 3 x 3 convolution from
# 512 to 512 channels hold?

# %%
# <solution>
ordinary = (3 * 3 * 512 + 1) * 512
# </solution>
check("01-fire", ordinary)

# %% [markdown]
# ## One window by hand
#
# What does a filter do with a photo? Lay it on the photo like a small window. Multiply every pixel by the weight on top of it, add everything up, add the bias. For filter $k$ with its corner at row $r$ and column $s$ of the picture $P$:
#
# $$z_k(r, s) = b_k + \sum_{i, j, c} W_{ijck} \, P(r + i, s + j, c)$$
#
# Then comes the **ReLU**, which turns negative numbers into 0. Let us do it once, on the rim of the eye on the left.

# %% tags=["exercise-setup"]
pixels = net.prepare(photo)[0]  # (227, 227, 3), as the network reads it
maps = feature_maps(net, photo, "conv1")  # (113, 113, 64), the output of the layer

window = pixels[80:83, 66:69]
total = (window * kernel[:, :, :, 19]).sum() + bias[19]
print(f"by hand {max(total, 0):.3f}, the network {maps[40, 33, 19]:.3f}")
# <check>
assert abs(max(total, 0) - maps[40, 33, 19]) < 1e-2 and total > 20
# </check>

# %% [markdown]
# The same number. But why is the window at row 80 found in row 40 of the map? Because this layer moves its windows by *two* pixels at a time. That is its **stride**, and it is why a photo of 227 pixels gives a map of 113 cells.
#
# Now let the window slide, row by row. Above, you see a piece of the photo and the window; below, the map as far as it is filled by then. The window in the middle is the one that we have just worked out.

# %% alt="Top, three times the rim of the cat's eye, close up, with a window of 3 by 3 pixels: high, in the middle and at the lower right. Below, three maps of 9 by 9 cells, of which a few, half, and all are filled; the bright cells follow the left rim of the eye."
from cnnvis_helpers import show_boxes

piece, part = pixels[72:91, 58:77], maps[36:45, 29:38, 19]


def draw_slide(count, above, below):
    row, column = divmod(count - 1, 9)
    show_boxes(piece, (2 * row, 2 * column, 2 * row + 3, 2 * column + 3), ax=above)
    so_far = np.where(np.arange(81).reshape(9, 9) < count, part, np.nan)
    below.imshow(so_far, cmap="viridis", vmin=0, vmax=part.max())
    below.set(xticks=[], yticks=[], title=f"window {count} gives {part[row, column]:.0f}")


with figure_row(3, rows=2, width=9, height=6.4) as axes:
    for count, above, below in zip((14, 41, 81), axes[:3], axes[3:], strict=True):
        draw_slide(count, above, below)
# <check>
assert part.shape == (9, 9) and part[4, 4] == maps[40, 33, 19] and part.max() > 40
# </check>

# %% [markdown]
# Run the next cell and pull the slider to move the window yourself.

# %% tags=["skip"]
from ipywidgets import interact


@interact(window=(1, 81))
def move(window=41):
    with figure_row(2, width=7, height=3.7) as (left, right):
        draw_slide(window, left, right)


# %% [markdown]
# One filter, moved over all places, gives one map: bright where the photo looks like the filter. Here that is along the rim of the eye. The same weights serve every place, because an edge looks the same in every corner of a photo.
#
# **Exercise: slide it.** Write the loop: the map of one filter before the ReLU, for a picture of any size and any stride. Keep only windows that lie completely inside the picture.


# %%
def slide(picture, filter, bias, stride):
    """Map (rows, columns) of one filter (k, k, c) over a picture (h, w, c)."""
    # <solution>
    k = len(filter)
    rows = range(0, picture.shape[0] - k + 1, stride)
    columns = range(0, picture.shape[1] - k + 1, stride)
    return np.array(
        [[(picture[r : r + k, s : s + k] * filter).sum() + bias for s in columns] for r in rows]
    )
    # </solution>


check("01-slide", slide)

# %% [markdown] tags=["teaching-note"]
# Two questions always come. "Is the filter flipped?" In signal processing it is; what deep learning calls a convolution does not flip (it is a cross-correlation). "What happens at the border?"
# This layer uses only complete windows ("valid"); others continue the picture with zeros ("same").

# %% [markdown]
# ## Reading filters
#
# Six filters, colour by colour. White weights add, black ones subtract, grey is zero.
#
# **Predict first:** filter 6 adds green and subtracts blue and red. What in the photo will it find?

# %% alt="A table of six filters, side by side, in red, green and blue. Filters 15, 10 and 9 are the same in all three colours: a white vertical bar, a black horizontal bar, a black dot. Filters 19, 6 and 3 differ from colour to colour."
from cnnvis_helpers import show_filter_channels

six = [15, 10, 9, 19, 6, 3]
show_filter_channels(kernel, filters=six)

# %% [markdown]
# Filters 15, 10 and 9 have the same pattern in all three colours: they do not care about colour. Filters 19, 6 and 3 do. Let them work:

# %% alt="Six maps of the cat. Vertical hairs of the fur for filter 15, horizontal lines for 10, dots for 9, the left rims of the eyes for 19, and for filter 6 almost nothing but the two glowing eyes. The map of filter 3 shows her nose and the inside of an ear."
from cnnvis_helpers import show_grid

titles = [f"filter {k}" for k in six]
found = [maps[..., k] for k in six]
show_grid(found, titles, columns=3, cmap="viridis", scale="each", percentile=99.7)

# %% [markdown]
# Filter 6 has found Chelsea's green eyes, and hardly anything else. It knows nothing about eyes! It is a green detector, and in this photo little else is green. Filter 3 does the opposite:
# it adds red and blue and subtracts green, and finds the pink nose and the background.
#
# You can make a filter yourself, and let Keras slide it. This one subtracts what is on the right from what is on the left.

# %% alt="Left, the cat in grey. Right, a signed map: red and blue lines trace vertical edges, such as the sides of the eyes, the nose and the stripes of the fur."
import keras

from cnnvis_helpers import show_map, show_photo

grey = net.prepare(photo).mean(axis=-1, keepdims=True)  # (1, 227, 227, 1)
left_minus_right = np.array([[1, 0, -1], [1, 0, -1], [1, 0, -1]], "float32")

answer = np.array(keras.ops.conv(grey, left_minus_right[:, :, None, None]))  # as (3, 3, 1, 1)
with figure_row(2, width=9.6, height=4.2) as (left, right):
    show_photo(grey[0], ax=left)
    show_map(answer[0, ..., 0], signed=True, percentile=99, ax=right)
# <check>
assert answer.shape == (1, 225, 225, 1) and answer.min() < -100
# </check>

# %% [markdown]
# Red: lighter on the left. Blue: lighter on the right. Where the photo is flat, plus and minus cancel, and the map is white.
#
# **Exercise: a filter of your own.** Make one, 3 x 3, that gives positive numbers where it is dark *above* and light *below*, and exactly 0 on flat areas and on vertical edges. **Predict** what it will find in Chelsea, put it into
# the cell above instead of ours, look, and judge.

# %%
# <solution>
my_filter = np.array([[-1, -1, -1], [0, 0, 0], [1, 1, 1]])
# <stub>
# my_filter = None  # a 3 x 3 array
# </solution>
check("01-edge", my_filter)

# %% [markdown]
# ## What nobody asked for
#
# Your filter is silent on flat areas because its weights add up to 0. What about the filters that the network has *learned*? Add up all the weights of each, and compare with their total size:

# %% tags=["exercise-setup"]
def left_over(kernel):
    """Share of each filter's weights that is left when plus and minus cancel, 0 to 1."""
    return np.abs(kernel.sum(axis=(0, 1, 2))) / np.abs(kernel).sum(axis=(0, 1, 2))


print(f"random filters: {np.median(left_over(random)):.1%} is left in a typical one")
# <check>
assert np.median(left_over(kernel)) < 0.01 < 0.1 < np.median(left_over(random))
# </check>

# %% [markdown]
# Chance makes some of the weights cancel, and about 15% is left.
#
# **Exercise: blind to flat grey.** **Predict** first, then count: in how many of the 64 *trained* filters is less than 5% left?

# %%
# <solution>
print(f"in a typical one {np.median(left_over(kernel)):.1%} is left")
print("random filters below 5%:", (left_over(random) < 0.05).sum())
blind = (left_over(kernel) < 0.05).sum()
# <stub>
# blind = None  # a number of filters
# </solution>
check("01-blind", blind)

# %% [markdown] tags=["teaching-note"]
# 8 min with the filters. Let the class bet on the number before anybody runs it. Then ask *why* a network would do that. A flat area says nothing about the thing in the photo; a filter that responded to it would respond everywhere.

# %% [markdown]
# Nobody told the network to balance its weights. In training, it found that flat areas say little about what is in a photo, and edges say much. The weights cancel in two ways, which you see when you sort the filters by what is
# left *within* each colour:

# %% alt="The 64 filters, sorted. The first half are mostly light and dark bars, crosses and dots, then come mostly pairs of colours side by side such as orange and blue, and at the end plain green, magenta, red and blue filters."
within = np.abs(kernel.sum(axis=(0, 1))).sum(axis=0) / np.abs(kernel).sum(axis=(0, 1, 2))
show_filters(kernel[..., np.argsort(within)], columns=16, scale="each")
# <check>
assert (within < 0.05).sum() == 36
# </check>

# %% [markdown]
# The first 36, a little more than two rows, cancel in red, in green and in blue alike: they see edges, bars and dots, and no flat area of any colour. In the others, something of a colour is left. Half of these add one colour
# and subtract another, so they are silent on grey and active where there is colour; the rest respond to grey as well, some of them faintly.
#
# Your own eyes do something similar. Nerve cells in the retina compare light with dark, red with green, and blue with yellow. <!-- source -->
#
# ## Explore
#
# Choose a layer, then walk through its filters with the mouse or the arrow keys. Which filter of `conv1` finds the whiskers? Which finds next to nothing? And what does filter 6, with its eye for green, find in `dahlia`, a flower among leaves?

# %%
from cnnvis_helpers import explore_layers

explore_layers(net, photo, show="weights", channel=6)

# %% [markdown]
# ## What goes wrong: colours in the wrong order
#
# Many older networks, VGG16 among them, were trained on photos whose channels were stored as blue, green, red: **BGR**. If you draw such kernels as RGB, you get a pretty picture with red and blue exchanged. SqueezeNet
# was trained that way, too; we turned its first kernel around once, so that you can forget about it. Here is what it would look like otherwise.

# %% alt="Eight filters twice. Right: green, violet-blue, red, magenta, orange beside blue, and others. Wrong: the green and magenta ones look nearly the same, but red and blue have changed places in all others."
colourful = kernel[:, :, :, [6, 33, 47, 3, 19, 41, 46, 51]]

with figure_row(1, rows=2, width=9, height=4.2) as (above, below):
    show_filters(colourful, scale="each", title="red, green, blue: right", ax=above)
    show_filters(colourful[:, :, ::-1], scale="each", title="blue, green, red: wrong", ax=below)

# %% [markdown]
# Nothing crashes. The green filter even looks right. That is why this mistake lives on in published notebooks. `filters` and `weights` put the colours of VGG16 and ResNet50 in order for you.
#
# **Exercise: the wrong photo.** The opposite mistake is to hand a *photo* in BGR to a network that wants RGB: `net.predict(photo[:, :, ::-1])`. **Predict**, then try: for which of these photos does the first answer change?
# (a) chelsea (b) coffee (c) camera (d) coins

# %%
# <solution>
for name in ("chelsea", "coffee", "camera", "coins"):
    right, wrong = load_photo(name), load_photo(name)[:, :, ::-1]
    print(name, net.predict(right)[0].label, "->", net.predict(wrong)[0].label)
loses = "b"
# <stub>
# loses = None  # a letter from a to d
# </solution>
check("01-swap", loses)

# %% [markdown] tags=["teaching-note"]
# OpenCV reads photos as BGR, so this happens to everybody once. Show the blue cat and ask whether the network minds.

# %% [markdown]
# ## Go deeper: each on its own scale?
#
# The coloured pictures above stretch each filter to full contrast. So a filter with small weights looks as strong as any other. On one scale for all:

# %% alt="The 64 filters on one scale. A dozen stay strong in contrast; many are nearly grey, so their weights are small."
show_filters(kernel, scale="shared")
strength = np.abs(kernel).max(axis=(0, 1, 2))
print(f"the weakest filter reaches {strength.min() / strength.max():.0%} of the strongest")

# %% [markdown]
# Neither picture is wrong. One shows the pattern, the other the strength; a picture of weights must say which. And in both, grey must mean zero.
#
# **Exercise: zero is grey.** Turn a kernel of any shape into values from 0 to 1 for a picture: 0.5 for weight zero, 1 for plus the largest absolute weight, 0 for minus it.


# %%
def grey_at_zero(kernel):
    """Array of the kernel's shape, 0 to 1, with 0.5 for weight zero."""
    # <solution>
    return 0.5 + kernel / (2 * np.abs(kernel).max())
    # </solution>


check("01-grey", grey_at_zero)

# %% [markdown]
# ## Go deeper: filters after the first layer
#
# A filter of a deeper layer looks at many channels, not at three colours. Here are six filters of `fire2_expand3x3`, and the first six of their 16 input channels.

# %% alt="A table of six filters and six input channels: squares of light and dark cells in which no shape can be made out."
deeper = filters(net, "fire2_expand3x3")
show_filter_channels(deeper, filters=range(6), channels=range(6))
print("one filter has the shape", deeper[..., 0].shape)

# %% [markdown]
# There is nothing to recognise. Each input channel is the output of another filter, so these squares are not pictures of anything. To understand deeper layers, we have to look at what they make of photos (lesson 02) and at what
# excites them most (lesson 07).
#
# ## Go deeper: VGG16 on paper
#
# VGG16 was a famous network of 2014, and it is built from one thing: 3 x 3 convolutions. Here are its 13 kernels.

# %%
vgg16_filters = [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]

channels = 3
for number, after in enumerate(vgg16_filters, start=1):
    print(f"{number:2}: kernel (3, 3, {channels}, {after})")
    channels = after

# %% [markdown]
# After the last one and a pooling layer, the maps have 7 x 7 cells and 512 channels. They are flattened to one long row of numbers. Three Dense layers follow, with 4096, 4096 and 1000 units. A Dense layer has one weight for each
# pair of an input and a unit, and one bias for each unit. <!-- source -->
#
# **Exercise: VGG16 on paper.** How many numbers does VGG16 hold in all?

# %%
# <solution>
vgg16, before = 0, 3
for after in [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]:
    vgg16 += (3 * 3 * before + 1) * after
    before = after
before = 7 * 7 * 512
for units in (4096, 4096, 1000):
    vgg16 += (before + 1) * units
    before = units
print(f"{vgg16:,}")
# <stub>
# vgg16 = None  # a number
# </solution>
check("01-vgg16", vgg16)

# %% [markdown]
# ## Go deeper: how large is the map?
#
# **Exercise: the size of a map.** A picture is 300 pixels wide. Windows of 5 x 5 move over it with a stride of 3, and only complete windows count. How many cells wide is the map?

# %%
# <solution>
cells = (300 - 5) // 3 + 1
# <stub>
# cells = None  # 300 pixels, windows of 5, stride 3
# </solution>
check("01-size", cells)

# %% [markdown]
# ## Take-away
#
# 1. A convolution slides a small window of weights over its input, and its output is large where the input looks like the filter.
# 2. Training has made edge, dot and colour detectors whose weights cancel, so that flat areas leave them silent.
# 3. Filters of the first layer can be read as pictures, if zero is grey, the scale is stated and the colours are in order; deeper ones cannot.

# %% [markdown]
# ## Further reading
#
# - Iandola et al., [SqueezeNet](https://arxiv.org/abs/1602.07360), with the fire module
# - Simonyan and Zisserman, [Very deep convolutional networks](https://arxiv.org/abs/1409.1556), the VGG paper
# - Dumoulin and Visin, [A guide to convolution arithmetic](https://arxiv.org/abs/1603.07285), with animations of sliding windows
# - Zeiler and Fergus, [Visualizing and understanding convolutional networks](https://arxiv.org/abs/1311.2901)

# %% [markdown]
# ## Next lesson
#
# What do these filters make of a photo, layer by layer, and how much of the photo is left at the end?
