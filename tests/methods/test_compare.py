"""compare_methods: the maps are the methods' own, and the counts of passes are true."""

import numpy as np
import pytest
import tensorflow as tf
from architectures import architecture, photo_of_noise

from cnnvis_helpers.methods import compare
from cnnvis_helpers.methods.compare import compare_methods
from cnnvis_helpers.methods.shapes import shape_pictures
from cnnvis_helpers.networks.network import Network, load_network

PHOTO = shape_pictures(5, "all", seed=3)[4].photo


@pytest.fixture(scope="module")
def net():
    return load_network("shapes_c")


@pytest.fixture(scope="module")
def table(net):
    return compare_methods(net, PHOTO, "hexagon")


def test_the_maps_are_the_methods_own(net, table):
    assert [result.name for result in table] == list(compare._METHODS)
    assert len(table) == 12
    for result in table:
        own = compare._METHODS[result.name].run(net, PHOTO, "hexagon")
        np.testing.assert_allclose(result.heat, own, rtol=1e-4, atol=1e-6 * np.abs(own).max())
        assert (result.low, result.high) == (result.heat.min(), result.heat.max())
        assert result.seconds > 0 and result.note == ""
        assert table[result.name] is result


@pytest.mark.parametrize("name", list(compare._METHODS))
def test_passes_are_those_that_the_network_makes(table, name, monkeypatch):
    """Counted on a fresh network, uncompiled, in its forward pass and in TensorFlow's tape."""
    counted = {"forward": 0, "backward": 0}
    passes, gradient = Network.forward, tf.GradientTape.gradient

    def forward(self, pixels, *rest, **named):
        counted["forward"] += len(pixels)
        return passes(self, pixels, *rest, **named)

    def back(self, target, sources, *rest, **named):
        counted["backward"] += len(target)
        return gradient(self, target, sources, *rest, **named)

    monkeypatch.setattr(Network, "forward", forward)
    monkeypatch.setattr(tf.GradientTape, "gradient", back)
    tf.config.run_functions_eagerly(True)
    try:
        compare._METHODS[name].run(load_network("shapes_c"), PHOTO, "hexagon")
    finally:
        tf.config.run_functions_eagerly(False)
    assert counted == {"forward": table[name].forward, "backward": table[name].backward}


def test_one_scale_divides_by_the_largest_magnitude_and_states_the_range(table):
    scaled = table.on_one_scale()
    assert len(scaled) == 12
    for result, (title, values) in zip(table, scaled.items(), strict=True):
        assert np.abs(values).max() == pytest.approx(1)
        np.testing.assert_allclose(values * np.abs(result.heat).max(), result.heat, rtol=1e-5)
        name, numbers = title.split("\n")
        low, high = (float(word) for word in numbers.split(" to "))
        assert name == compare.title_of(result.name)
        assert low == pytest.approx(result.low, rel=0.06, abs=1e-12)
        assert high == pytest.approx(result.high, rel=0.06)


def test_an_empty_map_stays_empty(net):
    table = compare_methods(net, PHOTO, "disc", {"nothing": lambda *_: np.zeros((48, 48))})
    assert not table.on_one_scale()["nothing\n0 to 0"].any()


def test_user_defined_methods(net):
    table = compare_methods(net, PHOTO, 1, {"mine": lambda net, photo, target: photo[..., target]})
    assert np.array_equal(table["mine"].heat, PHOTO[..., 1])
    assert table["mine"].forward is None and "mine" in repr(table) and "?" in repr(table)


def test_a_method_without_a_place_in_the_network_has_a_note():
    net = architecture("cats and dogs")  # no pooled head
    table = compare_methods(net, photo_of_noise(), 1, ["cam", "gradcam"])
    assert table[0].heat is None and "global average pooling" in table[0].note
    assert table[1].heat is not None and list(table.on_one_scale())[0].startswith("Grad-CAM")
    assert "CAM needs" in repr(table) and "<table>" in table._repr_html_()


def test_stop_keeps_what_is_done(net):
    def progress(done, total):
        assert total == 3
        if done == 2:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="methods done so far"):
        table = compare_methods(net, PHOTO, 0, ["cam", "gradcam", "saliency"], progress)
    assert [result.name for result in table] == ["cam", "gradcam"]


def test_unknown_methods_and_rows_are_refused(net, table):
    with pytest.raises(ValueError, match="'occlusion', .*, not 'gradcamm'; did you mean 'gradcam'"):
        compare_methods(net, PHOTO, "hexagon", ["gradcamm"])
    with pytest.raises(KeyError, match="no method 'gradcamm' in this table; it has occlusion"):
        table["gradcamm"]
