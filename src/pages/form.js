// Forms: one request at a time, and refusals in words next to what they are about.

import { Refusal } from "./api.js";

const texts = Object.fromEntries(
  Array.from(document.getElementById("texts").content.children, (text) => [text.dataset.text, text.textContent]),
);
const progress = document.getElementById("progress");

/** What a refusal says that is about no field. */
export function words(refusal) {
  if (refusal.wait > 0 && ["rate_limited", "too_many_attempts"].includes(refusal.code)) {
    return texts.rate_limited.replace("{wait}", duration(refusal.wait));
  }
  return texts[refusal.code] || refusal.message || texts.unavailable;
}

function duration(seconds) {
  const [value, unit] = seconds < 90 ? [seconds, "second"] : [Math.ceil(seconds / 60), "minute"];
  const style = { style: "unit", unit, unitDisplay: "long" };
  return new Intl.NumberFormat(document.documentElement.lang, style).format(value);
}

/** Runs `work` when the form is sent, with the values of its fields. Its refusals are shown unless `handled` takes them. */
export function onSubmit(form, work, handled = () => false) {
  const alert = form.querySelector("[role=alert]");
  const button = form.querySelector("button");
  for (const input of form.querySelectorAll("input[aria-describedby]")) {
    input.addEventListener("input", () => tell(input, []));
  }
  for (const box of form.querySelectorAll("[data-reveals]")) {
    box.addEventListener("change", () => reveal(form, box.checked));
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.ariaDisabled === "true") {
      return;
    }
    alert.textContent = "";
    button.ariaDisabled = "true";
    progress.textContent = texts.working;
    try {
      await work(Object.fromEntries(new FormData(form)));
      form.reset();
      reveal(form, false);
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) {
        throw refusal;
      }
      if (!handled(refusal) && !showFaults(form, refusal)) {
        alert.textContent = words(refusal);
      }
    } finally {
      progress.textContent = "";
      button.ariaDisabled = "false";
    }
  });
}

/** Shows the faults of fields that the form has. Returns false if none is about them. */
function showFaults(form, { code, details }) {
  const faults = code === "invalid_credentials" ? [{ field: "password", code: "wrong" }] : details;
  let first;
  for (const input of form.querySelectorAll("input[aria-describedby]:enabled")) {
    const own = faults.filter((fault) => fault.field === input.name);
    tell(input, own.map(faultWords));
    first ??= own.length > 0 ? input : undefined;
  }
  first?.focus();
  return first !== undefined;
}

function faultWords({ field, code, message }) {
  return texts[`${field}_${code}`] ?? texts[code] ?? texts[`${field}_invalid`] ?? message;
}

function tell(input, faults) {
  document.getElementById(`${input.id}-fault`).textContent = faults.join("\n");
  input.ariaInvalid = faults.length > 0 ? "true" : "false";
}

function reveal(form, shown) {
  for (const input of form.querySelectorAll("[autocomplete$=-password]")) {
    input.type = shown ? "text" : "password";
  }
}
