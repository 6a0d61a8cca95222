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
      const pending = result[`${word}Intent`].status === "processing";
      target.searchParams.set("redirect_status", pending ? "pending" : "succeeded");
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

  verifyMicrodepositsForPayment(clientSecret, data) {
    return this._verify("payment", clientSecret, data);
  }

  verifyMicrodepositsForSetup(clientSecret, data) {
    return this._verify("setup", clientSecret, data);
  }

  async _verify(word, clientSecret, data) {
    const path = `/v1/${word}_intents/${intentId(clientSecret, word)}/verify_microdeposits`;
    const found = await this._api("POST", path, { client_secret: clientSecret, ...data });
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
    if (!action || action.type === "verify_with_microdeposits") return { [`${word}Intent`]: intent };
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
