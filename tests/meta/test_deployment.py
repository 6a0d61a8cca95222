"""The image and the compose file, held against the code they run, since no engine may be at hand."""

import ast
import importlib
import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from celery.bin.celery import celery as celery_command
from django.core.management import get_commands, load_command_class
from gunicorn.config import Config

ROOT = Path(__file__).resolve().parent.parent.parent
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name for name, service in SERVICES.items() if service.get("image") == "kppay"}
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
# What a person fills in; the image's own variables come with it.
FILLED_IN = {
    "SECRET_KEY": "kppay-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ",
    "POSTGRES_PASSWORD": "p1",
    "DATABASE_OWNER_PASSWORD": "p2",
    "DATABASE_APP_PASSWORD": "p3",
    "EMAIL_URL": "smtp+tls://user:password@mail.example.org:587",
}
STRIPE = {
    "STRIPE_SECRET_KEY": "sk_live_x",
    "STRIPE_PUBLISHABLE_KEY": "pk_live_x",
    "STRIPE_WEBHOOK_SECRET": "whsec_x",
}


def example(name: str) -> dict[str, str]:
    """The variables of an example file, as a shell would read them."""
    lines = (ROOT / name).read_text().splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {key: value for key, _, value in pairs}


def image_environment() -> dict[str, str]:
    """The ENV of the final stage."""
    words = [
        shlex.split(line.removeprefix("ENV "))
        for line in DOCKERFILE.rpartition("\nFROM ")[2].splitlines()
        if line.startswith("ENV ")
    ]
    return dict(pair.split("=", 1) for line in words for pair in line)


def environment_of(service: str) -> dict[str, str]:
    """What the service's process sees once .env and stripe.env are filled in."""
    given = example(".env.example") | FILLED_IN

    def fill(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        return given[name] if default is None else given.get(name, default)

    variables = {
        name: re.sub(r"\$\{(?P<name>\w+)(?::\?|:-(?P<default>[^}]*))?\}", fill, str(value))
        for name, value in SERVICES[service]["environment"].items()
    }
    return image_environment() | variables | STRIPE


class Reads(ast.NodeVisitor):
    """Which variables a settings module asks for, and which of them it cannot do without."""

    def __init__(self) -> None:
        self.needed: set[str] = set()
        self.optional: set[str] = set()

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func.value if isinstance(node.func, ast.Attribute) else node.func
        name = node.args[0] if node.args else None
        if isinstance(function, ast.Name) and function.id == "env" and isinstance(name, ast.Constant):
            has_default = any(keyword.arg == "default" for keyword in node.keywords)
            (self.optional if has_default else self.needed).add(name.value)
        self.generic_visit(node)


def reads() -> Reads:
    found = Reads()
    for module in ("base", "production"):
        found.visit(ast.parse((ROOT / "kppay" / "settings" / f"{module}.py").read_text()))
    # Read through a name: env(_role).
    found.needed.add("DATABASE_URL")
    found.optional.add("DATABASE_OWNER_URL")
    found.optional.update(STRIPE)
    return found


def command_of(service: str) -> list[str]:
    if "command" in SERVICES[service]:
        return [str(word) for word in SERVICES[service]["command"]]
    match = re.search(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert match is not None
    return list(yaml.safe_load(match[1]))


def run_in(service: str, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run one of our commands with exactly the variables that the service has."""
    environment = environment_of(service) | {"PATH": os.environ["PATH"]}
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_whole_product_is_deployed() -> None:
    assert set(SERVICES) == {"web", "worker", "beat", "migrate", "postgres", "redis"}
    assert {"web", "worker", "beat", "migrate"} == OURS


@pytest.mark.parametrize("service", sorted(OURS))
def test_every_command_is_one_that_exists(service: str) -> None:
    program, *arguments = command_of(service)
    if program == "gunicorn":
        options = Config().parser().parse_args(arguments)
        module, _, attribute = options.args[0].partition(":")
        assert callable(getattr(importlib.import_module(module), attribute or "application"))
    elif program == "celery":
        app, module, name, *options_given = arguments
        assert (app, importlib.import_module(module).celery_app.main) == ("--app", "kppay")
        known = {option for param in celery_command.commands[name].params for option in param.opts}
        assert {word for word in options_given if word.startswith("--")} <= known
    else:
        assert (program, arguments[0]) == ("python", "manage.py")
        app = get_commands()[arguments[1]]
        command = load_command_class(app, arguments[1]) if isinstance(app, str) else app
        command.create_parser("manage.py", arguments[1]).parse_args(arguments[2:])


@pytest.mark.parametrize("service", sorted(OURS))
def test_every_variable_is_provided_and_none_is_unknown(service: str) -> None:
    provided, read = set(environment_of(service)), reads()
    of_the_process = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "DJANGO_SETTINGS_MODULE"}
    assert read.needed - provided == set()
    assert provided - read.needed - read.optional - of_the_process == set()


def test_the_settings_really_ask_for_what_we_think() -> None:
    """Guards the reader above: were it blind, the test before this one would see nothing missing."""
    assert {"SECRET_KEY", "SITE_URL", "ALLOWED_HOSTS", "REDIS_URL", "EMAIL_URL"} <= reads().needed


@pytest.mark.parametrize("variable", ["SECRET_KEY", "SITE_URL", "ALLOWED_HOSTS", "REDIS_URL"])
def test_a_missing_variable_stops_the_start_and_is_named(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(SERVICES["web"]["environment"], variable)
    result = run_in("web", "-c", "import django; django.setup()")
    assert result.returncode != 0
    assert variable in result.stderr


@pytest.mark.parametrize("service", ["web", "migrate"])
def test_the_deployment_check_finds_nothing(service: str) -> None:
    result = run_in(service, "manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert result.returncode == 0, result.stderr


def test_a_test_key_does_not_start_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STRIPE, "STRIPE_SECRET_KEY", "sk_test_x")
    monkeypatch.setitem(STRIPE, "STRIPE_PUBLISHABLE_KEY", "pk_test_x")
    result = run_in("web", "manage.py", "check")
    assert result.returncode == 1
    assert "payments.E002" in result.stderr


def test_production_has_no_demo() -> None:
    code = "import django; django.setup(); import kppay.urls, sys; print('demo' in sys.modules)"
    result = run_in("web", "-c", code)
    assert result.stdout.strip() == "False", result.stderr
    assert "demo" in (ROOT / ".dockerignore").read_text().split()


def test_only_migrations_know_the_owner() -> None:
    having = {name for name in OURS if "DATABASE_OWNER_URL" in environment_of(name)}
    assert having == {"migrate"}
    assert "kppay_app:" in environment_of("web")["DATABASE_URL"]


def test_the_roles_of_the_addresses_are_those_that_are_made() -> None:
    made = set(re.findall(r"CREATE ROLE (\w+)", (ROOT / "docker" / "roles.sh").read_text()))
    variables = environment_of("migrate")
    used = {
        re.match(r"postgres://(\w+):", variables[name])[1]  # type: ignore[index]
        for name in ("DATABASE_URL", "DATABASE_OWNER_URL")
    }
    assert made == used


def test_examples_name_what_compose_asks_for() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    assert asked == set(example(".env.example"))
    assert set(example("stripe.env.example")) == set(STRIPE)


def test_no_example_holds_a_secret() -> None:
    secrets = {name: value for name, value in example(".env.example").items() if name in FILLED_IN}
    assert set((secrets | example("stripe.env.example")).values()) == {""}


def test_services_wait_for_the_migrations() -> None:
    for name in OURS - {"migrate"}:
        wait = SERVICES[name]["depends_on"]["migrate"]
        assert wait == {"condition": "service_completed_successfully"}
    assert SERVICES["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}


def test_nothing_but_the_web_is_reachable_and_that_only_from_this_host() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {"web": ["127.0.0.1:8000:8000"]}


def test_the_image_runs_as_nobody_special_from_the_hashed_lock() -> None:
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.findall(r"^USER (\w+)$", final, re.MULTILINE) == ["kppay"]
    assert final.index("USER kppay") < final.index("CMD ")
    assert re.search(r"--require-hashes\s+--requirement requirements\.lock", DOCKERFILE)
    assert {"libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"} <= set(final.split())
    assert all(service["cap_drop"] == ["ALL"] for service in (SERVICES[name] for name in OURS))


def test_what_the_image_copies_exists() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    assert copied == ["requirements.lock", "."]
    assert (ROOT / "requirements.lock").exists()
    for path in re.findall(r"(?:python|manage\.py) (bin/\S+)", DOCKERFILE):
        assert (ROOT / path).exists()
    for mount in SERVICES["postgres"]["volumes"][1:]:
        source = ROOT / mount.split(":")[0]
        assert source.stat().st_mode & stat.S_IRUSR
    assert (ROOT / SERVICES["web"]["healthcheck"]["test"][-1]).exists()
