"""Does an answer look like Stripe's? Checked against the SDK's resource classes, field by field."""

import builtins
import inspect
import sys
import typing
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import stripe
from stripe._stripe_object import StripeObject, UntypedStripeObject


class _Names(dict[str, Any]):
    """Names as a resource's module sees them; those it imports for type checkers come from the SDK."""

    def __missing__(self, name: str) -> Any:
        if hasattr(builtins, name):
            raise KeyError(name)
        return getattr(stripe, name, StripeObject)


def problems(obj: Any, where: str = "") -> list[str]:
    """What a typed reader of this object would stumble over; empty when it is as documented."""
    cls = type(obj)
    where = where or cls.__name__
    if cls in (stripe.ListObject, stripe.SearchResultObject):
        return [bad for item in obj.data for bad in problems(item)]
    hints = _hints(cls)
    if cls is StripeObject or not hints:
        return []
    given = obj.to_dict(recursive=False) if hasattr(obj, "to_dict") else dict(obj)
    found = [f"{where}.{name}: unknown field" for name in given if name not in hints]
    for name, hint in hints.items():
        if name not in given:
            if NoneType not in get_args(hint) and get_origin(hint) is not typing.ClassVar:
                found.append(f"{where}.{name}: missing")
        elif not _fits(hint, obj[name]):
            found.append(f"{where}.{name}: {obj[name]!r} is not {hint}")
        elif isinstance(obj[name], StripeObject):
            found += problems(obj[name], f"{where}.{name}")
    return found


def _hints(cls: type) -> dict[str, Any]:
    names = _Names(vars(sys.modules[cls.__module__]))
    hints: dict[str, Any] = {}
    for name, hint in inspect.get_annotations(cls).items():
        if not name.startswith("_"):
            hints[name] = typing._eval_type(_forward(hint), {}, names)  # type: ignore[attr-defined]
    return hints


def _forward(hint: Any) -> Any:
    return typing.ForwardRef(hint) if isinstance(hint, str) else hint


def _fits(hint: Any, value: Any) -> bool:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        literals = [a for a in args if get_origin(a) is Literal]
        # `Literal[...] | str` is an enum: a text outside of it is not what Stripe documents.
        rest = [a for a in args if not (literals and a is str)]
        return any(_fits(arg, value) for arg in rest)
    if origin is Literal:
        return value in args
    if origin in (list, typing.List):  # noqa: UP006 - the SDK writes it so
        return isinstance(value, list) and all(_fits(args[0], item) for item in value)
    if hint is Any:
        return True
    if origin is UntypedStripeObject or hint is UntypedStripeObject:
        return isinstance(value, StripeObject)
    wanted = origin or hint
    if wanted in (int, bool):
        return type(value) is wanted
    return isinstance(value, wanted)
