"""Incremental occlusion equals full passes; its windows, counts, batches and refusals."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from architectures import architecture, chain, eagerly, give_statistics, photo_of_noise
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from cnnvis_helpers.methods import incremental_occlusion as incremental
from cnnvis_helpers.methods.occlusion import _positions, occlusion, occlusion_grid, occlusion_plan
from cnnvis_helpers.methods.sliding_window import batch_size
from cnnvis_helpers.networks.network import load_network
from cnnvis_helpers.networks.receptive_field import receptive_field
from cnnvis_helpers.photos.photos import load_photo

FOLLOWED_TO_THE_HEAD = [
    *("VGG16", "ResNet50", "MobileNetV2", "transfer", "cats and dogs"),
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("DenseNet121", "InceptionV3")),
]


@pytest.fixture
def depth(monkeypatch):
    """Set how many layers compute windows; -1: all that can be followed."""
    choose = incremental.choose

    def of(number):
        def forced(net, tops, lefts, patch):
            calls = incremental.follow(net, tops, lefts, patch).calls
            return choose(net, tops, lefts, patch, len(calls) if number == -1 else number)

        monkeypatch.setattr(incremental, "choose", forced)

    return of


def check(net, photo, patch, stride, fill=127.5, target=1):
    """Check that the two ways agree to 1e-5 of the map's range, and what float32 leaves of logits.

    Where a patch changes a logit of 140 by 1, as in the InceptionV3 of random weights here, each of
    the two ways is 1e-3 of the range away from a computation in 64 bits.
    """
    full, windows = (
        occlusion_grid(net, photo, target, patch, stride, fill, exact=exact)
        for exact in ("full", "incremental")
    )
    largest = np.abs(net.logits(net.prepare(photo))).max()
    assert np.ptp(full) > 0
    np.testing.assert_allclose(windows, full, rtol=0, atol=1e-5 * np.ptp(full) + 5e-6 * largest)


@pytest.mark.parametrize("name", FOLLOWED_TO_THE_HEAD)
def test_architectures_in_windows_up_to_the_head(name, depth):
    net, photo = architecture(name), photo_of_noise()
    depth(-1)
    side = net.input_size[0]
    with eagerly(name):
        check(net, photo, (side // 3, side // 4), side // 2)
    left = net.steps[len(incremental.follow(net, [0], [0], (9, 9)).calls) :]
    assert len(left) <= 6 and all("Conv" not in type(step.layer).__name__ for step in left)


@pytest.mark.parametrize("name", ["squeezenet", "efficientnet_lite0"])
def test_bundled_networks(name, depth):
    net, photo = load_network(name), load_photo("chelsea")
    assert occlusion_plan(net, 32, 8).way == "incremental"
    with eagerly(name):
        check(net, photo, (40, 64), 70, target=None)


def test_squeeze_and_excite_goes_the_full_way():
    net, photo = architecture("EfficientNetB0"), photo_of_noise()
    assert occlusion_plan(net, 8, 8).way == "full"
    with eagerly("EfficientNetB0"):
        check(net, photo, 32, 32)  # its first layers can


# A network with every kind of layer, on pictures that are not square


@pytest.fixture(scope="module")
def every_kind():
    keras.utils.set_random_seed(3)
    photo = keras.Input((37, 50, 3))
    x = layers.RandomFlip()(photo)[..., ::-1]
    x = layers.Normalization(mean=[100.0, 110, 120], variance=[900.0, 1600, 2500])(x) * 1.5 + 0.25
    x = layers.ZeroPadding2D(((1, 2), (0, 3)))(x)
    x = layers.Conv2D(8, (5, 3), strides=(2, 1), activation="relu")(x)
    x = layers.AveragePooling2D(3, strides=1, padding="same")(x)
    x = layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(x))
    a = layers.Conv2D(8, 3, dilation_rate=2, padding="same", activation="gelu")(x)
    b = layers.MaxPooling2D((2, 3), strides=1, padding="same")(x)
    x = layers.Concatenate()([layers.Add()([a, x]), b, layers.LeakyReLU()(x) - x])
    x = layers.SeparableConv2D(12, 3, strides=2, padding="same")(layers.Dropout(0.5)(x))
    x = layers.Cropping2D(((1, 0), (2, 1)))(layers.LayerNormalization()(x))
    x = layers.PReLU(shared_axes=(1, 2))(layers.MaxPooling2D(3, strides=2, padding="same")(x))
    x = layers.Conv2D(8, 1, strides=2)(x)
    model = keras.Model(photo, layers.Dense(3)(layers.Flatten()(x)))
    give_statistics(model)
    return load_network(model)


@pytest.mark.parametrize("number", [1, 7, -1, None])
@pytest.mark.parametrize(
    "patch, stride, fill",
    [
        (8, 4, 127.5),
        ((5, 11), (9, 7), "blur"),
        (1, 11, 0),
        ((37, 6), 13, (9, 99, 200)),
        (37, 50, "mean"),
        ((20, 31), (3, 5), "photo"),
    ],
)
def test_patches_strides_and_fills(every_kind, patch, stride, fill, number, depth):
    photo, other = photo_of_noise(), photo_of_noise(80, 35, seed=1)
    if number:
        depth(number)
    fill = other if fill == "photo" else fill
    if patch == 37:  # one row of places
        stride = (1, 2)
    check(every_kind, photo, patch, stride, fill)


def test_every_kind_is_followed_to_the_end(every_kind):
    plan = occlusion_plan(every_kind, 8, 4)
    assert plan.layers[-1].map == (2, 6) and len(every_kind.steps) - len(plan.layers) == 2


# Whole numbers: sums come out the same in every order, so the two ways agree bit for bit


@st.composite
def graphs(draw):
    """A small random graph of layers with branches, and a sweep: (model, patch, stride)."""
    size = [draw(st.integers(7, 15)) for _ in "hw"]
    photo = x = keras.Input((*size, 3))
    window = st.integers(1, 3)
    strides, pads = st.integers(1, 2), st.sampled_from(["valid", "same"])

    def conv(x, stride=None, padding=None):
        kinds = [layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D]
        kind = draw(st.sampled_from(kinds))
        stride = stride or draw(strides)
        options = {
            "kernel_size": (draw(window), draw(window)),
            "strides": stride,
            "dilation_rate": draw(strides) if stride == 1 else 1,
            "padding": padding or draw(pads),
        }
        options |= {} if kind is layers.DepthwiseConv2D else {"filters": 3}
        return layers.ReLU(7.0)(kind(**options)(x))

    def pool(x, stride=None, padding=None):
        kind = draw(st.sampled_from([layers.MaxPooling2D, layers.AveragePooling2D]))
        sizes = window if kind is layers.MaxPooling2D else st.integers(1, 2)  # halves are exact
        shape = draw(sizes), draw(sizes)
        return kind(shape, strides=stride or draw(strides), padding=padding or draw(pads))(x)

    def shift(x):
        kind = draw(st.sampled_from([layers.ZeroPadding2D, layers.Cropping2D]))
        return kind([[draw(st.integers(0, 2)) for _ in "ab"] for _ in "hw"])(x)

    def branches(x):
        others = [draw(st.sampled_from([conv, pool]))(x, 1, "same") for _ in range(draw(strides))]
        if all(other.shape == x.shape for other in others) and draw(st.booleans()):
            return draw(st.sampled_from([layers.Add, layers.Maximum]))()([x, *others])
        return layers.Concatenate()([*others, x])

    for _ in range(draw(st.integers(1, 5))):
        if min(x.shape[1:3]) < 5:
            break
        x = draw(st.sampled_from([conv, pool, shift, branches]))(x)
    model = keras.Model(photo, layers.Dense(2)(layers.Flatten()(x)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    model.set_weights([rng.integers(-1, 2, w.shape) for w in model.get_weights()])
    patch = [draw(st.integers(1, length)) for length in size]
    return model, patch, [draw(st.integers(1, length)) for length in size]


@pytest.mark.filterwarnings("ignore")  # of pictures that are cut, of Keras's random weights
@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(graphs(), st.integers(0, 99))
def test_random_graphs_bit_for_bit(graph, seed):
    model, patch, stride = graph
    net, rng = load_network(model), np.random.default_rng(seed)
    photo, cover = rng.integers(0, 8, (2, *net.input_size, 3)).astype(np.uint8)
    (tops, lefts), patch = _positions(net.input_size, patch, stride)
    calls = incremental.follow(net, tops, lefts, patch).calls
    pixels, cover = net.prepare(photo), net.prepare(cover)[0]
    full = occlusion_grid(net, photo, 1, patch, stride, cover, exact="full")
    with eagerly("random"):
        for depth in {1, (len(calls) + 1) // 2, len(calls)}:
            plan = incremental.choose(net, tops, lefts, patch, depth)
            logits = [part for _, part in incremental.passes(net, plan, pixels, cover)]
            scores = np.concatenate(logits)[:, 1]
            np.testing.assert_array_equal((scores[0] - scores[1:]).reshape(full.shape), full)


# Windows and counts


def test_windows_and_operations_of_a_chain_by_hand():
    net = chain(
        layers.Conv2D(4, 3, padding="same", name="a"),
        layers.MaxPooling2D(2, name="pool"),
        layers.Conv2D(8, 5, padding="same", name="b"),
        size=(20, 20),
    )
    plan = occlusion_plan(net, patch=4, stride=8, exact="incremental")  # rows 0, 8 and 16
    assert [(one.layer, one.map, one.window) for one in plan.layers] == [
        ("a", (20, 20), (6, 6)),  # rows 7..12
        ("pool", (10, 10), (4, 4)),  # rows 3..6
        ("b", (10, 10), (8, 8)),
    ]
    a, b, head = 3 * 3 * 3 * 4, 5 * 5 * 4 * 8, 8 * 2
    whole = 400 * a + 100 * b + head
    assert plan.full_operations == 10 * whole and plan.pictures == 10
    of_b = 64 if plan.joined_at == "b" else 100
    assert plan.operations == whole + 9 * (36 * a + of_b * b + head)
    assert occlusion_plan(net, 4, 8, exact="full").operations == 10 * whole


@pytest.mark.parametrize("name", ["VGG16", "ResNet50", "MobileNetV2"])
def test_a_window_is_the_receptive_field_seen_from_the_other_side(name):
    """It holds the cells whose receptive field touches the patch."""
    net = architecture(name)
    windows = incremental.follow(net, [9], [22], (5, 7))
    for call in windows.calls[::9]:
        frame, field = windows.frames[call.frame], receptive_field(net, call.step.name)
        for axis, (low, high) in enumerate([(9, 14), (22, 29)]):
            (starts, size), cells = frame[axis], np.arange(field.cells[axis])
            first = field.start[axis] + cells * field.stride[axis]
            touched = cells[(first < high) & (first + field.size[axis] > low)]
            assert starts[0] == touched[0] and starts[0] + size == touched[-1] + 1


@pytest.fixture(scope="module")
def vgg16():
    body = keras.applications.VGG16(weights=None, include_top=False, input_shape=(224, 224, 3))
    x = layers.GlobalAveragePooling2D()(body.output)
    return load_network(keras.Model(body.input, layers.Dense(9)(x)), "caffe")


def test_small_patches_pay_and_large_ones_do_not(vgg16):
    plans = [occlusion_plan(vgg16, patch, patch // 2) for patch in (16, 32, 56, 200)]
    parts = [plan.operations / plan.full_operations for plan in plans]
    assert [plan.way for plan in plans] == ["incremental"] * 3 + ["full"]
    np.testing.assert_allclose(parts, [0.15, 0.2, 0.29, 1], atol=0.02)
    assert sorted(parts) == parts


# The sweep


def test_compiled_once_for_patches_strides_fills_and_classes(depth):
    depth(-1)
    net = chain(layers.Conv2D(4, 3, padding="same"), layers.Conv2D(4, 3, strides=2), size=(20, 20))
    for target, patch, stride, fill in [(0, 3, 3, 0), (1, (2, 5), 1, "blur"), (None, 4, 4, 9)]:
        occlusion(net, photo_of_noise(), target, patch, stride, fill, exact="incremental")
    compiled = {k: f for k, f in net._compiled.items() if k[0].startswith("occlusion")}
    assert len(compiled) == 2
    assert all(f.experimental_get_tracing_count() == 1 for f in compiled.values())


def test_batches_hold_no_more_than_full_passes_however_many_positions(vgg16):
    for patch, stride in [(56, 56), (56, 4), (16, 1)]:
        (tops, lefts), patch = _positions(vgg16.input_size, patch, stride)
        plan = incremental.choose(vgg16, tops, lefts, patch)
        largest = max(plan.windows.frames[c.frame].cells * c.step.shape[-1] for c in plan.calls)
        assert batch_size(vgg16) <= plan.batch <= 4 * batch_size(vgg16)
        assert plan.batch * largest <= batch_size(vgg16) * 224 * 224 * 64


@pytest.mark.parametrize("stop", [KeyboardInterrupt, StopIteration])
@pytest.mark.parametrize("exact", ["full", "incremental"])
def test_a_stopped_sweep_keeps_what_is_done(every_kind, stop, exact, depth):
    depth(-1)
    photo, calls = photo_of_noise(), []
    settings = {"patch": 4, "stride": 1, "exact": exact}
    whole = occlusion_grid(every_kind, photo, 1, progress=lambda *n: calls.append(n), **settings)
    total = whole.size + 1
    assert calls[-1] == (total, total) and len(calls) > 3 and calls == sorted(calls)

    def press_stop(done, total):
        if done == calls[1][0]:
            raise stop

    with pytest.warns(UserWarning, match="stopped early"):
        part = occlusion_grid(every_kind, photo, 1, progress=press_stop, **settings).ravel()
    done = np.isfinite(part)
    assert done.sum() == calls[1][0] - 1 and done[: done.sum()].all()
    np.testing.assert_array_equal(part[done], whole.ravel()[done])


def test_maps_probabilities_and_pairs_are_those_of_full_passes(every_kind):
    photo = photo_of_noise()
    for target, score in [((0, 2), "logit"), (2, "probability"), (None, "logit")]:
        maps = [
            occlusion(every_kind, photo, target, 9, 5, score=score, exact=exact)
            for exact in ("full", "incremental")
        ]
        np.testing.assert_allclose(*maps, atol=1e-5 * np.ptp(maps[0]))


# What goes the full way


def test_a_model_for_pictures_of_any_size(depth):
    keras.utils.set_random_seed(0)
    any_size = keras.Input((None, None, 3))
    x = layers.Conv2D(6, 3, strides=2, activation="relu")(any_size)
    body = keras.Model(any_size, layers.Conv2D(6, 3, padding="same", name="last")(x))
    net = chain(body, size=(30, 40))
    assert occlusion_plan(net, 4).layers[-1].map == (14, 19)
    depth(-1)
    check(net, photo_of_noise(), 7, 5)


def test_a_head_that_is_a_convolution(depth):
    keras.utils.set_random_seed(0)
    first, head = layers.Conv2D(4, 3, strides=2, activation="relu"), layers.Conv2D(3, 9)
    net = chain(first, size=(20, 20), head=[head])  # (n, 1, 1, 3)
    depth(-1)
    check(net, photo_of_noise(), 5, 3)


def _less_the_mean(z):
    return z - keras.ops.mean(z, axis=(1, 2), keepdims=True)


class Blur(layers.Layer):
    def call(self, x):
        return tf.nn.avg_pool2d(x, 3, 1, "SAME")


@pytest.mark.parametrize(
    "stops",
    [
        Blur(),
        layers.GroupNormalization(3),
        layers.Lambda(lambda x: x - tf.reduce_mean(x)),
        layers.Resizing(10, 10),
        layers.PReLU(),
        layers.LayerNormalization(axis=(1, 2, 3)),
        layers.Conv2DTranspose(3, 2),
        layers.Conv2D(3, 3, dtype="mixed_float16"),
        layers.Activation(_less_the_mean),
        layers.Conv2D(3, 3, activation=_less_the_mean),
        layers.Rescaling(1.0, offset=np.linspace(0, 1, 1200).reshape(20, 20, 3)),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_other_layers_go_the_full_way_without_a_word(stops, recwarn):
    net = chain(stops, layers.Conv2D(3, 3), size=(20, 20))
    plan = occlusion_plan(net, 3, 3)
    assert plan.way == "full" and plan.layers == [] and plan.operations == plan.full_operations
    assert np.isfinite(occlusion_grid(net, photo_of_noise(), 1, 3, 3)).all()
    with pytest.raises(ValueError, match="cannot be computed in windows.*auto"):
        occlusion_grid(net, photo_of_noise(), 1, 3, 3, exact="incremental")
    assert not [w for w in recwarn if "occlusion" in str(w.message)]


@pytest.mark.parametrize(
    "preprocess, way",
    [
        (lambda x: x / 127.5 - 1, "incremental"),
        (lambda x: x - tf.reshape(tf.range(20.0), (1, 20, 1, 1)), "incremental"),
        (lambda x: tf.image.per_image_standardization(x), "full"),
        (lambda x: tf.nn.avg_pool2d(x, 2, 1, "SAME"), "full"),
        (lambda x: x[:, ::-1], "full"),
    ],
)
def test_preprocessing_that_mixes_pixels_goes_the_full_way(preprocess, way):
    keras.utils.set_random_seed(0)
    convolutions = [layers.Conv2D(64, 5, padding="same") for _ in range(2)]
    head = [layers.GlobalMaxPooling2D(), layers.Dense(2)]
    net = chain(*convolutions, size=(20, 20), head=head, preprocess=preprocess)
    assert occlusion_plan(net, 3, 1).way == way
    full, auto = (occlusion_grid(net, photo_of_noise(), 1, 3, 3, exact=x) for x in ("full", "auto"))
    np.testing.assert_allclose(full, auto, atol=1e-5 * np.ptp(full))


def test_a_wrong_way_is_refused(every_kind):
    with pytest.raises(ValueError, match="exact must be one of 'auto', 'full', 'incremental', not"):
        occlusion(every_kind, photo_of_noise(), exact=True)
    with pytest.raises(ValueError, match="exact must be"):
        occlusion_plan(every_kind, exact="fast")


def _if_bright(pixels):
    bright = tf.reduce_mean(pixels, axis=(1, 2, 3), keepdims=True) > 180
    return tf.where(bright, 255.0 - pixels, pixels)


def _if_large(pixels):
    large = tf.reduce_max(pixels, axis=(1, 2, 3), keepdims=True) > 1
    return tf.where(large, pixels / 255.0, pixels)


ODD = {
    "softmax over places": {"activation": lambda: layers.Softmax(axis=(1, 2))},
    "group norm": {"activation": lambda: layers.GroupNormalization(2)},
    "PReLU of each place": {"activation": lambda: layers.PReLU()},
    "inverts bright pictures": {"preprocess": _if_bright},
    "divides large pixels": {"preprocess": _if_large},
    "64 bits": {"preprocess": lambda pixels: tf.cast(pixels, tf.float64)},
}


@pytest.mark.parametrize("kind", ODD)
def test_what_decides_by_the_whole_picture_goes_the_full_way(kind):
    keras.utils.set_random_seed(0)
    options = {"preprocess": "identity", **ODD[kind]}
    activation = options.pop("activation", lambda: "relu")()
    convolutions = [layers.Conv2D(8, 3, padding="same", activation="relu") for _ in range(2)]
    first = layers.Conv2D(6, 3, padding="same", activation=activation)
    net = chain(layers.Rescaling(1 / 255), first, *convolutions, size=(48, 48), **options)
    photo = photo_of_noise()
    settings = {"patch": 4, "stride": 2, "fill": 250 if "bright" in kind else 1}
    full = occlusion_grid(net, photo, 1, exact="full", **settings)
    auto = occlusion_grid(net, photo, 1, **settings)
    np.testing.assert_allclose(auto, full, rtol=0, atol=1e-5 * np.ptp(full) + 1e-6)


def test_a_nested_model_of_a_constant_ends_the_windows():
    inner_photo = keras.Input((12, 12, 3))
    inner = keras.Model(inner_photo, layers.Conv2D(3, 3, padding="same")(inner_photo))
    photo = keras.Input((12, 12, 3))
    x = layers.Conv2D(3, 3, padding="same", activation="relu")(photo / 255)
    x = layers.Add()([x, inner(keras.ops.ones((1, 12, 12, 3)))])
    model = keras.Model(photo, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    net = load_network(model, preprocess="identity")
    plain, quick = (
        occlusion_grid(net, photo_of_noise(), 0, patch=3, stride=1, exact=exact)
        for exact in ("full", "incremental")
    )
    np.testing.assert_allclose(quick, plain, rtol=0, atol=1e-5)
