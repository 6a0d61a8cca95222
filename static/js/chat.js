/* Keeps what is being typed, whatever happens to the page, and shows the newest message. */
(() => {
  const log = document.getElementById("chat-log");
  const form = document.querySelector("[data-draft]");

  for (const line of document.querySelectorAll("[data-without-script]")) line.hidden = true;

  if (log) {
    const toEnd = () => log.scrollTo(0, log.scrollHeight);
    toEnd();
    // Who reads further up stays there.
    let atEnd = true;
    log.addEventListener("scroll", () => {
      atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    });
    new MutationObserver(() => atEnd && toEnd()).observe(log, { childList: true });
  }

  if (!form) return;
  const box = form.querySelector("textarea");
  const mine = `draft:${form.dataset.draftOf}:`;
  const key = mine + form.dataset.draft;
  const drop = (others) => {
    for (const name of Object.keys(sessionStorage))
      if (name.startsWith("draft:") && !(others && name.startsWith(mine))) sessionStorage.removeItem(name);
  };
  // In this tab alone, and gone with it: a log-in that ended meanwhile loses no words. Whoever logs in
  // here next, or goes on without a log-in, finds nothing of it.
  try {
    drop(true);
    document.querySelector("[data-forget]")?.addEventListener("submit", () => drop(false));
    const keep = () => sessionStorage.setItem(key, box.value);
    // Who was quicker than this script has typed already.
    if (box.value) keep();
    else box.value = sessionStorage.getItem(key) || "";
    box.addEventListener("input", keep);
    form.addEventListener("submit", () => sessionStorage.removeItem(key));
  } catch {
    // Storage is switched off: the page works without it.
  }
})();
