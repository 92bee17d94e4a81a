"""Show that a hub starts and runs a lesson for two users at once, on a JupyterHub on this machine.

    nox -s hub                  two users, lesson 00
    nox -s hub -- 04 10         ten users, lesson 04

Needs configurable-http-proxy (npm install -g configurable-http-proxy). Everything listens on
127.0.0.1 and lives in a temporary folder.
"""

import asyncio
import json
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

ROOT = Path(__file__).resolve().parent.parent
TOKEN = secrets.token_hex(16)
CONFIG = """
c.JupyterHub.bind_url = "http://127.0.0.1:{0}"
c.JupyterHub.hub_port = {1}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{2}"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/home/{{username}}"
c.Spawner.args = ["--allow-root"]
c.Spawner.start_timeout = c.Spawner.http_timeout = 600
c.JupyterHub.services = [{{"name": "class", "api_token": "{token}"}}]
c.JupyterHub.load_roles = [{{"name": "class", "services": ["class"],
    "scopes": ["admin:users", "admin:servers", "access:servers"]}}]
"""


async def ask(port, method, path, body=None):
    """Call the hub, or a user's server through it; return the answer from JSON."""
    request = HTTPRequest(
        f"http://127.0.0.1:{port}{path}",
        method=method,
        headers={"Authorization": f"token {TOKEN}"},
        body=json.dumps(body or {}) if method == "POST" else None,
        request_timeout=600,
    )
    return json.loads((await AsyncHTTPClient().fetch(request)).body or "null")


async def study(port, name, sources):
    """One user: start a server and a kernel, run the cells; raises RuntimeError at an error."""
    await ask(port, "POST", f"/hub/api/users/{name}")
    await ask(port, "POST", f"/hub/api/users/{name}/server")
    while not (await ask(port, "GET", f"/hub/api/users/{name}"))["server"]:
        await asyncio.sleep(1)
    kernel = await ask(port, "POST", f"/user/{name}/api/kernels", {"name": "python3"})
    address = f"ws://127.0.0.1:{port}/user/{name}/api/kernels/{kernel['id']}/channels"
    request = HTTPRequest(address, headers={"Authorization": f"token {TOKEN}"})
    channel = await websocket_connect(request, max_message_size=2**28)
    for source in sources:
        await run_cell(channel, source)
    print(f"{name}: all {len(sources)} cells ran", flush=True)


async def run_cell(channel, source):
    asked = uuid.uuid4().hex
    header = {"msg_id": asked, "msg_type": "execute_request", "username": "", "session": asked}
    content = {"code": source, "silent": False, "store_history": True, "allow_stdin": False}
    message = {"header": {**header, "version": "5.3", "date": ""}, "content": content}
    message.update(parent_header={}, metadata={}, channel="shell", buffers=[])
    await channel.write_message(json.dumps(message))
    while True:
        answer = await channel.read_message()
        answer = {} if isinstance(answer, bytes) else json.loads(answer)
        if answer.get("parent_header", {}).get("msg_id") == asked:
            if answer["msg_type"] == "error":
                raise RuntimeError(f"{answer['content']['evalue']} in the cell\n{source}")
            if answer["content"].get("execution_state") == "idle":
                return


async def prove(folder, ports, notebook, users):
    for _ in range(300):  # until the hub answers
        try:
            await ask(ports[0], "GET", "/hub/api/")
            break
        except (HTTPClientError, OSError):
            await asyncio.sleep(0.5)
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    await asyncio.gather(*(study(ports[0], f"user{n}", sources) for n in range(1, users + 1)))


def main(lesson="00", users=2):
    if not shutil.which("configurable-http-proxy"):
        sys.exit("No configurable-http-proxy: npm install -g configurable-http-proxy")
    (notebook,) = (ROOT / "notebooks").glob(f"{lesson}_*.ipynb")
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    with tempfile.TemporaryDirectory(prefix="cnnvis-hub-") as folder:
        text = CONFIG.format(*ports, folder=folder, token=TOKEN)
        Path(folder, "jupyterhub_config.py").write_text(text, encoding="utf-8")
        for number in range(1, int(users) + 1):
            Path(folder, "home", f"user{number}").mkdir(parents=True)
        hub = subprocess.Popen([sys.executable, "-m", "jupyterhub"], cwd=folder)
        try:
            asyncio.run(prove(folder, ports, notebook, int(users)))
        finally:
            hub.terminate()  # ends the proxy and the users' servers as well
            hub.wait(60)


if __name__ == "__main__":
    main(*sys.argv[1:])
