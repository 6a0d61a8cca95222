/* A passkey is made or asked for by the browser; what it says goes to our server with the form. */
(() => {
  const form = document.querySelector("form[data-passkey]");
  const box = form.querySelector("[data-passkey-error]");
  const button = form.querySelector("button");
  const field = form.elements.credential;

  const tell = (text) => {
    box.textContent = text;
    box.hidden = false;
    button.disabled = false;
  };

  const ask = () => {
    const options = JSON.parse(form.dataset.passkey).publicKey;
    return form.dataset.make
      ? navigator.credentials.create({
          publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options),
        })
      : navigator.credentials.get({
          publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options),
        });
  };

  const run = async () => {
    button.disabled = true;
    box.hidden = true;
    try {
      field.value = JSON.stringify(await ask());
      form.submit();
    } catch {
      // Put away, timed out, or another one than ours: browsers do not tell which.
      tell(form.dataset.failed);
    }
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (typeof PublicKeyCredential === "undefined" || !PublicKeyCredential.parseCreationOptionsFromJSON) {
      tell(form.dataset.unknown);
    } else if (!button.disabled) {
      run();
    }
  });
})();
