"""The sanity check: does a map change when trained weights are replaced by random ones?

    layers_from_the_top(net)                        the layers with weights, the output's first
    randomize_layers(net, "block3_conv1")           a copy, random from the output down to there
    randomize_layers(net, "block3_conv1", cascading=False)    a copy with that one layer random

A method whose map stays the same shows the photo, not what the network learnt. Adebayo et al. 2018,
"Sanity checks for saliency maps", arXiv 1810.03292. `similarity` compares maps.
"""

import random

import keras

from cnnvis_helpers._shared.checks import check_net, check_whole, first_line
from cnnvis_helpers.networks.forward import ForwardPass
from cnnvis_helpers.networks.network import Network


def layers_from_the_top(net):
    """Return the names of the layers that have weights, from the output to the input.

    Cascading randomisation follows this order. Layers of nested models are included; preprocessing
    statistics (Keras's Normalization) are not.

    Parameters
    ----------
    net : Network

    Returns
    -------
    list of str

    >>> layers_from_the_top(net)
    ['head', 'late', 'early']
    """
    check_net(net)
    found = {step.layer: step.name for step in net.steps if _learns(step.layer)}
    return list(found.values())[::-1]


def randomize_layers(net, layer, cascading=True, seed=0):
    """Return a copy of a network in which trained weights are replaced by random ones.

    Parameters
    ----------
    net : Network; it is not changed
    layer : name of a layer with weights, see `layers_from_the_top`
    cascading : True randomises every layer from the output down to `layer`; False only `layer`
    seed : whole number, 0 or more. For one seed, a layer gets the same random weights however many
        others are drawn, so one step of the cascade differs from the next in one layer

    Returns
    -------
    Network with the same layers, labels and preprocessing. Weights are drawn as for training, each
    by its layer's own initializer: for most layers a random kernel and a bias of zeros; batch
    normalisation loses its statistics.

    Raises ValueError for an unknown layer, one without weights, a seed below 0, and a model with a
    layer that Keras cannot copy.

    >>> randomize_layers(net, "late").name
    'functional, random from head to late'
    """
    check_whole("seed", seed, 0)
    names = layers_from_the_top(net)
    chosen = [name for name in names if net.layer(name) is net.layer(layer)]
    if not chosen:
        raise ValueError(
            f"The layer {layer!r} has no weights to randomise; the layers with weights are "
            f"{', '.join(names)}."
        )
    last = chosen[0]
    chosen = names[: names.index(last) + 1] if cascading else chosen
    words = f"from {names[0]} to {last}" if cascading else f"in {last}"
    fresh = _untrained_copy(net, seed)
    name, numbers = f"{net.name}, random {words}", net.head == "number"
    forward_pass = ForwardPass(fresh, name, net.input_size, net.preprocess, numbers)
    forward_pass.one_by_one = net.one_by_one
    copy = Network(forward_pass, net.labels, net.found)
    copy.compiles_late = True
    drawn = {name: copy.layer(name).get_weights() for name in chosen}
    fresh.set_weights(net.model.get_weights())
    for name, weights in drawn.items():
        copy.layer(name).set_weights(weights)
    return copy


def _learns(layer):
    return bool(getattr(layer, "weights", [])) and not isinstance(layer, keras.layers.Normalization)


def _untrained_copy(net, seed):
    """Return an untrained copy of the Keras model, every weight drawn from its initializer."""
    state = random.getstate()
    random.seed(seed)  # Keras draws the seeds of initializers from Python's own generator
    try:
        return keras.models.clone_model(net.model, clone_function=_copy_layer, recursive=True)
    except Exception as error:
        raise ValueError(
            f"The model {net.name!r} cannot be copied, so its layers cannot be randomised "
            f"({first_line(error)})."
        ) from None
    finally:
        random.setstate(state)


def _copy_layer(layer):
    """Return a new layer of the same kind and settings, without fixed initializer seeds."""
    config = _without_seeds(layer.get_config())
    if isinstance(layer, keras.layers.Lambda):  # its code already runs in this session
        return type(layer).from_config(config, safe_mode=False)
    return type(layer).from_config(config)


def _without_seeds(config):
    if isinstance(config, (list, tuple)):
        return type(config)(_without_seeds(one) for one in config)
    if not isinstance(config, dict):
        return config
    config = {key: _without_seeds(value) for key, value in config.items()}
    for key, value in config.items():
        if key.endswith("initializer") and isinstance(value, dict) and "config" in value:
            if "seed" in (value["config"] or {}):
                value["config"]["seed"] = None
    return config
