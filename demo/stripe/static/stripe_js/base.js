// What all of Stripe's classes lean on.
const ORIGIN = new URL(document.currentScript.src).origin;
const READY_WITHIN_MS = 15000;

class IntegrationError extends Error {
  constructor(message) {
    super(message);
    this.name = "IntegrationError";
  }
}

function insist(condition, message) {
  if (!condition) throw new IntegrationError(message);
}

function encode(value, prefix, form) {
  if (value === undefined || value === null) return form;
  if (typeof value !== "object") form.append(prefix, String(value));
  else for (const [key, inner] of Object.entries(value)) {
    encode(inner, prefix ? `${prefix}[${key}]` : key, form);
  }
  return form;
}

class Emitter {
  constructor() {
    this._listeners = new Map();
  }

  on(name, listener) {
    this._listeners.set(name, [...(this._listeners.get(name) || []), listener]);
    return this;
  }

  once(name, listener) {
    const only = (event) => (this.off(name, only), listener(event));
    return this.on(name, only);
  }

  off(name, listener) {
    const kept = (this._listeners.get(name) || []).filter((one) => listener && one !== listener);
    this._listeners.set(name, kept);
    return this;
  }

  _emit(name, event) {
    for (const listener of this._listeners.get(name) || []) listener(event);
  }
}

function intentId(secret, word) {
  const prefix = word === "setup" ? "seti" : "pi";
  const match = new RegExp(`^(${prefix}_[A-Za-z0-9]+)_secret_[A-Za-z0-9]+$`).exec(secret || "");
  insist(match, `Invalid ${word} intent client secret.`);
  return match[1];
}
