"""Attacks, attributions, pictures and curves on the two bundled ImageNet networks, in numbers.

The other tests of these methods use small networks whose answers are known in closed form.
"""

import numpy as np
import pytest

from cnnvis_helpers import (
    class_pattern,
    deep_dream,
    deletion_curve,
    fgsm,
    filter_patterns,
    filter_responses,
    gradcam,
    gradient_x_input,
    guided_backprop,
    guided_gradcam,
    input_gradient,
    insertion_curve,
    integrated_gradients,
    invert_features,
    load_mask,
    load_network,
    load_photo,
    one_pixel,
    one_pixel_map,
    pgd,
    pointing_game,
    relevance_mass,
    scorecam,
)
from cnnvis_helpers.methods.deep_dream import dream_layer

CAT, TABBY, ZEBRA = 285, 281, 340
PHOTO = load_photo("chelsea")


@pytest.fixture(scope="module", params=["efficientnet_lite0", "squeezenet"])
def net(request):
    return load_network(request.param)


def probability(net, photo, target=CAT):
    return float(net.probabilities(net.logits(net.prepare(photo)))[0, target])


def test_fgsm_moves_each_value_by_epsilon_and_fools_the_network(net):
    attack = fgsm(net, PHOTO, epsilon=4)
    change = np.abs(attack.photo.astype(int) - attack.original)
    inside = (attack.original >= 4) & (attack.original <= 251)
    assert change.max() == 4 and (change[inside] == 4).mean() > 0.99  # a gradient may be 0
    assert attack.success and attack.before[0].index == CAT != attack.after[0].index
    assert probability(net, attack.photo) == pytest.approx(
        {one.index: one.probability for one in net.predict(attack.photo, top=1000)}[CAT]
    )


def test_pgd_needs_less_than_fgsm_and_reaches_the_class_it_is_given(net):
    attack = pgd(net, PHOTO, epsilon=2, steps=5)
    assert attack.success and attack.linf <= 2
    assert probability(net, attack.photo) < probability(net, fgsm(net, PHOTO, epsilon=2).photo)
    attack = pgd(net, PHOTO, target="tabby", epsilon=4, steps=10)
    assert attack.success and attack.linf <= 4
    assert attack.after[0].index == TABBY and attack.after[0].probability > 0.9


def test_one_pixel_changes_one_pixel_to_less_of_the_class(net):
    attack = one_pixel(net, PHOTO, settings={"population": 20, "generations": 4})
    changed = (attack.photo != attack.original).any(axis=-1)
    assert changed.sum() == 1 and (np.diff(attack.history) <= 0).all()
    assert probability(net, attack.photo) < probability(net, attack.original)
    assert attack.success == (attack.after[0].index != CAT)


def test_the_map_of_one_pixel_is_the_difference_of_two_scores(net):
    photo = np.rint(net.prepare(PHOTO)[0])
    found = one_pixel_map(net, photo, CAT, colours=[[255, 0, 0]], stride=75)
    changed = np.stack([photo, photo])
    changed[1, 75 + 37, 75 + 37] = 255, 0, 0  # the middle of the square in the middle
    before, after = net.logits(changed).numpy()[:, CAT]
    assert found[112, 112] == pytest.approx(before - after, abs=1e-3)


def test_integrated_gradients_add_up_to_the_difference_of_the_logits(net):
    baseline = 0.8 * net.prepare(PHOTO)[0] + 0.2 * net.prepare(load_photo("coffee"))[0]
    found, complete = integrated_gradients(
        net, PHOTO, baseline=baseline, steps=20, return_error=True, resize=False
    )
    pixels = np.stack([net.prepare(PHOTO)[0], baseline])
    photo, start = map(float, net.logits(pixels).numpy()[:, CAT])
    assert complete.difference == pytest.approx(photo - start, abs=1e-3)
    assert found.sum() == pytest.approx(photo - start, rel=0.05)


def test_heat_of_gradcam_is_deleted_and_inserted_at_the_right_end(net):
    heat = gradcam(net, PHOTO)
    deletion, worst = (deletion_curve(net, PHOTO, one, steps=6) for one in (heat, -heat))
    insertion, least = (insertion_curve(net, PHOTO, one, steps=6) for one in (heat, -heat))
    assert deletion.area < worst.area and insertion.area > least.area
    grey = np.full_like(PHOTO, 127.5, np.float32)
    assert deletion.scores[0] == pytest.approx(probability(net, PHOTO), abs=1e-4)
    assert deletion.scores[-1] == pytest.approx(probability(net, grey), abs=1e-4)
    assert insertion.scores[-1] == pytest.approx(probability(net, PHOTO), abs=1e-4)


def test_a_class_pattern_is_a_better_example_than_the_pattern_of_another_class(net):
    zebra, cat = (class_pattern(net, target, steps=12) for target in (ZEBRA, CAT))
    of_zebra, of_cat = net.logits(np.stack([zebra, cat]).astype(np.float32)).numpy()
    assert of_zebra[ZEBRA] > of_cat[ZEBRA] + 2 and of_cat[CAT] > of_zebra[CAT] + 2


def test_a_dream_raises_what_it_climbs(net):
    photo = load_photo("hubble", max_side=160)
    dream = deep_dream(net, photo, octaves=2, steps=3)
    assert dream.shape == photo.shape

    def climbed(picture):
        maps = net.maps(np.float32(picture)[None], [dream_layer(net)])[0]
        return np.mean(np.square(maps))

    assert climbed(dream) > 1.5 * climbed(photo)


def test_an_inverted_layer_has_the_maps_of_the_photo_and_deep_ones_less_of_its_pixels(net):
    early, late = {
        "efficientnet_lite0": ("stem", "block4_add"),
        "squeezenet": ("conv1", "fire5_concat"),
    }[net.name]
    found = {layer: invert_features(net, PHOTO, layer, steps=30) for layer in (early, late)}
    for layer, one in found.items():
        wanted, maps = (net.maps(net.prepare(p), [layer])[0].numpy() for p in (PHOTO, one.picture))
        error = np.sum((maps - wanted) ** 2) / np.sum(wanted**2)
        assert one.error == pytest.approx(error, rel=1e-3) and error < 0.6
    assert found[early].error < 0.2 and found[early].correlation > 0.75
    assert found[late].correlation < found[early].correlation - 0.2


def test_gradient_times_input_and_guided_gradcam_are_their_products(net):
    product = input_gradient(net, PHOTO, CAT) * net.prepare(PHOTO)[0]
    found = gradient_x_input(net, PHOTO, CAT, reduce="rgb", resize=False)
    assert np.corrcoef(found.ravel(), product.ravel())[0, 1] > 0.9999
    lines = guided_backprop(net, PHOTO, CAT, resize=False)
    small = net.prepare(PHOTO)[0]
    product = lines * gradcam(net, small, CAT)
    found = guided_gradcam(net, PHOTO, CAT, resize=False)
    assert np.corrcoef(found.ravel(), product.ravel())[0, 1] > 0.999


def test_each_filter_answers_most_to_its_own_pattern(net):
    layer = {"squeezenet": "fire4_concat", "efficientnet_lite0": "block3_project"}[net.name]
    channels = [0, 3, 6, 9]
    pictures = filter_patterns(net, layer, channels, size=48, steps=12)
    answers = filter_responses(net, pictures, layer)[:, channels]
    assert (answers.argmax(axis=0) == range(4)).all()


@pytest.mark.slow
def test_a_default_class_pattern_shows_its_class_to_the_other_network(net):
    """What both networks see is not a weakness of one."""
    other = load_network("squeezenet" if net.name != "squeezenet" else "efficientnet_lite0")
    seen = [
        label in [one.label for one in other.predict(class_pattern(net, label), top=5)]
        for label in ("zebra", "goldfish", "school bus", "tarantula")
    ]
    assert sum(seen) >= 2


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda net: gradcam(net, PHOTO, 1000), "no class 1000"),
        (lambda net: scorecam(net, PHOTO, "kitten"), "no class 'kitten'"),
        (lambda net: guided_gradcam(net, PHOTO, CAT, "conv99"), "conv99"),
        (lambda net: fgsm(net, PHOTO[..., 0], epsilon=2), "photo"),
        (lambda net: filter_patterns(net, net.last_conv, [5000]), "no channel 5000"),
        (lambda net: deep_dream(net, PHOTO, "pooling"), "pooling"),
        (lambda net: invert_features(net, PHOTO, steps=0), "steps must"),
        (lambda net: class_pattern(net, None), "target is None"),
    ],
)
def test_what_a_method_cannot_use_is_refused(net, call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(net)


SHOWN = {
    "camera": "tripod",
    "chelsea": "Egyptian cat",
    "coffee": "espresso",
    "hopper": "military uniform",
    "motorcycle": "moped",
    "palace": "bell cote",
}


def test_of_six_photos_the_mask_shows_the_top_class_and_the_heat_lies_on_it():
    net, hits = load_network("efficientnet_lite0"), []
    for name, label in SHOWN.items():
        photo, mask = load_photo(name), load_mask(name)
        heat = gradcam(net, photo, label)
        assert net.predict(photo, top=1)[0].label == label
        assert relevance_mass(heat, mask) > 1.15 * mask.mean(), name
        hits.append(pointing_game(heat, mask))
    assert sum(hits) >= 5
