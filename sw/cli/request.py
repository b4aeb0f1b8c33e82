"""Verbs whose options are the fields of a dataclass, so that each option is stated once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from functools import wraps
from typing import Annotated, Any, TypeVar, get_origin, get_type_hints

import typer

from golden.errors import InputError

__all__ = ["parameters", "parsed_by", "takes"]

Request = TypeVar("Request")


def takes(kind: type[Request]) -> Callable[[Callable[[Request], None]], Callable[..., None]]:
    """Make a verb of a function that takes a request: its options are the fields of ``kind``.

    A field is annotated as a parameter of a verb is: ``Annotated[int, typer.Option(help="…")]``.
    """

    def decorate(work: Callable[[Request], None]) -> Callable[..., None]:
        @wraps(work)
        def verb(**given: Any) -> None:
            work(kind(**given))

        verb.__signature__ = inspect.Signature(parameters(kind))  # type: ignore[attr-defined]
        return verb

    return decorate


def parameters(*kinds: type) -> list[inspect.Parameter]:
    """Return the parameters of a verb that takes the fields of these dataclasses, in order.

    Fields that say nothing for the command line are left out. It is said by their annotation, or by
    the metadata that `sw.train.options.option` gives them.
    """
    found = []
    for kind in kinds:
        hints = get_type_hints(kind, include_extras=True)
        for each in fields(kind):
            hint = hints[each.name]
            if each.metadata:
                parsed = each.metadata["parser"] is not None
                hint = Annotated[Any if parsed else hint, option_of(each)]
            if get_origin(hint) is Annotated:
                default = inspect.Parameter.empty if each.default is MISSING else each.default
                kind_of = inspect.Parameter.KEYWORD_ONLY
                found.append(
                    inspect.Parameter(each.name, kind_of, default=default, annotation=hint)
                )
    return found


def option_of(option: Field[Any]) -> Any:
    """Return what typer is told of a field that `sw.train.options.option` made."""
    told = option.metadata
    parser = {} if told["parser"] is None else parsed_by(told["parser"])
    return typer.Option(*filter(None, [told["flag"]]), help=told["help"], **parser)


def parsed_by(parse: Callable[[str], Any]) -> dict[str, Any]:
    """Return what typer is told of an option whose words a function reads."""

    def read(word: str) -> Any:
        try:
            return parse(word)
        except InputError as error:
            raise typer.BadParameter(str(error)) from error

    return {"parser": read, "metavar": "KIND"}
