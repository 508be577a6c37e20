"""A private nginx in front of an application: one server block, in a folder of its own."""

from __future__ import annotations

import os
import re
from contextlib import suppress

import httpx

from .processes import HOST
from .servers import Server, program

BAD_GATEWAY = 502

MAIN = """\
daemon off;
{user}
pid nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include {include};
}}
"""


class Nginx(Server):
    """nginx with what a system's administrator puts into conf.d; ready when all behind it is."""

    def __init__(self, server_block: str) -> None:
        super().__init__()
        self.port = int(re.findall(rf"listen {re.escape(HOST)}:(\d+)", server_block)[0])
        (location,) = re.findall(r"location (\S+) ", server_block)
        self.url = f"http://{HOST}:{self.port}{location}"
        (self.folder / "site.conf").write_text(server_block)
        user = "user root;" if os.getuid() == 0 else ""
        main = MAIN.format(user=user, include=self.folder / "site.conf")
        (self.folder / "nginx.conf").write_text(main)

    def start(self) -> None:
        """Serve, and return when the application behind answers."""
        nginx = program("nginx", "nginx")
        options = ["-p", str(self.folder), "-e", "stderr", "-c", str(self.folder / "nginx.conf")]
        self.run([nginx, *options], self.answers)

    def stop(self) -> None:
        """End it at once."""
        self.end(15)

    def answers(self) -> bool:
        """Tell whether the application behind it answers."""
        with suppress(httpx.TransportError):
            return httpx.get(self.url, timeout=5).status_code != BAD_GATEWAY
        return False
