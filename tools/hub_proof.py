"""Prove that a class can work: a JupyterHub on this machine, and students who run a lesson at once.

    python tools/hub_proof.py                        ten students, lesson 04
    python tools/hub_proof.py --students 2 --lesson 00

Needs `pip install jupyterhub jupyterlab` beside the course, and configurable-http-proxy on the
search path (`npm install -g configurable-http-proxy`, or --proxy PATH). Everything listens on
127.0.0.1 and lives in a temporary folder. Each student has a server of his own and a folder with
one notebook, whose cells are run in order through the hub, as a browser would.
"""

import argparse
import asyncio
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import psutil
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

ROOT = Path(__file__).resolve().parent.parent
CONFIG = """
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_port = {hub_port}
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{folder}/secret"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.DummyAuthenticator.password = "{password}"
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/home/{{username}}"
c.Spawner.args = ["--allow-root"]
c.Spawner.environment = {environment!r}
c.Spawner.start_timeout = 600
c.Spawner.http_timeout = 600
c.JupyterHub.concurrent_spawn_limit = 0
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.JupyterHub.services = [{{"name": "class", "api_token": "{token}"}}]
c.JupyterHub.load_roles = [{{"name": "class", "services": ["class"],
    "scopes": ["admin:users", "admin:servers", "access:servers"]}}]
"""


class Hub:
    """A running JupyterHub with its own folder; `ask` calls its API."""

    def __init__(self, folder, proxy):
        self.folder, self.token = Path(folder), secrets.token_hex(16)
        self.port, hub_port, api_port = free_ports(3)
        environment = {
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "CUDA_VISIBLE_DEVICES": "-1",
            "MALLOC_ARENA_MAX": "2",
        }
        text = CONFIG.format(
            port=self.port,
            hub_port=hub_port,
            api_port=api_port,
            folder=folder,
            proxy=proxy,
            token=self.token,
            password=secrets.token_hex(8),
            environment=environment,
        )
        (self.folder / "jupyterhub_config.py").write_text(text, encoding="utf-8")
        self._log = open(self.folder / "hub.log", "w")
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", "jupyterhub_config.py"],
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    async def ask(self, method, path, body=None, timeout=900):
        """Call http://127.0.0.1/path with the service's token; return the answer from JSON."""
        request = HTTPRequest(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            headers={"Authorization": f"token {self.token}"},
            body=json.dumps(body or {}) if method in ("POST", "PUT") else None,
            request_timeout=timeout,
        )
        answer = await AsyncHTTPClient().fetch(request)
        return json.loads(answer.body) if answer.body else None

    async def wait(self, seconds=900):
        """Wait until the hub answers."""
        until = time.monotonic() + seconds
        while True:
            try:
                return await self.ask("GET", "/hub/api/", timeout=5)
            except (HTTPClientError, OSError):
                if time.monotonic() > until or self.process.poll() is not None:
                    raise SystemExit((self.folder / "hub.log").read_text()[-2000:]) from None
                await asyncio.sleep(0.5)

    def stop(self):
        """End the hub and all that it has started, and nothing else."""
        try:
            family = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.Error:
            family = []
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        for one in family:
            try:
                one.kill()
            except psutil.Error:
                pass
        self._log.close()


async def study(hub, name, sources):
    """One student: start a server and a kernel, run the cells; return what came of it."""
    begun = time.monotonic()
    found = {"student": name, "cells": 0, "errors": []}
    await hub.ask("POST", f"/hub/api/users/{name}")
    try:
        await hub.ask("POST", f"/hub/api/users/{name}/server")
    except HTTPClientError as error:
        found["errors"].append(f"no server: {error}")
        return found
    while not (await hub.ask("GET", f"/hub/api/users/{name}"))["server"]:
        await asyncio.sleep(1)
    found["server, s"] = round(time.monotonic() - begun, 1)
    kernel = await hub.ask("POST", f"/user/{name}/api/kernels", {"name": "python3"})
    address = f"ws://127.0.0.1:{hub.port}/user/{name}/api/kernels/{kernel['id']}/channels"
    headers = {"Authorization": f"token {hub.token}"}
    socket_ = await websocket_connect(
        HTTPRequest(address, headers=headers, request_timeout=900, connect_timeout=900),
        max_message_size=2**28,
    )
    for number, source in enumerate(sources, start=1):
        error = await run_cell(socket_, source)
        found["cells"] += error is None
        if error:
            found["errors"].append(f"cell {number}: {error}")
        since = round(time.monotonic() - begun, 1)
        found.setdefault("first cell, s", since)
        if ".predict(" in source:
            found.setdefault("first prediction, s", since)
    socket_.close()
    found["all, s"] = round(time.monotonic() - begun, 1)
    return found


async def run_cell(socket_, source):
    """Run one cell; return None, or its error in a line."""
    asked = uuid.uuid4().hex
    header = {
        "msg_id": asked,
        "msg_type": "execute_request",
        "username": "",
        "session": asked,
        "version": "5.3",
        "date": "",
    }
    content = {"code": source, "silent": False, "store_history": True, "allow_stdin": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
    await socket_.write_message(json.dumps({**message, "channel": "shell", "buffers": []}))
    error = None
    while True:
        answer = await socket_.read_message()
        if answer is None:
            return "the connection was closed"
        if isinstance(answer, bytes):
            continue
        answer = json.loads(answer)
        if answer["parent_header"].get("msg_id") != asked:
            continue
        if answer["msg_type"] == "error":
            error = f"{answer['content']['ename']}: {answer['content']['evalue']}"[:200]
        elif answer["msg_type"] == "status" and answer["content"]["execution_state"] == "idle":
            return error


async def watch(hub, peak):
    """Note the largest memory of all processes of the hub together, and of the largest kernel."""
    while True:
        together, kernels = 0, []
        for one in psutil.Process(hub.process.pid).children(recursive=True):
            try:
                held = one.memory_full_info().pss / 1e6
                together += held
                if "ipykernel_launcher" in " ".join(one.cmdline()):
                    kernels.append(held)
            except (psutil.Error, OSError):
                continue
        peak["together, MB"] = max(peak.get("together, MB", 0), round(together))
        peak["largest kernel, MB"] = max([peak.get("largest kernel, MB", 0), *map(round, kernels)])
        peak["kernels at once"] = max(peak.get("kernels at once", 0), len(kernels))
        await asyncio.sleep(5)


async def prove(options, folder):
    """Run the class; return the students' results and the peak of memory."""
    (path,) = sorted((ROOT / "notebooks").glob(f"{options.lesson.zfill(2)}_*.ipynb"))
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    names = [f"student{number:02}" for number in range(1, options.students + 1)]
    for name in names:
        home = Path(folder) / "home" / name
        home.mkdir(parents=True)
        shutil.copy(path, home)
    hub, peak = Hub(folder, options.proxy), {}
    try:
        await hub.wait()
        watcher = asyncio.create_task(watch(hub, peak))
        done = await asyncio.gather(*(study(hub, name, sources) for name in names))
        watcher.cancel()
        return {"lesson": path.stem, "cells": len(sources), "students": done, "memory": peak}
    finally:
        hub.stop()
        shutil.copy(Path(folder) / "hub.log", Path(tempfile.gettempdir()) / "hub_proof.log")


def free_ports(count):
    """Ports of 127.0.0.1 that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--students", type=int, default=10)
    parser.add_argument("--lesson", default="04")
    parser.add_argument("--proxy", default=shutil.which("configurable-http-proxy"))
    options = parser.parse_args()
    if not options.proxy:
        print("No configurable-http-proxy: npm install -g configurable-http-proxy", file=sys.stderr)
        return 1
    options.proxy = os.path.abspath(options.proxy)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the hub is ended too
    with tempfile.TemporaryDirectory(prefix="cnnvis-hub-") as folder:
        found = asyncio.run(prove(options, folder))
    print(json.dumps(found, indent=1))
    finished = [s for s in found["students"] if s["cells"] == found["cells"] and not s["errors"]]
    print(f"{len(finished)} of {options.students} students finished {found['lesson']}")
    return 0 if len(finished) == options.students else 1


if __name__ == "__main__":
    sys.exit(main())
