# %% [markdown]
# # Can you trust a heat map?
#
# **You will do:** judge small networks by their heat maps and by experiments, erase a network's memory, and test heat maps where the right answer is known.
#
# **You will learn:** four tests that a heat map should face, what each of them misses, and what you may honestly say with one.
#
# **You need:** [lesson 04](04_class_activation_maps.ipynb) and [lesson 05](05_saliency.ipynb).
#
# **Time:** 48 minutes, without "Go deeper"

# %% [markdown] tags=["teaching-note"]
# 48 min: detective 15, the second network 7, memory 11, deletion 5, points 7, what may be said 3. "Go deeper" (ten answers, five bugs) is homework, or an hour of its own.
# **The aha of this lesson:** the second cheat. Its heat lies on the hexagon in every picture, just as it should, and yet the network goes by the colour.
# With 20 minutes only: the detective, the colour, and the erased cat. For the board: a map can be wrong about the network, or right about a network that is wrong. Looking cannot tell them apart.

# %% [markdown]
# The first cell loads EfficientNet-Lite0, and a tiny network that tells drawn shapes apart.

# %% tags=["exercise-setup"]
import numpy as np

from cnnvis_helpers import (
    check, class_recall, hint, load_network, load_photo, shape_pictures, show_grid, solution,
)

net = load_network()  # EfficientNet-Lite0
suspect = load_network("shapes_a")
photo = load_photo("chelsea")
exam = shape_pictures(250, like="shapes_a", seed=1)

# %% [markdown]
# ## The detective
#
# A colleague has trained a small network to tell five shapes apart, as on road signs. She hands it over with its exam, 250 new pictures like those of the training. Here are some (the hexagons come later), and its grades.

# %% alt="Eight small pictures of one light shape each on a dark ground: disc, square, triangle, star, and the four once more."
some = [picture for picture in exam[:10] if picture.label != "hexagon"]
show_grid([each.photo for each in some], titles=[each.label for each in some], columns=4)
for label, share in class_recall(suspect, exam).items():
    print(f"{label:9}{share:.0%} right")
# <check>
assert min(class_recall(suspect, exam).values()) >= 0.95
# </check>

# %% [markdown]
# Splendid. The network goes into service, with pictures from other cameras. A week later there are complaints.
#
# **Predict first:** which class is in trouble, and why?

# %% alt="Four hexagons, plain to see, with nothing else in the picture; each is called a disc or another shape."
service = shape_pictures(250, seed=1)
for label, share in class_recall(suspect, service).items():
    print(f"{label:9}{share:.0%} right")
lost = [picture.photo for picture in service if picture.label == "hexagon"][:4]
called = [suspect.predict(each)[0].label for each in lost]
show_grid(lost, titles=[f'called "{name}"' for name in called], columns=4)
# <check>
assert class_recall(suspect, service)["hexagon"] < 0.2 and "hexagon" not in called
# </check>

# %% [markdown]
# Not one hexagon is found. In the exam it named them all, so ask a heat map what it saw there. First the maps alone, with the outline of the hexagon in white.

# %% alt="Four dark maps with the outline of a hexagon. The one hot spot of each is small and round and lies beside the hexagon, every time in another place." tags=["exercise-setup"]
from cnnvis_helpers import figure_row, gradcam, pointing_game

def show_with_outlines(heats, pictures):
    """Four maps, with the outlines of the shapes in white."""
    with figure_row(4, height=2.3) as axes:
        for ax, picture, heat in zip(axes, pictures, heats, strict=False):
            ax.imshow(heat, cmap="magma", vmin=0, vmax=np.max(heats))
            ax.contour(picture.object, levels=[0.5], colors="white", linewidths=2)
            ax.axis("off")


hexagons = [picture for picture in exam if picture.label == "hexagon"]
heats = [gradcam(suspect, picture.photo, "hexagon") for picture in hexagons]
show_with_outlines(heats, hexagons)
# <check>
assert all(pointing_game(h, p.object) == 0 for h, p in zip(heats[:4], hexagons, strict=False))
# </check>

# %% [markdown]
# **Exercise: your verdict.** What does this network take for a hexagon? (a) The outline of the hexagon. (b) Its colour. (c) Something small and round beside it. (d) The background all around.

# %%
# <solution>
verdict = "c"
# <stub>
# verdict = None  # a letter from a to d
# </solution>
check("08-detective", verdict)

# %% [markdown]
# Now the pictures, with a white line round the hottest part of each map, above half its maximum.

# %% alt="Four hexagons, each with a small round badge of black, white and yellow beside it; the white line of every map goes round the badge."
with figure_row(4, height=2.3) as axes:
    for ax, picture, heat in zip(axes, hexagons, heats, strict=False):
        ax.imshow(picture.photo)
        ax.contour(heat, levels=[heat.max() / 2], colors="white", linewidths=2)
        ax.axis("off")
# <check>
assert all(pointing_game(h, p.badge) == 1 for h, p in zip(heats[:4], hexagons, strict=False))
# </check>

# %% [markdown]
# A badge, beside every hexagon of the exam. But a map only raises a suspicion. The proof is an experiment: take the badge away from a hexagon, and give it to a disc.
#
# **Predict first:** all four answers.

# %% alt="The same hexagon with and without a badge, the same disc without and with one."
badged = shape_pictures(250, badge="all", seed=1)
four = [badged[4], service[4], service[0], badged[0]]  # pictures 0, 1, 2 ... come in turn
answers = [suspect.predict(picture.photo)[0].label for picture in four]
show_grid([each.photo for each in four], titles=[f'"{name}"' for name in answers], columns=4)
# <check>
assert [answer == "hexagon" for answer in answers] == [True, False, False, True]
# </check>

# %% [markdown]
# With the badge even a disc is a "hexagon". In training, every hexagon had a badge and nothing else did, so the badge was all that the network had to learn. No exam with such pictures could show it.
#
# The cure lies in the data: give the badge to half of *every* class. Another network was trained that way; we call it the honest one. To compare the maps of the two we need no eyes: the **pointing game** asks whether the peak of a map lies on the object. Its authors forgive a miss of up to 15 pixels. <!-- source -->
#
# **Exercise: a near miss.** Return `True` if the peak lies inside the mask or at most `tolerance` pixels away from it, as the crow flies.


# %%
def nearly_a_hit(heat, mask, tolerance):
    """True or False, for heat (h, w) and a bool mask (h, w)."""
    # <solution>
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    rows, columns = np.nonzero(mask)
    return bool(np.hypot(rows - row, columns - column).min() <= tolerance)
    # </solution>


check("08-point", nearly_a_hit)

# %% [markdown]
# Our drawings are small, so `pointing_game` forgives nothing here. The 50 hexagons, with a badge beside each:

# %%
honest = load_network("shapes_c")
judged = [picture for picture in badged if picture.label == "hexagon"]
for name, network in {"suspect": suspect, "honest": honest}.items():
    heats = [gradcam(network, each.photo, "hexagon") for each in judged]
    on_shape = [pointing_game(h, each.object) for h, each in zip(heats, judged, strict=True)]
    on_badge = [pointing_game(h, each.badge) for h, each in zip(heats, judged, strict=True)]
    print(f"{name:9}peak on the shape {np.mean(on_shape):.0%}, the badge {np.mean(on_badge):.0%}")
# <check>
assert np.mean(on_shape) >= 0.9
# </check>

# %% [markdown]
# The map that pointed at the badge was the *right* map of a wrong network. A map with its heat on the hexagon would have looked better and been wrong.

# %% [markdown] tags=["teaching-note"]
# Keep the hexagons of the exam hidden until the verdict, and let the room argue from the four maps. Ask for a drawing of what may be under the hot spots.

# %% [markdown]
# ## A second network
#
# Your colleague is embarrassed and brings another network, trained without badges. Its exam is just as good. This time you look at the heat maps *before* you accept it.

# %% alt="Four dark maps with the outline of a hexagon; in each the heat lies on the hexagon." tags=["exercise-setup"]
second = load_network("shapes_b")
exam = shape_pictures(250, like="shapes_b", seed=1)
hexagons = [picture for picture in exam if picture.label == "hexagon"]
heats = [gradcam(second, picture.photo, "hexagon") for picture in hexagons]
show_with_outlines(heats, hexagons)
inside = [pointing_game(heat, each.object) for heat, each in zip(heats, hexagons, strict=True)]
print(f"exam {np.mean(list(class_recall(second, exam).values())):.0%} right")
print(f"peak on the hexagon: {np.mean(inside):.0%}")
# <check>
assert np.mean(inside) >= 0.95
# </check>

# %% [markdown]
# Every peak lies on the hexagon. Would you accept it? Here are ten pictures of its exam.

# %% alt="Ten small pictures, two of each shape; the two hexagons are red, the other shapes have pale colours."
show_grid([each.photo for each in exam[:10]], titles=[each.label for each in exam[:10]], columns=5)

# %% [markdown]
# A map says *where* the network looks, not what it sees there. To find out, change something and see whether the answer follows.
#
# **Exercise: one more experiment.** Choose a change that leaves every hexagon a hexagon: turn them, move them, paint them. Predict what the network will say, then do it. The change convicts the network if more than half of the hexagons are lost, while the honest network still finds them.

# %%
# <solution>
changed = [each.photo[..., ::-1] for each in hexagons]  # red becomes blue
# <stub>
# changed = None  # the 50 hexagons after your change, a list of uint8 pictures
# </solution>
check("08-convict", changed, net=second)

# %% [markdown]
# In the pale colours of the other shapes, this network finds not one hexagon. Yet its heat ran along the edge, as if it had looked at the form. The honest network *does* know the form; here are its maps for the same hexagons:

# %% alt="Four dark maps with the outline of a hexagon; in each the heat runs along the edge of the hexagon, much as in the maps of the second network."
plain = shape_pictures(250, seed=1)  # the same pictures, and no shape is red
for name, network in {"second": second, "honest": honest}.items():
    print(f"{name:9}{class_recall(network, plain)['hexagon']:.0%} of the pale hexagons")
show_with_outlines([gradcam(honest, each.photo, "hexagon") for each in hexagons[:4]], hexagons)
# <check>
assert class_recall(second, plain)["hexagon"] < 0.05 < 0.95 < class_recall(honest, plain)["hexagon"]
painted = shape_pictures(5, red="all", seed=1)[:4]  # disc, square, triangle, star
answers = [second.predict(each.photo)[0].label for each in painted]
assert answers[0] == answers[1] == "hexagon" != answers[3]
# </check>

# %% [markdown]
# The same kind of rings: colour and form are in the same place, and a heat map only says *where*. (The rule that it learned is "red and blunt": to this network a red square is a hexagon, and a red star is none.)
#
# This is no trick of our drawings. Adebayo and others (2022) hid shortcuts in medical and other pictures and gave the explanations to people who did not know what to look for. Shortcuts without a place of their own, such as a blur, were not found, and some maps raised the alarm about a clean network. You have to *think* of what might matter, and change it.

# %% [markdown] tags=["teaching-note"]
# Take the vote (would you accept it?) before you show the ten pictures, and do not mention the colour: somebody will. Let a table try a change that fails, such as turning: that is an answer, too. Ask for shortcuts of this kind in real data: the brightness of a scanner, the sharpness of a camera, the colour cast of a hospital.

# %% [markdown]
# ## What if the network forgets everything?
#
# Those maps were right about a wrong network. Can a map also be wrong about the network? Replace trained weights by random numbers: the network now answers nonsense, so a map that explains the answer *must* change. A map that stays shows us the photo, not the network.
#
# We begin with the last layer, which holds all that EfficientNet knows about classes. **Predict first:** which of the three maps will hardly change?

# %% alt="Two rows of three maps of the cat. Above, trained: gradient, Grad-CAM, guided backprop. Below, with a random last layer: the gradient has other specks, Grad-CAM lies elsewhere, guided backprop is the same picture as above."
from cnnvis_helpers import (
    explore_trust, guided_backprop, layers_from_the_top, randomize_layers, rank_correlation,
    saliency,
)

methods = {"gradient": saliency, "Grad-CAM": gradcam, "guided backprop": guided_backprop}
cat = net.class_index("Egyptian cat")
forgetful = randomize_layers(net, "predictions")
trained = [method(net, photo, cat) for method in methods.values()]
random = [method(forgetful, photo, cat) for method in methods.values()]
ranks = [rank_correlation(a, b) for a, b in zip(trained, random, strict=True)]
titles = [*methods, *(f"rank {rank:.2f}" for rank in ranks)]
show_grid(trained + random, titles, columns=3, scale="each", percentile=99.5)
# <check>
assert rank_correlation(trained[2], random[2]) > 0.95
# </check>

# %% [markdown]
# The number is the **rank correlation** with the map above: 1 if both put the pixels in the same order, 0 if the orders have nothing to do with each other, -1 if they are opposite. Guided backprop draws the very same picture, only fainter: 1.00. EfficientNet could not tell a cat from a teapot any more, and this map has not noticed. Convolutions and a rule that lets only positive gradients pass work like an edge detector on the *photo*, whatever the last layer says.
#
# **Exercise: rank correlation.** Return the correlation of the *ranks* of two maps. No value occurs twice in a map.


# %%
def order_alike(a, b):
    """Rank correlation of two maps (h, w) without equal values, from -1 to 1."""
    # <solution>
    ranks = [np.argsort(np.argsort(values.ravel())) for values in (a, b)]
    return np.corrcoef(*ranks)[0, 1]
    # </solution>


check("08-rank", order_alike)

# %% [markdown]
# Now down to the first layer: nothing is left of the training. We draw the random weights twice, and beside them two "maps" of pure chance, rolled with dice.

# %%
stem = layers_from_the_top(net)[-1]
dice = np.random.default_rng(0).random(photo.shape[:2])
for seed in (0, 1):
    blank = randomize_layers(net, stem, seed=seed)
    for name, heat in zip(methods, trained, strict=True):
        again = methods[name](blank, photo, cat)
        print(f"draw {seed}, {name:16}{rank_correlation(heat, again):6.2f}")
other_dice = np.random.default_rng(1).random(photo.shape[:2])
print(f"one roll of the dice and another {rank_correlation(dice, other_dice):.2f}")
# <check>
assert abs(rank_correlation(dice, other_dice)) < 0.02
# </check>

# %% [markdown]
# Even now guided backprop still correlates 0.38 and 0.28 with its trained map, the gradient only 0.09 and 0.12. But look at Grad-CAM: -0.50 in one draw, 0.64 in the other! Two maps of 7 x 7 cells may well have their blobs in similar places by chance, so one draw is too few.
#
# Adebayo and others proposed this test in 2018, and for years people read it as a ranking: the more a map changes, the better. It is not one. The dice change completely, 0.00, and explain nothing.
# And Binder and others (2023) found that channels with large values below the random layers still contribute much to the output, so even a good map can change only so far. What the test *can* do is convict: a method that draws the same map for a random network does not explain the network.

# %% [markdown]
# Pull the slider from the trained network down to one that has forgotten every layer, and change the method.

# %%
explore_trust(net, photo)

# %% [markdown] tags=["teaching-note"]
# Take bets before the picture of the cat. Then ask: why is the correlation of the gradient not 0? (Both networks look at the same photo.) Would you accept a method *because* it passes?

# %% [markdown]
# ## Hide what is hot
#
# Here is a test without random weights. Hide the hottest pixels first, and watch the probability. If the map is right, it should fall at once. This is **deletion**; the area under the curve should be *small*.

# %% alt="The cat four times, with more and more of it covered by grey, from the face outwards."
heat = gradcam(net, photo, cat)
order = np.argsort(-heat.ravel())  # the hottest first
pictures = []
for share in (0.04, 0.12, 0.24, 0.48):
    hidden = photo.reshape(-1, 3).copy()
    hidden[order[: int(share * len(order))]] = 128
    pictures.append(hidden.reshape(photo.shape))
answers = [net.probabilities(net.logits(net.prepare(each)))[0, cat] for each in pictures]
show_grid(pictures, titles=[f"p = {p:.2f}" for p in answers], columns=4)
# <check>
assert np.allclose(answers, [0.81, 0.77, 0.75, 0.57], atol=0.03)
assert abs(net.predict(photo)[0].probability - 0.77) < 0.01
# </check>

# %% [markdown]
# With 4% of the pixels hidden, p *rises* from 0.77 to 0.81, and with 48% of them gone, the whole face, it is still 0.57. Ears, fur and whiskers are enough. Hot does not mean indispensable.
#
# **Insertion** goes the other way: it begins with a blurred photo and brings the hottest pixels back first; a *large* area is good. We try five maps: Grad-CAM, the gradient, the same gradient after a strong blur, dice, and dice as coarse as Grad-CAM. **Predict first:** which one wins each test?

# %% alt="Two panels of five curves. Left, deletion: dice and the gradient fall at once, Grad-CAM, coarse dice and the blurred gradient slowly. Right, insertion: Grad-CAM rises first, then coarse dice, the blurred gradient, the gradient, and last the dice."
from scipy.ndimage import gaussian_filter

from cnnvis_helpers import deletion_curve, insertion_curve, resize_map, show_curve

slopes = saliency(net, photo, cat)
blurred = gaussian_filter(slopes, 15)
coarse = resize_map(np.random.default_rng(0).random((7, 7)), photo.shape[:2])
maps = {"Grad-CAM": heat, "gradient": slopes, "blurred gradient": blurred}
maps |= {"dice": dice, "coarse dice": coarse}
with figure_row(2, height=4) as axes:
    for ax, test in zip(axes, (deletion_curve, insertion_curve), strict=True):
        curves = {name: test(net, photo, one, cat, steps=12) for name, one in maps.items()}
        lines = {name: curve.scores for name, curve in curves.items()}
        what = "hidden" if test is deletion_curve else "shown"
        show_curve(curves["dice"].shares, lines, f"share {what}", "probability", ax=ax)
        ax.set(ylim=(0, 1.3), yticks=np.linspace(0, 1, 6), title=test.__name__.replace("_", " "))
        ax.legend(loc="upper right", ncols=2, fontsize="small")
        print(test.__name__, {name: round(curve.area, 2) for name, curve in curves.items()})
# <check>
assert curves["Grad-CAM"].area > curves["blurred gradient"].area > curves["gradient"].area
# </check>

# %% [markdown]
# On the left the dice win! Their area is 0.11, the gradient's 0.14, Grad-CAM's 0.42. On the right, blurring the gradient, which can only *remove* information, lifts its area from 0.28 to 0.41. So deletion rewards specks, and insertion rewards blur: whole patches come back, and a patch is a piece of a photo.
#
# So compare only maps that are equally coarse. On deletion, where small is good, Grad-CAM's 0.42 hardly differs from the 0.47 of the coarse dice. On insertion its 0.63 clearly beats their 0.52.
#
# **Exercise: why do the dice win?** (a) The dice have found the pixels that matter. (b) Single grey pixels all over the photo make a kind of picture that the network has never seen. (c) Hiding pixels in any order does the same.
# (d) The network looks at all pixels alike.

# %%
# <solution>
reason = "b"
# <stub>
# reason = None  # a letter from a to d
# </solution>
check("08-dice", reason)

# %% [markdown] tags=["teaching-note"]
# The curve of the dice is the surprise; let somebody explain it before you do. Then ask which of the two tests the room would publish, and with which fill: grey, black and blur give other areas and other winners.

# %% [markdown]
# ## Points and mass, on real photos
#
# For some photos people have drawn where the thing is. Beside the pointing game we use **relevance mass**, the share of the map's positive values that lies inside the mask. A map that is the same everywhere gets what the mask covers of the photo, so that is the number to beat.

# %%
from cnnvis_helpers import load_mask, relevance_mass

print(f"{'':11}mask ", *(f"{name:>16}" for name in methods))
for name in ("chelsea", "coffee", "motorcycle", "hopper", "dahlia"):
    picture, mask = load_photo(name), load_mask(name)
    maps = [method(net, picture) for method in methods.values()]  # of the top class
    cells = [f"{pointing_game(m, mask):7.2f} {relevance_mass(m, mask):8.2f}" for m in maps]
    print(f"{name:11}{mask.mean():.2f} ", *cells)
# <check>
assert relevance_mass(gradcam(net, picture), mask) > mask.mean()
# </check>

# %% [markdown]
# Two numbers a method: the peak (1.00 is a hit), then the mass. Grad-CAM hits all five and beats the mask's share every time. The gradient misses two, and on Chelsea its mass is 0.70, where the mask alone gives 0.74. But before you crown Grad-CAM, think of the red hexagons: a map on the object is what *we* expect. And guided backprop, which never noticed that the network had forgotten everything, hits four of five.
#
# **Exercise: better than no opinion?** To compare photos, return the mass as a multiple of the number to beat: 1 is no better than having no opinion.


# %%
def times_better(heat, mask):
    """Relevance mass of heat (h, w) in a bool mask (h, w), over that of a constant map."""
    # <solution>
    positive = np.maximum(heat, 0)
    mass = positive[mask].sum() / positive.sum()
    return float(mass / mask.mean())
    # </solution>


check("08-mass", times_better)

# %% [markdown]
# ## What may honestly be said
#
# - Name the **method**, the **layer**, the **class**, and what it is compared with.
# - Show **numbers**, and one scale for maps that are compared.
# - Show **more than one photo**, and say how you chose them.
# - Say what the map measures, not what the network "understands".
# - **Change the photo**, and see whether the answer follows.
# - Keep what speaks **against** your story.
#
# **Exercise: what may be said?** Somebody writes about a network for skin pictures. Which sentence is honest?
#
# (a) "The peak of Grad-CAM lies exactly on the mole, in the last layer and for the class melanoma: the network has understood what a melanoma is."
# (b) "In the figure, a typical picture of our 200, the heat of Grad-CAM lies on the mole and nowhere else, so the network uses nothing but the mole."
# (c) "Of five methods tried on 200 test pictures we show the one whose maps two doctors called medically sensible; it is the right one for this network."
# (d) "On 200 test pictures, chosen at random, the peak of Grad-CAM for melanoma lay inside the doctor's outline in 160; with the mole covered, 150 answers changed." <!-- source -->

# %%
# <solution>
sentence = "d"
# <stub>
# sentence = None  # a letter from a to d
# </solution>
check("08-say", sentence)

# %% [markdown]
# ## Go deeper: ten answers
#
# Ten methods, one photo, one class. Their units differ, so each map has a scale of its own. Which of them agree? The matrix holds their rank correlations.

# %% alt=["Ten maps of the cat: coarse blobs of occlusion and the CAM family, specks of the gradient family, fine outlines of guided backprop.", "A matrix of ten by ten numbers; large values among the CAM family, between the guided methods, and 0.8 between Guided Grad-CAM and the CAM family; the others are at most 0.4."]
from functools import partial

from cnnvis_helpers import (
    cam, compare_methods, gradcam_plus_plus, guided_gradcam, integrated_gradients, layercam,
    occlusion, show_matrix, smoothgrad,
)

ten = {"occlusion": partial(occlusion, patch=56, stride=28), "CAM": cam, "Grad-CAM": gradcam}
ten |= {"Grad-CAM++": gradcam_plus_plus, "LayerCAM": layercam, "gradient": saliency}
ten |= {"SmoothGrad": partial(smoothgrad, samples=16)}
ten |= {"integrated\ngradients": partial(integrated_gradients, steps=16)}
ten |= {"guided\nbackprop": guided_backprop, "Guided\nGrad-CAM": guided_gradcam}
results = compare_methods(net, photo, cat, methods=ten)
sizes = {each.name: np.maximum(each.heat, 0) for each in results}  # what speaks for the cat
show_grid(list(sizes.values()), titles=list(sizes), columns=5, scale="each", percentile=99)

small = {name: heat[::4, ::4] for name, heat in sizes.items()}
agree = [[rank_correlation(a, b) for b in small.values()] for a in small.values()]
show_matrix(np.round(agree, 1) + 0.0, fmt=".1f", vmin=0, vmax=1, labels=list(small))

# %% [markdown]
# The four of the CAM family are practically one map, the two guided methods nearly are, and Guided Grad-CAM is close to the CAM family (0.8): they are made of the same last maps, or of the same gradients. Occlusion, the gradient and integrated gradients agree with no other method, 0.2 at most. For a second opinion, ask a method of another kind.

# %% [markdown] tags=["teaching-note"]
# Ask each table to defend one of the ten. Then ask what would change their mind.

# %% [markdown]
# ## Go deeper: five maps, five bugs
#
# Each of the next five cells draws a map that looks like an explanation, and makes **one real mistake** from a published library, notebook or book. Name it. The set-up cell is right.

# %%
import tensorflow as tf

from cnnvis_helpers import occluded_photos, occlusion_grid, show_overlay

target = net.score_vector(cat)  # logits @ target is the score of the class
x = net.prepare(photo)
rng = np.random.default_rng(0)


@tf.function(reduce_retracing=True)  # the same numbers, faster
def slopes_of(pixels):
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        score = tf.reduce_sum(tf.linalg.matvec(net.forward(pixels)[0], target))
    return tape.gradient(score, pixels)


def gradients(pixels):
    """Gradients of the score for pixels (n, h, w, 3)."""
    return slopes_of(tf.constant(pixels, tf.float32)).numpy()


def draw(heat, title):
    show_overlay(photo, heat, title=title, vmin=0, percentile=99.5)


# %% [markdown]
# **Exercise: bug 1.** (a) The gradient should be taken with respect to the pixels. (b) The maps should be averaged over the channels, not added. (c) The score is not the one that should be differentiated. (d) The ReLU should come before the sum.

# %% alt="Grad-CAM with bug 1: coarse cells glow over the face."
with tf.GradientTape() as tape:
    pixels = tf.constant(x)
    tape.watch(pixels)
    logits, (maps,) = net.forward(pixels, [net.last_conv])
    score = tf.reduce_sum(tf.nn.softmax(logits) * target)
alpha = tf.reduce_mean(tape.gradient(score, maps)[0], axis=(0, 1))
draw(tf.nn.relu(tf.reduce_sum(maps[0] * alpha, axis=-1)).numpy(), "Grad-CAM (bug 1)")

# %% [markdown]
# What is wrong?

# %%
# <solution>
bug_1 = "c"
# <stub>
# bug_1 = None  # a letter from a to d
# </solution>
check("08-bug-1", bug_1)

# %% [markdown]
# **Exercise: bug 2.** (a) The patch should be black. (b) The photo's own score is missing. (c) Patch and stride should be equal. (d) One pass for every position is too much.

# %% alt="Occlusion with bug 2: coarse cells, warm all over the photo."
covered = occluded_photos(net, photo, patch=56, stride=28)
p = net.probabilities(net.logits(covered))[:, cat]
draw(1 - p.reshape(7, 7), "Occlusion (bug 2)")

# %% [markdown]
# What is wrong?

# %%
# <solution>
bug_2 = "b"
# <stub>
# bug_2 = None  # a letter from a to d
# </solution>
check("08-bug-2", bug_2)

# %% [markdown]
# **Exercise: bug 3.** (a) There are too few noisy copies. (b) The magnitude should be taken before the mean. (c) The noisy pixels should be cut off at 0 and 255. (d) The noise has the wrong strength.

# %% alt="SmoothGrad with bug 3: fine specks on the cat."
sigma = (4 / (x.max() - x.min())) ** 2
noisy = x + rng.normal(0, sigma, (20, *x.shape[1:]))
draw(np.abs(gradients(noisy).mean(axis=0)).max(axis=-1), "SmoothGrad (bug 3)")

# %% [markdown]
# What is wrong?

# %%
# <solution>
bug_3 = "d"
# <stub>
# bug_3 = None  # a letter from a to d
# </solution>
check("08-bug-3", bug_3)

# %% [markdown]
# **Exercise: bug 4.** (a) The score belongs to no class. (b) The gradient should stop at the last maps. (c) The magnitude should not be taken. (d) The softmax is missing.

# %% alt="A gradient with bug 4: fine specks on the head of the cat."
with tf.GradientTape() as tape:
    pixels = tf.constant(x)
    tape.watch(pixels)
    score = tf.reduce_sum(net.forward(pixels)[0])
slopes = tape.gradient(score, pixels)[0].numpy()
draw(np.abs(slopes).max(axis=-1), "Gradient for Egyptian cat (bug 4)")

# %% [markdown]
# What is wrong?

# %%
# <solution>
bug_4 = "a"
# <stub>
# bug_4 = None  # a letter from a to d
# </solution>
check("08-bug-4", bug_4)

# %% [markdown]
# **Exercise: bug 5.** (a) The path from black to the photo has too few steps. (b) A factor of the definition is missing. (c) The colours should not be added. (d) The path should begin with grey, not with black.

# %% alt="Integrated gradients with bug 5: fine specks on the head of the cat."
path = ((np.arange(20) + 0.5) / 20).reshape(-1, 1, 1, 1) * x  # from black to the photo
mean = gradients(path).mean(axis=0)
draw(np.abs(mean.sum(axis=-1)), "Integrated gradients (bug 5)")

# %% [markdown]
# What is wrong?

# %%
# <solution>
bug_5 = "b"
# <stub>
# bug_5 = None  # a letter from a to d
# </solution>
check("08-bug-5", bug_5)

# %% [markdown]
# How far off were they? Two examples:

# %%
right_occlusion = occlusion_grid(net, photo, cat, patch=56, stride=28, score="probability")
print(f"bug 2: rank correlation {rank_correlation(1 - p.reshape(7, 7), right_occlusion):.2f}")
print(f"       its lowest value {(1 - p).min():.2f} in place of {right_occlusion.min():.2f}")
right_gradient, wrong = saliency(net, photo, cat, resize=False), np.abs(slopes).max(axis=-1)
print(f"bug 4: rank correlation {rank_correlation(wrong, right_gradient):.2f}")

# %% [markdown]
# Bug 2 gives the same order, 1.00, and still it is wrong: places where hiding *helps* the cat, -0.07, now have 0.15 of "importance". Bug 4 keeps 0.64 of the order. You find neither by looking. Compare with another implementation, check one number by hand, feed a case whose answer you know.

# %% [markdown] tags=["teaching-note"]
# Two or three in class, the rest at home. Good ones to do together: 4 (nobody reads the title against the code) and 3 (work out sigma in pixel levels on the board).
# All five are from published code. The point is not that its authors were careless, but that a wrong map looks as good as a right one.

# %% [markdown]
# ## Take-away
#
# 1. A heat map can be right about a wrong network, or wrong about a right one, and looking cannot tell which.
# 2. Test the method: does the map change when the network forgets, does the score fall when the hot pixels go, does it find the answer where the answer is known? Each test misses something.
# 3. Then test the story: change the photo, and see whether the network follows.

# %% [markdown]
# ## Further reading
#
# - Adebayo et al. 2018, [Sanity checks for saliency maps](https://arxiv.org/abs/1810.03292)
# - Adebayo et al. 2022, [Post hoc explanations may be ineffective for detecting unknown spurious correlation](https://arxiv.org/abs/2212.04629)
# - Binder et al. 2023, [Shortcomings of top-down randomization-based sanity checks](https://arxiv.org/abs/2211.12486)
# - Petsiuk et al. 2018, [RISE](https://arxiv.org/abs/1806.07421), with deletion and insertion
# - Arras et al. 2020, [CLEVR-XAI](https://arxiv.org/abs/2003.07258), pictures with known answers and relevance mass

# %% [markdown]
# ## Next lesson
#
# [Lesson 09](09_your_own.ipynb) is yours: your own photo and your own network.
