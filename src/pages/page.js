// The flow of a page where a link of a mail lands. Nothing happens to the token until a button is pressed: the one request before that asks
// what the link is about, and changes nothing.

import { post, Refusal } from "./api.js";
import { end, ending, token } from "./entry.js";
import { onSubmit, words } from "./form.js";

const page = document.querySelector("main").dataset;
const ended = ending();
const secret = token();

/** Shows one view. Its heading takes the focus, unless the page has only just been opened. */
function show(view, { focus = true } = {}) {
  for (const element of document.querySelectorAll("[data-view]")) {
    element.hidden = !element.dataset.view.split(" ").includes(view);
  }
  const heading = document.querySelector(`[data-view="${view}"] h1`);
  document.title = `${heading.textContent} · Portcullis`;
  if (focus) {
    heading.focus();
  }
}

function finish(view) {
  end(view);
  show(view);
}

/** Whether the refusal is about the token; then the page says what can be done about it. */
function isSpent(refusal) {
  const spent = refusal.code === "invalid_token" || refusal.details.some((fault) => fault.field === "token");
  if (spent) {
    finish("invalid");
  }
  return spent;
}

/** Asks what the link is about. */
async function inspect() {
  try {
    describe(await post("email/inspect", { token: secret }));
    show("ask", { focus: document.activeElement.id === "again" });
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) {
      throw refusal;
    }
    if (!isSpent(refusal)) {
      show("failed");
      document.querySelector("[data-view=failed] [role=alert]").textContent = words(refusal);
    }
  }
}

function describe(link) {
  const time = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "long", timeStyle: "short" });
  const details = { ...link, created_at: link.created_at && time.format(new Date(link.created_at)) };
  for (const row of document.querySelectorAll("[data-detail]")) {
    const detail = details[row.dataset.detail];
    row.hidden = !detail;
    row.querySelector("dd").textContent = detail ?? "";
  }
  const password = document.getElementById("sign-up-password");
  if (password) {
    password.hidden = !link.password_required;
    password.querySelector("[name=password]").disabled = !link.password_required;
    // Unseen: password managers look there for whose password it is.
    password.querySelector("[autocomplete=username]").value = link.email;
  }
  const doubt = document.getElementById("doubt");
  if (doubt) {
    // Who knows the password chose it.
    doubt.hidden = link.password_required;
  }
}

function open() {
  if (ended) {
    show(ended, { focus: false });
  } else if (!secret) {
    show("missing", { focus: false });
  } else {
    inspect();
  }
}

onSubmit(document.getElementById("ask"), async (fields) => {
  await post(page.action, { token: secret, ...fields });
  finish("done");
}, isSpent);
if (page.rejection) {
  onSubmit(document.getElementById("rejection"), async () => {
    await post(page.rejection, { token: secret });
    finish("rejected");
  }, isSpent);
}
if (page.renewal) {
  onSubmit(document.getElementById("renewal"), async ({ email }) => {
    await post(page.renewal, { email });
    // A reload asks anew: the address may have been mistyped.
    end("missing");
    show("sent");
  });
}
document.getElementById("again").addEventListener("click", inspect);
open();
