"""Run a Keras model layer by layer: read any layer's output, replace a layer, change nothing.

A Functional or Sequential model is a graph of layer calls. `Graph` lists these calls once, in the
order of computation and with nested models expanded, and runs them on real tensors. A layer called
on real tensors records nothing, so the caller's model stays exactly as it was.
"""

import difflib
import functools
import inspect
import itertools
from collections import Counter
from dataclasses import dataclass, field

import keras
import tensorflow as tf
from keras.src.models.functional import Functional

# A layer of these kinds only moves, drops or summarises values of the map before it.
_NO_MAP_OF_ITS_OWN = (
    "Pool Dropout Padding Cropping Reshape Identity Permute Transpose GetItem Pad Cast".split()
)
# Layers of these kinds may come between the head's activation and the network's output.
_TRANSPARENT = ("Reshape", "Flatten", "Squeeze", "Dropout", "Identity", "Cast")
# Layers and operations that are nothing but an activation.
ACTIVATIONS = set(
    "Activation ReLU LeakyReLU PReLU ELU Softmax Relu Relu6 LeakyRelu Elu Selu Gelu Silu HardSilu "
    "Sigmoid HardSigmoid Tanh Softplus Softsign LogSoftmax".split()
)
# Operations, besides custom layers, that may turn scores into probabilities.
_MAY_NORMALISE = ("Lambda", "Exp", "Divide", "TrueDivide", "Clip", "Tanh", "HardSigmoid")
_SOFTMAX = ("softmax", "softmax_v2", "logsoftmax", "log_softmax")
# Keras's less usual activations whose outputs look like probabilities.
_ALIKE = ("hard_sigmoid", "hardsigmoid", "sparsemax", "sparse_sigmoid", "exponential", "tanh")


@dataclass(eq=False)
class Value:
    """A tensor of the graph: an output of `step` (None: the network's input).

    shape : a tuple such as (None, 7, 7, 512); None is an unknown length. dtype : "float32", ...
    """

    step: object
    shape: tuple
    dtype: str


@dataclass(eq=False)
class Step:
    """One call of one layer.

    path : the layer's name prefixed by its enclosing models, "base/conv1"
    name : the layer's own name if unique in the network, else `path`
    layer : the Keras layer, or a Keras operation such as the `+` of two tensors
    inputs : the values it reads; `step.inputs[0].step` is the call that made the first one
    outputs : the values it makes
    """

    path: str
    layer: object
    node: object = field(repr=False)
    inputs: list = field(repr=False)
    outputs: list = field(repr=False, default_factory=list)
    name: str = ""

    @property
    def shape(self):
        """The static shape of the (first) output, (None, h, w, c); None: unknown length."""
        return self.outputs[0].shape

    def call(self, layer, known):
        """Return the outputs of `layer`, its own or a substitute, on the tensors in `known`."""
        symbols = zip(self.node.input_tensors, self.inputs, strict=True)
        tensors = {id(symbol): known[value] for symbol, value in symbols}
        args, kwargs = self.node.arguments.fill_in(tensors)
        kwargs.pop("training", None)
        if kwargs.get("mask") is None:  # else the model's author gave one
            kwargs.pop("mask", None)
        if layer is self.layer and _takes_training(type(layer)):
            kwargs["training"] = False
        return keras.tree.flatten(layer(*args, **kwargs))


class Graph:
    """The layer calls of a Functional or Sequential model with one input and one output."""

    def __init__(self, model):
        functional = open_model(model)
        self.name = model.name
        self.steps = []
        pixels = functional.inputs[0]
        self.input = Value(None, tuple(pixels.shape), pixels.dtype)
        self._constants = {}
        self._models = {}
        (self.output,) = self._list_steps(functional, [self.input], prefix="")
        self._by_path = {step.path: (step.layer, step.outputs[0]) for step in self.steps}
        self._by_path.update(self._models)
        counts = Counter(path.rpartition("/")[2] for path in self._by_path)
        for step in self.steps:
            step.name = step.layer.name if counts[step.layer.name] == 1 else step.path

    def _list_steps(self, model, inputs, prefix):
        """Append the calls inside `model` to `self.steps`; return the values of its outputs."""
        known = {id(symbol): value for symbol, value in zip(model.inputs, inputs, strict=True)}
        by_depth = model._nodes_by_depth
        for node in (node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]):
            if node.is_input or any(id(symbol) not in known for symbol in node.input_tensors):
                continue
            path = prefix + node.operation.name
            values = [known[id(symbol)] for symbol in node.input_tensors]
            inner = open_model(node.operation)
            given = self._inputs_of(inner, node, known) if inner is not None else ()
            if inner is not None and len(inner.inputs) == len(given):
                outputs = self._list_steps(inner, given, path + "/")
                self._models[path] = (node.operation, outputs[0])
            else:
                step = Step(path, node.operation, node, values)
                outputs = [Value(step, tuple(one.shape), one.dtype) for one in node.outputs]
                step.outputs = outputs
                self.steps.append(step)
            known.update(zip(map(id, node.outputs), outputs, strict=True))
        return [known[id(symbol)] for symbol in model.outputs]

    def _inputs_of(self, inner, node, known):
        """Return the values that a nested model is called on; constant tensors become values."""
        given = keras.tree.flatten(node.arguments.args[0]) if node.arguments.args else []
        values = []
        for tensor in given:
            value = known.get(id(tensor))
            if value is None:
                value = Value(None, tuple(tensor.shape), tensor.dtype)
                self._constants[value] = tensor
            values.append(value)
        return values

    def find(self, name):
        """Return (layer, value of its last call) of a layer or nested model.

        name : its path, or its own name if unique. Raises ValueError for any other.
        """
        if not isinstance(name, str):
            raise ValueError(f"A layer is given by its name, a text, not {name!r}.")
        if name in self._by_path:
            return self._by_path[name]
        paths = [path for path in self._by_path if path.rpartition("/")[2] == name]
        if len(paths) == 1:
            return self._by_path[paths[0]]
        if paths:
            raise ValueError(f"The layer name {name!r} is not unique; say {listed(paths, 'or')}.")
        names = [step.name for step in self.steps]
        near = difflib.get_close_matches(name, [*names, *self._by_path], n=3, cutoff=0.6)
        if near:
            hint = f"did you mean {listed(dict.fromkeys(near), 'or')}?"
        else:
            examples = [names[0], *[step.name for step in self.maps()[-1:]], names[-1]]
            hint = f"it has, for example, {listed(examples, 'or')}."
        raise ValueError(f"The network has no layer {name!r}; {hint}")

    def needed_for(self, values, known=()):
        """Return the steps that must run to compute `values`, in order, given `known` ones."""
        needed, waiting = set(), list(values)
        while waiting:
            value = waiting.pop()
            if value.step not in needed and value.step is not None and value not in known:
                needed.add(value.step)
                waiting.extend(value.step.inputs)
        return [step for step in self.steps if step in needed]

    def run(self, known, wanted, replace, tape=None):
        """Compute the tensors of the values `wanted` from those `known`, {Value: tensor}.

        replace : function(step) -> the callable to use in place of the step's layer, or None
        tape : a tf.GradientTape that is to watch the wanted tensors, or None

        A wanted tensor of other floats is cast to float32 on its way: gradients reach it.
        """
        known, tapped = dict(known), {}
        pictures = tf.shape(next(iter(known.values())))[0]
        for value, constant in self._constants.items():  # (1, ...): the same for every picture
            alone = constant.shape[0] == 1
            known[value] = tf.repeat(constant, pictures, axis=0) if alone else constant
        for step in self.needed_for(wanted, known):
            outputs = step.call(replace(step) or step.layer, known)
            for value, output in zip(step.outputs, outputs, strict=True):
                if value in wanted:
                    other = output.dtype in (tf.float16, tf.bfloat16, tf.float64)
                    tapped[value] = tf.cast(output, tf.float32) if other else output
                    if tape:
                        tape.watch(tapped[value])
                    output = tf.cast(tapped[value], output.dtype) if other else output
                known[value] = output
        return [tapped.get(value, known[value]) for value in wanted]

    def head(self):
        """Return ("softmax" or "sigmoid", the step that applies it), else ("linear", None).

        ("unknown", None) if the outputs may be probabilities but no single step makes them so.
        Raises ValueError for any other of Keras's activations.
        """
        step = self.output.step
        while step is not None:
            kind = _activation_kind(step.layer)
            if kind in ("softmax", "sigmoid"):
                # A softmax over one unit is always 1: the outputs show whether it is one.
                lone = kind == "softmax" and self.output.shape[-1] == 1
                return ("unknown", None) if lone else (kind, step)
            if kind == "other":
                raise ValueError(
                    f"The model {self.name!r} ends with the activation "
                    f"{activation_name(step.layer)}, "
                    "but its outputs must be logits or probabilities: give its last layer a "
                    "softmax, a sigmoid or no activation, or pass numbers=True for a regression."
                )
            name = type(step.layer).__name__
            passes = name == "Activation" or any(word in name for word in _TRANSPARENT)
            if kind != "linear" or not passes:
                break
            step = step.inputs[0].step
        return ("unknown" if self._may_be_probabilities() else "linear"), None

    def _may_be_probabilities(self):
        """Return whether a step after the last Dense or convolution may make probabilities."""
        waiting, seen = [self.output], {None}
        while waiting:
            step = waiting.pop().step
            if step in seen:
                continue
            seen.add(step)
            name = type(step.layer).__name__
            own = not type(step.layer).__module__.startswith("keras.")
            known = _activation_kind(step.layer) in ("linear", "other")
            alike = activation_name(step.layer) in _ALIKE or name in _MAY_NORMALISE
            if own or alike or not known:
                return True
            if any(word in name for word in ("Dense", "Conv")):
                continue
            if getattr(step.layer, "weights", ()):  # a layer that holds a whole model, say
                return True
            waiting.extend(step.inputs)
        return False

    def first_learned(self):
        """Return the first steps with weights on each path from the picture."""
        behind, first = set(), []
        for step in self.needed_for([self.output]):
            if any(value.step in behind for value in step.inputs):
                behind.add(step)
            elif _learns(step):
                behind.add(step)
                first.append(step)
        return first

    def maps(self):
        """Return the steps on a path to the output that make feature maps (n, h, w, c), h * w > 1.

        Steps before the first learned layer only prepare the picture. Activations, sums,
        concatenations and normalisations count; pooling, dropout, padding and reshaping do not.
        """
        needed = self.needed_for([self.output])
        learned = (i for i, step in enumerate(needed) if _learns(step) and not _normalises(step))
        return [step for step in needed[next(learned, len(needed)) :] if _makes_map(step)]

    def bottlenecks(self, value=None):
        """Return the dominators of a value (None: the output): the steps that every path passes."""
        last = (value or self.output).step
        needed = self.needed_for(last.outputs)
        before, after = Counter({None: 1}), Counter({last: 1})
        for step in needed:
            before[step] = sum(before[value.step] for value in self._from_picture(step))
        for step in reversed(needed):
            for value in self._from_picture(step):
                after[value.step] += after[step]
        total = before[last]
        return [step for step in needed if before[step] * after[step] == total > 0]

    def whole_maps(self, value=None):
        """Return the steps that make maps through which a value (None: the score) passes whole.

        Maps made anew after a Dense layer of a vector have no positions in the picture.
        """
        whole = set(itertools.takewhile(keeps_places, self.bottlenecks(value)))
        return [step for step in self.maps() if step in whole and len(step.outputs) == 1]

    def _from_picture(self, step):
        return [value for value in step.inputs if value not in self._constants]


def keeps_places(step):
    """Return False for a learned layer of a vector, which mixes all positions."""
    one_place = len(step.shape) == 2 or (len(step.shape) == 4 and step.shape[1:3] == (1, 1))
    return not (_learns(step) and one_place)


def open_model(model):
    """Return the Functional model that a Functional or Sequential model computes.

    None for a subclass with its own `call` and for a Sequential model without an input shape.
    """
    if isinstance(model, keras.Sequential) and type(model).call is keras.Sequential.call:
        model = model._functional
    if isinstance(model, Functional) and type(model).call is Functional.call:
        return model
    return None


def without_activation(layer, activation=None):
    """Return a callable with the weights of `layer` but another activation (None: linear).

    It is a shallow copy of the layer. A pure activation layer (ReLU, Softmax, Activation) becomes
    the new activation; a layer that has none (Add, BatchNormalization) is followed by it.
    """
    activation = keras.activations.get(activation)
    if type(layer).__name__ in ACTIVATIONS:
        return activation
    if getattr(layer, "activation", None) is None:
        return lambda *args, **kwargs: activation(layer(*args, **kwargs))
    twin = object.__new__(type(layer))
    twin.__dict__.update(layer.__dict__)
    object.__setattr__(twin, "activation", activation)
    return twin


def activation_name(layer):
    """Return the name of a layer's or operation's activation, in lower case, or None."""
    if type(layer).__name__ in ACTIVATIONS - {"Activation"}:
        return type(layer).__name__.lower()
    activation = getattr(layer, "activation", None)
    name = getattr(activation, "__name__", type(activation).__name__).lower()
    return None if activation is None else name


def _activation_kind(layer):
    """Return "softmax", "sigmoid", "linear", "other" (of Keras), or "own" (a function)."""
    name = activation_name(layer) or "linear"
    if name in _SOFTMAX:
        return "softmax"
    if name in ("sigmoid", "linear"):
        return name
    known = {one.lower() for one in (*dir(keras.activations), *ACTIVATIONS)}
    return "other" if name in known else "own"


def _learns(step):
    """Return whether a step has trained weights; a Normalization only prepares pixels."""
    if isinstance(step.layer, keras.layers.Normalization):
        return False
    return bool(getattr(step.layer, "weights", ())) or "Conv" in type(step.layer).__name__


def _normalises(step):
    """Return whether a step only normalises; SpectralNormalization wraps a layer with a kernel."""
    kernels = [weight for weight in step.layer.weights if len(weight.shape) > 1]
    return "Norm" in type(step.layer).__name__ and not kernels


def _makes_map(step):
    kind = type(step.layer).__name__
    if "Conv" not in kind and any(word in kind for word in _NO_MAP_OF_ITS_OWN):
        return False
    return len(step.shape) == 4 and step.shape[1:3] != (1, 1)


@functools.cache
def _takes_training(layer_type):
    call = getattr(layer_type, "call", None)
    return call is not None and "training" in inspect.signature(call).parameters


def listed(names, word="and"):
    """Return names as text: "'a', 'b' and 'c'"."""
    *first, last = map(repr, names)
    return f"{', '.join(first)} {word} {last}" if first else last
