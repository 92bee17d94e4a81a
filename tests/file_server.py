"""A web server on this machine that hands out one file, whole or broken, for tests of downloads."""

import hashlib
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = bytes(range(256)) * 9000  # 2.3 MB
MD5, SHA256 = hashlib.md5(CONTENT).hexdigest(), hashlib.sha256(CONTENT).hexdigest()
REQUESTS = []  # (path, Range header)
TOGETHER = threading.Barrier(2, timeout=60)
REDIRECTS = {"passwd": "file:///etc/passwd", "ftp": "ftp://h/x", "circle": "/to/circle"}


class Server(BaseHTTPRequestHandler):
    """/file honours ranges; /cut/N ends after N bytes each time; the others say what they do.

    /together sends the second half of the file once two requests have had the first.
    """

    def do_GET(self):
        wanted = self.headers.get("Range")
        kind, _, number = self.path.strip("/").partition("/")
        REQUESTS.append((self.path, wanted))
        if kind == "to":
            self.send_response(302)
            self.send_header("Location", REDIRECTS.get(number, f"/{number}"))
            return self.end_headers()
        if kind not in ("file", "cut", "stubborn", "endless", "nolength", "together"):
            return self.send_error(404)
        start = int(wanted[6:-1]) if wanted and kind != "stubborn" else 0
        body = CONTENT[start:]
        self.send_response(206 if start else 200)
        if kind not in ("endless", "nolength"):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if kind == "cut" or (kind == "stubborn" and not wanted):
            body = body[: int(number or 1000)]
        if kind == "together":
            self.wfile.write(body[: len(body) // 2])
            TOGETHER.wait()
            body = body[len(body) // 2 :]
        self.wfile.write(body * (50 if kind == "endless" else 1))

    def log_message(self, *_):
        pass


@contextmanager
def running():
    """Run the server; yields its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
