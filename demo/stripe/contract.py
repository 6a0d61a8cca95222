"""What Stripe accepts, read at run time from the installed SDK's typed parameters.

Each `*_service.py` of the SDK names a method, a path and a `...Params` TypedDict. A request that
does not fit is answered as Stripe would answer it, so that code which only works against a lenient
fake never passes here. Enums are written `Literal[...] | str` in the SDK (so that old clients may
send new values); Stripe itself refuses what it does not know, and so does this module.
"""

from __future__ import annotations

import ast
import importlib
import re
import typing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import stripe
from typing_extensions import is_typeddict

from demo.stripe.errors import ApiError, invalid
from demo.stripe.wire import Form

_SDK = Path(stripe.__file__).parent
_OPTIONS = frozenset(stripe.RequestOptions.__annotations__)  # headers, never parameters


@dataclass(frozen=True)
class Route:
    """One call of the API. `params` is the dotted name of its TypedDict, or empty."""

    method: str  # GET, POST or DELETE
    template: str  # /v1/payment_intents/{intent}/confirm
    params: str

    def match(self, path: str) -> bool:
        return _template_regex(self.template).fullmatch(path) is not None


@cache
def _template_regex(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", r"[^/]+", template))


def find_route(method: str, path: str) -> Route | None:
    """The SDK's route for a request; a literal path (`/search`) wins over a placeholder."""
    parts = path.split("/")
    if len(parts) < 3 or parts[1] != "v1" or not re.fullmatch(r"[a-z0-9_]+", parts[2]):
        return None
    found = [r for r in routes_of(parts[2]) if r.method == method and r.match(path)]
    return min(found, key=lambda route: route.template.count("{"), default=None)


@cache
def routes_of(resource: str) -> tuple[Route, ...]:
    """Every route below `/v1/<resource>` that the SDK knows."""
    needle = f'"/v1/{resource}'
    routes: list[Route] = []
    for path in sorted(_SDK.rglob("_*_service.py")):
        source = path.read_text()
        if needle in source:
            routes.extend(_routes_in(ast.parse(source)))
    return tuple(routes)


def _routes_in(module: ast.Module) -> typing.Iterator[Route]:
    sources = {
        alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    for function in ast.walk(module):
        if not isinstance(function, ast.FunctionDef):
            continue
        texts = [
            node.value
            for node in ast.walk(ast.Module(body=function.body, type_ignores=[]))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        path = next((text for text in texts if text.startswith("/v1/")), None)
        method = next((text for text in texts if text in {"get", "post", "delete"}), None)
        if path and method:
            yield Route(method.upper(), path, sources.get(_params_name(function), ""))


def _params_name(function: ast.FunctionDef) -> str:
    for argument in function.args.args:
        if argument.arg == "params" and argument.annotation is not None:
            found = re.search(r"\w+Params\b", ast.unparse(argument.annotation))
            return found[0] if found else ""
    return ""


@cache
def fields_of(dotted: str) -> dict[str, Any]:
    """Parameter name to type of a top-level params class; empty for a call without parameters."""
    if not dotted:
        return {}
    module, _, name = dotted.rpartition(".")
    return _fields(getattr(importlib.import_module(module), name))


@cache
def _fields(typed_dict: type) -> dict[str, Any]:
    own = {name: hint for name, hint in typed_dict.__annotations__.items() if name not in _OPTIONS}
    module = importlib.import_module(typed_dict.__module__)
    return typing.get_type_hints(SimpleNamespace(__annotations__=own), vars(module))


def required_of(dotted: str) -> frozenset[str]:
    """Names Stripe insists on. Empty for a call without parameters."""
    if not dotted:
        return frozenset()
    module, _, name = dotted.rpartition(".")
    return _required(getattr(importlib.import_module(module), name))


def _required(typed_dict: type) -> frozenset[str]:
    return frozenset(typed_dict.__required_keys__) - _OPTIONS  # type: ignore[attr-defined]


def parse(route: Route, form: Form) -> dict[str, Any]:
    """Typed parameters of a request, or the ApiError (400) with which Stripe would refuse it."""
    return _parse_object(fields_of(route.params), required_of(route.params), form, prefix="")


def _parse_object(
    fields: dict[str, Any], required: frozenset[str], form: Form, *, prefix: str
) -> dict[str, Any]:
    parsed: dict[str, Any] = {}
    for name, value in form.items():
        param = f"{prefix}[{name}]" if prefix else name
        if name not in fields:
            raise invalid(f"Received unknown parameter: {param}", code="parameter_unknown", param=param)
        parsed[name] = _parse_value(fields[name], value, param)
    for name in sorted(required - form.keys()):
        param = f"{prefix}[{name}]" if prefix else name
        raise invalid(f"Missing required param: {param}.", code="parameter_missing", param=param)
    return parsed


def _alternatives(hint: Any) -> list[Any]:
    if get_origin(hint) in (Union, UnionType):
        return [inner for member in get_args(hint) for inner in _alternatives(member)]
    return [hint]


def _parse_value(hint: Any, value: Any, param: str) -> Any:
    choices = _alternatives(hint)
    literals = [v for choice in choices if get_origin(choice) is Literal for v in get_args(choice)]
    enum = [literal for literal in literals if literal != ""]
    if value == "":
        if "" in literals or any(_is_mapping(choice) for choice in choices):
            return ""  # Stripe's way to unset
        raise invalid(
            f"You passed an empty string for '{param}'. We assume empty values are an attempt to "
            f"unset a parameter; however '{param}' cannot be unset.",
            code="parameter_invalid_empty",
            param=param,
        )
    if isinstance(value, str) and value in enum:
        return value
    failure: ApiError | None = None
    for choice in choices:
        if choice is type(None) or get_origin(choice) is Literal or (choice is str and enum):
            continue
        try:
            return _parse_one(choice, value, param)
        except ApiError as error:
            failure = failure or error
    if enum and isinstance(value, str):
        allowed = [str(option) for option in enum]
        listed = ", ".join(allowed[:-1]) + f", or {allowed[-1]}" if allowed[1:] else allowed[0]
        raise invalid(f"Invalid {param}: must be one of {listed}", param=param)
    raise failure or invalid(f"Invalid value for {param}.", param=param)


def _is_mapping(choice: Any) -> bool:
    return get_origin(choice) in (dict, typing.Mapping) or "UntypedStripeObject" in str(choice)


def _parse_one(choice: Any, value: Any, param: str) -> Any:
    if is_typeddict(choice):
        if not isinstance(value, dict):
            raise invalid("Invalid object", param=param)
        return _parse_object(_fields(choice), _required(choice), value, prefix=param)
    if get_origin(choice) in (list, typing.Sequence):
        return _parse_list(choice, value, param)
    if _is_mapping(choice):
        if not isinstance(value, dict):
            raise invalid("Invalid object", param=param)
        return {key: _parse_scalar(str, inner, f"{param}[{key}]") for key, inner in value.items()}
    return _parse_scalar(choice, value, param)


def _parse_list(choice: Any, value: Any, param: str) -> list[Any]:
    if not isinstance(value, dict) or not all(key.isdigit() for key in value):
        raise invalid("Invalid array", param=param)
    (inner,) = get_args(choice)
    ordered = sorted(value.items(), key=lambda item: int(item[0]))
    return [_parse_value(inner, item, f"{param}[{key}]") for key, item in ordered]


def _parse_scalar(kind: Any, value: Any, param: str) -> Any:
    if not isinstance(value, str):
        raise invalid(f"Invalid {'string' if kind is str else 'value'}: {param}", param=param)
    if kind is bool:
        if value in {"true", "false"}:
            return value == "true"
        raise invalid(f"Invalid boolean: {value}", param=param)
    if kind is int:
        if re.fullmatch(r"-?\d{1,18}", value):
            return int(value)
        raise invalid(f"Invalid integer: {value}", code="parameter_invalid_integer", param=param)
    if kind is float or getattr(kind, "__name__", "") == "Decimal":
        if re.fullmatch(r"-?\d{1,18}(\.\d{1,12})?", value):
            return value
        raise invalid(f"Invalid decimal: {value}", param=param)
    return value
