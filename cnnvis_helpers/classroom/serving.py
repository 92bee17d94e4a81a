"""A web server on this computer that has one photo, so that a lesson can show offline how a photo
is read from the web."""

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from threading import Thread


@contextmanager
def photo_server(photo):
    """Serve a photo, uint8 (H, W, 3), as a PNG file while the block runs; yield its address.

    with photo_server(photo) as address:
        same = load_photo(address)
    """
    from PIL import Image

    file = BytesIO()
    Image.fromarray(photo).save(file, "PNG")

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.send_header("Content-Length", str(len(file.getvalue())))
            self.end_headers()
            self.wfile.write(file.getvalue())

        def log_message(self, *_):
            pass

    with HTTPServer(("localhost", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://localhost:{server.server_port}/photo.png"
        finally:
            server.shutdown()
