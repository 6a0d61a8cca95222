// Every word the sandbox shows in a browser, in the languages of the portal.
"use strict";

const DEMO_STRIPE_WORDS = {
  en: {
    demo: "DEMO - test numbers only",
    choice: "Pay with",
    card: "Card",
    bank: "Bank account",
    holder: "Name on the account",
    holder_missing: "Enter the name on the account.",
    routing: "Routing number",
    routing_hint: "For the demo: 110000000",
    routing_missing: "Enter the routing number.",
    routing_incomplete: "A routing number has 9 digits.",
    routing_unknown: "This is a demo: only the test routing number 110000000 works here.",
    account: "Account number",
    account_hint: "For the demo: 000123456789",
    account_missing: "Enter the account number.",
    account_incomplete: "The account number is incomplete.",
    account_unknown:
      "This is a demo: only published test account numbers work here, such as 000123456789. " +
      "Never type a real account number.",
    kind: "Account type",
    checking: "Checking",
    savings: "Savings",
    verification: "How should the bank confirm that it is your account?",
    instant: "Now, at the demo bank",
    microdeposits: "By two small deposits, in 1 to 2 business days",
    consent: "Demo bank: I allow the bank to confirm my account",
    consent_missing: "Allow the demo bank to confirm your account.",
    number: "Card number",
    expiry: "Expiration date",
    expiry_hint: "MM / YY",
    cvc: "Security code",
    zip: "ZIP code",
    number_missing: "Enter a card number.",
    number_incomplete: "The card number is incomplete.",
    number_unknown:
      "This is a demo: only published test numbers work here, such as 4242 4242 4242 4242. " +
      "Never type a real card number.",
    expiry_missing: "Enter the expiration date.",
    expiry_incomplete: "The expiration date is incomplete.",
    expiry_past: "The expiration date is in the past.",
    expiry_invalid: "The expiration date is not a month and a year.",
    cvc_missing: "Enter the security code.",
    cvc_incomplete: "The security code is incomplete.",
    zip_missing: "Enter the ZIP code.",
    zip_incomplete: "The ZIP code is incomplete.",
    offline: "The demo payment service did not answer. Try again.",
    challenge_title: "Demo bank",
    challenge_question: "Your bank asks: did you start this?",
    challenge_payment: "Payment of",
    challenge_setup: "Saving this card for later",
    challenge_gone: "This question has been answered already, or has expired.",
    complete: "Complete",
    fail: "Fail",
  },
  es: {
    demo: "DEMO - solo números de prueba",
    choice: "Pagar con",
    card: "Tarjeta",
    bank: "Cuenta bancaria",
    holder: "Nombre en la cuenta",
    holder_missing: "Escriba el nombre que figura en la cuenta.",
    routing: "Número de ruta",
    routing_hint: "Para la demostración: 110000000",
    routing_missing: "Escriba el número de ruta.",
    routing_incomplete: "Un número de ruta tiene 9 dígitos.",
    routing_unknown:
      "Esto es una demostración: aquí solo sirve el número de ruta de prueba 110000000.",
    account: "Número de cuenta",
    account_hint: "Para la demostración: 000123456789",
    account_missing: "Escriba el número de cuenta.",
    account_incomplete: "El número de cuenta está incompleto.",
    account_unknown:
      "Esto es una demostración: aquí solo sirven los números de cuenta de prueba publicados, como " +
      "000123456789. Nunca escriba un número de cuenta real.",
    kind: "Tipo de cuenta",
    checking: "Corriente",
    savings: "De ahorros",
    verification: "¿Cómo debe confirmar el banco que la cuenta es suya?",
    instant: "Ahora, en el banco de demostración",
    microdeposits: "Con dos pequeños depósitos, en 1 o 2 días hábiles",
    consent: "Banco de demostración: permito que el banco confirme mi cuenta",
    consent_missing: "Permita que el banco de demostración confirme su cuenta.",
    number: "Número de tarjeta",
    expiry: "Fecha de vencimiento",
    expiry_hint: "MM / AA",
    cvc: "Código de seguridad",
    zip: "Código postal",
    number_missing: "Escriba un número de tarjeta.",
    number_incomplete: "El número de tarjeta está incompleto.",
    number_unknown:
      "Esto es una demostración: aquí solo sirven los números de prueba publicados, como " +
      "4242 4242 4242 4242. Nunca escriba un número de tarjeta real.",
    expiry_missing: "Escriba la fecha de vencimiento.",
    expiry_incomplete: "La fecha de vencimiento está incompleta.",
    expiry_past: "La fecha de vencimiento ya pasó.",
    expiry_invalid: "La fecha de vencimiento no es un mes y un año.",
    cvc_missing: "Escriba el código de seguridad.",
    cvc_incomplete: "El código de seguridad está incompleto.",
    zip_missing: "Escriba el código postal.",
    zip_incomplete: "El código postal está incompleto.",
    offline: "El servicio de pago de demostración no respondió. Inténtelo de nuevo.",
    challenge_title: "Banco de demostración",
    challenge_question: "Su banco pregunta: ¿inició usted esto?",
    challenge_payment: "Pago de",
    challenge_setup: "Guardar esta tarjeta para más adelante",
    challenge_gone: "Esta pregunta ya fue respondida o ha caducado.",
    complete: "Completar",
    fail: "Rechazar",
  },
};

function demoStripeWords(locale) {
  const language = String(locale || "en").slice(0, 2);
  const known = language in DEMO_STRIPE_WORDS ? language : "en";
  document.documentElement.lang = known;
  const words = DEMO_STRIPE_WORDS[known];
  for (const place of document.querySelectorAll("[data-word]")) {
    place.textContent = words[place.dataset.word];
  }
  return words;
}

// The page that embeds this one; only pages of this machine may.
function demoStripeParent(origin) {
  return /^http:\/\/(127\.0\.0\.1|localhost)(:\d{1,5})?$/.test(origin || "") ? origin : null;
}
