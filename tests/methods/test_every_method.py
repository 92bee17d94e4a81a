"""What holds for every method: the same bytes again, no side effect, any architecture."""

import inspect

import keras
import numpy as np
import pytest
from architectures import (
    ARCHITECTURES,
    POOLED,
    RELU_ONLY,
    architecture,
    chain,
    eagerly,
    fingerprint,
    photo_of_noise,
)
from keras import layers

import cnnvis_helpers as helpers

PHOTO = photo_of_noise()
MAPS = {  # of a photo and a target, with settings that are quick to run
    "cam": {},
    "gradcam": {"relu": False},
    "gradcam_plus_plus": {"relu": False},
    "layercam": {"relu": False},
    "scorecam": {"max_channels": 3},
    "guided_gradcam": {},
    "saliency": {},
    "gradient_x_input": {},
    "smoothgrad": {"samples": 2},
    "integrated_gradients": {"steps": 2},
    "guided_backprop": {},
    "occlusion": {"fill": "mean"},
    "one_pixel_map": {"colours": [(0, 0, 0)]},
}
ATTACKS = {
    "fgsm": {"epsilon": 2},
    "pgd": {"epsilon": 4, "steps": 3},
    "one_pixel": {"settings": {"population": 6, "generations": 1}},
}
PICTURES = {
    "filter_patterns": {"channels": [0, 3], "size": 64, "steps": 1},
    "class_pattern": {"steps": 1},
    "deep_dream": {"octaves": 1, "steps": 1},
    "invert_features": {"steps": 2, "tv": 0},
}
SETTINGS = {**MAPS, **ATTACKS, **PICTURES}


def run(method, net, photo, **more):
    """The array that a method makes with its quick settings."""
    half = [-(-length // 2) for length in net.input_size]
    by_size = {"occlusion": {"patch": half, "stride": half}, "one_pixel_map": {"stride": min(half)}}
    first = {"filter_patterns": [net.last_conv], "class_pattern": [1]}.get(method, [photo])
    if method in ("deep_dream", "invert_features"):
        first.append(net.last_conv)
    settings = {**by_size.get(method, {}), **SETTINGS[method], **more}
    result = getattr(helpers, method)(net, *first, **settings)
    for name in ("photo", "picture"):
        result = getattr(result, name, result)
    return result


def takes(method, argument):
    return argument in inspect.signature(getattr(helpers, method)).parameters


@pytest.mark.parametrize("method", SETTINGS)
def test_the_same_call_gives_the_same_bytes_and_changes_nothing(method, tiny_net):
    photo, before = PHOTO.copy(), fingerprint(tiny_net)
    first, second = (run(method, tiny_net, photo) for _ in range(2))
    assert first.any() and first.tobytes() == second.tobytes()
    assert fingerprint(tiny_net) == before and np.array_equal(photo, PHOTO)


@pytest.mark.parametrize("method", [*filter(lambda name: takes(name, "seed"), SETTINGS)])
def test_another_seed_gives_other_bytes(method, tiny_net):
    first, other = (run(method, tiny_net, PHOTO, seed=seed) for seed in (5, 6))
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("method", MAPS)
def test_none_is_the_top_class(method, tiny_net):
    top = tiny_net.predict(PHOTO)[0].index
    found = run(method, tiny_net, PHOTO)
    assert np.array_equal(found, run(method, tiny_net, PHOTO, target=top))
    assert not np.array_equal(found, run(method, tiny_net, PHOTO, target=(top + 1) % 4))


@pytest.mark.parametrize("method", [*MAPS][1:])  # CAM needs another head
def test_one_sigmoid_has_two_classes(method):
    net = architecture("cats and dogs")
    maps = [run(method, net, PHOTO, target=target) for target in (0, 1)]
    opposite_gradients = method in ("saliency", "smoothgrad")  # of which these show magnitudes
    assert np.array_equal(*maps) == opposite_gradients
    assert np.array_equal(run(method, net, PHOTO), maps[net.predict(PHOTO)[0].index])


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_gives_a_map_and_an_attack_or_a_reason(name):
    net, photo = architecture(name), PHOTO.copy()
    before = fingerprint(net)
    with eagerly(name):
        for method in (*MAPS, *ATTACKS):
            without_cam = method == "cam" and name not in POOLED
            if without_cam or ("guided" in method and name not in RELU_ONLY):
                with pytest.raises(ValueError, match="ends with|defined for networks of ReLUs"):
                    run(method, net, photo)
                continue
            found = run(method, net, photo, **({"target": 1} if method in MAPS else {}))
            assert np.isfinite(found).all(), method
            if method in MAPS:
                assert found.shape == photo.shape[:2] and found.dtype == np.float32, method
                assert found.any() or method == "guided_gradcam", method
            else:
                original = np.rint(net.prepare(photo)[0])
                assert found.shape == original.shape and (found != original).any(), method
    assert fingerprint(net) == before and np.array_equal(photo, PHOTO)


@pytest.mark.slow
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_makes_pictures(name):
    net, photo = architecture(name), np.tile(PHOTO, (2, 2, 1))  # of 40 pixels, mixed10 leaves none
    original = photo.copy()
    before = fingerprint(net)
    size = 96 if name == "InceptionV3" else 64  # of 64 pixels, too
    with eagerly(name):
        patterns = run("filter_patterns", net, photo, size=size)
        of_class, dream, inverted = (run(method, net, photo) for method in [*PICTURES][1:])
    assert patterns.shape == (2, size, size, 3) and (patterns[0] != patterns[1]).any()
    assert of_class.shape == inverted.shape == (*net.input_size, 3)
    assert np.ptp(of_class) > 0 and np.ptp(inverted) > 0
    change = np.abs(dream.astype(int) - photo)
    assert dream.shape == photo.shape and 0 < change.mean() <= 2 and change.any(axis=2).mean() > 0.2
    assert fingerprint(net) == before and np.array_equal(photo, original)


@pytest.mark.parametrize("method", [*MAPS, *ATTACKS])
def test_a_network_that_answers_nan_is_refused(method):
    """A bias of nan leaves every gradient as it was: the map would look healthy."""
    net = chain(layers.Conv2D(4, 3, activation="relu"))
    net.model.layers[-1].bias.assign([np.nan, 0])
    for target in (1, None):
        with pytest.raises(ValueError, match="answer of the network .* is nan, no number: its tr"):
            run(method, net, PHOTO, target=target)


@pytest.mark.parametrize("method", MAPS)
def test_a_network_of_64_bit_floats_gives_maps_of_float32(method):
    keras.config.set_dtype_policy("float64")
    try:
        net = chain(layers.Conv2D(4, 3, activation="relu"))
    finally:
        keras.config.set_dtype_policy("float32")
    layer = {"layer": net.last_conv} if method == "guided_backprop" else {"target": 1}
    for more in ({"resize": False}, {"resize": True}) if takes(method, "resize") else ({},):
        found = run(method, net, PHOTO, **layer, **more)
        assert found.dtype == np.float32 and np.isfinite(found).all()
