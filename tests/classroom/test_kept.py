"""Kept results: the same bytes as computed, found only for the same call, never half a file."""

import functools
import json
import multiprocessing
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import cnnvis_helpers
from cnnvis_helpers._shared import progress
from cnnvis_helpers.classroom import keep as kept
from cnnvis_helpers.classroom import kept_keys
from cnnvis_helpers.methods.attacks import pgd
from cnnvis_helpers.methods.cam import gradcam, scorecam
from cnnvis_helpers.methods.deep_dream import dream_steps
from cnnvis_helpers.methods.occlusion import occlusion
from cnnvis_helpers.methods.robustness import epsilon_curve, transfer

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Results are kept in an empty folder, whatever they cost."""
    monkeypatch.setenv("CNNVIS_KEPT", str(tmp_path / "kept"))
    monkeypatch.setattr(kept, "STARTED", time.time() + 60)  # a working copy may be minutes old
    monkeypatch.setattr(kept, "_warned", False)
    kept.keep_results(0)
    yield tmp_path / "kept"
    kept.keep_results(None)


@pytest.fixture
def runs(monkeypatch):
    """Counts how often a result was really computed: a list that grows."""
    counted = []

    def counting(method, *arguments, **named):
        begun = len(kept._files())
        result = kept.call(method, *arguments, **named)
        counted.append(len(kept._files()) - begun)
        return result

    counting.counted = counted
    return counting


def small_copy(net, **changes):
    """A network like tiny_net, made anew from the same description and weights."""
    import keras

    model = keras.models.clone_model(net.model)
    model.set_weights(net.model.get_weights())
    options = {"labels": list(net.labels), **changes}
    return cnnvis_helpers.load_network(model, **options)


# --- the same call ---------------------------------------------------------------------------


def test_a_second_call_gives_the_same_bytes_from_disk(tiny_net, tiny_photo, runs, monkeypatch):
    first = runs(occlusion, tiny_net, tiny_photo, "cat", patch=8)
    monkeypatch.setattr(tiny_net, "logits", None)  # computing would fail
    second = runs(occlusion, tiny_net, tiny_photo, "cat", patch=8)
    assert runs.counted == [1, 0]
    assert first.dtype == second.dtype and first.tobytes() == second.tobytes()
    assert second.flags.writeable


def test_order_and_defaults_of_arguments_do_not_matter(tiny_net, tiny_photo, runs):
    runs(occlusion, tiny_net, tiny_photo)
    runs(occlusion, tiny_net, tiny_photo, None, None)
    runs(occlusion, tiny_net, tiny_photo, score="logit", target=None)
    assert runs.counted == [1, 0, 0]


def test_a_network_made_anew_with_the_same_weights_finds_the_result(tiny_net, tiny_photo, runs):
    runs(gradcam, tiny_net, tiny_photo, "cat")
    runs(gradcam, small_copy(tiny_net), tiny_photo, "cat")
    assert runs.counted == [1, 0]


def test_an_attack_comes_back_whole(tiny_net, tiny_photo):
    first, second = (kept.call(pgd, tiny_net, tiny_photo, epsilon=4, steps=3) for _ in range(2))
    assert first is not second and type(second) is type(first)
    assert repr(first) == repr(second)
    assert second.history == first.history and second.before == first.before
    assert np.array_equal(first.photo, second.photo)
    runs_before = len(kept._files())
    kept.call(transfer, tiny_net, first)
    kept.call(transfer, tiny_net, second)  # equal attacks are equal arguments
    assert len(kept._files()) == runs_before + 1


def test_progress_is_told_that_all_is_done(tiny_net, tiny_photo):
    told = []
    for _ in range(2):
        kept.call(
            scorecam, tiny_net, tiny_photo, progress=lambda done, total: told.append((done, total))
        )
    assert told[-1] == (1, 1) and told[-2][0] == told[-2][1] > 1


# --- another call ----------------------------------------------------------------------------


def test_whatever_changes_is_another_result(tiny_net, tiny_photo, runs):
    other_photo = tiny_photo.copy()
    other_photo[0, 0, 0] ^= 1
    runs(occlusion, tiny_net, tiny_photo, "cat")
    runs(occlusion, tiny_net, other_photo, "cat")
    runs(occlusion, tiny_net, tiny_photo.astype(np.float32), "cat")
    runs(occlusion, tiny_net, tiny_photo, "dog")
    runs(occlusion, tiny_net, tiny_photo, "cat", patch=7)
    runs(gradcam, tiny_net, tiny_photo, "cat")
    assert runs.counted == [1] * 6


def test_one_changed_weight_is_another_network(tiny_net, tiny_photo, runs):
    net = small_copy(tiny_net)
    runs(gradcam, net, tiny_photo, 0)
    kernel = net.model.get_layer("conv1").kernel
    value = kernel.numpy()
    value[0, 0, 0, 0] = np.nextafter(value[0, 0, 0, 0], np.float32(9))
    kernel.assign(value)
    runs(gradcam, net, tiny_photo, 0)
    value[..., [0, 1]] = value[..., [1, 0]]  # the same numbers elsewhere
    kernel.assign(value)
    runs(gradcam, net, tiny_photo, 0)
    assert runs.counted == [1, 1, 1]


def test_labels_and_preprocessing_are_part_of_a_network(tiny_net, tiny_photo, runs):
    runs(gradcam, tiny_net, tiny_photo, 0)
    runs(gradcam, small_copy(tiny_net, labels=list("abcde")), tiny_photo, 0)
    runs(gradcam, small_copy(tiny_net, preprocess="unit"), tiny_photo, 0)
    runs(gradcam, small_copy(tiny_net, preprocess=lambda x: x / 2), tiny_photo, 0)
    runs(gradcam, small_copy(tiny_net, preprocess=lambda x: x / 3), tiny_photo, 0)
    assert runs.counted == [1] * 5


# Each pair makes the same of a picture that has all levels from 0 to 255.
ALIKE = {
    "range": (lambda x: x / 255.0, lambda x: x / tf.reduce_max(x)),
    "mean": (lambda x: x - 127.5, lambda x: x - tf.reduce_mean(x)),
    "clip": (lambda x: x, lambda x: tf.clip_by_value(x, 0.0, 255.0)),
}


@pytest.mark.parametrize("pair", ALIKE.values(), ids=list(ALIKE))
def test_functions_that_agree_on_all_levels_are_told_apart(tiny_net, tiny_photo, runs, pair):
    ramp = tf.reshape(tf.linspace(0.0, 255.0, 24 * 32 * 3), (1, 24, 32, 3))
    assert np.allclose(pair[0](ramp), pair[1](ramp), atol=1e-3)
    heats = [
        runs(gradcam, small_copy(tiny_net, preprocess=each), tiny_photo, 0) for each in pair * 2
    ]
    assert runs.counted == [1, 1, 0, 0]
    assert np.array_equal(heats[0], heats[2]) and np.array_equal(heats[1], heats[3])


SCALE = 2.0
LEVELS = np.array([1.0, 2.0, 3.0], np.float32)


def scaled(x):
    return halved(x) * SCALE + LEVELS


def halved(x):
    return tf.cast(x, tf.float32) / 2


def key_of(preprocess):
    """The hash of a preprocessing alone."""
    import hashlib
    from types import SimpleNamespace

    digest = hashlib.sha256()
    net = SimpleNamespace(input_size=(4, 5), _preprocess=preprocess)
    kept_keys._add_preprocessing(digest, net)
    return digest.hexdigest()


def test_a_function_is_its_code_its_closure_and_its_globals(monkeypatch):
    def made(number, power=1):
        return lambda x: (x * number) ** power

    assert key_of(made(2)) == key_of(made(2)) != key_of(made(3))
    assert key_of(made(2)) != key_of(made(2, power=2))
    assert key_of(functools.partial(made(2))) != key_of(made(2))
    before = key_of(scaled)
    assert key_of(scaled) == before
    monkeypatch.setitem(globals(), "SCALE", 3.0)
    assert key_of(scaled) != before
    monkeypatch.undo()
    monkeypatch.setitem(globals(), "halved", lambda x: tf.cast(x, tf.float32) / 2.5)
    assert key_of(scaled) != before
    monkeypatch.undo()
    assert key_of(scaled) == before
    LEVELS[0] += 1
    assert key_of(scaled) != before
    LEVELS[0] -= 1
    assert key_of(tf.function(halved)) == key_of(tf.function(halved)) != key_of(halved)
    assert key_of(lambda x: x[..., ::-1] - np.float32(3)) is not None


def test_layers_of_keras_as_preprocessing_have_their_numbers_in_the_key():
    import keras

    scale = [keras.layers.Rescaling(1 / n, name="scale") for n in (255, 255, 127.5)]
    assert key_of(scale[0]) == key_of(scale[1]) != key_of(scale[2])
    assert key_of(lambda x: scale[0](x)) != key_of(lambda x: scale[2](x))
    normal = [  # three means: Keras 3.5 does not broadcast a single one
        keras.layers.Normalization(mean=[m, m, m], variance=[4.0] * 3, name="normal")
        for m in (1.0, 1.0, 2.0)
    ]
    assert key_of(normal[0]) == key_of(normal[1]) != key_of(normal[2])
    assert key_of(keras.applications.vgg16.preprocess_input) != key_of(
        keras.applications.mobilenet.preprocess_input
    )


def test_every_preprocessing_of_the_course_has_a_key():
    from types import SimpleNamespace

    from cnnvis_helpers.networks import sources as loading
    from cnnvis_helpers.networks.applications import MODES

    found = {key_of(mode) for mode in MODES.values()}
    for channels in (1, 2):  # of grey pictures (n, h, w, 1), and (n, h, w)
        for mode in ("identity", "unit", "tf"):
            found.add(key_of(loading._preprocessing(mode, SimpleNamespace(), None, channels)))
    assert len(found) == len(MODES) + 6


class Own:
    def __init__(self):
        self.mean = 3.0

    def __call__(self, x):
        return x - self.mean


OWN = Own()


@pytest.mark.parametrize(
    "function",
    [
        OWN,
        OWN.__call__,
        lambda x: x - OWN.mean,
        lambda x: x - float(os.environ.get("NOWHERE", "1")),
        lambda x: x + np.random.default_rng(0).normal(),
        lambda x: tf.image.random_brightness(x, 0.1),
        lambda x: x * len(open(__file__).read()),
        lambda x: x * time.time(),
    ],
    ids=["object", "method", "attribute", "environment", "numpy", "tf", "file", "clock"],
)
def test_a_function_that_may_come_out_differently_has_no_key(function):
    with pytest.raises(kept_keys.NoKey):
        key_of(function)


def test_a_code_key_is_the_same_in_every_process():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import hashlib\nfrom cnnvis_helpers.classroom.kept_code import add_function\n"
        "from cnnvis_helpers.classroom.kept_keys import _add\n"
        "one = 3\n"
        "def f(x, names=('b', 'a')):\n"
        "    return x * one if x in {'u', 'v', 'w'} else [(lambda y: y + one)(x) for x in names]\n"
        "digest = hashlib.sha256()\n"
        "add_function(digest, f, lambda value, other: _add(digest, value, None, other))\n"
        "print(digest.hexdigest())"
    )
    told = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        ran = subprocess.run(
            [sys.executable, "-c", code, str(ROOT)],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stderr
        told.add(ran.stdout)
    assert len(told) == 1 and len(told.pop()) == 65


def test_another_activation_is_another_network(tiny_net, tiny_photo, runs):
    import keras

    net = small_copy(tiny_net)
    runs(gradcam, net, tiny_photo, 0)
    net.model.get_layer("conv1").activation = keras.activations.elu
    again = cnnvis_helpers.load_network(net.model, labels=net.labels)
    runs(gradcam, again, tiny_photo, 0)
    assert runs.counted == [1, 1]


def test_a_changed_package_finds_nothing_old(tiny_net, tiny_photo, runs, monkeypatch):
    runs(gradcam, tiny_net, tiny_photo)
    monkeypatch.setattr(kept_keys, "_code_hash", lambda: "another version")
    runs(gradcam, tiny_net, tiny_photo)
    assert runs.counted == [1, 1]


def test_code_that_changed_under_a_running_process_is_not_trusted(
    tiny_net, tiny_photo, runs, monkeypatch
):
    monkeypatch.setattr(kept, "STARTED", 0)  # every file is newer
    runs(gradcam, tiny_net, tiny_photo)
    assert runs.counted == [0]


def test_the_code_hash_takes_in_every_file_of_the_package(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.py").write_text("1")
    monkeypatch.setattr(kept_keys, "_FOLDER", tmp_path)
    kept_keys._code_hash.cache_clear()
    before = kept_keys._code_hash()
    (tmp_path / "sub" / "a.py").write_text("2")
    kept_keys._code_hash.cache_clear()
    assert kept_keys._code_hash() != before
    kept_keys._code_hash.cache_clear()


# --- what is never kept ----------------------------------------------------------------------


def test_quick_results_are_not_kept(tiny_net, tiny_photo, runs):
    kept.keep_results(60)
    runs(gradcam, tiny_net, tiny_photo)
    assert runs.counted == [0]


def test_a_method_that_was_stopped_early_is_not_kept(tiny_net, tiny_photo, runs):
    def stop(done, total):
        raise StopIteration

    with pytest.warns(UserWarning, match="stopped early"):
        runs(occlusion, tiny_net, tiny_photo, patch=4, progress=stop)
    runs(occlusion, tiny_net, tiny_photo, patch=4)
    assert runs.counted == [0, 1]


def test_a_dream_that_was_stopped_early_counts_as_stopped(tiny_net, tiny_photo):
    from cnnvis_helpers.methods.deep_dream import deep_dream

    def stop(done, total):
        raise KeyboardInterrupt

    before = progress.stops()
    with pytest.warns(UserWarning, match="stopped"):
        photo = np.tile(tiny_photo, (2, 2, 1))
        kept.call(deep_dream, tiny_net, photo, octaves=1, steps=2, progress=stop)
    assert progress.stops() == before + 1
    assert not kept._files()


def test_a_network_that_changes_during_the_call_is_not_kept(tiny_net, tiny_photo, runs):
    net = small_copy(tiny_net)
    bias = net.model.get_layer("conv1").bias

    def train(done, total):
        bias.assign(bias.numpy() + 1)

    runs(scorecam, net, tiny_photo, progress=train)
    assert runs.counted == [0]


def test_own_functions_own_layers_and_generators_are_not_kept(tiny_net, tiny_photo, runs):
    import keras

    class Mine(keras.layers.Layer):
        def call(self, x):
            return 2 * x

    def mine(net, photo):
        return np.zeros(3)

    inputs = keras.Input((24, 32, 3))
    made = keras.layers.Conv2D(3, 3, activation="relu")(Mine()(inputs))
    made = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(made))
    foreign = cnnvis_helpers.load_network(keras.Model(inputs, made), labels=["a", "b"])
    inputs = keras.Input((24, 32, 3))
    made = keras.layers.Conv2D(3, 3, activation=lambda x: x + 1)(inputs)
    made = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(made))
    own_activation = cnnvis_helpers.load_network(keras.Model(inputs, made), labels=["a", "b"])

    runs(mine, tiny_net, tiny_photo)
    runs(gradcam, foreign, tiny_photo)
    runs(gradcam, own_activation, tiny_photo)
    runs(dream_steps, tiny_net, tiny_photo)
    own = lambda net, photo, epsilon: pgd(net, photo, epsilon=epsilon)  # noqa: E731
    runs(epsilon_curve, tiny_net, [tiny_photo], [1], attack=own)
    runs(epsilon_curve, tiny_net, [tiny_photo], [1], attack=functools.wraps(pgd)(own))
    assert runs.counted == [0] * 6
    runs(epsilon_curve, tiny_net, [tiny_photo], [1], attack=pgd)  # a method is known by its name
    assert runs.counted[-1] == 1


def test_errors_and_wrong_arguments_pass_through(tiny_net, tiny_photo):
    with pytest.raises(ValueError, match="has no class 'horse'"):
        kept.call(gradcam, tiny_net, tiny_photo, "horse")
    with pytest.raises(TypeError, match="colour"):
        kept.call(gradcam, tiny_net, tiny_photo, colour=1)
    assert not kept._files()


# --- the switch ------------------------------------------------------------------------------


def test_without_the_switch_results_are_used_but_none_is_added(
    tiny_net, tiny_photo, monkeypatch, runs
):
    runs(gradcam, tiny_net, tiny_photo, 0)
    kept.keep_results(None)
    monkeypatch.delenv("CNNVIS_KEEP")
    runs(gradcam, tiny_net, tiny_photo, 1)
    monkeypatch.setattr(tiny_net, "forward", None)  # computing would fail
    runs(gradcam, tiny_net, tiny_photo, 0)
    assert runs.counted == [1, 0, 0]
    kept.keep_results(False)
    with pytest.raises(TypeError):
        small = small_copy(tiny_net)
        monkeypatch.setattr(small, "forward", None)
        kept.call(gradcam, small, tiny_photo, 0)


def test_the_variable_takes_seconds_or_off(monkeypatch):
    kept.keep_results(None)
    for text, seconds in {"": float("inf"), "off": None, "OFF": None, "2": 2.0, "0.1": 0.1}.items():
        monkeypatch.setenv("CNNVIS_KEEP", text)
        assert kept._seconds() == seconds
    monkeypatch.setenv("CNNVIS_KEEP", "yes")
    with pytest.raises(ValueError, match="CNNVIS_KEEP takes a number of seconds.*not 'yes'"):
        kept._seconds()
    for wrong in (True, -1, "two", float("nan")):
        with pytest.raises(ValueError, match="keep_results takes a number of seconds"):
            kept.keep_results(wrong)


def test_find_finds_what_call_has_kept_and_computes_nothing(tiny_net, tiny_photo):
    def steps(done, total):
        raise AssertionError("find told of progress")

    assert kept.find(scorecam, tiny_net, tiny_photo, 1) == (False, None)
    heat = kept.call(scorecam, tiny_net, tiny_photo, 1)
    found, again = kept.find(scorecam, tiny_net, tiny_photo, 1, progress=steps)
    assert found and np.array_equal(again, heat)
    assert kept.find(scorecam, tiny_net, tiny_photo, 2) == (False, None)
    kept.keep_results(False)
    assert kept.find(scorecam, tiny_net, tiny_photo, 1) == (False, None)


def test_public_methods_ask_for_kept_results_only_while_they_are_in_use(tiny_net, tiny_photo):
    code = (
        "import cnnvis_helpers as c, inspect\n"
        "code = lambda name: getattr(getattr(c, name), '__code__', None)\n"
        "wrapped = [n for n in c.__all__ if code(n) and code(n).co_name == 'kept_method']\n"
        "print(*wrapped); print(inspect.getsource(c.gradcam)[:12]); print(c.gradcam.__module__)"
    )

    def names(**variables):
        environment = {**os.environ, **variables}
        ran = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.splitlines()

    off = names(CNNVIS_KEEP="off")
    assert off == ["", "def gradcam(", "cnnvis_helpers.methods.cam"]
    wrapped, source, room = names(CNNVIS_KEEP="2")
    assert {"occlusion", "gradcam", "scorecam", "one_pixel", "filter_patterns"} <= set(
        wrapped.split()
    )
    assert {"load_network", "show_photo", "check", "dream_steps"}.isdisjoint(wrapped.split())
    assert [source, room] == off[1:]


# --- files -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: b"no header\n" + data,
    ],
    ids=["cut", "empty", "one bit", "no header"],
)
def test_a_damaged_file_is_removed_and_computed_again(tiny_net, tiny_photo, damage):
    first = kept.call(gradcam, tiny_net, tiny_photo)
    (path,) = kept._files()
    path.write_bytes(damage(path.read_bytes()))
    again = kept.call(gradcam, tiny_net, tiny_photo)
    assert np.array_equal(first, again)
    assert kept._read(path)[0]


def test_a_file_with_foreign_code_is_not_run(tiny_net, tiny_photo, tmp_path):
    import hashlib
    import pickle

    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "evil"),))

    kept.call(gradcam, tiny_net, tiny_photo)
    (path,) = kept._files()
    data = pickle.dumps(Evil())
    about = {"sha256": hashlib.sha256(data).hexdigest()}
    path.write_bytes(json.dumps(about).encode() + b"\n" + data)
    kept.call(gradcam, tiny_net, tiny_photo)
    assert not (tmp_path / "evil").exists()


def _write_big(name):
    kept.keep_results(0)
    kept._write(name, np.zeros(6_000_000), "big", 3.0)


def test_a_process_that_is_killed_while_writing_leaves_no_result(folder):
    """Killed at many moments: there is the whole file or none."""
    context = multiprocessing.get_context("fork")
    for attempt in range(6):
        name = f"{attempt:032x}-{0:032x}.kept"
        process = context.Process(target=_write_big, args=(name,))
        process.start()
        time.sleep(0.02 * attempt)
        process.kill()
        process.join()
        found, result = kept._read(folder / name)
        assert not found or result.shape == (6_000_000,)
        assert (folder / name).exists() == found
    for path in folder.glob(".*.part"):
        os.utime(path, (0, 0))
    kept._write(f"{99:032x}-{0:032x}.kept", 1, "small", 3.0)
    assert not list(folder.glob(".*.part"))  # what the dead left is cleaned up


def test_all_results_together_stay_below_the_limit(folder, monkeypatch):
    monkeypatch.setattr(kept, "LIMIT", 10_000)
    for number in range(8):
        kept._write(f"{number:032x}-0.kept", bytes(2000), "two thousand", 3.0)
        os.utime(folder / f"{number:032x}-0.kept", (number + 1, number + 1))
        if number == 3:
            kept._read(folder / f"{0:032x}-0.kept")  # used: it may stay
    left = {path.name[:32] for path in kept._files()}
    assert sum(path.stat().st_size for path in kept._files()) <= 10_000
    assert f"{0:032x}" in left and f"{7:032x}" in left and f"{1:032x}" not in left
    kept._write("f-0.kept", bytes(2600), "more than a quarter", 3.0)
    assert not (folder / "f-0.kept").exists()


def test_results_can_be_looked_at_and_cleared(tiny_net, tiny_photo, folder):
    assert repr(kept.kept_results()) == f"No results are kept in {str(folder)!r}."
    kept.call(gradcam, tiny_net, tiny_photo, "cat")
    kept.call(gradcam, tiny_net, tiny_photo, "dog")
    table = kept.kept_results()
    assert len(table) == 2
    assert "gradcam('tiny', photo 30 x 44 x 3, target='cat'" in repr(table)
    assert kept.clear_kept() == 2
    assert not folder.exists() and len(kept.kept_results()) == 0


def test_a_folder_that_cannot_be_written_to_costs_one_warning(
    tiny_net, tiny_photo, tmp_path, monkeypatch
):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CNNVIS_KEPT", str(tmp_path / "file" / "kept"))
    with pytest.warns(UserWarning, match="cannot be kept in .* CNNVIS_KEPT"):
        first = kept.call(gradcam, tiny_net, tiny_photo)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(first, kept.call(gradcam, tiny_net, tiny_photo))
