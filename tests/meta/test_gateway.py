"""The door to Stripe is one module, and each of its functions fits on a screen."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCT = ("kppay", "common", "accounts", "billing", "payments", "autopay", "support", "staff")
SCREEN_LINES = 50


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the product, by its path."""
    found = [path for package in PRODUCT for path in sorted((ROOT / package).rglob("*.py"))]
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in found}


def imports(tree: ast.AST) -> Iterator[str]:
    """The packages that code names in imports, inside functions and by importlib too."""
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from (alias.name.split(".")[0] for alias in node.names)
            case ast.ImportFrom(level=0):
                yield str(node.module).split(".")[0]
            case ast.Call(args=[ast.Constant(value=str(name)), *_]) if called(node) in BY_NAME:
                yield name.split(".")[0]


BY_NAME = ("import_module", "__import__")


def called(call: ast.Call) -> str:
    """The last part of what a call calls."""
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def test_one_module_imports_stripe() -> None:
    """Beside the contract of import-linter, which sees no import by name."""
    found = [path for path, tree in modules().items() if "stripe" in imports(tree)]
    assert found == ["payments/gateway.py"]


@pytest.mark.parametrize(
    "code",
    [
        "import stripe",
        "import stripe.webhook as hooks",
        "from stripe import Charge",
        "def later():\n    from stripe.error import CardError",
        "importlib.import_module('stripe')",
        "__import__('stripe')",
    ],
)
def test_every_way_to_import_it_is_seen(code: str) -> None:
    assert "stripe" in imports(ast.parse(code))


def test_the_product_is_all_but_the_demo_and_what_surrounds_it() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - {"bench", "demo", "tests"} == set(PRODUCT)


def test_no_function_of_the_gateway_is_longer_than_a_screen() -> None:
    tree = ast.parse((ROOT / "payments/gateway.py").read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert len(functions) > 20
    lines = {node.name: node.end_lineno - node.lineno + 1 for node in functions if node.end_lineno}
    assert {name: count for name, count in lines.items() if count > SCREEN_LINES} == {}
