// The bank's question, in a frame over the pay page or as a page of its own.
"use strict";

(() => {
  const given = new URLSearchParams(location.search);
  const around = new URLSearchParams(location.hash.slice(1));
  const framed = window.parent !== window;
  const parentOrigin = framed ? demoStripeParent(around.get("origin")) : null;
  if (framed && !parentOrigin) return;
  const words = demoStripeWords(around.get("locale") || navigator.language);
  const intentId = given.get("intent") || "";
  const secret = given.get("client_secret") || "";
  const resource = intentId.startsWith("seti_") ? "setup_intents" : "payment_intents";
  const auth = { Authorization: `Bearer ${given.get("key")}` };
  const actions = document.getElementById("actions");
  let returnUrl = null;

  function say(message) {
    document.getElementById("error").textContent = message;
  }

  function leave(intent) {
    if (framed) {
      window.parent.postMessage({ demoStripe: "challenge", type: "done" }, parentOrigin);
      return;
    }
    if (!returnUrl) return;
    const name = resource.slice(0, -1);
    const target = new URL(returnUrl);
    target.searchParams.set(name, intentId);
    target.searchParams.set(`${name}_client_secret`, secret);
    target.searchParams.set(
      "redirect_status",
      ["succeeded", "requires_capture", "processing"].includes(intent.status) ? "succeeded" : "failed",
    );
    location.assign(target.href);
  }

  async function answer(outcome) {
    for (const button of actions.children) button.disabled = true;
    try {
      const response = await fetch("/v1/challenges", {
        method: "POST",
        headers: auth,
        body: new URLSearchParams({ intent: intentId, client_secret: secret, outcome }),
      });
      const intent = await response.json();
      if (intent.error) say(words.challenge_gone);
      leave(intent);
    } catch {
      for (const button of actions.children) button.disabled = false;
      say(words.offline);
    }
  }

  async function ask() {
    let intent;
    try {
      const query = new URLSearchParams({ client_secret: secret });
      const url = `/v1/${resource}/${encodeURIComponent(intentId)}?${query}`;
      intent = await (await fetch(url, { headers: auth })).json();
    } catch {
      say(words.offline);
      return;
    }
    if (intent.error || intent.status !== "requires_action") {
      say(words.challenge_gone);
      return;
    }
    const redirect = intent.next_action.redirect_to_url;
    returnUrl = redirect ? redirect.return_url : null;
    const money = new Intl.NumberFormat(document.documentElement.lang, {
      style: "currency",
      currency: "USD",
    });
    document.getElementById("what").textContent = intent.amount
      ? `${words.challenge_payment} ${money.format(intent.amount / 100)}`
      : words.challenge_setup;
    actions.hidden = false;
  }

  for (const outcome of ["complete", "fail"]) {
    document.getElementById(outcome).addEventListener("click", () => answer(outcome));
  }
  ask();
})();
