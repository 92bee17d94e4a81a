"""Walking a Keras model: call its layers one by one, tap any of them, replace some, change nothing.

A Functional or Sequential model is a graph of layer calls. `Graph` lists these calls once, in the order of
computation and with nested models opened up, and runs them on real tensors. A layer that is called with real
tensors records nothing, so the caller's model stays exactly as it was.
"""

import difflib
import functools
import inspect
from collections import Counter
from dataclasses import dataclass, field

import keras
import tensorflow as tf
from keras.src.models.functional import Functional

# Layers whose output is no map of its own: the one before them is what a student means by "the last map".
_NO_MAP_OF_ITS_OWN = ("Pool", "Dropout", "Padding", "Cropping", "Reshape", "Identity", "Permute")
# Layers that may stand between the head's activation and the network's output.
_TRANSPARENT = ("Reshape", "Flatten", "Squeeze", "Dropout", "Identity", "Cast")
_ONLY_ACTIVATION = ("Activation", "Softmax", "LogSoftmax", "Sigmoid", "ReLU", "ReLU6", "Relu", "Relu6",
                    "LeakyReLU", "LeakyRelu", "PReLU", "ELU", "Elu", "Gelu", "Silu", "HardSilu")


class Value:
    """A tensor of the graph: output number `index` of `step` (None: the network's input)."""

    def __init__(self, step=None, shape=None):
        self.step = step
        self.shape = shape


@dataclass(eq=False)
class Step:
    """One call of one layer.

    path : the layer's name with the names of the models around it, "base/conv1"
    name : the layer's own name where that is unique in the network, else `path`
    layer : the Keras layer, or a Keras operation such as the `+` of two tensors
    inputs : the values it reads; `step.inputs[0].step` is the call that made the first one
    outputs : the values it makes, with their static shapes, (None, h, w, c)
    """

    path: str
    layer: object
    node: object = field(repr=False)
    inputs: list = field(repr=False)
    outputs: list = field(repr=False, default_factory=list)
    name: str = ""

    @property
    def shape(self):
        """The static shape of the (first) output; unknown lengths are None."""
        return self.outputs[0].shape

    def call(self, layer, known):
        """Call `layer` (this step's own or a substitute) with the tensors in `known`; list of outputs."""
        tensors = {
            id(symbol): known[value]
            for symbol, value in zip(self.node.input_tensors, self.inputs, strict=True)
        }
        args, kwargs = self.node.arguments.fill_in(tensors)
        kwargs = dict(kwargs)
        if layer is self.layer:
            if _takes_training(type(layer)):
                kwargs["training"] = False
            return keras.tree.flatten(layer(*args, **kwargs))
        return keras.tree.flatten(layer(args[0]))


class Graph:
    """The layer calls of a Functional or Sequential model with one input and one output."""

    def __init__(self, model):
        functional = open_model(model)
        self.steps = []
        self.input = Value(shape=tuple(functional.inputs[0].shape))
        self._models = {}
        self.output = self._list_steps(functional, [self.input], prefix="")[0]
        counts = Counter(step.layer.name for step in {s.path: s for s in self.steps}.values())
        counts.update(path.rpartition("/")[2] for path in self._models)
        for step in self.steps:
            own = step.layer.name
            step.name = own if counts[own] == 1 else step.path
        self._by_path = {step.path: (step.layer, step.outputs[0]) for step in self.steps}
        self._by_path.update(self._models)

    def _list_steps(self, model, inputs, prefix):
        """Append the calls inside `model` to `self.steps`; return the values of its outputs."""
        known = {id(symbol): value for symbol, value in zip(model.inputs, inputs, strict=True)}
        depths = sorted(model._nodes_by_depth, reverse=True)
        for node in (node for depth in depths for node in model._nodes_by_depth[depth]):
            if node.is_input or any(id(symbol) not in known for symbol in node.input_tensors):
                continue
            path = prefix + node.operation.name
            values = [known[id(symbol)] for symbol in node.input_tensors]
            inner = open_model(node.operation, strict=False)
            if inner is not None and len(inner.inputs) == len(values):
                outputs = self._list_steps(inner, values, path + "/")
                self._models[path] = (node.operation, outputs[0])
            else:
                step = Step(path, node.operation, node, values)
                outputs = [Value(step, tuple(symbol.shape)) for symbol in node.outputs]
                step.outputs = outputs
                self.steps.append(step)
            known.update((id(s), v) for s, v in zip(node.outputs, outputs, strict=True))
        return [known[id(symbol)] for symbol in model.outputs]

    def find(self, name):
        """(layer, value) of a layer or nested model, by unique name or by path."""
        if name in self._by_path:
            return self._by_path[name]
        paths = [path for path in self._by_path if path.rpartition("/")[2] == name]
        if len(paths) == 1:
            return self._by_path[paths[0]]
        if paths:
            raise ValueError(f"the layer name {name!r} is not unique; say one of {', '.join(paths)}")
        known = [step.name for step in self.steps] + list(self._models)
        near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.5)
        raise ValueError(f"no layer {name!r} in this network; " + (
            f"did you mean {', '.join(map(repr, near))}?" if near
            else f"it has {', '.join(map(repr, known[:3]))} and so on up to {known[-1]!r}"))

    def needed_for(self, values):
        """The steps that must run to compute `values`, in order."""
        needed, waiting = set(), list(values)
        while waiting:
            step = waiting.pop().step
            if step is not None and step not in needed:
                needed.add(step)
                waiting.extend(step.inputs)
        return [step for step in self.steps if step in needed]

    def run(self, tensor, wanted, replace):
        """Compute the tensors of the values `wanted` from the input `tensor`.

        replace : function(step) -> the callable to use instead of the step's layer, or None.
        Values other than the output come back as float32 tensors that lie on the path of computation
        (also under mixed precision), so that gradients with respect to them exist.
        """
        known = {self.input: tensor}
        tapped = {}
        for step in self.needed_for(wanted):
            outputs = step.call(replace(step) or step.layer, known)
            for value, output in zip(step.outputs, outputs, strict=True):
                if value in wanted and output.dtype in (tf.float16, tf.bfloat16):
                    tapped[value] = tf.cast(output, tf.float32)
                    output = tf.cast(tapped[value], output.dtype)
                known[value] = output
        return [tapped.get(value, known[value]) for value in wanted]

    def head(self):
        """(kind, step): "softmax", "sigmoid" or "linear", and the step that applies it (None if linear)."""
        step = self.output.step
        while step is not None:
            kind = _head_activation(step.layer)
            if kind in ("softmax", "sigmoid"):
                return kind, step
            if not (kind == "linear" and _is_transparent(step.layer)):
                break
            step = step.inputs[0].step
        return "linear", None

    def last_map(self):
        """The step with the last spatial map (n, h, w, c), h * w > 1, before pooling; None if there is none."""
        first_conv = next((i for i, step in enumerate(self.steps) if _has_kernel(step)), None)
        if first_conv is None:
            return None
        on_path = set(self.needed_for([self.output]))
        maps = [s for s in self.steps[first_conv:] if s in on_path and _is_map(s)]
        return maps[-1] if maps else None


def open_model(model, strict=True):
    """The Functional model inside `model`, or None (with `strict`: a ValueError) where there is none."""
    if isinstance(model, keras.Sequential) and type(model).call is keras.Sequential.call:
        model = model._functional
    if isinstance(model, Functional) and type(model).call is Functional.call:
        return model
    if strict:
        raise ValueError("not a graph of layers")
    return None


def without_activation(layer, activation=None):
    """A callable that shares the weights of `layer` but has another activation (None: linear).

    The layer itself is untouched: the callable is a shallow copy of it. A layer that is nothing but an
    activation (ReLU, Softmax, Activation) becomes the new activation; a layer that has none
    (Add, BatchNormalization) is followed by it.
    """
    activation = keras.activations.get(activation)
    if type(layer).__name__ in _ONLY_ACTIVATION:
        return activation
    if getattr(layer, "activation", None) is None:
        return lambda *args, **kwargs: activation(layer(*args, **kwargs))
    twin = object.__new__(type(layer))
    twin.__dict__.update(layer.__dict__)
    object.__setattr__(twin, "activation", activation)
    return twin


def _head_activation(layer):
    """"softmax", "sigmoid", "linear" or "other": what the layer ends with."""
    if type(layer).__name__ in ("Softmax", "LogSoftmax"):
        return "softmax"
    if type(layer).__name__ == "Sigmoid":
        return "sigmoid"
    activation = getattr(layer, "activation", None)
    if activation is None:
        return "linear"
    name = getattr(activation, "__name__", type(activation).__name__).lower()
    for kind, names in {
        "softmax": ("softmax", "softmax_v2", "log_softmax"),
        "sigmoid": ("sigmoid",),
        "linear": ("linear",),
    }.items():
        if name in names:
            return kind
    return "other"


def _is_transparent(layer):
    name = type(layer).__name__
    return name == "Activation" or any(word in name for word in _TRANSPARENT)


def _has_kernel(step):
    return "Conv" in type(step.layer).__name__ and len(step.shape) == 4


def _is_map(step):
    shape = step.shape
    if len(shape) != 4 or any(word in type(step.layer).__name__ for word in _NO_MAP_OF_ITS_OWN):
        return False
    return None in shape[1:3] or shape[1] * shape[2] > 1


@functools.cache
def _takes_training(layer_type):
    call = getattr(layer_type, "call", None)
    return call is not None and "training" in inspect.signature(call).parameters
