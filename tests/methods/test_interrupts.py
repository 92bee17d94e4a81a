"""The Stop button, and too little memory, in the middle of every long method."""

import os
import signal
import sys
import threading
import warnings

import numpy as np
import pytest
import tensorflow as tf
from architectures import photo_of_noise

import cnnvis_helpers as helpers
from cnnvis_helpers.methods import sliding_window

PHOTO = photo_of_noise()
LONG = {
    "occlusion": ([PHOTO, 1], {"patch": 4, "stride": 1}),
    "scorecam": ([PHOTO, 1], {}),
    "smoothgrad": ([PHOTO, 1], {"samples": 300}),
    "integrated_gradients": ([PHOTO, 1], {"steps": 300}),
    "one_pixel_map": ([PHOTO, 1], {"stride": 3}),
    "deletion_curve": ([PHOTO, PHOTO[..., 0], 1], {"steps": 300}),
    "pgd": ([PHOTO], {"steps": 4}),
    "one_pixel": ([PHOTO], {"settings": {"population": 5, "generations": 4}}),
    "filter_patterns": (["conv1"], {"steps": 4}),
    "class_pattern": ([1], {"steps": 4}),
    "deep_dream": ([PHOTO], {"octaves": 1, "steps": 4}),
    "invert_features": ([PHOTO], {"steps": 4}),
}


def numbers(result):
    for name in ("unrounded", "picture", "scores"):
        result = getattr(result, name, result)
    return np.asarray(result)


@pytest.fixture(params=["in a callback", "from outside"])
def stop(request):
    """A progress function that stops its call: itself, or by a SIGINT that another thread sends."""
    sender = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT), name="SIGINT")

    def progress(done, total):
        if request.param == "in a callback":
            raise KeyboardInterrupt
        if not sender.ident:
            sender.start()
        if done == total:  # too quick: the signal comes at the very end
            sender.join()

    return progress


def threads_of_the_course():
    return [thread for thread in threading.enumerate() if thread.name != "SIGINT"]


@pytest.mark.parametrize("method", LONG)
def test_a_stopped_call_changes_nothing_for_the_next(method, stop, tiny_net, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    arguments, settings = LONG[method]
    call = getattr(helpers, method)
    weights = [np.asarray(weight).copy() for weight in tiny_net.model.weights]
    expected = numbers(call(tiny_net, *arguments, **settings))
    threads, photo = threads_of_the_course(), PHOTO.copy()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            call(tiny_net, *arguments, **settings, progress=stop)
            assert any("stopped early" in str(one.message) for one in seen)
        except KeyboardInterrupt:
            pass  # a method that has no result before its end
    assert np.array_equal(numbers(call(tiny_net, *arguments, **settings)), expected)
    assert threads_of_the_course() == threads and not list(tmp_path.iterdir())
    assert np.array_equal(PHOTO, photo)
    assert all(map(np.array_equal, tiny_net.model.weights, weights))


SWEEPS = ("occlusion", "scorecam", "smoothgrad", "integrated_gradients", "one_pixel_map")


@pytest.mark.parametrize("method", [*SWEEPS, "deletion_curve", "one_pixel"])
def test_a_batch_too_large_for_the_memory_is_halved(method, tiny_net, monkeypatch):
    arguments, settings = LONG[method]
    expected = numbers(getattr(helpers, method)(tiny_net, *arguments, **settings))
    computed, refused = [], []

    def in_batches(compute, count, largest):
        def within_memory(part):
            if part.stop - part.start > 3:
                refused.append(part)
                raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
            computed.extend(range(part.start, part.stop))
            return compute(part)

        return sliding_window.in_batches(within_memory, count, largest)

    for module in [one for name, one in sys.modules.items() if name.startswith("cnnvis_helpers")]:
        if hasattr(module, "in_batches") and module is not sliding_window:
            monkeypatch.setattr(module, "in_batches", in_batches)
    found = numbers(getattr(helpers, method)(tiny_net, *arguments, **settings))
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * scale)
    assert refused and computed
    if method != "one_pixel":  # one sweep: everything is computed once, in its order
        assert computed == list(range(len(computed)))


def test_a_memory_too_small_for_one_picture_is_told():
    def compute(part):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    with pytest.raises(MemoryError, match="too small for one picture"):
        list(sliding_window.in_batches(compute, 10, 4))
