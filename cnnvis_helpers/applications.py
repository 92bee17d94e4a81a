"""What Keras's ImageNet classifiers expect: preprocessing by mode."""

import tensorflow as tf

_MEAN_BGR = (103.939, 116.779, 123.68)
_MEAN_TORCH = (0.485 * 255, 0.456 * 255, 0.406 * 255)
_STD_TORCH = (0.229 * 255, 0.224 * 255, 0.225 * 255)

MODES = {
    "identity": lambda pixels: pixels,
    "tf": lambda pixels: pixels / 127.5 - 1.0,
    "caffe": lambda pixels: pixels[..., ::-1] - tf.constant(_MEAN_BGR),
    "torch": lambda pixels: (pixels - tf.constant(_MEAN_TORCH)) / tf.constant(_STD_TORCH),
}


def preprocessing(preprocess, model):
    """The TensorFlow function pixels -> network input for a mode or a callable."""
    if callable(preprocess):
        return preprocess
    return MODES[preprocess or "identity"]
