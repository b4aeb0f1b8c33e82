"""Verbs from a dataclass: every field is an option, and the verb gets them as one request."""

import inspect
from dataclasses import dataclass, field
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from golden.errors import InputError
from sw.cli.request import parameters, takes


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the verb is asked for."""

    count: Annotated[int, typer.Option(min=1, help="how many")] = 3
    name: Annotated[str, typer.Argument(help="whose")]
    loud: Annotated[bool, typer.Option("--loud", help="loudly")] = False
    spare: int = field(default=7)


@takes(Request)
def greet(request: Request) -> None:
    """Greet someone."""
    if request.name == "nobody":
        raise InputError("name must be somebody")
    typer.echo(request)


def run(*words):
    app = typer.Typer(rich_markup_mode=None)
    app.command()(greet)
    return CliRunner().invoke(app, words)


def test_a_verb_gets_its_options_as_one_request():
    assert run("me").output == f"{Request(name='me')}\n"
    assert run("me", "--loud", "--count", "5").output == (
        f"{Request(name='me', loud=True, count=5)}\n"
    )
    assert greet.__doc__ == "Greet someone." and greet.__name__ == "greet"


@pytest.mark.parametrize("words", [(), ("me", "--count", "0"), ("me", "--spare", "1")])
def test_what_is_no_option_is_refused_before_the_verb_runs(words):
    assert run(*words).exit_code == 2


def test_an_error_of_the_verb_comes_through():
    assert str(run("nobody").exception) == "name must be somebody"


def test_fields_come_in_order_and_those_that_say_nothing_are_left_out():
    found = parameters(Request)
    assert [each.name for each in found] == ["count", "name", "loud"]
    assert [each.default for each in found] == [3, inspect.Parameter.empty, False]
