// Passkeys on any page, by data attributes. What they mean stands in app/src/passkeys/mod.rs.

const Key = window.PublicKeyCredential;
const able = Boolean(Key?.parseCreationOptionsFromJSON && Key.parseRequestOptionsFromJSON && navigator.credentials);
// Browsers give up after five minutes, and so do we; the question behind the autofill is asked anew before that.
const FRESH_MS = 4 * 60 * 1000;

/** What a browser calls it, and what a person can do. */
const SENTENCES = {
  NotAllowedError: "No passkey was used. Try again, or use another way.",
  InvalidStateError: "This device already has a passkey for this account.",
  SecurityError: "Passkeys work only at the address that this portal was set up with.",
  Unanswered: "The server could not be reached. Check your connection and try again.",
  Other: "This browser could not use a passkey. Try another browser, or use another way.",
};

/** The question that is open: a browser asks one at a time. */
let open = new AbortController();
/** When the question behind the autofill is asked anew. */
let fresh;

const say = (text) => {
  for (const place of document.querySelectorAll("[data-passkey-status]")) {
    place.textContent = text;
    place.hidden = !text;
  }
};

/** Asks one of the server functions in app/src/passkeys/server_fns.rs. */
const call = async (verb, fields) => {
  const unanswered = () => Promise.reject(new DOMException("", "Unanswered"));
  const response = await fetch(`/rpc/passkeys/${verb}`, {
    method: "POST",
    headers: { accept: "application/json" },
    body: new URLSearchParams(fields),
  }).catch(unanswered);
  const answer = await response.json().catch(unanswered);
  if (response.ok) return answer;
  throw Object.assign(new Error(answer.sentence), { sentence: answer.sentence, code: answer.Refused?.code });
};

/** Asks the server for a question, a passkey for its answer, and brings that back. */
const ceremony = async (how, fields, mediation) => {
  clearTimeout(fresh);
  open.abort();
  open = new AbortController();
  const { signal } = open;
  const { ceremony, options } = await call(`start_${how}`, fields);
  const question = JSON.parse(options);
  const credential = how.startsWith("registration")
    ? await navigator.credentials.create({ publicKey: Key.parseCreationOptionsFromJSON(question), signal })
    : await navigator.credentials.get({ publicKey: Key.parseRequestOptionsFromJSON(question), signal, mediation });
  return call(`finish_${how}`, { ...fields, ceremony, credential: JSON.stringify(credential.toJSON()) });
};

const explain = (error, button) => {
  if (error.name === "AbortError") return;
  // The page that confirms brings the person back here.
  const confirm = error.code === "step_up_required" && button?.dataset.confirm;
  if (confirm) {
    location.assign(`${confirm}?next=${encodeURIComponent(location.pathname + location.search)}`);
  } else {
    say(error.sentence ?? SENTENCES[error.name] ?? SENTENCES.Other);
  }
};

const autofill = async (button) => {
  if (!document.querySelector("input[autocomplete~=webauthn]")) return;
  if (!(await Key.isConditionalMediationAvailable?.())) return;
  const again = () =>
    document.hidden ? addEventListener("visibilitychange", again, { once: true }) : autofill(button);
  try {
    const answered = ceremony("sign_in", { next: button.dataset.next ?? "" }, "conditional");
    fresh = setTimeout(again, FRESH_MS);
    location.assign(await answered);
  } catch (error) {
    // Another question may have taken its place, and somebody who closes the list did nothing wrong.
    if (["AbortError", "NotAllowedError"].includes(error.name)) return;
    explain(error, button);
    if (["passkey_refused", "ceremony_expired"].includes(error.code)) autofill(button);
  }
};

const HOW = {
  "sign-in": (data) => ceremony("sign_in", { next: data.next ?? "" }),
  "step-up": (data) => ceremony("step_up", { next: data.next ?? "" }),
  create: async (data) => {
    const name = document.querySelector("[data-passkey-name]")?.value ?? "";
    await (data.token ? ceremony("registration_by_link", { token: data.token }) : ceremony("registration", { name }));
    return data.next ?? location.href;
  },
};

const press = async (button) => {
  button.disabled = true;
  say("");
  try {
    const next = await HOW[button.dataset.passkey](button.dataset);
    if (button.form && "submit" in button.dataset) button.form.requestSubmit();
    else location.assign(next);
  } catch (error) {
    explain(error, button);
    if (button.dataset.passkey === "sign-in") autofill(button);
  } finally {
    button.disabled = false;
  }
};

for (const part of document.querySelectorAll("[data-passkey-when]")) {
  part.hidden = (part.dataset.passkeyWhen === "available") !== able;
}
if (able) {
  for (const button of document.querySelectorAll("button[data-passkey]")) {
    button.dataset.ready = "";
    button.addEventListener("click", () => press(button));
    if (button.dataset.passkey === "sign-in") autofill(button);
  }
}
