"""Pictures of photos and heat maps.

Every `show_...` draws on the axes it is given (`ax=`). Without axes it makes a figure and shows it
once, with its alt text (see `display_figure`); in a notebook it returns None, elsewhere the Figure.
A picture computes nothing: the limits of a colour scale come from the data or the caller and are
shown on the colour bar.

Photos are uint8 RGB (H, W, 3), feature maps float (h, w, c), heat maps float (H, W).
"""

import numpy as np
from matplotlib import patheffects
from matplotlib.patches import Rectangle

from cnnvis_helpers._shared.checks import check_choice, check_map
from cnnvis_helpers.pictures import drawing
from cnnvis_helpers.pictures.style import course_style, display_figure


@course_style()
def show_photo(photo, title=None, ax=None, alt=None):
    """Show one photo, pixel for pixel, with no stretching of its values.

    Parameters
    ----------
    photo : (H, W, 3) RGB or (H, W) grey, uint8 0..255, or another array that `load_photo` takes: a
        float picture with nothing above 1 is read as 0..1
    title : str, printed above
    ax : matplotlib axes to draw on; None for a figure of its own
    alt : str, alt text, only without ax; None: the picture describes itself

    Raises ValueError for another shape, or for values outside 0..255 or not finite.
    """
    pixels = drawing.photo_pixels(photo)
    ax, finish = drawing.axes_for(pixels.shape, ax, alt)
    drawing.draw_pixels(ax, pixels, title)
    ax.set_label(drawing.photo_text(pixels))
    return finish()


@course_style()
def show_grid(
    images,
    titles=None,
    columns=4,
    title=None,
    alt=None,
    scale="shared",
    margin=0.12,
    size=4.4,
    **options,
):
    """Show several photos or maps in a grid.

    Parameters
    ----------
    images : list of photos (H, W, 3) and maps (H, W), or array (n, H, W, 3 or 1); an element that
        is itself a list of equal pictures is joined into one tile
    titles : list of str, one per picture
    columns : int, pictures in a row
    title, alt : as in `show_photo`
    scale : of two-dimensional float arrays, which are maps and get colours. "shared" puts all of
        them on one scale with one colour bar, limits vmin..vmax or from the data; "each" gives each
        its own limits and prints them below it
    margin : inches between pictures
    size : largest width of a picture in inches; a row is at most about nine inches wide
    options : cmap, signed, vmin, vmax, percentile, as in `show_map`

    Raises ValueError for an empty list, a 3-D array, or the wrong number of titles.
    """
    options = drawing.Scale(**options)
    pictures = [drawing.grid_picture(image) for image in drawing.grid_list(images)]
    titles = drawing.checked_titles(titles, len(pictures))
    check_choice("scale", scale, ("shared", "each"))
    maps = [picture for picture in pictures if drawing.is_map(picture)]
    limits = options.limits(maps) if maps else None
    shared = limits is not None and scale == "shared"
    below = limits is not None and not shared
    shapes = [picture.shape for picture in pictures]
    figure, cells, bar = drawing.grid_of_axes(
        shapes, titles, columns, margin, shared, title, below, size
    )
    for ax, picture, name in zip(cells, pictures, titles, strict=True):
        if not drawing.is_map(picture):
            drawing.draw_pixels(ax, picture, name)
            ax.set_label(drawing.photo_text(picture))
            continue
        low, high = limits if shared else options.limits([picture])
        drawing.draw_pixels(ax, drawing.colours(picture, low, high, options.cmap), name)
        ax.set_label(drawing.map_text(picture, low, high))
        if not shared:
            ax.set_xlabel(f"{drawing.short(low)} to {drawing.short(high)}", fontsize=12)
    if shared:
        drawing.draw_bar(bar, *limits, options.cmap, maps)
    return display_figure(figure, alt)


@course_style()
def show_boxes(photo, boxes, labels=None, title=None, ax=None, alt=None):
    """Show boxes on a photo, such as the receptive field of a cell.

    Parameters
    ----------
    photo, title, ax, alt : as in `show_photo`
    boxes : one (top, left, bottom, right) or a list of them, in pixels of the photo, edges as in
        photo[top:bottom, left:right]
    labels : list of str, one per box

    Raises ValueError for boxes that are not four finite numbers, and as `show_photo`.
    """
    pixels = drawing.photo_pixels(photo)
    boxes = np.asarray(boxes, float)
    if boxes.shape == (4,):
        boxes = boxes[None]
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not np.isfinite(boxes).all():
        raise ValueError("show_boxes needs boxes (top, left, bottom, right) of finite numbers.")
    labels = drawing.checked_titles(labels, len(boxes), "labels")
    ax, finish = drawing.axes_for(pixels.shape, ax, alt)
    drawing.draw_pixels(ax, pixels, title)
    ax.set_label(f"{drawing.photo_text(pixels)} with {len(boxes)} box{'es' * (len(boxes) > 1)}")
    for number, ((top, left, bottom, right), label) in enumerate(zip(boxes, labels, strict=True)):
        colour = ("#FFD400", "#56B4E9", "#FF6A3D", "#FFFFFF")[number % 4]
        corner, size = (left - 0.5, top - 0.5), (right - left, bottom - top)
        box = Rectangle(corner, *size, fill=False, edgecolor=colour, linewidth=3)
        outline = patheffects.Stroke(linewidth=6, foreground="black")
        box.set_path_effects([outline, patheffects.Normal()])
        ax.add_patch(box)
        if label:
            above = top > 0.09 * pixels.shape[0]
            ax.annotate(
                label,
                (max(left, 0) - 0.5, max(top, 0) - 0.5),
                xytext=(0 if above else 6, 4 if above else -5),
                textcoords="offset points",
                va="bottom" if above else "top",
                color=colour,
                weight="bold",
                path_effects=[patheffects.withStroke(linewidth=3, foreground="black")],
            )
    return finish()


@course_style()
def show_map(heat, title=None, ax=None, alt=None, label=None, **options):
    """Show one map in colours, with a colour bar in the map's own unit.

    Parameters
    ----------
    heat : finite float (h, w); few large cells stay visible cells
    title, ax, alt : as in `show_photo`
    label : str, the unit, written along the colour bar
    options : cmap, a matplotlib colour map (default magma, or blue-white-red on a signed scale);
        signed, True puts zero in the middle of a diverging colour map, False starts at zero (or the
        minimum), None decides by the data; vmin, vmax, limits; percentile, below 100 clips the
        brightest values (the colour bar then ends in a point)

    Raises ValueError for another shape or values that are not finite.
    """
    values, scale = check_map(heat), drawing.Scale(**options)
    low, high = scale.limits([values])
    ax, finish = drawing.axes_for(values.shape, ax, alt)
    drawing.draw_pixels(ax, drawing.colours(values, low, high, scale.cmap), title)
    drawing.draw_bar(drawing.bar_beside(ax), low, high, scale.cmap, [values], label)
    drawing.say_if_zero(ax, values)
    ax.set_label(drawing.map_text(values, low, high))
    return finish()


def show_signed(heat, title=None, ax=None, alt=None, **options):
    """Show one map with zero in the middle: red for, blue against, white for neither.

    Parameters
    ----------
    heat, title, ax, alt : as in `show_map`
    options : label, cmap (a diverging colour map), vmin, vmax, percentile, as in `show_map`; one
        limit is enough, the other is its negative
    """
    return show_map(heat, title, ax, alt, signed=True, **{"cmap": drawing.SIGNED, **options})


@course_style()
def show_overlay(
    photo,
    heat,
    title=None,
    ax=None,
    alt=None,
    label=None,
    alpha=0.75,
    fade=True,
    grey=True,
    grid=None,
    **options,
):
    """Show a map over its photo, with a colour bar in the map's own unit.

    The colour bar shows the colours as they look over mid grey.

    Parameters
    ----------
    photo : as in `show_photo`
    heat : finite float (H, W) of the photo, or a coarse (h, w) whose cells are drawn as they are
    title, ax, alt, label, options : as in `show_map`
    alpha : opacity of the map over the photo, 0..1
    fade : True makes the map transparent where it is near zero, so that the photo shows there;
        False covers evenly
    grey : True shows the photo in grey, so that every colour is the map's; False keeps its colours
    grid : True draws the map's cells, (h, w) those of a coarser map it came from

    Raises ValueError as `show_photo` and `show_map`, and for an alpha outside 0..1.
    """
    pixels, values, scale = drawing.photo_pixels(photo), check_map(heat), drawing.Scale(**options)
    low, high = scale.limits([values])
    ax, finish = drawing.axes_for(pixels.shape, ax, alt)
    look = drawing.Look(low, high, scale.cmap, alpha, fade, grey)
    drawing.draw_pixels(ax, look.under(pixels), title)
    drawing.draw_over(ax, values, pixels.shape, look)
    if grid is not None and grid is not False:
        cells = values.shape if grid is True else grid
        drawing.draw_cells(ax, pixels.shape, cells, color="white", linewidth=1, alpha=0.7)
    drawing.draw_bar(drawing.bar_beside(ax), low, high, look.bar(), [values], label)
    drawing.say_if_zero(ax, values)
    ax.set_label(drawing.map_text(values, low, high, "Heat map over the photo"))
    return finish()


def overlay_picture(photo, heat, alpha=0.75, fade=True, grey=True, **options):
    """Blend a map into its photo and return the pixels, for saving with `save_picture`.

    Parameters
    ----------
    photo, alpha, fade, grey, options : as in `show_overlay`
    heat : finite float (H, W) of the photo's size

    Returns
    -------
    uint8 array (H, W, 3): (1 - a) * photo + a * colour; a is alpha, and where fade is True
    alpha * |value| / (largest limit).

    Raises ValueError when the sizes differ, and as `show_overlay`.
    """
    pixels, values, scale = drawing.photo_pixels(photo), check_map(heat), drawing.Scale(**options)
    if pixels.shape[:2] != values.shape:
        raise ValueError(
            f"overlay_picture needs a map of the photo's size {pixels.shape[:2]}, got "
            f"{values.shape}: resize_map(heat, photo.shape[:2]) makes one."
        )
    look = drawing.Look(*scale.limits([values]), scale.cmap, alpha, fade, grey)
    blended = drawing.blend(look.under(pixels) / 255, look.over(values))
    return np.rint(255 * blended).astype(np.uint8)


@course_style()
def compare_maps(
    maps,
    photo=None,
    columns=None,
    title=None,
    alt=None,
    label=None,
    alpha=0.75,
    fade=True,
    grey=True,
    **options,
):
    """Show several maps side by side on one scale with one colour bar.

    Parameters
    ----------
    maps : {title: finite float (H, W)}, or a list of maps
    photo : as in `show_photo`, drawn under each map; None for the maps alone
    columns : int, maps in a row; None: all in one row up to four
    title, alt : as in `show_photo`
    label, alpha, fade, grey, options : as in `show_overlay`

    Raises ValueError without a map, and as `show_overlay`.
    """
    scale = drawing.Scale(**options)
    named = maps if isinstance(maps, dict) else dict(enumerate(maps))
    values = [check_map(each) for each in named.values()]
    if not values:
        raise ValueError("compare_maps needs at least one map, got none.")
    titles = list(named) if isinstance(maps, dict) else [None] * len(values)
    low, high = scale.limits(values)
    pixels = None if photo is None else drawing.photo_pixels(photo)
    look = drawing.Look(low, high, scale.cmap, alpha, fade, grey)
    shapes = [each.shape if pixels is None else pixels.shape for each in values]
    figure, cells, bar = drawing.grid_of_axes(
        shapes, titles, columns or min(4, len(values)), 0.15, True, title
    )
    for ax, each, name in zip(cells, values, titles, strict=True):
        if pixels is None:
            drawing.draw_pixels(ax, drawing.colours(each, low, high, scale.cmap), name)
        else:
            drawing.draw_pixels(ax, look.under(pixels), name)
            drawing.draw_over(ax, each, pixels.shape, look)
        ax.set_label(drawing.map_text(each, low, high))
    drawing.draw_bar(bar, low, high, scale.cmap if pixels is None else look.bar(), values, label)
    return display_figure(figure, alt)
