"""The forward pass of a network, layer by layer: pixels 0..255 in, logits out.

`Network` adds names, predictions and targets; the checks at load need only the pass.
"""

import keras
import tensorflow as tf

from cnnvis_helpers.networks import head as heads
from cnnvis_helpers.networks.graph import Graph, without_activation
from cnnvis_helpers.networks.max_pooling import in_halves


class ForwardPass:
    """The forward pass of a keras.Model; its attributes are described in `network.Network`."""

    def __init__(self, model, name, input_size, preprocess, numbers=False):
        """`preprocess`: TensorFlow function from pixels (n, h, w, 3) to the model's own input."""
        self.model, self.name, self.input_size = model, name, tuple(input_size)
        self.preprocess = preprocess
        self.graph = Graph(model)
        self.steps = self.graph.steps
        self.units = self.graph.output.shape[-1]
        self.one_by_one = self.graph.input.shape[0] == 1
        self.head, self.head_step = ("number", None) if numbers else self.graph.head()
        self._gives_probabilities = False
        if self.head == "unknown":
            self._read_head()

    def _read_head(self):
        """Find `head` from the outputs of a few pictures; see `head.kind_of`."""
        (outputs,) = self.run_values(heads.sample_pictures(self.input_size), [self.graph.output])
        exact = "16" not in keras.backend.standardize_dtype(self.model.outputs[0].dtype)
        outputs = tf.reshape(tf.cast(outputs, tf.float32), (-1, self.units))
        self.head = heads.kind_of(outputs, self.model.name, exact)
        self._gives_probabilities = self.head != "linear"

    @property
    def output_step(self):
        """The layer call (`graph.Step`) that makes the output; not always the last in `steps`."""
        return self.graph.output.step

    def forward(self, pixels, layers=(), substitute=None, tape=None):
        """Run one forward pass, uncompiled, to be called inside a method's own tf.function.

        Parameters
        ----------
        pixels : float32 tensor (n, h, w, 3), 0..255
        layers : names of layers whose outputs are wanted from this same pass
        substitute : function(layer) -> a callable to use in place of the layer, or None to keep it;
            called for every layer and Keras operation but the head's softmax or sigmoid
        tape : a tf.GradientTape that is to watch the outputs of `layers`, or None

        Returns (logits, maps): float32 (n, units), and a list of the layers' outputs. For gradients
        with respect to pixels, `tape.watch(pixels)` before the call.
        """
        values = [self.graph.find(name)[1] for name in layers]
        wanted = [self.graph.output, *values]
        return self._as_logits(self.run_values(pixels, wanted, substitute, tape=tape))

    def forward_from(self, known, wanted=()):
        """Run the rest of a forward pass from `known`, {graph.Value: tensor}, uncompiled.

        Returns (logits, tensors): float32 (n, units), and a list of those of the values `wanted`.
        """
        return self._as_logits(self._run(known, [self.graph.output, *wanted]))

    def _as_logits(self, results):
        logits, *tensors = results
        logits = tf.reshape(tf.cast(logits, tf.float32), (-1, self.units))
        logits = heads.logits_of(logits, self.head) if self._gives_probabilities else logits
        return logits, tensors

    def maps(self, pixels, layers, substitute=None):
        """Return only the outputs of `layers`, of pixels (n, H, W, 3) of any size."""
        values = [self.graph.find(name)[1] for name in layers]
        return self.run_values(pixels, values, substitute)

    def run_values(self, pixels, values, substitute=None, bare=(), tape=None):
        """Return the tensors of values of the graph; the steps `bare` run without activation."""
        if not self.one_by_one or pixels.shape[0] == 1:
            known = {self.graph.input: self._input_of(pixels)}
            return self._run(known, values, substitute, bare, tape)

        def run_one(picture):
            results = self.run_values(picture[None], values, substitute, bare, tape)
            return [result[0] for result in results]

        kinds = [tf.float32] * len(values)
        return tf.map_fn(run_one, tf.cast(pixels, tf.float32), fn_output_signature=kinds)

    @tf.autograph.experimental.do_not_convert
    def _input_of(self, pixels):
        return self.preprocess(tf.cast(pixels, tf.float32))

    # Keras layers need no AutoGraph; without it, a caller's tf.function is traced much faster.
    @tf.autograph.experimental.do_not_convert
    def _run(self, known, values, substitute=None, bare=(), tape=None):
        def replace(step):
            if step is self.head_step or step in bare:
                return without_activation(step.layer)
            return (substitute and substitute(step.layer)) or in_halves(step.layer)

        # The scope catches what layers would record about a call, such as activity losses.
        with keras.StatelessScope(collect_losses=True):
            return self.graph.run(known, values, replace, tape)
