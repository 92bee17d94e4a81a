"""Explorers: move a control, see another picture. Core ipywidgets around the methods.

    explore_layers(net, "chelsea")        filters and feature maps, channel by channel
    explore_occlusion(net, "chelsea")     hide places of the photo
    explore_cam(net, "chelsea")           the CAM family, at any layer, for any class
    explore_saliency(net, "chelsea")      gradients, and what is made of them
    explore_attack(net, "chelsea")        change the photo until the network is fooled
    explore_dream(net, "chelsea")         exaggerate what a layer sees
    explore_trust(net, "chelsea")         does a map change when the network forgets?

Each returns an `Explorer` (see `explorer`), which shows itself as the last line of a cell. In
place of "chelsea" stands any photo; the menu and the button beside it load another one. How large
an uploaded file may be is the server's choice: `tools/course.py open` allows 100 MB, a JupyterLab
of its own 10 MB; what is too large is answered with a sentence. The network may be left out, or
given by its name. An explorer computes nothing of its own: every number comes from the method that
it is named after.
"""
