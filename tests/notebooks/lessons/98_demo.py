# %% [markdown]
# # What does a demonstration show?
#
# **You will do:** run a lesson that is small enough to read at once.
#
# **You will learn:** what each part of a lesson looks like.
#
# **You need:** nothing.
#
# **Time:** 5 minutes

# %% [markdown] tags=["teaching-note"]
# 1 min. Say that this lesson exists for the tests of the tools.

# %% [markdown]
# One network is named in the first line; here it stands for itself.

# %% tags=["exercise-setup"]

from cnnvis_helpers import exercises as exercise_sets
from cnnvis_helpers.exercises.check import check

exercise_sets.__path__.append("exercise_sets")


def load_network(name):
    """A stand-in, so that this lesson needs no TensorFlow."""
    return type("Network", (), {"name": name, "labels": ["cat", "dog", "fish"]})()


NETWORK = "squeezenet"  # change this line
net = load_network(NETWORK)

# %% [markdown]
# ## Look
#
# A number is printed, and a picture of one pixel is shown.

# %%
from IPython.display import HTML, display  # noqa: E402

PIXEL = "R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs="
print(len(net.labels), "labels")
display(HTML(f"<img alt='One pixel of plain colour, seen' src='data:image/gif;base64,{PIXEL}'>"))
if net.name == "squeezenet":
    assert net.labels[0] == "cat"

# %% [markdown] tags=["teaching-note"]
# Ask how many classes there are before the cell is run.

# %% [markdown]
# ## What goes wrong here
#
# Nothing can: this is a demonstration.

# %% [markdown]
# ## Exercises
#
# Return the mean of an array over both of its axes, as a number.


# %%
def mean_of(values):
    """Mean of a float array (h, w)."""
    # <solution>
    total = values.sum()
    return total / values.size
    # </solution>


check("98-mean", mean_of)

# %% [markdown]
# How many labels has the network? Put the number into `count`.

# %%
# <solution>
labels = net.labels
count = len(labels)
# </solution>
check("98-labels", count, net=net)

# %% [markdown]
# Which letter stands first in the alphabet: a, b, c or d?

# %%
# <solution>
letter = "a"
# <stub>
# letter = None  # a, b, c or d
# </solution>
check("98-letter", letter)

# %% [markdown]
# Give any even whole number above 10.

# %%
# <solution>
even = 12
# </solution>
check("98-even", even)

# %% [markdown] tags=["teaching-note"]
# The last exercise has many answers; let two students compare theirs.

# %% [markdown]
# ## Take-away
#
# 1. A lesson is one file.
# 2. Its notebooks are generated.
# 3. Its exercises are proven.

# %% [markdown]
# ## Further reading
#
# - [jupytext](https://jupytext.readthedocs.io)
# - [nbformat](https://nbformat.readthedocs.io)

# %% [markdown]
# ## Next lesson
#
# There is none: the demonstration ends here.
