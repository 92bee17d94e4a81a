"""Kept results: the same numbers as computed, found only for the same call."""

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

import cnnvis_helpers
from cnnvis_helpers.classroom import keep
from cnnvis_helpers.methods import attacks, cam, occlusion, robustness

pytest.importorskip("joblib")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    cache = tmp_path / "my cäche 写真"
    monkeypatch.setenv("CNNVIS_CACHE", str(cache))
    monkeypatch.setenv("CNNVIS_KEEP", "0")
    return cache / "kept"


@pytest.fixture
def net(tiny_net, monkeypatch):
    """The small network, as if it came from a file."""
    monkeypatch.setattr(tiny_net, "origin", ("tiny.keras", None, None))
    return tiny_net


def count():
    return len(keep.summary()[0])


def test_a_second_call_reads_the_result_from_disk(net, tiny_photo, monkeypatch):
    occlude = keep.through(occlusion.occlusion)
    first = occlude(net, tiny_photo, "cat", patch=8)
    steps = []
    monkeypatch.setattr(net, "prepare", None)  # computing would fail
    second = occlude(
        net, photo=tiny_photo, target="cat", patch=8, progress=lambda *done: steps.append(done)
    )
    assert first.dtype == second.dtype and first.tobytes() == second.tobytes()
    assert steps == [(1, 1)] and second.flags.writeable and count() == 1


def test_an_attack_comes_back_complete_and_can_be_an_argument(net, tiny_photo):
    attack, transfer = keep.through(attacks.pgd), keep.through(robustness.transfer)
    first, second = (attack(net, tiny_photo, epsilon=4, steps=3) for _ in range(2))
    assert first is not second and type(second) is type(first) and repr(first) == repr(second)
    assert second.history == first.history and second.before == first.before
    assert np.array_equal(first.photo, second.photo)
    transfer(net, first)
    transfer(net, second)
    assert count() == 2


def test_a_call_that_differs_in_anything_is_another_result(net, tiny_photo, monkeypatch):
    occlude, gradcam = keep.through(occlusion.occlusion), keep.through(cam.gradcam)
    other = tiny_photo.copy()
    other[0, 0, 0] ^= 1
    occlude(net, tiny_photo, "cat")
    occlude(net, other, "cat")
    occlude(net, tiny_photo.astype(np.float32), "cat")
    occlude(net, tiny_photo, "dog")
    occlude(net, tiny_photo, "cat", patch=7)
    gradcam(net, tiny_photo, "cat")
    assert count() == 6
    for origin in (("tiny.keras", "unit", None), ("other.keras", None, None)):
        monkeypatch.setattr(net, "origin", origin)
        gradcam(net, tiny_photo, "cat")
    monkeypatch.setattr(keep, "_code", lambda: "another version")
    gradcam(net, tiny_photo, "cat")
    assert count() == 9


def test_one_changed_weight_is_another_network(net, tiny_photo):
    gradcam, kernel = keep.through(cam.gradcam), net.model.get_layer("conv1").kernel
    before = kernel.numpy()
    first = gradcam(net, tiny_photo, 0)
    try:
        kernel.assign(-before)
        assert not np.array_equal(gradcam(net, tiny_photo, 0), first)
    finally:
        kernel.assign(before)
    assert np.array_equal(gradcam(net, tiny_photo, 0), first) and count() == 2


def test_a_stopped_method_is_not_kept(net, tiny_photo):
    def stop(done, total):
        raise StopIteration

    occlude = keep.through(occlusion.occlusion)
    with pytest.warns(UserWarning, match="stopped early"):
        part = occlude(net, tiny_photo, patch=4, progress=stop)
    assert count() == 0
    complete = occlude(net, tiny_photo, patch=4)
    assert count() == 1 and not np.array_equal(part, complete)


def test_networks_from_memory_own_functions_and_quick_results_are_not_kept(
    net, tiny_photo, monkeypatch
):
    curve = keep.through(robustness.epsilon_curve)
    curve(net, [tiny_photo], [1], attack=lambda *a, **k: attacks.pgd(*a, **k))
    assert count() == 0
    curve(net, [tiny_photo], [1], attack=attacks.pgd)
    assert count() == 1
    gradcam = keep.through(cam.gradcam)
    monkeypatch.setenv("CNNVIS_KEEP", "60")
    gradcam(net, tiny_photo)
    monkeypatch.setenv("CNNVIS_KEEP", "0")
    monkeypatch.setattr(net, "origin", None)
    gradcam(net, tiny_photo)
    assert count() == 1


def test_a_result_cut_off_or_changed_on_disk_is_computed_again(net, tiny_photo, recwarn):
    gradcam = keep.through(cam.gradcam)
    first = gradcam(net, tiny_photo)
    for damage in (lambda data: data[: len(data) // 2], lambda data: data[:-9] + bytes(9)):
        (path,) = keep.summary()[0]
        path.write_bytes(damage(path.read_bytes()))
        assert np.array_equal(gradcam(net, tiny_photo), first)
        (path,) = keep.summary()[0]
        assert keep._is_kept(keep._key(cam.gradcam, (net, tiny_photo), {}))


@pytest.mark.parametrize("size", [None, 0, 100])
def test_a_folder_that_cannot_be_written_to_costs_one_sentence(net, tiny_photo, folder, size):
    """A file in its way, or a limit on the size of files as on a full disk."""
    resource = pytest.importorskip("resource")
    gradcam, limits = keep.through(cam.gradcam), resource.getrlimit(resource.RLIMIT_FSIZE)
    if size is None:
        folder.parent.touch()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if size is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
            found = gradcam(net, tiny_photo)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    (warning,) = caught
    said = str(warning.message)
    assert said.startswith("The result is not kept") and said.count(". ") == 0
    assert np.array_equal(found, cam.gradcam(net, tiny_photo))


def test_cnnvis_keep_says_what_is_used_and_kept(net, tiny_photo, folder, monkeypatch):
    gradcam = keep.through(cam.gradcam)
    first = gradcam(net, tiny_photo, 0)
    assert gradcam.ready(net, tiny_photo, 1), "a rehearsal keeps everything"
    monkeypatch.delenv("CNNVIS_KEEP")
    assert gradcam.ready(net, tiny_photo, 0) and not gradcam.ready(net, tiny_photo, 1)
    gradcam(net, tiny_photo, 1)
    assert count() == 1
    monkeypatch.setattr(net, "prepare", None)  # computing would fail
    assert np.array_equal(gradcam(net, tiny_photo, 0), first)
    monkeypatch.setenv("CNNVIS_KEEP", "off")
    with pytest.raises(TypeError):
        gradcam(net, tiny_photo, 0)
    monkeypatch.setenv("CNNVIS_KEEP", "yes")
    with pytest.raises(ValueError, match="'yes'"):
        keep.seconds_limit()


def test_errors_of_the_method_pass_through(net, tiny_photo):
    with pytest.raises(ValueError, match="horse"):
        keep.through(cam.gradcam)(net, tiny_photo, "horse")
    with pytest.raises(TypeError, match="colour"):
        keep.through(cam.gradcam)(net, tiny_photo, colour=1)
    assert count() == 0


def test_clearing_leaves_nothing_and_nothing_is_looked_up(net, tiny_photo, folder, monkeypatch):
    gradcam = keep.through(cam.gradcam)
    gradcam(net, tiny_photo)
    assert keep.clear() == 1 and not folder.exists()
    gradcam(net, tiny_photo)
    assert count() == 1, "keeping works again in the same process"
    keep.clear()
    monkeypatch.delenv("CNNVIS_KEEP")
    assert keep.through(cam.gradcam) is cam.gradcam


def test_public_methods_are_wrapped_only_while_results_are_in_use():
    code = (
        "import cnnvis_helpers as c, inspect; "
        "print(hasattr(c.gradcam, 'ready'), hasattr(c.show_photo, 'ready')); "
        "print(inspect.getsource(c.gradcam)[:12])"
    )
    for setting, wrapped in (("off", "False False"), ("2", "True False")):
        ran = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "CNNVIS_KEEP": setting},
            capture_output=True,
            text=True,
        )
        assert ran.stdout.splitlines() == [wrapped, "def gradcam("], ran.stderr


def test_without_joblib_methods_are_as_they_are(monkeypatch):
    monkeypatch.setitem(sys.modules, "joblib", None)
    assert keep.through(cam.gradcam) is cam.gradcam


def test_a_dream_is_watched_unless_it_is_kept(net, monkeypatch):
    from cnnvis_helpers.methods.deep_dream import deep_dream
    from cnnvis_helpers.widgets import explore_dream
    from cnnvis_helpers.widgets.explorer import Task

    monkeypatch.setattr(explore_dream, "EVERY", 0)
    monkeypatch.setattr(explore_dream, "deep_dream", keep.through(deep_dream))
    seen = []
    monkeypatch.setattr(Task, "preview", lambda task, drawn: seen.append(drawn.alt))
    for setting, watched in ((None, True), ("0", False), (None, False)):
        seen.clear()
        monkeypatch.delenv("CNNVIS_KEEP", raising=False)
        if setting:
            monkeypatch.setenv("CNNVIS_KEEP", setting)
        explorer = cnnvis_helpers.explore_dream(net, "coffee", octaves=1, steps=3).wait()
        assert "after 1 octave of 3 steps" in explorer.drawn.alt and bool(seen) == watched
