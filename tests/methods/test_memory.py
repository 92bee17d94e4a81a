"""Memory stays flat: 100 calls of every method, 200 moves of every explorer, on new networks."""

import gc

import pytest
from architectures import tiny_network
from test_every_method import SETTINGS, run

import cnnvis_helpers
from cnnvis_helpers import load_photo

psutil = pytest.importorskip("psutil")  # comes with ipykernel

PHOTO = load_photo("coffee", max_side=64)
MOVES = {
    "attack": [{"epsilon": 1}, {"epsilon": 20}],
    "cam": [{"method": "LayerCAM"}, {"method": "Grad-CAM"}],
    "dream": [{"steps": 1}, {"steps": 2}],
    "layers": [{"channel": 5}, {"channel": 0}],
    "occlusion": [{"patch": 6}, {"patch": 12}],
    "randomization": [{"forgotten": 2}, {"forgotten": 0}],
    "saliency": [{"method": "SmoothGrad"}, {"method": "gradient"}],
}


def megabytes():
    gc.collect()
    return psutil.Process().memory_info().rss / 1e6


def assert_flat(seen):
    """The first third fills caches; after it, nothing grows by more than 5 %."""
    start = seen[len(seen) // 3]
    assert max(seen[-3:]) < 1.05 * start, [round(one) for one in seen]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_hundred_calls_of_every_method_leave_the_memory_flat():
    seen = []
    for turn in range(100):
        if turn % 10 == 0:
            net = tiny_network()
        for method in SETTINGS:
            run(method, net, PHOTO)
        if turn % 10 == 9:
            seen.append(megabytes())
    assert_flat(seen)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", MOVES)
def test_two_hundred_moves_of_an_explorer_leave_the_memory_flat(name):
    seen = []
    for _ in range(10):
        explorer = getattr(cnnvis_helpers, f"explore_{name}")(tiny_network(), "coffee")
        for move in range(20):
            for control, value in MOVES[name][move % 2].items():
                explorer.controls[control].value = value
            assert explorer.wait().error is None
        seen.append(megabytes())
    assert_flat(seen)
