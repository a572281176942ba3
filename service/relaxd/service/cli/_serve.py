"""`relaxd serve`."""

from typing import Any

import typer
from pydantic import ValidationError
from pydantic_settings import CliApp, CliSettingsSource

from relaxd.service._settings import Settings

PASS_THROUGH = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": [],
}
"""What leaves all flags of a command, `--help` included, to the command."""


def serve(context: typer.Context) -> None:
    """Serve the HTTP API until told to stop."""
    settings = parse_settings(context.args)
    from relaxd.service import serve as run
    from relaxd.service.access import ExposedError

    try:
        run(settings)
    except ExposedError as error:
        typer.echo(f"relaxd serve: {error}", err=True)
        raise typer.Exit(2) from None


def parse_settings(flags: list[str]) -> Settings:
    """Return the settings that flags and `RELAXD_*` variables make; flags go first.

    Raises:
        SystemExit: the flags ask for help, or are wrong.
        typer.Exit: with 2, a value is not allowed; the reason is on stderr.
    """
    source: CliSettingsSource[Any] = CliSettingsSource(
        Settings,
        cli_prog_name="relaxd serve",
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_hide_none_type=True,
    )
    try:
        return CliApp.run(Settings, cli_args=flags, cli_settings_source=source)
    except ValidationError as error:
        for fault in error.errors():
            name = "".join(f"{part}: " for part in fault["loc"])
            typer.echo(
                f"relaxd serve: {name}{fault['msg'].removeprefix('Value error, ')}", err=True
            )
        raise typer.Exit(2) from None
