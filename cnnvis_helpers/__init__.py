"""See what a convolutional network sees: the helpers of the course's notebooks.

>>> from cnnvis_helpers import gradcam, load_network, load_photo, show_overlay
>>> net = load_network("course")
>>> photo = load_photo("chelsea")
>>> show_overlay(photo, gradcam(net, photo), alt="A heat map lies on the cat's face.")

Every name loads its room when it is first used, so importing the package costs next to nothing:
neither TensorFlow nor matplotlib is imported before a name needs it. `dir(cnnvis_helpers)` lists
the names, `python -m cnnvis_helpers --help` the commands.
"""

import importlib
import sys
import time
import types

__version__ = "0.1.0"

STARTED = time.time()  # code that changes on disk after this may differ from what is in memory

_NAMES_OF_ROOM = {
    "networks": "Network Prediction list_networks load_network",
    "prefetch": "prefetch",
    "doctor": "report",
    "photos": "list_photos load_mask load_photo photo_alt",
    "layers": "conv_layers feature_maps filters sparsity weights",
    "receptive": "receptive_field",
    "arrays": "around_grey describe map_limits standardise_tile tile to_unit",
    "occlusion": "mask_photo occluded_photos occlusion occlusion_grid occlusion_passes",
    "cam": "cam gradcam gradcam_from gradcam_plus_plus gradcam_plus_plus_from guided_gradcam "
    "layer_gradients layercam layercam_from pooled_gradients pooled_head scorecam",
    "saliency": "gradient_x_input guided_backprop input_gradient integrated_gradients saliency "
    "smoothgrad",
    "attacks": "fgsm pgd",
    "one_pixel": "one_pixel one_pixel_map",
    "robustness": "epsilon_curve squeeze survives transfer",
    "dreams": "class_pattern deep_dream dream_objective dream_steps filter_pattern "
    "filter_patterns filter_responses",
    "randomization": "layers_from_the_top randomize_layers",
    "shapes": "shape_pictures",
    "shape_training": "class_recall train_shape_network",
    "trust": "deletion_curve insertion_curve pointing_game relevance_mass",
    "method_table": "compare_methods",
    "similarity": "rank_correlation structural_similarity",
    "pictures": "compare_maps overlay_picture show_boxes show_curve show_feature_maps "
    "show_filter_channels show_filters show_grid show_map show_matrix show_mosaic show_overlay "
    "show_photo show_predictions show_signed show_vector",
    "figures": "display_figure figure_bundle figure_row save_picture use_course_style",
    "explorers": "explore_attack explore_cam explore_dream explore_layers explore_occlusion "
    "explore_saliency explore_trust",
    "studio": "studio",
    "exercises": "check hint solution",
    "kept": "clear_kept keep_results kept_results",
    "progress": "text_progress",
    "resizing": "resize_map resize_photo",
}
_ROOM_OF = {name: room for room, names in _NAMES_OF_ROOM.items() for name in names.split()}

__all__ = sorted(_ROOM_OF)


class _Package(types.ModuleType):
    """The package's own module: a room never hides the function that bears its name.

    Importing cnnvis_helpers.occlusion makes Python set the attribute `occlusion` to that room;
    the public name is the function, so this one assignment is left out.
    """

    def __setattr__(self, name, value):
        if not (name in _ROOM_OF and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name):
    if name not in _ROOM_OF:
        raise AttributeError(
            f"cnnvis_helpers has no {name!r}; dir(cnnvis_helpers) lists what there is"
        )
    from cnnvis_helpers.starting import without_greetings

    with without_greetings():  # most rooms import TensorFlow
        room = importlib.import_module(f"{__name__}.{_ROOM_OF[name]}")
    value = getattr(room, name)
    if isinstance(value, types.FunctionType):
        from cnnvis_helpers import kept

        value = kept.through(value)  # in a rehearsed lecture: what was computed before, at once
    globals()[name] = value
    return value


def __dir__():
    return sorted({*__all__, "__all__", "__doc__", "__version__"})
