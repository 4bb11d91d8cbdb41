// Statements that read what the page shows, to be copied into psql.

import { announce, el } from "./dom.js";

/** Writes a text as a literal of SQL; backslashes mean nothing special in it. */
export function literal(text) {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Writes the path of a value: the keys and indexes that lead to it (docs/sql.md, keys and paths). */
export function pathOf(keys) {
  if (keys.length === 1 && !keys[0].startsWith?.("$")) return keys[0];
  const step = (key) => {
    if (typeof key === "number") return `[${key}]`;
    return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
  };
  return `$${keys.map(step).join("")}`;
}

/** Makes a button that copies a text. */
export function copyButton(title, text, label = title) {
  const button = el("button", { type: "button", class: "quiet copy", "aria-label": label, title: label }, title);
  let timer;
  button.addEventListener("click", async () => {
    const isCopied = await copy(text());
    announce(isCopied ? "Copied." : "The browser does not allow copying.");
    button.dataset.copied = isCopied ? "Copied" : "Not allowed";
    clearTimeout(timer);
    timer = setTimeout(() => delete button.dataset.copied, 1_500);
  });
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without HTTPS there is no clipboard but this one.
    const area = el("textarea", { class: "unseen", readonly: true });
    const focused = document.activeElement;
    area.value = text;
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    focused?.focus();
    return isCopied;
  }
}
