/* Step 1 of paying: the sums follow what is ticked and typed. The server computes them again. */
(() => {
  const form = document.getElementById("choose");
  const sums = document.getElementById("sums");
  const rows = [...form.querySelectorAll(".pay-row")].map((row) => ({
    tick: row.querySelector("[type=checkbox]"),
    amount: row.querySelector("[type=text]"),
  }));
  const spendable = Number(sums.dataset.spendable);
  const least = Number(sums.dataset.least);
  const useBalance = form.elements.use_balance;
  const ofBalance = form.elements.balance_amount;

  // As common.money reads and writes amounts; 0 where what was typed is none.
  const cents = (text) => {
    const typed = text.trim().match(/^\$?\s*(\d{1,3}(?:,\d{3})+|\d+)?(?:\.(\d{1,2}))?$/);
    if (!typed) return 0;
    return Number((typed[1] || "0").replaceAll(",", "")) * 100 + Number((typed[2] || "").padEnd(2, "0"));
  };
  const money = (amount) =>
    "$" + Math.floor(amount / 100).toLocaleString("en-US") + "." + String(amount % 100).padStart(2, "0");
  const show = (id, amount) => {
    const box = document.getElementById(id);
    if (box && box.textContent !== money(amount)) box.textContent = money(amount);
  };

  // As payments.choosing.most_usable.
  const usable = (total) => (spendable >= total ? total : Math.max(0, Math.min(spendable, total - least)));

  const add = () => {
    const total = rows.reduce((sum, row) => sum + (row.tick.checked ? cents(row.amount.value) : 0), 0);
    let balance = 0;
    if (useBalance && useBalance.checked) {
      const most = ofBalance.value.trim() ? cents(ofBalance.value) : usable(total);
      balance = Math.min(most, total, spendable);
    }
    show("sum-total", total);
    show("sum-balance", balance);
    show("sum-charge", total - balance);
  };

  for (const row of rows) {
    row.amount.addEventListener("input", () => {
      row.tick.checked = true;
    });
  }
  if (ofBalance) {
    ofBalance.addEventListener("input", () => {
      if (ofBalance.value.trim()) useBalance.checked = true;
    });
  }
  for (const link of form.querySelectorAll("[data-tick]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      for (const row of rows) row.tick.checked = link.dataset.tick === "all";
      add();
    });
  }
  form.addEventListener("input", add);
  form.addEventListener("change", add);
  // Also after the back button, which keeps what was typed.
  window.addEventListener("pageshow", add);
  form.querySelector("[name=action]").remove();
})();
