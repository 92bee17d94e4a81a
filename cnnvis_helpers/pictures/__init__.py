"""Pictures: photos, maps, filters and plots with matplotlib; no TensorFlow."""
