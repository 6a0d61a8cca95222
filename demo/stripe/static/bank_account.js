"use strict";

class DemoStripeBankAccount extends DemoStripeForm {
  type = "us_bank_account";

  // `verification`: automatic (the payer chooses), or instant or microdeposits only.
  constructor(words, verification) {
    super("bank-fields", ["holder", "routing", "account", "consent"], words);
    this.kind = document.getElementById("kind");
    this.ways = document.querySelectorAll("[name=verification]");
    if (verification !== "automatic") {
      for (const way of this.ways) way.checked = way.value === verification;
      document.getElementById("verification").hidden = true;
    }
    this.showConsent();
  }

  get instant() {
    return [...this.ways].some((way) => way.checked && way.value === "instant");
  }

  showConsent() {
    document.getElementById("consent-field").hidden = !this.instant;
  }

  current() {
    return this.instant ? this.names : this.names.filter((name) => name !== "consent");
  }

  watch(changed, escape) {
    super.watch(changed, escape);
    for (const way of this.ways) {
      way.addEventListener("change", () => {
        this.showConsent();
        changed();
      });
    }
    this.kind.addEventListener("change", changed);
  }

  problems = {
    holder() {
      return this.inputs.holder.value.trim() ? null : "holder_missing";
    },
    routing() {
      if (!this.digits("routing")) return "routing_missing";
      return this.digits("routing").length === 9 ? null : "routing_incomplete";
    },
    account() {
      if (!this.digits("account")) return "account_missing";
      return this.digits("account").length < 4 ? "account_incomplete" : null;
    },
    consent() {
      return !this.instant || this.inputs.consent.checked ? null : "consent_missing";
    },
  };

  fields() {
    const fields = {
      type: "us_bank_account",
      "us_bank_account[account_holder_type]": "individual",
      "us_bank_account[account_number]": this.digits("account"),
      "us_bank_account[account_type]": this.kind.value,
      "us_bank_account[routing_number]": this.digits("routing"),
      "billing_details[name]": this.inputs.holder.value.trim(),
    };
    // The demo bank's word that the account is the payer's; Stripe's frame asks the real one.
    if (this.instant) fields["us_bank_account[financial_connections_account]"] = "fca_demo";
    return fields;
  }

  place(error) {
    const routing = error.code === "routing_number_invalid";
    const unknown = { routing_number_invalid: "routing_unknown", account_number_invalid: "account_unknown" };
    return { name: routing ? "routing" : "account", word: unknown[error.code] };
  }
}
