"""A web server on this computer that has one photo, so that a lesson can show offline how a photo
is read from the web."""

from contextlib import contextmanager
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from tempfile import TemporaryDirectory
from threading import Thread


@contextmanager
def photo_server(photo):
    """Serve a photo, uint8 (H, W, 3), as a PNG file while the block runs; yield its address.

    with photo_server(photo) as address:
        same = load_photo(address)
    """
    from PIL import Image

    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with TemporaryDirectory() as folder:
        Image.fromarray(photo).save(f"{folder}/photo.png")
        with HTTPServer(("localhost", 0), partial(Silent, directory=folder)) as server:
            Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield f"http://localhost:{server.server_port}/photo.png"
            finally:
                server.shutdown()
