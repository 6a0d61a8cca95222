/* Stripe's frame takes a card or a bank account; we get a token that stands for it. Used where a
   method is typed: where somebody pays, and where one is added (data-mode "setup"). */
(() => {
  const form = document.getElementById("method-form");
  const box = document.getElementById("method-error");
  const button = form.querySelector("button");
  const panel = document.getElementById("new-method");
  const radios = [...form.querySelectorAll("input[name=method]")];
  const keep = form.elements.keep;
  const isPayment = form.dataset.mode !== "setup";

  const tell = (text) => {
    box.textContent = text;
    box.hidden = false;
    box.focus();
    button.disabled = false;
  };
  const isNew = () => radios.length === 0 || radios.some((one) => one.checked && one.value === "new");

  const load = () => {
    if (typeof Stripe === "undefined") return null;
    const stripe = Stripe(form.dataset.publishableKey);
    const options = {
      mode: isPayment ? "payment" : "setup",
      currency: "usd",
      locale: document.documentElement.lang,
    };
    if (isPayment) {
      options.amount = Number(form.dataset.amount);
      // Micro-deposits take days; an account that needs them is added under "Payment methods".
      options.paymentMethodOptions = { us_bank_account: { verification_method: "instant" } };
    } else {
      options.setupFutureUsage = "off_session";
    }
    const elements = stripe.elements(options);
    const element = elements.create("payment");
    element.on("loaderror", () => tell(form.dataset.failed));
    element.mount("#payment-element");
    return { stripe, elements };
  };

  let loaded = null;
  const show = () => {
    if (panel) panel.hidden = !isNew();
    if (!isNew() || loaded) return;
    loaded = load();
    if (!loaded) tell(form.dataset.failed);
  };

  const token = async () => {
    const { stripe, elements } = loaded;
    if (keep) elements.update({ setupFutureUsage: keep.checked ? "off_session" : null });
    const checked = await elements.submit();
    if (checked.error) return checked;
    return stripe.createConfirmationToken({ elements });
  };

  form.addEventListener("submit", async (event) => {
    if (!isNew()) return;
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    box.hidden = true;
    try {
      const made = await token();
      if (made.error) {
        tell(made.error.message);
        return;
      }
      form.elements.confirmation_token.value = made.confirmationToken.id;
      form.submit();
    } catch {
      tell(form.dataset.failed); // the frame is gone: nobody waits at a button that is off
    }
  });

  for (const radio of radios) radio.addEventListener("change", show);

  // The back button shows this page as it was left, with its button switched off.
  window.addEventListener("pageshow", () => {
    button.disabled = false;
    show();
  });
  show();
})();
