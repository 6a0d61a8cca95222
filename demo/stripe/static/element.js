// The card form. Numbers are typed here, sent from here to the sandbox, and never leave otherwise:
// the page around this frame learns whether the form is complete, and the id of what was made.
"use strict";

(() => {
  const given = new URLSearchParams(location.hash.slice(1));
  const parentOrigin = demoStripeParent(given.get("origin"));
  if (!parentOrigin || window.parent === window) return;
  const words = demoStripeWords(given.get("locale"));
  const names = ["number", "expiry", "cvc", "zip"];
  const inputs = Object.fromEntries(names.map((name) => [name, document.getElementById(name)]));
  const touched = new Set();

  const tell = (type, detail = {}) =>
    window.parent.postMessage({ demoStripe: "element", type, ...detail }, parentOrigin);
  const digits = (name) => inputs[name].value.replace(/\D/g, "");
  const isAmex = () => /^3[47]/.test(digits("number"));

  const problems = {
    number() {
      const length = isAmex() ? 15 : 16;
      if (!digits("number")) return "number_missing";
      return digits("number").length < length ? "number_incomplete" : null;
    },
    expiry() {
      const typed = digits("expiry");
      if (!typed) return "expiry_missing";
      if (typed.length !== 4) return "expiry_incomplete";
      const month = Number(typed.slice(0, 2));
      const year = 2000 + Number(typed.slice(2));
      if (month < 1 || month > 12) return "expiry_invalid";
      const now = new Date();
      const past = year * 12 + month < now.getFullYear() * 12 + now.getMonth() + 1;
      return past ? "expiry_past" : null;
    },
    cvc() {
      if (!digits("cvc")) return "cvc_missing";
      return digits("cvc").length < (isAmex() ? 4 : 3) ? "cvc_incomplete" : null;
    },
    zip() {
      if (!digits("zip")) return "zip_missing";
      return digits("zip").length < 5 ? "zip_incomplete" : null;
    },
  };

  function show(name, message) {
    document.getElementById(`${name}-error`).textContent = message || "";
    if (message) inputs[name].setAttribute("aria-invalid", "true");
    else inputs[name].removeAttribute("aria-invalid");
  }

  // Shows what is wrong everywhere; returns the first message, or null.
  function validate() {
    let first = null;
    for (const name of names) {
      touched.add(name);
      const problem = problems[name]();
      show(name, problem && words[problem]);
      if (problem && !first) {
        first = words[problem];
        inputs[name].focus();
      }
    }
    return first;
  }

  function grouped(value) {
    const groups = isAmex() ? /^(\d{0,4})(\d{0,6})(\d{0,5})/ : /^(\d{0,4})(\d{0,4})(\d{0,4})(\d{0,4})/;
    return value.match(groups).slice(1).filter(Boolean).join(" ");
  }

  function format(name) {
    // Only at the end of the text: a caret in the middle must not jump.
    const input = inputs[name];
    if (input.selectionStart !== input.value.length) return;
    if (name === "number") input.value = grouped(digits("number"));
    if (name === "expiry" && digits("expiry").length > 2) {
      const typed = digits("expiry").replace(/^(\d\d)20(\d\d)$/, "$1$2").slice(0, 4);
      input.value = `${typed.slice(0, 2)} / ${typed.slice(2)}`;
    }
  }

  function changed() {
    tell("change", {
      complete: names.every((name) => problems[name]() === null),
      empty: names.every((name) => inputs[name].value === ""),
    });
  }

  for (const name of names) {
    inputs[name].addEventListener("input", () => {
      format(name);
      if (touched.has(name) && !problems[name]()) show(name, null);
      changed();
    });
    inputs[name].addEventListener("blur", () => {
      if (!inputs[name].value) return;
      touched.add(name);
      const problem = problems[name]();
      show(name, problem && words[problem]);
    });
    inputs[name].addEventListener("keydown", (event) => {
      if (event.key === "Escape") tell("escape");
    });
  }

  async function createPaymentMethod(billing) {
    const wrong = validate();
    if (wrong) return { error: { type: "validation_error", message: wrong } };
    const form = new URLSearchParams({
      type: "card",
      "card[number]": digits("number"),
      "card[exp_month]": String(Number(digits("expiry").slice(0, 2))),
      "card[exp_year]": `20${digits("expiry").slice(2)}`,
      "card[cvc]": digits("cvc"),
      "billing_details[address][postal_code]": digits("zip"),
    });
    for (const name of ["name", "email", "phone"]) {
      if (billing && billing[name]) form.set(`billing_details[${name}]`, String(billing[name]));
    }
    let answer;
    try {
      const response = await fetch("/v1/payment_methods", {
        method: "POST",
        headers: { Authorization: `Bearer ${given.get("key")}` },
        body: form,
      });
      answer = await response.json();
    } catch {
      return { error: { type: "api_connection_error", message: words.offline } };
    }
    if (answer.error) {
      const unknown = answer.error.code === "incorrect_number";
      if (unknown) answer.error.message = words.number_unknown;
      const field = { number: "number", exp_month: "expiry", exp_year: "expiry", cvc: "cvc" };
      show(field[answer.error.param] || "number", answer.error.message);
      return { error: answer.error };
    }
    return { paymentMethod: answer.id };
  }

  const acts = {
    validate: async () => {
      const wrong = validate();
      return wrong ? { error: { type: "validation_error", message: wrong } } : {};
    },
    create_payment_method: (detail) => createPaymentMethod(detail.billing_details),
    focus: async () => (inputs.number.focus(), {}),
    blur: async () => (document.activeElement.blur(), {}),
    clear: async () => {
      for (const name of names) {
        inputs[name].value = "";
        show(name, null);
      }
      touched.clear();
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
