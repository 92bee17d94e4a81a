"""Networks: load any Keras image classifier, run it layer by layer, read its layers."""
