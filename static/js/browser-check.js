/* Says what is wrong with this browser. Every sentence stands in the page; this only shows the right ones. */
(() => {
  const list = document.querySelector("[data-browser-check]");
  if (!list) return;
  const MINUTES = 5;

  const say = (name, good) => {
    const line = list.querySelector(`[data-check="${name}"]`);
    line.hidden = false;
    const words = line.querySelector(good ? "[data-good]" : "[data-bad]");
    if (words) words.hidden = false;
  };

  const cookiesWork = () => {
    const name = "kppay_check_script";
    document.cookie = `${name}=1; SameSite=Lax; path=/`;
    const came = document.cookie.includes(`${name}=1`);
    document.cookie = `${name}=; max-age=0; SameSite=Lax; path=/`;
    return came;
  };

  const checkClock = async () => {
    const answer = await fetch(list.dataset.clock, { cache: "no-store" });
    const theirs = Date.parse(answer.headers.get("Date"));
    if (theirs) say("clock", Math.abs(Date.now() - theirs) <= MINUTES * 60_000);
  };

  const checkStripe = () =>
    fetch(list.dataset.stripe, { mode: "no-cors", cache: "no-store" }).then(
      () => say("stripe", true),
      () => say("stripe", false),
    );

  document.querySelector("[data-without-script]").hidden = true;
  say("script", true);
  say("cookies", cookiesWork());
  checkClock().catch(() => {});
  checkStripe();
})();
