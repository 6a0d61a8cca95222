/* The bank's extra step (3-D Secure): Stripe shows it, then our server asks how it went. */
(() => {
  const form = document.getElementById("bank-step");
  const box = document.getElementById("bank-step-error");
  const button = form.querySelector("button");

  const tell = (text) => {
    box.textContent = text;
    box.hidden = false;
    button.disabled = false;
  };

  const run = async () => {
    button.disabled = true;
    box.hidden = true;
    try {
      const stripe = Stripe(form.dataset.publishableKey);
      const done = await stripe.handleNextAction({ clientSecret: form.dataset.clientSecret });
      // Whatever the browser heard, only Stripe's answer to our server counts.
      if (done.error && done.error.type === "api_connection_error") tell(done.error.message);
      else form.submit();
    } catch {
      tell(form.dataset.failed);
    }
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!button.disabled) run();
  });
  if (typeof Stripe === "undefined") tell(form.dataset.failed);
})();
