"""``headrace headers``: the response headers to copy."""

from __future__ import annotations

from typing import Annotated

import typer

from deploy.cli import options
from deploy.network import addresses
from deploy.printing import output
from deploy.projects import headers as response_headers
from deploy.servers import backends
from storage.projects import registry


def headers(  # noqa: PLR0913 - one parameter for each option
    project: options.ProjectName,
    *,
    environment: Annotated[str, typer.Option(help="Names the environment in every report.")] = "",
    release: Annotated[str, typer.Option(help="Names the release in every report.")] = "",
    base_url: Annotated[
        str | None,
        typer.Option(
            parser=options.parsed(addresses.base_url),
            metavar="URL",
            help="The URL at which browsers reach the edge, https://host.",
        ),
    ] = None,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Print the response headers that make browsers send their reports to a project."""
    system = options.locate(data)
    with backends.connected(system.clickhouse) as server:
        found = registry.Registry(server).get(project)
    base = base_url or system.public_url
    url = response_headers.endpoint(base, found, environment, release)
    every = response_headers.every(url)
    if as_json:
        output.json([header._asdict() for header in every])
        return
    for header in every:
        output.console.print(header.note, style="dim")
        output.copyable(f"{header.name}: {header.value}\n")
