// Makes served pages (`Site` in app/src/routes.rs) pleasant. Each is complete without it; what it does here, the parts
// in app/src/ui do by themselves on live pages. `data-ready` on the document says that it is done.

const root = document.documentElement;
const each = (selector, act) => document.querySelectorAll(selector).forEach(act);

// forms (ui/button.rs, theme.rs)

/** Forms that are under way. */
const sent = new Map();

function wait(button) {
  const spinner = document.createElement("span");
  const word = document.createElement("span");
  Object.assign(spinner, { className: "spinner", role: "status" });
  Object.assign(word, { className: "unseen", textContent: "Working" });
  spinner.append(word);
  button.append(spinner);
  button.setAttribute("aria-disabled", "true");
  return () => {
    spinner.remove();
    button.removeAttribute("aria-disabled");
  };
}

function setTheme(address, theme) {
  root.dataset.theme = theme;
  // Without an answer this page keeps its theme all the same, and the next page has the old one.
  fetch(address, { method: "POST", body: new URLSearchParams({ theme }), keepalive: true }).catch(() => {});
}

document.addEventListener("submit", (event) => {
  const { target: form, submitter: button } = event;
  if (event.defaultPrevented || form.method !== "post") return;
  if (button?.name === "theme") {
    event.preventDefault();
    setTheme(form.action, button.value);
  } else if (sent.has(form)) {
    event.preventDefault();
  } else {
    sent.set(form, button ? wait(button) : () => {});
    // What is shown as text, a browser may keep as text.
    form.querySelectorAll(".password").forEach((field) => show(field, false));
  }
});

// A page that comes back from the browser's memory can send its forms again.
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  sent.forEach((restore) => restore());
  sent.clear();
});

// passwords (ui/password_field.rs)

function show(field, shown) {
  const button = field.querySelector("button");
  field.querySelector("input").type = shown ? "text" : "password";
  button.setAttribute("aria-pressed", String(shown));
  button.textContent = shown ? "Hide" : "Show";
}

each(".password", (field) => {
  const button = field.querySelector("button");
  button.addEventListener("click", () => show(field, button.textContent === "Show"));
  button.hidden = false;
});

// copying (ui/copy_button.rs)

const FEEDBACK_MS = 1_800;

function said(button, text) {
  button.toggleAttribute("data-copied", text !== "");
  button.querySelector("[role=status]").textContent = text;
}

async function copy(button) {
  const text = button.dataset.text ?? button.parentElement.querySelector("code").textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    return; // The browser refused: nothing was copied, and nothing is claimed.
  }
  said(button, "Copied");
  setTimeout(() => said(button, ""), FEEDBACK_MS);
}

if (isSecureContext) {
  each(".copy", (button) => {
    button.addEventListener("click", () => copy(button));
    button.dataset.ready = "";
  });
}

// time (ui/time.rs)

const TICK_MS = 5_000;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** `format::relative`, once more. A browser test compares the two. */
function relative(at, now) {
  const seconds = Math.floor(Math.abs(now - at) / 1_000);
  if (seconds < 5) return "just now";
  const day = new Date(at);
  const date = `${day.getUTCDate()} ${MONTHS[day.getUTCMonth()]} ${day.getUTCFullYear()}`;
  const units = [[60, 1, "s"], [3_600, 60, "min"], [86_400, 3_600, "h"], [5_184_000, 86_400, "d"]];
  const found = units.find(([below]) => seconds < below);
  if (!found) return date;
  const amount = `${Math.floor(seconds / found[1])} ${found[2]}`;
  return at <= now ? `${amount} ago` : `in ${amount}`;
}

function tick() {
  each("time[data-relative]", (time) => {
    time.textContent = relative(Date.parse(time.dateTime), Date.now());
  });
}
tick();
setInterval(tick, TICK_MS);

// dialogs (ui/dialog.rs), refused forms

if (!("commandForElement" in HTMLButtonElement.prototype)) {
  each("button[commandfor]", (button) => button.addEventListener("click", () => {
    const dialog = document.getElementById(button.getAttribute("commandfor"));
    if (button.getAttribute("command") === "close") dialog.close();
    else if (!dialog.open) dialog.showModal();
  }));
}

// The server opens the dialog of a refused form, but only a script can put it above the page.
each("dialog[open]", (dialog) => {
  dialog.close();
  dialog.showModal();
});
document.querySelector(".form-errors[autofocus]")?.focus();

// The refusal of a form came with the address. It was shown; loading the page again must not show it again.
const address = new URL(location);
if (address.searchParams.has("__err")) {
  for (const name of ["__path", "__err"]) address.searchParams.delete(name);
  history.replaceState(null, "", address);
}

root.dataset.ready = "";
