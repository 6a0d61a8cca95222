const TYPES = ["card", "us_bank_account"];

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
    insist(
      !("paymentMethodTypes" in next),
      "`paymentMethodTypes` is gone; use `allowedPaymentMethodTypes`.",
    );
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

  create(type, options = {}) {
    insist(type === "payment", `The demo knows the "payment" Element only, not "${type}".`);
    insist(!this._element || this._element._destroyed, "Can only create one Element of type payment.");
    const bank = (this._options.paymentMethodOptions || {}).us_bank_account || {};
    const given = {
      key: this._key,
      locale: this._locale,
      types: this._types(),
      verification: bank.verification_method || "automatic",
    };
    this._element = new PaymentElement(given, options);
    this._element.on("change", () => (this._submitted = false));
    return this._element;
  }

  _types() {
    const { allowedPaymentMethodTypes, excludedPaymentMethodTypes = [] } = this._options;
    const allowed = allowedPaymentMethodTypes || TYPES;
    const types = TYPES.filter((one) => allowed.includes(one) && !excludedPaymentMethodTypes.includes(one));
    insist(types.length, "No payment method type that the demo knows is allowed here.");
    return types;
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
    return { selectedPaymentMethod: element.selected };
  }

  async _createPaymentMethod(billing) {
    insist(this._submitted, "elements.submit() must be called before this.");
    return this.getElement("payment")._ask("create_payment_method", { billing_details: billing });
  }
}
