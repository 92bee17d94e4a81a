"""The photo of an explorer: a menu and an upload button. The studio's explorers share one."""

import os

import ipywidgets

from cnnvis_helpers.photos.photos import list_photos, load_photo
from cnnvis_helpers.widgets.controls import choice
from cnnvis_helpers.widgets.worker import sentence

LARGEST_PHOTO = 1024  # pixels; a larger photo is shrunk, so that every explorer stays fast
UPLOADED, GIVEN = "own photo", "this photo"
OWN_PHOTO = "Own photo"


class PhotoChoice:
    """A menu of photos and an upload button.

    Attributes
    ----------
    menu, upload : the ipywidgets
    photo : uint8 (H, W, 3), the chosen one; name : str; number : a new int for every photo
    code : str, the line of Python that loads it
    """

    def __init__(self, photo):
        """photo : a name or whatever `load_photo` takes; raises as `load_photo` does"""
        names = [row.name for row in list_photos()]
        bundled = isinstance(photo, str) and photo in names
        self._own = {}  # name in the menu: (photo, code)
        if not bundled:
            code = "# photo: the one that you gave to the explorer"
            if isinstance(photo, str | os.PathLike):
                code = f"photo = load_photo({os.fspath(photo)!r}, max_side={LARGEST_PHOTO})"
            self._own[GIVEN] = _small(photo), code
        self.menu = choice("Photo", [*self._own, *names], photo if bundled else GIVEN)
        self.upload = ipywidgets.FileUpload(
            accept="image/*", multiple=False, description=OWN_PHOTO, layout={"width": "auto"}
        )
        self.number = 0
        self._pick()
        self.bind(lambda: None, lambda text: None, lambda text: None)
        self.menu.observe(lambda _: self._change(), "value")
        self.upload.observe(lambda _: self._read(), "value")

    def bind(self, changed, say, fail):
        """Set the callbacks for a change, a status text and an error sentence."""
        self._changed, self._say, self._fail = changed, say, fail

    def _pick(self):
        self.name = self.menu.value
        if self.name in self._own:
            self.photo, self.code = self._own[self.name]
        else:
            self.photo, self.code = _small(self.name), f'photo = load_photo("{self.name}")'
        self.number += 1

    def _change(self):
        self._pick()
        self._changed()

    def _read(self):
        value = self.upload.value
        if not value:
            return
        empty_upload(self.upload)
        self._say("Reading the photo ...")
        try:
            photo = _small(value)
        except Exception as error:
            self._fail(sentence(error))
            return
        name = uploaded_file(value)[0]
        line = f"photo = load_photo({name!r}, max_side={LARGEST_PHOTO})"
        self._own[UPLOADED] = photo, f"{line}  # your file, beside the notebook"
        short = name if len(name) <= 28 else f"{name[:13]}…{name[-13:]}"
        self.upload.description = f"{OWN_PHOTO}: {short}"
        if UPLOADED not in self.menu.options:
            self.menu.options = [*self.menu.options, UPLOADED]
        if self.menu.value == UPLOADED:
            self._change()  # the menu does not change, the photo does
        else:
            self.menu.value = UPLOADED


def _small(source):
    return load_photo(source, max_side=LARGEST_PHOTO)


def empty_upload(upload):
    """Clear an upload button, so that the same file can be chosen again."""
    if isinstance(upload.value, dict):  # ipywidgets 7
        upload.metadata, upload.data = [], []
        upload.set_trait("value", {})
    else:
        upload.value = ()


def uploaded_file(value):
    """Return (name, bytes) of an upload button's value, in ipywidgets 7 (dict) and 8 (tuple)."""
    if isinstance(value, dict):
        name = next(reversed(value))
        return name, bytes(value[name]["content"])
    return value[-1]["name"], bytes(value[-1]["content"])
