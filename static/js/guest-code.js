/* Finding a bill: the code of a scanned address goes into the form, and a mistyped one is not sent. */
(() => {
  const form = document.getElementById("find-bill");
  const { code, region } = form.elements;
  const note = document.getElementById("code-check");

  code.setAttribute("aria-describedby", `${code.getAttribute("aria-describedby") || ""} ${note.id}`.trim());

  // As payments.guest.finding.is_code: so long, and Luhn mod N over these characters.
  const LENGTH = Number(form.dataset.codeLength);
  const ALPHABET = "23456789BCDFGHJKMNPQRSTVWXYZ";
  const isCode = (typed) => {
    const places = [...typed.replace(/[\s-]/g, "").toUpperCase()].map((one) => ALPHABET.indexOf(one));
    if (places.length !== LENGTH || places.includes(-1)) return false;
    const base = ALPHABET.length;
    let sum = 0;
    places.reverse().forEach((place, index) => {
      const addend = place * (index % 2 ? 2 : 1);
      sum += Math.floor(addend / base) + (addend % base);
    });
    return sum % base === 0;
  };

  const check = () => {
    const wrong = code.value.trim() !== "" && !isCode(code.value);
    note.textContent = wrong ? form.dataset.check : "";
    note.hidden = !wrong;
    code.setAttribute("aria-invalid", wrong ? "true" : "false");
    return !wrong;
  };

  // A fragment stays in the browser: no server, log or other page sees it. It goes away at once.
  const take = () => {
    const given = new URLSearchParams(location.hash.slice(1));
    if (!given.get("code")) return;
    code.value = given.get("code");
    if (given.get("region")) region.value = given.get("region").toUpperCase();
    history.replaceState(null, "", location.pathname);
    if (!note.hidden) check();
  };
  take();
  // A second code that is scanned into this page does not load it anew.
  window.addEventListener("hashchange", take);

  // Told when it is sent, not when the field is left: the button would jump away under the finger.
  code.addEventListener("input", () => {
    if (!note.hidden) check();
  });
  form.addEventListener("submit", (event) => {
    if (check()) return;
    event.preventDefault();
    code.focus();
  });
})();
