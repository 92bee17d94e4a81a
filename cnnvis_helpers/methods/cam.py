"""Which places matter: class activation maps, built from the maps of one layer.

    cam(net, photo, "cat")              exact, for networks that average their last maps
    gradcam(net, photo, "cat")          the same idea for any network and any layer
    gradcam_plus_plus, layercam         other weights from the same gradients
    scorecam(net, photo, "cat")         weights from forward passes, no gradient
    guided_gradcam(net, photo, "cat")   Grad-CAM times guided backprop: fine lines, no evidence

Every method weights the maps A_k (h, w) of a layer's channels k and sums them. Scores S are
logits. All return a raw float32 map (H, W) at the photo's size, enlarged bilinearly from the
layer's coarse grid; `resize=False` returns that grid. `relu=False` leaves out the final ReLU,
to show evidence against the class.

The arithmetic is in pure NumPy functions (`gradcam_from` and so on), which take a layer's maps
and gradients.

tf-keras-vis has all but `cam`; ours exist because its default layer is wrong for most networks,
its Grad-CAM++ overflows for logits above 88, it rejects nested (transfer) models, and it copies
or changes the model. With equal settings the maps are equal (see the tests, which also state
where the definitions differ).
"""

import numpy as np
import tensorflow as tf

from cnnvis_helpers._shared.checks import check_net, check_number, check_whole
from cnnvis_helpers._shared.progress import stoppable
from cnnvis_helpers.methods.gradients import (
    GuidedRule,
    at_photo_size,
    check_reduce,
    compiled,
    gradient_of,
    once_per_network,
    pixels_spec,
    prepared,
    recording,
    reduce_colours,
    score_of,
    target_vector,
)
from cnnvis_helpers.methods.sliding_window import batch_size, in_batches, score_function
from cnnvis_helpers.networks.graph import activation_name
from cnnvis_helpers.networks.head import sample_pictures

# From maps and gradients to a class activation map: NumPy only


def gradcam_from(activations, gradients, relu=True):
    """Weight each map by its mean gradient and sum: Grad-CAM.

    Parameters
    ----------
    activations : maps A of one layer, float (h, w, c)
    gradients : dS/dA, float (h, w, c)
    relu : False to keep negative values

    Returns
    -------
    float array (h, w): ReLU(sum_k a_k A_k) with the pooled gradients a_k = mean_ij dS/dA_ijk.

    Selvaraju et al. 2016, arXiv 1610.02391, equations 1 and 2. A worked example, with three
    channels that show the same map:

    >>> a_map = np.add.outer([1.0, 1.1, 1.2, 1.3], [0.0, 0.1, 0.2, 0.3])
    >>> activations = np.stack([a_map, a_map, a_map], axis=-1)
    >>> gradients = np.stack([a_map - 0.9, a_map - 0.5, a_map], axis=-1)
    >>> gradients[..., 0].round(1)
    array([[0.1, 0.2, 0.3, 0.4],
           [0.2, 0.3, 0.4, 0.5],
           [0.3, 0.4, 0.5, 0.6],
           [0.4, 0.5, 0.6, 0.7]])
    >>> np.mean(gradients, axis=(0, 1)).round(2)
    array([0.4, 0.8, 1.3])
    >>> gradcam_from(activations, gradients).round(2)
    array([[2.5 , 2.75, 3.  , 3.25],
           [2.75, 3.  , 3.25, 3.5 ],
           [3.  , 3.25, 3.5 , 3.75],
           [3.25, 3.5 , 3.75, 4.  ]])
    """
    return _rectified(activations @ gradients.mean(axis=(0, 1)), relu)


def gradcam_plus_plus_from(activations, gradients, relu=True):
    """Weight each map by its positive gradients, more strongly if few: Grad-CAM++.

    Parameters
    ----------
    activations, gradients, relu : as in `gradcam_from`

    Returns
    -------
    float array (h, w): ReLU(sum_k w_k A_k)

    Chattopadhyay et al. 2017, arXiv 1710.11063, equation 19: with Y = exp(S) and g = dS/dA,
    alpha_ij = g_ij^2 / (2 g_ij^2 + g_ij^3 sum_ab A_ab), 0 where the denominator is 0, and
    w = sum_ij alpha_ij ReLU(Y g_ij). The factor Y is the same everywhere and overflows above
    S = 88, so it is left out. Only positions with g > 0 count, and there alpha g is
    g / (2 + g sum A), which needs no cube. Others: tf-keras-vis divides each channel's
    alphas by their sum; xplique takes the mean of A instead of its sum.

    >>> activations, gradients = np.ones((1, 2, 1)), np.array([[[1.0], [-1.0]]])
    >>> gradcam_plus_plus_from(activations, gradients)        # w = 1 / (2 + 1 * 2)
    array([[0.25, 0.25]])
    """
    positive = np.maximum(gradients, 0)
    denominator = 2 + positive * activations.sum(axis=(0, 1))
    shares = np.divide(positive, denominator, out=np.zeros_like(positive), where=denominator != 0)
    return _rectified(activations @ shares.sum(axis=(0, 1)), relu)


def layercam_from(activations, gradients, relu=True):
    """Weight each value of each map by its own positive gradient: LayerCAM.

    Parameters
    ----------
    activations, gradients, relu : as in `gradcam_from`

    Returns
    -------
    float array (h, w): ReLU(sum_k ReLU(g_k) A_k)

    Jiang et al. 2021, doi 10.1109/TIP.2021.3089943

    >>> layercam_from(np.array([[[1.0, 2.0]]]), np.array([[[3.0, -4.0]]]))
    array([[3.]])
    """
    return _rectified((np.maximum(gradients, 0) * activations).sum(axis=-1), relu)


def _rectified(values, relu):
    return np.maximum(values, 0) if relu else values


# The methods


def cam(net, photo, target=None, resize=True):
    """Map each position's exact share of a class score, for heads that average maps.

    With global average pooling and one Dense layer the score is a mean over positions,
    S_c = (1/Z) sum_ij M_ij + bias with M = sum_k w_kc A_k, where Z is the number of positions and w
    are the weights of the Dense layer. If the network ends by averaging one map per class (a 1x1
    convolution, its activation, the average), M is that map, including the convolution's bias.
    Whatever layers make the mean and the scores, w_kc / Z is the gradient of the score at each
    position. Each call checks that it is the same at all positions, and that mean plus bias is the
    score; otherwise it raises a ValueError.

    Parameters
    ----------
    net : Network with such a head (EfficientNet-Lite0, ResNet50, MobileNetV2 and many others;
        SqueezeNet). The layer is always the one that is averaged
    photo : uint8 or float array (H, W, 3), 0..255
    target : class index, label, None (the photo's top class) or a pair (a, b) for "why a rather
        than b"
    resize : False for the raw grid (h, w) of the layer

    Returns
    -------
    float32 array (H, W), signed: evidence against the class is negative. In logits; the mean of
    the raw grid is the score, without the bias of a Dense layer.

    Raises ValueError for a network with another head, and for what `net.prepare` or
    `net.score_vector` rejects.

    Zhou et al. 2015, "Learning deep features for discriminative localization", arXiv 1512.04150;
    one map per class: Lin et al. 2013, "Network in network", arXiv 1312.4400
    """
    layer, _ = pooled_head(net)
    activations, gradients, logits = _one_pass(net, photo, target, layer)
    if np.abs(gradients - gradients[0, 0]).max() > 0.01 * np.abs(gradients).max():
        raise ValueError(
            f"The score of {net.name!r} does not weigh all places of {layer!r} alike, so it is no "
            "mean of maps; take gradcam or occlusion."
        )
    grid = activations @ (gradients[0, 0] * gradients[..., 0].size)
    vector = net.score_vector(target, logits)
    silent = _logits_from(net, layer)(tf.zeros((1, *activations.shape)))
    score, bias = logits[0] @ vector, silent.numpy()[0] @ vector
    size = max(abs(score), abs(bias), np.abs(grid).mean())
    if abs(grid.mean() + bias - score) > 0.02 * size:  # 16-bit floats keep two digits
        raise ValueError(
            f"The mean of the maps of {layer!r} is {grid.mean() + bias:.3g}, but the score is "
            f"{score:.3g}: {net.name!r} scores in another way; take gradcam or occlusion."
        )
    return at_photo_size(grid, photo, resize)


def gradcam(net, photo, target=None, layer=None, relu=True, resize=True):
    """Map the places that raise the score of a class: a layer's maps, weighted by mean gradients.

    Parameters
    ----------
    net, photo, target : as in `cam`; any network
    layer : name of a layer with maps; None for the last one, `net.last_conv`. For a layer that is
        called several times, the last call counts
    relu : False to keep evidence against the class, negative
    resize : False for the raw grid (h, w) of the layer

    Returns
    -------
    float32 array (H, W), never negative unless `relu` is False. At the layer that `cam`
    uses, it is exactly `cam` divided by the number of positions, before the ReLU.

    Raises ValueError for a layer that does not exist, has no maps or does not reach the score,
    and as `cam`.

    Selvaraju et al. 2016, "Grad-CAM", arXiv 1610.02391. The arithmetic: `gradcam_from`
    """
    grid = gradcam_from(*layer_gradients(net, photo, target, layer), relu)
    return at_photo_size(grid, photo, resize)


def gradcam_plus_plus(net, photo, target=None, layer=None, relu=True, resize=True):
    """Map the places that raise the score, for several objects of a class (Grad-CAM++).

    The maps should not be negative (a layer that ends with a ReLU), or the weights lose their
    meaning.

    Parameters
    ----------
    net, photo, target, layer, relu, resize : as in `gradcam`

    Returns
    -------
    float32 array (H, W), never negative unless `relu` is False.

    Raises ValueError as `gradcam`.

    Chattopadhyay et al. 2017, "Grad-CAM++", arXiv 1710.11063. The arithmetic:
    `gradcam_plus_plus_from`
    """
    grid = gradcam_plus_plus_from(*layer_gradients(net, photo, target, layer), relu)
    return at_photo_size(grid, photo, resize)


def layercam(net, photo, target=None, layer=None, relu=True, resize=True):
    """Map the places that raise the score, even in early layers with fine maps (LayerCAM).

    Parameters
    ----------
    net, photo, target, layer, relu, resize : as in `gradcam`

    Returns
    -------
    float32 array (H, W), never negative unless `relu` is False.

    Raises ValueError as `gradcam`.

    Jiang et al. 2021, "LayerCAM", doi 10.1109/TIP.2021.3089943. The arithmetic: `layercam_from`
    """
    grid = layercam_from(*layer_gradients(net, photo, target, layer), relu)
    return at_photo_size(grid, photo, resize)


def scorecam(
    net,
    photo,
    target=None,
    layer=None,
    max_channels=None,
    fill=127.5,
    relu=True,
    resize=True,
    progress=None,
):
    """Map the places that raise a class's probability: maps weighted by what each lets through.

    Each map, enlarged and scaled to 0..1, masks the photo; the probability of the class for the
    masked photo is the map's weight. One forward pass per channel, no gradient.

    Parameters
    ----------
    net, photo, target, layer, relu, resize : as in `gradcam`; for a pair (a, b) the weights are
        differences of two probabilities
    max_channels : use only this many channels, those whose maps vary most; None for all
    fill : grey level 0..255 behind the mask
    progress : function of (done, total), counted in forward passes, called after each batch

    Returns
    -------
    float32 array (H, W), never negative unless `relu` is False.

    Constant maps mask nothing and are left out (all of them, in a layer with a single position).
    The weights are probabilities, as in the authors' code and the text of their section 3.3;
    their Algorithm 1 also subtracts the probability of the empty photo and takes a softmax over
    channels.
    tf-keras-vis masks preprocessed input, so its fill depends on the network: 127.5 for networks
    that expect -1..1. Memory does not grow with the channels. The Stop button (or a
    StopIteration from `progress`) returns the map of the channels done.

    Raises ValueError for max_channels below 1, a fill outside 0..255, and as `gradcam`.

    Wang et al. 2019, "Score-CAM", arXiv 1910.01279
    """
    check_net(net)
    layer = net.spatial_layer(layer, on_photo=True)
    if max_channels is not None:
        check_whole("max_channels", max_channels, 1)
    check_number("fill", fill, 0, 255)
    scores = score_function(net, target, "probability")
    pixels = prepared(net, photo)
    activations, logits = _maps_and_logits(net, layer)(pixels)
    scores(logits)  # a target of None is the photo's top class
    smaller = activations
    if np.any(np.greater(activations.shape[:2], net.input_size)):
        # With antialiasing every position counts; plain sampling could miss some.
        smaller = tf.image.resize(activations, net.input_size, antialias=True)
    varied = smaller.numpy()
    channels = np.flatnonzero(varied.max(axis=(0, 1)) > varied.min(axis=(0, 1)))
    if max_channels is not None:
        order = np.argsort(-varied.std(axis=(0, 1))[channels], kind="stable")
        channels = channels[order][:max_channels]
    masks, maps = (
        tf.transpose(tf.gather(each, channels, axis=-1), (2, 0, 1))
        for each in (smaller, activations)
    )
    masked = _masked_logits(net)
    weights = np.zeros(len(channels), np.float32)
    with stoppable("the map is that of the channels done so far"):
        batches = in_batches(
            lambda part: masked(pixels, masks[part], np.float32(fill)),
            len(channels),
            batch_size(net),
        )
        for part, logits in batches:
            weights[part] = scores(logits)
            if progress:
                progress(part.stop, len(channels))
    grid = np.tensordot(weights, maps.numpy(), 1)
    return at_photo_size(_rectified(grid, relu), photo, resize)


def guided_gradcam(net, photo, target=None, layer=None, reduce="max_abs", resize=True):
    """Multiply guided backprop by Grad-CAM: the lines of the first at the places of the second.

    Parameters
    ----------
    net, photo, target, layer : as in `gradcam`
    reduce : how three colour values become one, as in `saliency.guided_backprop`
    resize : False for the network's input size; with True both factors are at the photo's size

    Returns
    -------
    float32 array (H, W): `guided_backprop(net, photo, target)` times `gradcam(net, photo,
    target, layer)`, from one forward pass. Guided backprop fails the test with random weights
    (see there): no evidence.

    Raises ValueError as `gradcam`, and for networks with nonlinearities other than ReLU.

    Selvaraju et al. 2016, "Grad-CAM", arXiv 1610.02391, section 3.2
    """
    check_net(net)
    check_reduce(reduce)
    layer = net.spatial_layer(layer, on_photo=True)
    pixels = prepared(net, photo)
    fine, activations, gradients, logits = (
        tensor.numpy() for tensor in _both_factors(net, layer)(pixels, target_vector(net, target))
    )
    net.finite(logits)
    for gradient in (fine, gradients):
        net.finite(gradient, "gradient")
    frame = photo if resize else pixels[0]
    fine = at_photo_size(reduce_colours(fine, reduce), frame)
    coarse = at_photo_size(gradcam_from(activations, gradients), frame)
    return fine * (coarse[..., None] if reduce == "rgb" else coarse)


# The passes through the network


def layer_gradients(net, photo, target=None, layer=None):
    """Return the maps A of a layer and the gradients dS/dA of a target's score, from one pass.

    Parameters
    ----------
    net, photo, target, layer : as in `gradcam`

    Returns
    -------
    two float32 arrays (h, w, c), the input of `gradcam_from` and the like

    Raises ValueError as `gradcam`.
    """
    check_net(net)
    layer = net.spatial_layer(layer, on_photo=True)
    return _one_pass(net, photo, target, layer)[:2]


def _one_pass(net, photo, target, layer):
    """Return maps and gradients (h, w, c) of a layer, and logits (1, units), as NumPy arrays."""
    run = _maps_and_gradients(net, layer)
    activations, gradients, logits = run(prepared(net, photo), target_vector(net, target))
    net.finite(logits)
    return activations.numpy(), net.finite(gradients.numpy(), "gradient"), logits.numpy()


def pooled_head(net):
    """Return the layers of a head that averages maps, as `cam` needs it.

    After its last maps, the network must only average or sum them over all positions and multiply
    by weights; which layers do so does not matter.

    Parameters
    ----------
    net : Network

    Returns
    -------
    (name of the averaged layer, layer that makes the scores of the mean maps, Dense or a 1x1
    convolution). None replaces the second where one map per class is averaged to the scores, and
    where more layers make the scores.

    Raises ValueError for any other network.
    """
    check_net(net)
    head = find_pooled_head(net)
    if head is None:
        net.logits(sample_pictures(net.input_size)[2:3])  # raises if they are not finite
        raise ValueError(
            "CAM needs a network whose scores are sums over the places of its last maps, as global "
            f"average pooling and Dense make them, but {net.name!r} ends with {_ending(net)}; "
            f"{'gradcam and occlusion work' if net.last_conv else 'occlusion works'}."
        )
    net.spatial_layer()  # raises where no maps are shown unasked, as after mixed tokens
    return net.spatial_layer(head[0], on_photo=True), head[1]


@once_per_network
def find_pooled_head(net):
    """Return what `pooled_head` returns, or None for a network with another head.

    Tries from the last maps to the logits: are they one weighted sum, the same at each place?
    """
    maps = [
        step
        for step in net.graph.bottlenecks()
        if len(step.shape) == 4 and step.shape[1:3] != (1, 1) and len(step.outputs) == 1
    ]
    if not maps:
        return None
    value = maps[-1].outputs[0]
    (one,) = net.run_values(sample_pictures(net.input_size)[2:3], [value])
    shape, scale, rng = one.shape[1:], float(np.std(one)) + 1e-3, np.random.default_rng(0)
    first, second = (  # each channel has its own level, or all means would be near 0
        scale * size * (rng.normal(size=shape) + rng.normal(size=shape[2])) for size in (30, -30)
    )
    moved = rng.permutation(first.reshape(-1, shape[2])).reshape(shape)
    none, alone, other, both, elsewhere = (
        net.forward_from({value: tf.constant(made[None], value.dtype)})[0].numpy()
        for made in (0 * first, first, second, first + second, moved)
    )
    behind = net.graph.needed_for([net.graph.output], known=[value])
    near = _tolerance(behind) * np.maximum(np.abs(alone - none), np.abs(other - none))
    if not (np.abs(elsewhere - alone) <= near).all():
        return None
    if not (np.abs(both - alone - other + none) <= near).all():
        return None
    heads = [
        step
        for step in behind
        if any(len(one.shape) > 1 for one in getattr(step.layer, "weights", ()))
    ]
    if len(heads) == 1 and heads[0].inputs[0].shape[-1] == shape[2]:
        ranks = len(heads[0].inputs[0].shape)
        mean = tf.constant(first.mean(axis=(0, 1)).reshape(*[1] * (ranks - 1), -1), tf.float32)
        found = np.reshape(net.without_activation(heads[0].layer)(mean), (1, -1))
        if found.shape == alone.shape and (np.abs(found - alone) <= near).all():
            return maps[-1].name, heads[0].layer
    return maps[-1].name, None


def _tolerance(steps):
    """Return how exact the answers of steps are, 0..1: numbers of 8 or 16 bits are rounded."""
    layers = [step.layer for step in steps]
    rounded = any("16" in str(getattr(layer, "compute_dtype", "")) for layer in layers)
    rounded |= any(getattr(layer, "quantization_mode", None) for layer in layers)
    return 0.05 if rounded else 2e-3


def _ending(net):
    """Return the last layers in words: "Conv2D (softmax) and GlobalAveragePooling2D"."""
    kinds, step = [], net.output_step
    while step and len(kinds) < 3:
        kind, activation = type(step.layer).__name__, activation_name(step.layer)
        told = activation in (None, "linear", kind.lower()) or step is net.head_step
        kinds.insert(0, kind if told else f"{kind} ({activation})")
        step = step.inputs[0].step
    return ", ".join(kinds[:-1]) + " and " * (len(kinds) > 1) + kinds[-1]


@once_per_network
def _maps_and_logits(net, layer):
    """Return a function pixels (1, h, w, 3) -> (maps (h, w, c) of a layer, logits (1, units))."""

    @compiled([pixels_spec(net, 1)])
    def run(pixels):
        logits, maps = net.forward(pixels, [layer])
        return maps[0][0], logits

    return run


@once_per_network
def _logits_from(net, layer):
    """Return a function float32 maps (1, h, w, c) of a layer -> logits (1, units)."""
    value = net.graph.find(layer)[1]

    @compiled([tf.TensorSpec((1, None, None, None))])
    def run(maps):
        return net.forward_from({value: tf.cast(maps, value.dtype)})[0]

    return run


@once_per_network
def _maps_and_gradients(net, layer):
    """Return a function (pixels (1, h, w, 3), vector) -> (maps, gradients, logits)."""

    @compiled([pixels_spec(net, 1), tf.TensorSpec((net.units,))])
    def run(pixels, vector):
        with recording(net) as tape:
            logits, maps = net.forward(pixels, [layer], tape=tape)
            score = score_of(logits, vector)
        return maps[0][0], gradient_of(net, tape, score, maps[0], layer)[0], logits

    return run


@once_per_network
def _masked_logits(net):
    """Return a function (pixels (1, h, w, 3), maps (n, h', w'), fill) -> logits (n, units)."""

    @compiled([pixels_spec(net, 1), tf.TensorSpec((None, None, None)), tf.TensorSpec(())])
    def run(pixels, maps, fill):
        masks = tf.image.resize(maps[..., None], net.input_size)
        low = tf.reduce_min(masks, axis=(1, 2), keepdims=True)
        high = tf.reduce_max(masks, axis=(1, 2), keepdims=True)
        masks = tf.math.divide_no_nan(masks - low, high - low)
        return net.forward(fill + masks * (pixels - fill))[0]

    return run


@once_per_network
def _both_factors(net, layer):
    """Return a function (pixels, vector) -> (guided gradient, maps, their true gradients, logits).

    One forward, two backward passes: to the layer without the rule, then to the pixels with it.
    """
    rule = GuidedRule()

    @compiled([pixels_spec(net, 1), tf.TensorSpec((net.units,))])
    def run(pixels, vector):
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(pixels)
            logits, maps = net.forward(pixels, [layer], rule)
            score = score_of(logits, vector)
        rule.active = False
        gradients = gradient_of(net, tape, score, maps[0], layer)
        rule.active = True
        fine = gradient_of(net, tape, score, pixels, "pixels")
        return fine[0], maps[0][0], gradients[0], logits

    return run
