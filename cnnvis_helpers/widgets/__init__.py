"""Explorers: move a control and the picture changes. Core ipywidgets for the methods.

    explore_layers(net, "chelsea")           filters and feature maps, channel by channel
    explore_occlusion(net, "chelsea")        hide parts of the photo
    explore_cam(net, "chelsea")              the CAM family, at any layer, for any class
    explore_saliency(net, "chelsea")         gradients, and methods built on them
    explore_attack(net, "chelsea")           change the photo until the network is fooled
    explore_dream(net, "chelsea")            exaggerate what a layer responds to
    explore_randomization(net, "chelsea")    does a map change when the weights are random?
    studio(net, "chelsea")                   all of them as tabs

Each returns an `Explorer` (see `explorer`), which is displayed as the last line of a cell. Any
photo can replace "chelsea"; the menu and the upload button load another one. The server limits the
size of uploaded files: `tools/course.py open` allows 100 MB, JupyterLab alone 10 MB; for a larger
file, give its path instead. The network may be left out, or given by its name. An explorer
computes nothing itself: every number comes from the method in its name.
"""
