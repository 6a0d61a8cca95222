"use strict";

class DemoStripeCard extends DemoStripeForm {
  type = "card";

  constructor(words) {
    super("card-fields", ["number", "expiry", "cvc", "zip"], words);
  }

  isAmex() {
    return /^3[47]/.test(this.digits("number"));
  }

  problems = {
    number() {
      const length = this.isAmex() ? 15 : 16;
      if (!this.digits("number")) return "number_missing";
      return this.digits("number").length < length ? "number_incomplete" : null;
    },
    expiry() {
      const typed = this.digits("expiry");
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
      if (!this.digits("cvc")) return "cvc_missing";
      return this.digits("cvc").length < (this.isAmex() ? 4 : 3) ? "cvc_incomplete" : null;
    },
    zip() {
      if (!this.digits("zip")) return "zip_missing";
      return this.digits("zip").length < 5 ? "zip_incomplete" : null;
    },
  };

  grouped(value) {
    const groups = this.isAmex()
      ? /^(\d{0,4})(\d{0,6})(\d{0,5})/
      : /^(\d{0,4})(\d{0,4})(\d{0,4})(\d{0,4})/;
    return value.match(groups).slice(1).filter(Boolean).join(" ");
  }

  format(name) {
    // Only at the end of the text: a caret in the middle must not jump.
    const input = this.inputs[name];
    if (input.selectionStart !== input.value.length) return;
    if (name === "number") input.value = this.grouped(this.digits("number"));
    if (name === "expiry" && this.digits("expiry").length > 2) {
      const typed = this.digits("expiry").replace(/^(\d\d)20(\d\d)$/, "$1$2").slice(0, 4);
      input.value = `${typed.slice(0, 2)} / ${typed.slice(2)}`;
    }
  }

  fields() {
    return {
      type: "card",
      "card[number]": this.digits("number"),
      "card[exp_month]": String(Number(this.digits("expiry").slice(0, 2))),
      "card[exp_year]": `20${this.digits("expiry").slice(2)}`,
      "card[cvc]": this.digits("cvc"),
      "billing_details[address][postal_code]": this.digits("zip"),
    };
  }

  place(error) {
    const names = { number: "number", exp_month: "expiry", exp_year: "expiry", cvc: "cvc" };
    const word = error.code === "incorrect_number" ? "number_unknown" : null;
    return { name: names[error.param] || "number", word };
  }
}
