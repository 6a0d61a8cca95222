// Stripe's options that change how its form looks; the demo's looks one way.
const LOOKS = [
  "business", "defaultValues", "fields", "layout", "paymentMethodOrder", "readOnly", "terms", "wallets",
];

// `given`: what the frame needs to know: key, locale, types, verification.
class PaymentElement extends Emitter {
  constructor(given, options) {
    super();
    for (const name of Object.keys(options)) {
      insist(LOOKS.includes(name), `Unrecognized create() parameter: ${name}.`);
    }
    this._given = given;
    this.selected = given.types[0];
    this._frame = null;
    this._waiting = new Map();
    this._next = 0;
    this._receive = this._receive.bind(this);
  }

  mount(place) {
    const host = typeof place === "string" ? document.querySelector(place) : place;
    insist(host instanceof Element, `The selector you specified (${place}) applies to no element.`);
    insist(!this._destroyed, "This Element has already been destroyed. Please create a new one.");
    this.unmount();
    const frame = document.createElement("iframe");
    const hash = new URLSearchParams({ ...this._given, origin: location.origin });
    frame.src = `${ORIGIN}/endive/element#${hash}`;
    frame.title = "DEMO secure payment input frame";
    frame.name = `demo-stripe-${crypto.randomUUID()}`;
    // Through the object model: the page's policy allows no style attributes.
    frame.style.border = "0";
    frame.style.display = "block";
    frame.style.width = "100%";
    frame.style.height = "340px";
    this._frame = frame;
    this._ready = new Promise((resolve, reject) => {
      this._resolveReady = resolve;
      this._timer = setTimeout(() => {
        const error = { type: "api_connection_error", message: "The demo payment form did not load." };
        reject(new IntegrationError(error.message));
        this._emit("loaderror", { elementType: "payment", error });
      }, READY_WITHIN_MS);
    });
    this._ready.catch(() => {}); // whoever asks the frame for something hears of it
    window.addEventListener("message", this._receive);
    host.replaceChildren(frame);
    return this;
  }

  unmount() {
    clearTimeout(this._timer);
    window.removeEventListener("message", this._receive);
    if (this._frame) this._frame.remove();
    this._frame = null;
    return this;
  }

  destroy() {
    this.unmount();
    this._destroyed = true;
    this._emit("destroy", { elementType: "payment" });
    return this;
  }

  update(options) {
    insist(options && typeof options === "object", "element.update() takes an object.");
    return this;
  }

  focus() {
    this._ask("focus");
  }

  blur() {
    this._ask("blur");
  }

  clear() {
    this._ask("clear");
  }

  async _ask(act, detail = {}) {
    insist(this._frame, "Please make sure the Element is mounted before calling this method.");
    await this._ready;
    const id = ++this._next;
    const reply = new Promise((resolve) => this._waiting.set(id, resolve));
    this._frame.contentWindow.postMessage({ demoStripe: "host", id, act, detail }, ORIGIN);
    return reply;
  }

  _receive(event) {
    if (event.origin !== ORIGIN || !this._frame) return;
    if (event.source !== this._frame.contentWindow) return;
    const message = event.data || {};
    if (message.demoStripe !== "element") return;
    if (message.type === "ready") {
      clearTimeout(this._timer);
      this._resolveReady();
      this._emit("ready", { elementType: "payment" });
    } else if (message.type === "height" && Number.isFinite(message.height)) {
      this._frame.style.height = `${Math.min(Math.max(message.height, 40), 2000)}px`;
    } else if (message.type === "reply") {
      const resolve = this._waiting.get(message.id);
      this._waiting.delete(message.id);
      if (resolve) resolve(message.result);
    } else if (message.type === "change") {
      const { complete, empty, value } = message;
      this.selected = value.type;
      this._emit("change", { elementType: "payment", collapsed: false, complete, empty, value });
    } else if (["focus", "blur", "escape"].includes(message.type)) {
      this._emit(message.type, { elementType: "payment" });
    }
  }
}
