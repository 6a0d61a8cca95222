// The part of Stripe.js that the portal uses, with its names and its answers, for the demo.
// Card fields live in a frame of this script's origin; the page around it never sees a number.
"use strict";

(() => {
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

  class PaymentElement extends Emitter {
    constructor(key, locale) {
      super();
      this._key = key;
      this._locale = locale;
      this._frame = null;
      this._waiting = new Map();
      this._next = 0;
      this._receive = this._receive.bind(this);
    }

    mount(place) {
      const host = typeof place === "string" ? document.querySelector(place) : place;
      insist(host instanceof Element, `The selector you specified (${place}) applies to no element.`);
      insist(!this._destroyed, "This Element has already been destroyed. Please create a new one.");
      this.unmount();
      const frame = document.createElement("iframe");
      const hash = new URLSearchParams({
        key: this._key,
        origin: location.origin,
        locale: this._locale,
      });
      frame.src = `${ORIGIN}/endive/element#${hash}`;
      frame.title = "DEMO secure payment input frame";
      frame.name = `demo-stripe-${crypto.randomUUID()}`;
      // Through the object model: the page's policy allows no style attributes.
      frame.style.border = "0";
      frame.style.display = "block";
      frame.style.width = "100%";
      frame.style.height = "340px";
      this._frame = frame;
      this._ready = new Promise((resolve, reject) => {
        this._resolveReady = resolve;
        this._timer = setTimeout(() => {
          const error = { type: "api_connection_error", message: "The demo card form did not load." };
          reject(new IntegrationError(error.message));
          this._emit("loaderror", { elementType: "payment", error });
        }, READY_WITHIN_MS);
      });
      this._ready.catch(() => {}); // whoever asks the frame for something hears of it
      window.addEventListener("message", this._receive);
      host.replaceChildren(frame);
      return this;
    }

    unmount() {
      clearTimeout(this._timer);
      window.removeEventListener("message", this._receive);
      if (this._frame) this._frame.remove();
      this._frame = null;
      return this;
    }

    destroy() {
      this.unmount();
      this._destroyed = true;
      this._emit("destroy", { elementType: "payment" });
      return this;
    }

    update(options) {
      insist(options && typeof options === "object", "element.update() takes an object.");
      return this;
    }

    focus() {
      this._ask("focus");
    }

    blur() {
      this._ask("blur");
    }

    clear() {
      this._ask("clear");
    }

    async _ask(act, detail = {}) {
      insist(this._frame, "Please make sure the Element is mounted before calling this method.");
      await this._ready;
      const id = ++this._next;
      const reply = new Promise((resolve) => this._waiting.set(id, resolve));
      this._frame.contentWindow.postMessage({ demoStripe: "host", id, act, detail }, ORIGIN);
      return reply;
    }

    _receive(event) {
      if (event.origin !== ORIGIN || !this._frame) return;
      if (event.source !== this._frame.contentWindow) return;
      const message = event.data || {};
      if (message.demoStripe !== "element") return;
      if (message.type === "ready") {
        clearTimeout(this._timer);
        this._resolveReady();
        this._emit("ready", { elementType: "payment" });
      } else if (message.type === "height" && Number.isFinite(message.height)) {
        this._frame.style.height = `${Math.min(Math.max(message.height, 40), 2000)}px`;
      } else if (message.type === "reply") {
        const resolve = this._waiting.get(message.id);
        this._waiting.delete(message.id);
        if (resolve) resolve(message.result);
      } else if (message.type === "change") {
        const { complete, empty } = message;
        const value = { type: "card" };
        this._emit("change", { elementType: "payment", collapsed: false, complete, empty, value });
      } else if (["focus", "blur", "escape"].includes(message.type)) {
        this._emit(message.type, { elementType: "payment" });
      }
    }
  }

  class Elements {
    constructor(key, options, locale) {
      this._key = key;
      this._locale = options.locale && options.locale !== "auto" ? options.locale : locale;
      this._options = {};
      this._submitted = false;
      this._element = null;
      this._set(options);
    }

    _set(options) {
      const next = { ...this._options, ...options };
      if (!next.clientSecret) {
        insist(
          ["payment", "setup"].includes(next.mode),
          "elements() needs a `clientSecret`, or a `mode`: payment or setup.",
        );
        insist(/^[a-z]{3}$/.test(next.currency || ""), "Invalid `currency`: three lower-case letters.");
        if (next.mode === "payment") {
          const whole = Number.isInteger(next.amount) && next.amount > 0;
          insist(whole, "Invalid `amount`: a positive integer of the smallest currency unit.");
        }
      }
      this._options = next;
    }

    create(type) {
      insist(type === "payment", `The demo knows the "payment" Element only, not "${type}".`);
      insist(!this._element || this._element._destroyed, "Can only create one Element of type payment.");
      this._element = new PaymentElement(this._key, this._locale);
      this._element.on("change", () => (this._submitted = false));
      return this._element;
    }

    getElement(type) {
      return type === "payment" && this._element && !this._element._destroyed ? this._element : null;
    }

    update(options) {
      this._set(options);
      this._submitted = false;
    }

    async submit() {
      const element = this.getElement("payment");
      insist(element, "elements.submit() needs a mounted Payment Element.");
      const result = await element._ask("validate");
      if (result.error) return result;
      this._submitted = true;
      return { selectedPaymentMethod: "card" };
    }

    async _createPaymentMethod(billing) {
      insist(this._submitted, "elements.submit() must be called before this.");
      return this.getElement("payment")._ask("create_payment_method", { billing_details: billing });
    }
  }

  class StripeInstance {
    constructor(key, options) {
      this._key = key;
      const wanted = options.locale;
      this._locale = wanted && wanted !== "auto" ? wanted : document.documentElement.lang || "en";
    }

    elements(options = {}) {
      return new Elements(this._key, options, this._locale);
    }

    async _api(method, path, params) {
      const form = encode(params, "", new URLSearchParams());
      const get = method === "GET";
      try {
        const response = await fetch(`${ORIGIN}${path}${get ? `?${form}` : ""}`, {
          method,
          headers: { Authorization: `Bearer ${this._key}` },
          body: get ? undefined : form,
          credentials: "omit",
          referrerPolicy: "no-referrer",
        });
        return await response.json();
      } catch {
        return { error: { type: "api_connection_error", message: "Stripe (demo) did not answer." } };
      }
    }

    async createConfirmationToken({ elements, params = {} }) {
      insist(elements instanceof Elements, "createConfirmationToken() needs `elements`.");
      const data = params.payment_method_data || {};
      const made = await elements._createPaymentMethod(data.billing_details);
      if (made.error) return { error: made.error };
      const token = await this._api("POST", "/v1/confirmation_tokens", {
        payment_method: made.paymentMethod,
        return_url: params.return_url,
        setup_future_usage: elements._options.setupFutureUsage,
      });
      return token.error ? { error: token.error } : { confirmationToken: token };
    }

    confirmPayment(options) {
      return this._confirm("payment", options);
    }

    confirmSetup(options) {
      return this._confirm("setup", options);
    }

    async _confirm(word, { elements, clientSecret, confirmParams = {}, redirect = "always" }) {
      const secret = clientSecret || (elements && elements._options.clientSecret);
      const id = intentId(secret, word);
      const params = { client_secret: secret, return_url: confirmParams.return_url };
      insist(redirect === "if_required" || params.return_url, "confirmParams.return_url is missing.");
      if (confirmParams.confirmation_token) {
        params.confirmation_token = confirmParams.confirmation_token;
      } else if (confirmParams.payment_method) {
        params.payment_method = confirmParams.payment_method;
      } else {
        insist(elements instanceof Elements, "elements or confirmParams.payment_method is missing.");
        const data = confirmParams.payment_method_data || {};
        const made = await elements._createPaymentMethod(data.billing_details);
        if (made.error) return { error: made.error };
        params.payment_method = made.paymentMethod;
      }
      const intent = await this._api("POST", `/v1/${word}_intents/${id}/confirm`, params);
      if (intent.error) return { error: intent.error };
      const result = await this._follow(word, intent);
      if (!result.error && redirect === "always") {
        const target = new URL(params.return_url, location.href);
        target.searchParams.set(`${word}_intent`, id);
        target.searchParams.set(`${word}_intent_client_secret`, secret);
        target.searchParams.set("redirect_status", "succeeded");
        location.assign(target.href);
        return new Promise(() => {}); // the page is leaving
      }
      return result;
    }

    retrievePaymentIntent(clientSecret) {
      return this._retrieve("payment", clientSecret);
    }

    retrieveSetupIntent(clientSecret) {
      return this._retrieve("setup", clientSecret);
    }

    async _retrieve(word, clientSecret) {
      const id = intentId(clientSecret, word);
      const found = await this._api("GET", `/v1/${word}_intents/${id}`, { client_secret: clientSecret });
      return found.error ? { error: found.error } : { [`${word}Intent`]: found };
    }

    async handleNextAction({ clientSecret }) {
      const word = String(clientSecret).startsWith("seti_") ? "setup" : "payment";
      const found = await this._retrieve(word, clientSecret);
      return found.error ? found : this._follow(word, found[`${word}Intent`]);
    }

    // Bring the payer to the bank's question when there is one, and say how it ended.
    async _follow(word, intent) {
      const action = intent.status === "requires_action" ? intent.next_action : null;
      if (!action) return { [`${word}Intent`]: intent };
      if (action.type === "redirect_to_url") {
        location.assign(action.redirect_to_url.url);
        return new Promise(() => {});
      }
      await challenge(action.use_stripe_sdk.stripe_js, this._locale, () =>
        this._api("POST", "/v1/challenges", {
          intent: intent.id,
          client_secret: intent.client_secret,
          outcome: "fail",
        }),
      );
      const after = await this._retrieve(word, intent.client_secret);
      if (after.error) return after;
      const now = after[`${word}Intent`];
      const error = now.last_payment_error || now.last_setup_error;
      if (now.status === "requires_payment_method" && error) {
        return { error: { ...error, [`${word}_intent`]: now } };
      }
      return after;
    }
  }

  function intentId(secret, word) {
    const prefix = word === "setup" ? "seti" : "pi";
    const match = new RegExp(`^(${prefix}_[A-Za-z0-9]+)_secret_[A-Za-z0-9]+$`).exec(secret || "");
    insist(match, `Invalid ${word} intent client secret.`);
    return match[1];
  }

  // The bank's page over ours. Escape is an answer too: no.
  function challenge(page, locale, refuse) {
    insist(new URL(page).origin === ORIGIN, "The challenge is not served by the sandbox.");
    return new Promise((resolve) => {
      const dialog = document.createElement("dialog");
      const frame = document.createElement("iframe");
      frame.src = `${page}#${new URLSearchParams({ origin: location.origin, locale })}`;
      frame.title = "DEMO bank: confirm that it is you";
      dialog.setAttribute("aria-label", frame.title);
      Object.assign(dialog.style, {
        border: "0", padding: "0", overflow: "hidden", borderRadius: "10px", width: "min(420px, 96vw)",
      });
      Object.assign(frame.style, { border: "0", display: "block", width: "100%", height: "360px" });
      const finish = () => {
        window.removeEventListener("message", receive);
        dialog.remove();
        resolve();
      };
      const receive = (event) => {
        if (event.origin !== ORIGIN || event.source !== frame.contentWindow) return;
        const message = event.data || {};
        if (message.demoStripe === "challenge" && message.type === "done") finish();
      };
      dialog.addEventListener("cancel", async (event) => {
        event.preventDefault();
        await refuse();
        finish();
      });
      window.addEventListener("message", receive);
      dialog.append(frame);
      document.body.append(dialog);
      dialog.showModal();
    });
  }

  window.Stripe = function Stripe(key, options = {}) {
    insist(/^pk_test_demo_[a-z0-9_-]+$/.test(key || ""), "The demo takes keys like pk_test_demo_ncal.");
    return new StripeInstance(key, options);
  };
  window.Stripe.version = "endive";
})();
