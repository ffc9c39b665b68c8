"""``diarize serve``: the command. FastAPI and uvicorn are imported when it runs, not before."""

from __future__ import annotations

import ipaddress
import os
import sys
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from diarize.errors import DiarizeError, ModelError

if TYPE_CHECKING:
    from diarize.server.settings import Settings

GRACE_S = 30
"""How long requests may go on once the service is told to stop."""


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8000,
    api_key: Annotated[
        list[str] | None, typer.Option("--api-key", help="A key; better a file: ps shows this.")
    ] = None,
    api_key_file: Annotated[
        Path | None, typer.Option("--api-key-file", help="Keys, one per line.")
    ] = None,
    allow_anonymous: Annotated[
        bool, typer.Option("--allow-anonymous", help="Open to the network without a key.")
    ] = False,
    voices: Annotated[
        Path | None, typer.Option("--voices", help="The voice store; by default in DIR.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Jobs, results, uploads.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", help="Whisper models; the first is the default.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads of each network.")] = 2,
    workers: Annotated[int, typer.Option(min=1, help="Recordings at a time.")] = 1,
    max_upload_mb: Annotated[int, typer.Option("--max-upload-mb", min=1)] = 1024,
    max_hours: Annotated[
        float, typer.Option("--max-hours", min=0.01, help="Length of a recording.")
    ] = 4.0,
    max_waiting: Annotated[
        int, typer.Option("--max-waiting", min=0, help="Requests that may wait for a worker.")
    ] = 16,
    max_jobs: Annotated[int, typer.Option("--max-jobs", min=1, help="Queued jobs.")] = 100,
    keep_days: Annotated[
        float, typer.Option("--keep-days", min=0.01, help="How long ended jobs are kept.")
    ] = 30.0,
    allow_url_network: Annotated[
        list[str] | None,
        typer.Option("--allow-url-network", help="A private network that URLs may point into."),
    ] = None,
) -> None:
    """Answer over HTTP: OpenAI's, speaches' and LocalAI's calls, and jobs for long recordings."""
    _need_packages()
    from diarize.server.auth import collect_keys
    from diarize.server.settings import MIB, Settings, check_binding

    keys = collect_keys(api_key or [], api_key_file, os.environ.get("DIARIZE_API_KEYS"))
    check_binding(host, keys, allow_anonymous=allow_anonymous)
    settings = Settings(
        data=data or default_data_path(),
        voices=voices,
        keys=keys,
        models=tuple(model or ["base"]),
        threads=threads,
        workers=workers,
        max_waiting=max_waiting,
        max_jobs=max_jobs,
        max_upload_bytes=max_upload_mb * MIB,
        max_duration_s=max_hours * 3600,
        keep_s=keep_days * 86400,
        allow_networks=tuple(_network(text) for text in allow_url_network or []),
    )
    _run(settings, host, port)


def _need_packages() -> None:
    try:
        for name in ("uvicorn", "diarize.server.app"):
            import_module(name)
    except ImportError as error:
        raise DiarizeError(
            f"the service needs the package {error.name}: pip install 'who-said-what[server]'"
        ) from error


def _run(settings: Settings, host: str, port: int) -> None:
    """Serve until told to stop.

    Raises:
        SettingsError: the data folder cannot be used.
        ModelError: the models cannot be loaded.
    """
    import uvicorn

    from diarize.server.app import create_app
    from diarize.server.logs import set_up
    from diarize.server.settings import is_loopback

    set_up()
    app = create_app(settings, local_only=is_loopback(host))
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )

    class Server(uvicorn.Server):
        """Tells the service to stop at once: uvicorn's own notice comes after all connections have
        closed, which streams of events would never do."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            app.state.service.stop()
            super().handle_exit(sig, frame)

        async def on_tick(self, counter: int) -> bool:
            """Whether to end: without its models it can do nothing, now or later."""
            if app.state.service.failure is not None:
                app.state.service.stop()
                return True
            return await super().on_tick(counter)

    Server(config).run()
    if app.state.service.failure is not None:
        raise ModelError(app.state.service.failure)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise DiarizeError(f"--allow-url-network {text}: {error}") from error


def default_data_path() -> Path:
    """`DIARIZE_DATA`, or a folder where the platform keeps a user's data."""
    if told := os.environ.get("DIARIZE_DATA"):
        return Path(told).expanduser()
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    if sys.platform == "darwin":
        base = "~/Library/Application Support"
    return Path(base).expanduser() / "diarize" / "service"
