"""The Stop button in the middle of every long method: the next call gives the same numbers."""

import threading
import warnings

import numpy as np
import pytest
from architectures import photo_of_noise

import cnnvis_helpers as helpers

PHOTO = photo_of_noise()
LONG = {
    "occlusion": ([PHOTO, 1], {"patch": 4, "stride": 1}),
    "scorecam": ([PHOTO, 1], {}),
    "smoothgrad": ([PHOTO, 1], {"samples": 300}),
    "integrated_gradients": ([PHOTO, 1], {"steps": 300}),
    "one_pixel_map": ([PHOTO, 1], {}),
    "deletion_curve": ([PHOTO, PHOTO[..., 0], 1], {"steps": 300}),
    "pgd": ([PHOTO], {"steps": 4}),
    "one_pixel": ([PHOTO], {"settings": {"population": 5, "generations": 4}}),
    "filter_patterns": (["conv1"], {"steps": 4}),
    "class_pattern": ([1], {"steps": 4}),
    "deep_dream": ([PHOTO], {"octaves": 1, "steps": 4}),
    "invert_features": ([PHOTO], {"steps": 4}),
}


def stop(done, total):
    raise KeyboardInterrupt


def numbers(result):
    for name in ("unrounded", "picture", "scores"):
        result = getattr(result, name, result)
    return np.asarray(result)


@pytest.mark.parametrize("method", LONG)
def test_a_stopped_call_changes_nothing_for_the_next(method, tiny_net, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    arguments, settings = LONG[method]
    call = getattr(helpers, method)
    weights = [np.array(weight) for weight in tiny_net.model.weights]
    expected = numbers(call(tiny_net, *arguments, **settings))
    threads, photo = threading.active_count(), PHOTO.copy()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            call(tiny_net, *arguments, **settings, progress=stop)
            assert any("stopped early" in str(one.message) for one in seen)
        except KeyboardInterrupt:
            pass  # a method that has no result before its end
    assert np.array_equal(numbers(call(tiny_net, *arguments, **settings)), expected)
    assert threading.active_count() == threads and not list(tmp_path.iterdir())
    assert np.array_equal(PHOTO, photo)
    assert all(map(np.array_equal, tiny_net.model.weights, weights))
