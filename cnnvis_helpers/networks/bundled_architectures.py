"""The layers of the two bundled ImageNet networks, in plain Keras.

Each function takes the weights {"conv1/kernel": float32 array, "conv1/bias": ..., ...} and returns
a keras.Model: pixels 0..255 RGB (n, h, w, 3) in, probabilities (n, 1000) out. Kernels are stored
in Keras's layout: (h, w, in, out), (h, w, channels, 1) for a depthwise convolution, (in, out) for
a Dense layer.
"""


def build_squeezenet(weights):
    """Build SqueezeNet 1.1 (Iandola et al. 2016, arXiv 1602.07360).

    Eight "fire" modules: a 1x1 convolution squeezes the channels, then a 1x1 and a 3x3 convolution
    expand them in parallel. ReLU follows every convolution. The last convolution, conv10, makes
    one map per class, and the mean of a map is the logit of its class.
    """
    from keras import Input, Model, layers

    def conv(x, name, size=1, **options):
        filters = weights[f"{name}/bias"].size
        return layers.Conv2D(filters, size, activation="relu", name=name, **options)(x)

    def fire(x, name):
        squeezed = conv(x, f"{name}_squeeze1x1")
        expanded = [
            conv(squeezed, f"{name}_expand1x1"),
            conv(squeezed, f"{name}_expand3x3", 3, padding="same"),
        ]
        return layers.Concatenate(name=f"{name}_concat")(expanded)

    photo = Input((227, 227, 3), name="photo")
    x = conv(photo, "conv1", 3, strides=2)  # (113, 113, 64)
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)  # (56, 56, 64)
    x = fire(fire(x, "fire2"), "fire3")
    x = layers.MaxPooling2D(3, 2, name="pool3")(x)  # (27, 27, 128)
    x = fire(fire(x, "fire4"), "fire5")
    x = layers.MaxPooling2D(3, 2, name="pool5")(x)  # (13, 13, 256)
    for name in ("fire6", "fire7", "fire8", "fire9"):
        x = fire(x, name)  # (13, 13, 512) after fire9
    x = conv(x, "conv10")  # (13, 13, 1000)
    x = layers.GlobalAveragePooling2D(name="pool10")(x)
    x = layers.Softmax(name="softmax")(x)
    return with_weights(Model(photo, x, name="squeezenet"), weights)


# Stages of EfficientNet-Lite0: blocks, kernel size, stride of the first block, expansion, channels.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def build_efficientnet_lite0(weights):
    """Build EfficientNet-Lite0, batch norm folded (Tan and Le 2019, arXiv 1905.11946; Lite: 2020).

    Sixteen inverted residual blocks (Sandler et al. 2018, arXiv 1801.04381): a 1x1 convolution
    expands the channels, a depthwise one filters each channel, a 1x1 convolution without ReLU
    projects them back, and the block's input is added where the shapes agree.
    """
    from keras import Input, Model, layers

    def conv(x, name, filters, size=1, stride=1):
        x = layers.Conv2D(filters, size, stride, padding="same", name=name)(x)
        return layers.ReLU(6, name=f"{name}_relu")(x)

    def block(x, name, size, stride, expansion, channels):
        wide = x
        if expansion > 1:
            wide = conv(x, f"{name}_expand", expansion * x.shape[-1])
        wide = layers.DepthwiseConv2D(size, stride, padding="same", name=f"{name}_depthwise")(wide)
        wide = layers.ReLU(6, name=f"{name}_depthwise_relu")(wide)
        narrow = layers.Conv2D(channels, 1, name=f"{name}_project")(wide)
        return layers.Add(name=f"{name}_add")([narrow, x]) if x.shape == narrow.shape else narrow

    photo = Input((224, 224, 3), name="photo")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="rescaling")(photo)
    x = conv(x, "stem", 32, size=3, stride=2)  # (112, 112, 32)
    number = 0
    for blocks, size, stride, expansion, channels in _STAGES:
        for first in [True] + [False] * (blocks - 1):
            x = block(x, f"block{number}", size, stride if first else 1, expansion, channels)
            number += 1
    x = conv(x, "head", 1280)  # (7, 7, 1280)
    x = layers.GlobalAveragePooling2D(name="pooling")(x)
    x = layers.Dense(1000, activation="softmax", name="predictions")(x)
    return with_weights(Model(photo, x, name="efficientnet_lite0"), weights)


def with_weights(model, weights):
    for layer in model.layers:
        if layer.weights:
            layer.set_weights([weights[f"{layer.name}/{kind}"] for kind in ("kernel", "bias")])
    return model
