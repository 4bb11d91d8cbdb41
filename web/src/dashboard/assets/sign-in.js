// The form that asks for a key.

import { el } from "./dom.js";
import { get } from "./api.js";
import { signIn, signOut } from "./session.js";

export class SignInPage {
  title = "Sign in";

  /** `done` is called when the gateway has accepted a key. */
  constructor(main, problem, done) {
    const input = el("input", { id: "key", type: "password", name: "key", required: true, autocomplete: "off", spellcheck: "false", "aria-describedby": "key-hint key-problem" });
    const message = el("p", { id: "key-problem", class: "form-problem", role: "alert" }, problem ?? "");
    const button = el("button", { type: "submit", class: "primary" }, "Sign in");
    const submit = async (event) => {
      event.preventDefault();
      message.textContent = "";
      button.disabled = true;
      signIn(input.value);
      const refusal = await refused();
      button.disabled = false;
      if (refusal === null) return done();
      signOut();
      message.textContent = refusal;
      input.setAttribute("aria-invalid", "true");
      return input.select();
    };
    main.append(
      el(
        "form",
        { class: "sign-in", onsubmit: submit },
        el("h1", { tabindex: "-1" }, "Sign in"),
        el("label", { for: "key" }, "Secret key or token"),
        input,
        el("p", { id: "key-hint", class: "hint" }, "It stays in this tab, and is forgotten when the tab is closed."),
        message,
        button,
      ),
    );
    input.focus();
  }

  close() {}
}

/** Asks the gateway whether the key is good; returns why not, or null. */
async function refused() {
  try {
    await get(["runs"], { limit: 1, select: "" });
    return null;
  } catch (problem) {
    // A token that may read some runs only is good.
    if (problem.status === 403) return null;
    if (problem.status === 401) return "The gateway does not know this key.";
    if (problem.status === undefined) return "The gateway cannot be reached.";
    return problem.message;
  }
}
