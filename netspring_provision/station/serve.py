"""Serves images and the live environment to the machines over HTTP, while a job runs.

Nothing served is secret, and nothing is trusted because of where it came from: a machine checks the
signed manifest and every chunk. Range requests let an interrupted download go on.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from netspring_provision.errors import StationError


@dataclass(frozen=True)
class Served:
    """Where the machines find things.

    ``STATION`` stands for the station's address as each machine sees it; the role fills it in.
    """

    port: int

    def url(self, share: str, path: str = "") -> str:
        """Address of a path in a share, for use on a machine."""
        return f"http://STATION:{self.port}/{share}" + (f"/{path}" if path else "")


@contextmanager
def serve(shares: dict[str, Path], *, local_only: bool, port: int = 0) -> Iterator[Served]:
    """Serve folders by name until the block ends.

    Args:
        shares: name in the address, and the folder it stands for.
        local_only: listen on loopback only; virtual PCs with a user-mode network reach that.
        port: TCP port; 0 takes a free one.

    Raises:
        StationError: a folder is missing, the port is taken, or the server did not start.
    """
    for name, folder in shares.items():
        if not folder.is_dir():
            raise StationError(
                f"there is no folder {folder} to serve as {name}",
                hint="build it first: netspring image build, netspring live build",
            )
    address = "127.0.0.1" if local_only else "0.0.0.0"  # noqa: S104 - the machines must reach it
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((address, port))
    except OSError as error:
        sock.close()
        raise StationError(
            f"cannot listen on port {port}: {error.strerror}",
            hint=f"see who does: ss -ltnp 'sport = :{port}'",
        ) from error
    app = Starlette(
        routes=[
            Mount(f"/{name}", app=StaticFiles(directory=folder, follow_symlink=True))
            for name, folder in shares.items()
        ]
    )
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="error", access_log=False, lifespan="off", http="h11")
    )
    thread = threading.Thread(target=server.run, args=([sock],), daemon=True, name="image-server")
    thread.start()
    try:
        deadline = time.monotonic() + 15
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise StationError("the image server did not start on this station")
            time.sleep(0.02)
        yield Served(sock.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        sock.close()
