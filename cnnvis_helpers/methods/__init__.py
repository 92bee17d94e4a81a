"""Methods: occlusion, class activation maps, saliency, attacks, patterns, and their checks."""
