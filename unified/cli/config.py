"""unified config: list, show, validate, schema."""

from __future__ import annotations

from typing import Annotated

import typer

from unified.cli.group import group
from unified.cli.output import Json, emit, say, table
from unified.errors import ConfigError

Name = Annotated[str, typer.Argument(metavar="CONFIG", help="A shipped config's name, or the path of a .yaml file.")]
Overrides = Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Changes: train.epochs=3 data=PATH")]

WEIGHTINGS = "weightings"  # what `show` takes beside configs

app = group("List, show and check configurations.")


@app.command("list")
def list_configs(json: Json = False) -> None:
    """The configs that come with unified."""
    from unified.config.files import shipped, summary

    rows = [{"name": name, "summary": summary(name)} for name in shipped()]
    emit(rows) if json else table(rows)


@app.command()
def show(
    name: Name,
    overrides: Overrides = None,
    comments: Annotated[bool, typer.Option(help="Say beside each key what it means.")] = True,
    json: Json = False,
) -> None:
    """A whole config, every default included.

    As YAML to save and change: unified config show jdc > mine.yaml
    CONFIG may also be `weightings`: what joint.weighting can be, with paper, meaning and cost.
    """
    from unified import config

    if name == WEIGHTINGS:
        from unified.train.weighting.catalogue import rows

        emit(rows()) if json else table(rows())
        return
    found = config.read(name, overrides or ())
    emit(found.to_dict()) if json else say(config.show(found, comments=comments).rstrip())


@app.command()
def validate(name: Name, overrides: Overrides = None, json: Json = False) -> None:
    """Check a config.

    All problems at once, each with file, line and what is allowed; exit code 2 if there are any.
    """
    from unified import config

    try:
        found = config.read(name, overrides or ())
    except ConfigError as error:
        if not json:
            raise
        problems = error.problems if isinstance(error, config.InvalidConfig) else ()
        emit({"valid": False, "message": str(error), "problems": [problem.to_json() for problem in problems]})
        raise typer.Exit(error.exit_code) from error
    if json:
        emit({"valid": True, "message": "", "problems": []})
    else:
        say(f"{name} is valid: {', '.join(found.tasks)} on {found.trunk} at {found.size} px")


@app.command()
def schema() -> None:
    """The JSON Schema of config files.

    For editors: unified config schema > unified.schema.json
    """
    from unified import config

    emit(config.schema())
