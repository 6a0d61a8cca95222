"""The page to which Stripe sends a payer who has to say what two small deposits arrived."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from demo.stripe.core import Sandbox
from demo.stripe.markup import Markup, notice, page, text

_WORDS = {
    "en": {
        "title": "Verify your bank account",
        "demo": "DEMO - test numbers only",
        "lede": "Two small deposits, or one with a code, were sent to your account.",
        "first": "First amount in cents",
        "second": "Second amount in cents",
        "code": "Or the code, such as SM11AA",
        "verify": "Verify",
        "done": "Your bank account is verified. You can close this page.",
        "gone": "There is nothing to verify here any more.",
        "wrong": "That is not right. Check your bank statement and try again.",
        "early": "The deposits have not arrived yet. Try again in a day or two.",
    },
    "es": {
        "title": "Verifique su cuenta bancaria",
        "demo": "DEMO - solo números de prueba",
        "lede": "Se enviaron a su cuenta dos pequeños depósitos, o uno con un código.",
        "first": "Primer importe en centavos",
        "second": "Segundo importe en centavos",
        "code": "O el código, como SM11AA",
        "verify": "Verificar",
        "done": "Su cuenta bancaria está verificada. Puede cerrar esta página.",
        "gone": "Aquí ya no hay nada que verificar.",
        "wrong": "No es correcto. Revise su extracto bancario e inténtelo de nuevo.",
        "early": "Los depósitos aún no han llegado. Inténtelo de nuevo en uno o dos días.",
    },
}


def deposit_page(
    sandbox: Sandbox,
    intent: str,
    query: Mapping[str, str],
    given: Mapping[str, str] | None,
    *,
    language: str,
) -> Markup:
    """The form, or with `given` (the sent form) what became of it."""
    chosen = "es" if language.lower().startswith("es") else "en"
    words = _WORDS[chosen]
    said, bad, asks = "", False, _is_waiting(sandbox, intent, query)
    if given is not None and asks:
        said, bad = _verify(sandbox, intent, query, given)
        asks = _is_waiting(sandbox, intent, query)
    elif not asks:
        said = "gone"
    head = f'<p class="demo">{text(words["demo"])}</p><h1>{text(words["title"])}</h1>'
    body = head + notice(words.get(said, ""), bad=bad) + (_form(intent, query, words) if asks else "")
    return page(words["title"], body, language=chosen)


def _form(intent: str, query: Mapping[str, str], words: Mapping[str, str]) -> Markup:
    kept = urlencode({name: query[name] for name in ("client_secret", "key")})
    action = text(f"/bank/microdeposits/{quote(intent, safe='')}?{kept}")
    fields = "".join(
        f'<div class="field"><label for="{name}">{text(words[name])}</label>'
        f'<input id="{name}" name="{name}" autocomplete="off" maxlength="6"{mode}></div>'
        for name, mode in (
            ("first", ' inputmode="numeric"'),
            ("second", ' inputmode="numeric"'),
            ("code", ""),
        )
    )
    return (
        f'<p class="lede">{text(words["lede"])}</p><form method="post" action="{action}">{fields}'
        f'<button type="submit" class="primary">{text(words["verify"])}</button></form>'
    )


def _resource(intent: str) -> str:
    return (
        f"/v1/{'setup' if intent.startswith('seti_') else 'payment'}_intents/{quote(intent, safe='')}"
    )


def _is_waiting(sandbox: Sandbox, intent: str, query: Mapping[str, str]) -> bool:
    path = f"{_resource(intent)}?{urlencode({'client_secret': query['client_secret']})}"
    response = sandbox.handle("GET", path, {"Authorization": f"Bearer {query['key']}"})
    action = json.loads(response.body or b"{}").get("next_action") or {}
    return bool(action.get("type") == "verify_with_microdeposits")


def _verify(
    sandbox: Sandbox, intent: str, query: Mapping[str, str], given: Mapping[str, str]
) -> tuple[str, bool]:
    """The word for what became of an answer, and whether it is a bad one."""
    answer = (
        {"descriptor_code": given["code"]}
        if given["code"].strip()
        else {"amounts[0]": given["first"].strip(), "amounts[1]": given["second"].strip()}
    )
    response = sandbox.handle(
        "POST",
        f"{_resource(intent)}/verify_microdeposits",
        {"Authorization": f"Bearer {query['key']}"},
        urlencode({"client_secret": query["client_secret"], **answer}),
    )
    if response.status == 200:
        return "done", False
    early = b"bank_account_unverified" in response.body
    return ("early" if early else "wrong"), True
