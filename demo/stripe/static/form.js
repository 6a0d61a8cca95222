// One set of fields in the frame: what is typed, what is wrong with it, and where that is said.
"use strict";

class DemoStripeForm {
  // `names` are ids of inputs in their order; a subclass says what is wrong and what is sent.
  constructor(panel, names, words) {
    this.panel = document.getElementById(panel);
    this.names = names;
    this.words = words;
    this.inputs = Object.fromEntries(names.map((name) => [name, document.getElementById(name)]));
    this.touched = new Set();
  }

  digits(name) {
    return this.inputs[name].value.replace(/\D/g, "");
  }

  // The key of the word that says what is wrong, or null.
  problem(name) {
    return this.problems[name].call(this);
  }

  // Inputs that count at present; a form may hide some.
  current() {
    return this.names;
  }

  watch(changed, escape) {
    for (const name of this.names) {
      const input = this.inputs[name];
      input.addEventListener("input", () => {
        this.format(name);
        if (this.touched.has(name) && !this.problem(name)) this.show(name, null);
        changed();
      });
      input.addEventListener("blur", () => {
        if (!input.value || input.type === "checkbox") return;
        this.touched.add(name);
        const problem = this.problem(name);
        this.show(name, problem && this.words[problem]);
      });
      input.addEventListener("keydown", (event) => {
        if (event.key === "Escape") escape();
      });
    }
  }

  format() {}

  show(name, message) {
    document.getElementById(`${name}-error`).textContent = message || "";
    if (message) this.inputs[name].setAttribute("aria-invalid", "true");
    else this.inputs[name].removeAttribute("aria-invalid");
  }

  // Shows what is wrong everywhere; returns the first message, or null.
  validate() {
    let first = null;
    for (const name of this.current()) {
      this.touched.add(name);
      const problem = this.problem(name);
      this.show(name, problem && this.words[problem]);
      if (problem && !first) {
        first = this.words[problem];
        this.inputs[name].focus();
      }
    }
    return first;
  }

  get complete() {
    return this.current().every((name) => this.problem(name) === null);
  }

  get empty() {
    return this.current().every((name) => this.isEmpty(name));
  }

  isEmpty(name) {
    const input = this.inputs[name];
    return input.type === "checkbox" ? !input.checked : input.value === "";
  }

  focus() {
    this.inputs[this.names[0]].focus();
  }

  clear() {
    for (const name of this.names) {
      this.inputs[name].value = "";
      this.inputs[name].checked = false;
      this.show(name, null);
    }
    this.touched.clear();
  }

  // Say Stripe's refusal at the field it is about, in our words where we have better ones.
  refuse(error) {
    const { name, word } = this.place(error);
    if (word) error.message = this.words[word];
    this.show(name, error.message);
  }
}
