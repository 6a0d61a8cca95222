/* A button that prints the page; where there is no JavaScript it is not shown. */
(() => {
  for (const holder of document.querySelectorAll("[data-print]")) {
    holder.hidden = false;
    holder.querySelector("button").addEventListener("click", () => window.print());
  }
})();
