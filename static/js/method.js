/* Step 2 of paying: Stripe's frame takes the card; we get a token that stands for it. */
(() => {
  const form = document.getElementById("method-form");
  const box = document.getElementById("method-error");
  const button = form.querySelector("button");

  const tell = (text) => {
    box.textContent = text;
    box.hidden = false;
    box.focus();
    button.disabled = false;
  };

  if (typeof Stripe === "undefined") {
    tell(form.dataset.failed);
    return;
  }

  const stripe = Stripe(form.dataset.publishableKey);
  const elements = stripe.elements({
    mode: "payment",
    amount: Number(form.dataset.amount),
    currency: "usd",
    locale: document.documentElement.lang,
  });
  const element = elements.create("payment");
  element.on("loaderror", () => tell(form.dataset.failed));
  element.mount("#payment-element");

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    box.hidden = true;
    try {
      const checked = await elements.submit();
      const made = checked.error ? checked : await stripe.createConfirmationToken({ elements });
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

  // The back button shows this page as it was left, with its button switched off.
  window.addEventListener("pageshow", () => {
    button.disabled = false;
  });
})();
