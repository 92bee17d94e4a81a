"""Helpers of a course that shows what a convolutional network sees.

>>> from cnnvis_helpers import gradcam, load_network, load_photo, show_overlay
>>> net = load_network()
>>> photo = load_photo("chelsea")
>>> show_overlay(photo, gradcam(net, photo), alt="A heat map lies on the cat's face.")

Submodules are imported lazily, on first use of a name, so `import cnnvis_helpers` loads neither
TensorFlow nor matplotlib. `dir(cnnvis_helpers)` lists the public names, `python -m cnnvis_helpers
--help` the commands.
"""

import importlib
import types

__version__ = "0.1.0"

# Names before the semicolon are listed; those after it are importable for the lessons.
_NAMES_OF_MODULE = {
    "networks.network": "list_networks load_network; Network Number Prediction",
    "networks.weights": "prefetch",
    "networks.layers": "conv_layers feature_maps filters; sparsity weights",
    "networks.receptive_field": "receptive_field",
    "photos.photos": "list_photos load_mask load_photo",
    "photos.resizing": "; resize_map resize_photo",
    "methods.occlusion": "occlusion occlusion_grid occlusion_plan; mask_photo occluded_photos "
    "occlusion_passes",
    "methods.cam": "cam gradcam gradcam_plus_plus guided_gradcam layercam scorecam; gradcam_from "
    "gradcam_plus_plus_from layer_gradients layercam_from pooled_head",
    "methods.saliency": "guided_backprop integrated_gradients saliency smoothgrad; "
    "gradient_x_input input_gradient",
    "methods.attacks": "fgsm pgd",
    "methods.one_pixel": "one_pixel; one_pixel_map",
    "methods.robustness": "squeeze survives transfer; epsilon_curve",
    "methods.patterns": "class_pattern filter_patterns; filter_pattern filter_responses",
    "methods.deep_dream": "deep_dream; dream_steps",
    "methods.inversion": "invert_features",
    "methods.randomization": "randomize_layers; layers_from_the_top",
    "methods.shapes": "shape_pictures",
    "methods.shape_training": "; class_recall train_shape_network",
    "methods.faithfulness": "deletion_curve insertion_curve pointing_game relevance_mass",
    "methods.compare": "compare_methods",
    "methods.similarity": "rank_correlation; structural_similarity",
    "pictures.photos_and_maps": "compare_maps show_boxes show_grid show_map show_overlay "
    "show_photo; overlay_picture show_signed",
    "pictures.filters_and_features": "show_feature_maps show_filters show_mosaic; "
    "show_filter_channels",
    "pictures.plots": "show_curve show_matrix show_predictions; show_vector",
    "pictures.style": "figure_row save_picture; display_figure use_course_style",
    "pictures.tiles": "; around_grey describe map_limits standardise_tile tile to_unit",
    "widgets.explore_attack": "explore_attack",
    "widgets.explore_cam": "explore_cam",
    "widgets.explore_dream": "explore_dream",
    "widgets.explore_layers": "explore_layers",
    "widgets.explore_occlusion": "explore_occlusion",
    "widgets.explore_randomization": "explore_randomization; explore_trust",
    "widgets.explore_saliency": "explore_saliency",
    "widgets.studio": "studio",
    "exercises.check": "check hint solution",
    "classroom.report": "report",
    "_shared.progress": "; text_progress",
}
_MODULE_OF = {
    name: module
    for module, names in _NAMES_OF_MODULE.items()
    for name in names.replace(";", " ").split()
}

__all__ = sorted(
    name for names in _NAMES_OF_MODULE.values() for name in names.partition(";")[0].split()
)


def __getattr__(name):
    if name not in _MODULE_OF:
        raise AttributeError(
            f"cnnvis_helpers has no {name!r}; dir(cnnvis_helpers) lists what there is"
        )
    from cnnvis_helpers._shared.quiet_tensorflow import without_greetings

    with without_greetings():  # most modules import TensorFlow
        module = importlib.import_module(f"{__name__}.{_MODULE_OF[name]}")
    value = getattr(module, name)
    if _MODULE_OF[name].startswith("methods.") and isinstance(value, types.FunctionType):
        from cnnvis_helpers.classroom import keep

        value = keep.through(value)  # a rehearsed lesson finds its results on disk
    globals()[name] = value
    return value


def __dir__():
    return sorted({*__all__, "__all__", "__doc__", "__version__"})
