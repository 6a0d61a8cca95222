"""The fault matrix is whole: every failpoint is reached, every row that moves money ends in a proof."""

import ast
from collections.abc import Iterator
from functools import cache

from tests.meta.test_gateway import ROOT, called, modules

# Rows of the matrix in which a member's money moves. The rest is about runs of autopay (20 to 26, 30)
# and about machines (36 to 42); some of those rows have tests by another name.
ROWS = {*range(1, 20), *range(27, 30), *range(31, 36)}
PROOF = "assert_invariants"
# A random world may reach a failpoint or not.
NO_TEST_OF_ITS_OWN = ("tests/autopay/test_random_worlds.py", "tests/meta/test_faults.py")


@cache
def stories() -> dict[str, ast.Module]:
    """Every module of tests, by its path."""
    found = sorted((ROOT / "tests").rglob("test_*.py"))
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in found}


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def test_every_failpoint_of_the_product_is_reached_by_a_test() -> None:
    named = {
        argument.value
        for tree in modules().values()
        for call in calls(tree)
        if called(call) == "failpoint"
        for argument in call.args
        if isinstance(argument, ast.Constant)
    }
    said = {
        node.value
        for path, tree in stories().items()
        if path not in NO_TEST_OF_ITS_OWN
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
    }
    assert len(named) > 10
    assert named - said == set()


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Every function of a module by its name, with that of its class."""
    for node in tree.body:
        for inner in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(inner, ast.FunctionDef):
                yield getattr(node, "name", "") + "." + inner.name, inner


def rows_of(name: str) -> set[int]:
    """The rows that a test is named by: test_row_5_7_10_charged..., or TestRow32.test_..."""
    owner, test = name.split(".")
    if not test.startswith("test_"):
        return set()
    number = owner.removeprefix("TestRow")
    rows = {int(number)} if number.isdecimal() else set()
    words = test.split("_")[1:]
    for word in words[1:] if words[0] == "row" else []:
        if not word.isdecimal():
            break
        rows.add(int(word))
    return rows


def proves(function: ast.FunctionDef, helpers: dict[str, ast.FunctionDef]) -> bool:
    """Whether it asserts the invariants, or a helper of its module does for it."""
    names = {called(call) for call in calls(function)}
    return PROOF in names or any(
        PROOF in {called(call) for call in calls(helpers[name])} for name in names & helpers.keys()
    )


def test_every_row_that_moves_money_has_a_test_and_each_ends_with_the_invariants() -> None:
    seen, unproved = set[int](), []
    for path, tree in stories().items():
        found = list(functions(tree))
        helpers = {name.split(".")[1]: function for name, function in found}
        for name, function in found:
            rows = rows_of(name)
            has_stripe = any(argument.arg == "sandbox" for argument in function.args.args)
            if rows & ROWS and has_stripe:  # else it is about dates and sums alone
                seen |= rows
                if not proves(function, helpers):
                    unproved.append(f"{path}: {name}")
    assert unproved == []
    assert ROWS - seen == set()
