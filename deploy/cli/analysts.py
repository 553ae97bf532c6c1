"""``headrace analyst``: accounts of the embedded ClickHouse that see one project each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

import typer

from deploy.cli import options, registered
from deploy.embedded import accounts
from deploy.network import addresses
from deploy.printing import output
from deploy.running import restarting
from storage import errors

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.running import located

app = typer.Typer(
    help="Manage accounts that read one project each, in the embedded ClickHouse.", no_args_is_help=True
)

_LATER: Final = "ClickHouse goes by this once it has started again."

Name = Annotated[str, typer.Argument(metavar="NAME", help="The user to log in as.")]
Later = Annotated[
    bool,
    typer.Option(
        "--later",
        help="Leave it to the next start of ClickHouse. Otherwise it starts again now: queries fail, "
        "and reports wait in the queue for a second or two.",
    ),
]


@app.command()
def add(
    name: Name,
    *,
    project: Annotated[str, typer.Option(metavar="PROJECT", help="Name or id of the project that it sees.")],
    later: Later = False,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Make an account that sees one project, and print its password, once."""
    system = options.locate(data)
    url = _embedded_url(system)
    with registered.opened(system) as source:
        granted = source.get(project)
    password = accounts.add(_directory(data), name, granted.id)
    made = _addresses(url, system, name, password)
    if as_json:
        output.json({"name": name, "project_id": granted.id, "password": password, **made})
    else:
        for title, value in {"user": name, "password": password, **made}.items():
            output.copyable(f"{title:9} {value}")
    _apply(data, later=later)


@app.command("list")
def list_accounts(*, data: options.Data = options.DEFAULT_DATA, as_json: options.Json = False) -> None:
    """List the accounts that see one project."""
    found = accounts.every(_directory(data))
    names = _project_names(options.locate(data)) if found else {}
    rows = [(account.name, account.project_id, names.get(account.project_id, "")) for account in found]
    if as_json:
        output.json([dict(zip(("name", "project_id", "project"), row, strict=True)) for row in rows])
    else:
        output.table(("name", "project", "its name"), rows)


@app.command()
def remove(
    name: Name,
    *,
    later: Later = False,
    data: options.Data = options.DEFAULT_DATA,
) -> None:
    """Remove an account; without --later it cannot log in when the command returns."""
    accounts.remove(_directory(data), name)
    _apply(data, later=later)


def _directory(data: Path) -> Path:
    return data / "clickhouse"


def _embedded_url(system: located.Located) -> str:
    """Return the URL of the HTTP interface of the embedded ClickHouse.

    Raises:
        HeadraceError: ClickHouse is an operator's own.
    """
    address, running = system.clickhouse, system.runtime
    own = running is None or addresses.clickhouse_address(running.clickhouse_url) != address
    if own or not running or not running.clickhouse_http_url:
        raise errors.HeadraceError(
            "This system uses a ClickHouse of your own: make the user there, and give it the SQL of "
            "headrace grants USER --project PROJECT."
        )
    return running.clickhouse_http_url


def _addresses(url: str, system: located.Located, name: str, password: str) -> dict[str, str]:
    http, native = urlsplit(url), system.clickhouse
    login = f"{name}:{password}@{http.hostname}"
    return {
        "native": f"clickhouse://{login}:{native.port}/{native.database}",
        "http": f"http://{login}:{http.port}/",
        "page": f"http://{http.hostname}:{http.port}/play?user={name}",
    }


def _project_names(system: located.Located) -> dict[int, str]:
    """Return the names of projects, or none where no ClickHouse can be asked."""
    try:
        with registered.opened(system) as source:
            return source.names()
    except errors.HeadraceError:
        return {}


def _apply(data: Path, *, later: bool) -> None:
    if later:
        output.tell(_LATER)
    else:
        restarting.clickhouse(data)
