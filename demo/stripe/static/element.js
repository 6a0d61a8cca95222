// The payment form. Numbers are typed here, sent from here to the sandbox, and never leave otherwise:
// the page around this frame learns whether the form is complete, and the id of what was made.
"use strict";

(() => {
  const given = new URLSearchParams(location.hash.slice(1));
  const parentOrigin = demoStripeParent(given.get("origin"));
  if (!parentOrigin || window.parent === window) return;
  const words = demoStripeWords(given.get("locale"));
  const types = (given.get("types") || "card").split(",");
  const forms = [
    new DemoStripeCard(words),
    new DemoStripeBankAccount(words, given.get("verification") || "automatic"),
  ].filter((form) => types.includes(form.type));
  let form = forms[0];

  const tell = (type, detail = {}) =>
    window.parent.postMessage({ demoStripe: "element", type, ...detail }, parentOrigin);
  const changed = () =>
    tell("change", { complete: form.complete, empty: form.empty, value: { type: form.type } });

  function choose(type) {
    form = forms.find((one) => one.type === type);
    for (const panel of document.querySelectorAll("#card-fields, #bank-fields")) {
      panel.hidden = panel !== form.panel;
    }
  }

  for (const one of forms) one.watch(changed, () => tell("escape"));
  document.getElementById("choice").hidden = forms.length < 2;
  choose(form.type);
  for (const option of document.querySelectorAll("[name=type]")) {
    option.checked = option.value === form.type;
    option.addEventListener("change", () => {
      choose(option.value);
      changed();
    });
  }

  async function createPaymentMethod(billing) {
    const wrong = form.validate();
    if (wrong) return { error: { type: "validation_error", message: wrong } };
    const fields = new URLSearchParams(form.fields());
    for (const name of ["name", "email", "phone"]) {
      const key = `billing_details[${name}]`;
      if (billing && billing[name] && !fields.has(key)) fields.set(key, String(billing[name]));
    }
    let answer;
    try {
      const response = await fetch("/v1/payment_methods", {
        method: "POST",
        headers: { Authorization: `Bearer ${given.get("key")}` },
        body: fields,
      });
      answer = await response.json();
    } catch {
      return { error: { type: "api_connection_error", message: words.offline } };
    }
    if (answer.error) {
      form.refuse(answer.error);
      return { error: answer.error };
    }
    return { paymentMethod: answer.id };
  }

  const acts = {
    validate: async () => {
      const wrong = form.validate();
      return wrong ? { error: { type: "validation_error", message: wrong } } : {};
    },
    create_payment_method: (detail) => createPaymentMethod(detail.billing_details),
    focus: async () => (form.focus(), {}),
    blur: async () => (document.activeElement.blur(), {}),
    clear: async () => {
      for (const one of forms) one.clear();
      changed();
      return {};
    },
  };

  window.addEventListener("message", async (event) => {
    if (event.source !== window.parent || event.origin !== parentOrigin) return;
    const { demoStripe, id, act, detail } = event.data || {};
    if (demoStripe !== "host" || !Object.hasOwn(acts, act)) return;
    tell("reply", { id, result: await acts[act](detail || {}) });
  });

  const measure = () =>
    tell("height", { height: Math.ceil(document.querySelector("main").getBoundingClientRect().height) });
  new ResizeObserver(measure).observe(document.querySelector("main"));
  window.addEventListener("focus", () => tell("focus"));
  window.addEventListener("blur", () => tell("blur"));
  tell("ready");
  measure();
})();
