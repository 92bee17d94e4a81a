"""Explorers: move a control, see another picture. Core ipywidgets around the methods.

    explore_layers(net, "chelsea")           filters and feature maps, channel by channel
    explore_occlusion(net, "chelsea")        hide places of the photo
    explore_cam(net, "chelsea")              the CAM family, at any layer, for any class
    explore_saliency(net, "chelsea")         gradients, and methods built on them
    explore_attack(net, "chelsea")           change the photo until the network is fooled
    explore_dream(net, "chelsea")            exaggerate what a layer responds to
    explore_randomization(net, "chelsea")    does a map change when the weights are random?
    studio(net, "chelsea")                   all of them as tabs

Each returns an `Explorer` (see `explorer`), which shows itself as the last line of a cell. In
place of "chelsea" stands any photo; the menu and the upload button load another one. How large an
uploaded file may be is the server's choice: `tools/course.py open` allows 100 MB, JupyterLab alone
10 MB; for a larger file give its path in place of an upload. The network may be left out, or given
by its name. An explorer computes nothing itself: every number comes from the method in its name.
"""
