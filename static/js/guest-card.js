/* A guest's card: Stripe's frame takes it; with the amount, our server gets a token that stands for it. */
(() => {
  const form = document.getElementById("guest-card");
  const box = document.getElementById("card-error");
  const button = form.querySelector("button");
  const { kind, how_much: howMuch, amount, confirmation_token: token } = form.elements;

  const tell = (text) => {
    box.textContent = text;
    box.hidden = false;
    box.focus();
    button.disabled = false;
  };

  form.querySelector(".needs-script").hidden = false;
  if (typeof Stripe === "undefined") {
    tell(form.dataset.failed);
    return;
  }

  // As common.money reads amounts; 0 where what was typed is none. The server decides.
  const cents = () => {
    const due = Number((kind && form.dataset[`due${kind.value[0].toUpperCase()}${kind.value.slice(1)}`]) || form.dataset.amount);
    if (!howMuch || howMuch.value !== "part") return due;
    const typed = amount.value.trim().match(/^\$?\s*(\d{1,3}(?:,\d{3})+|\d+)?(?:\.(\d{1,2}))?$/);
    if (!typed) return 0;
    const wanted = Number((typed[1] || "0").replaceAll(",", "")) * 100 + Number((typed[2] || "").padEnd(2, "0"));
    return wanted <= due ? wanted : 0;
  };

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

  if (amount) {
    amount.addEventListener("input", () => {
      if (amount.value.trim()) howMuch.value = "part";
    });
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    box.hidden = true;
    try {
      const wanted = cents();
      if (!wanted) {
        tell(form.dataset.badAmount); // before the card is turned into a token, so that it stays typed
        return;
      }
      elements.update({ amount: wanted });
      const checked = await elements.submit();
      const made = checked.error ? checked : await stripe.createConfirmationToken({ elements });
      if (made.error) {
        tell(made.error.message);
        return;
      }
      token.value = made.confirmationToken.id;
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
