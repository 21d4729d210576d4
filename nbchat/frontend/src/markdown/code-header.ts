// The header of a code block: its language, and a button that copies the code.
import { COPY_KEYS, copyText } from "../page/clipboard";
import { h } from "../page/dom";

const MOMENT_MS = 2000;

export function languageOf(code: Element): string {
  return code.className.replace(/^language-/, "");
}

function copyButton(code: Element): HTMLElement {
  const button = h("button", { type: "button", class: "nbchat-copy" });
  const say = (text: string, name: string) => {
    button.textContent = text;
    button.ariaLabel = name;
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  button.addEventListener("click", async () => {
    const how = await copyText(code.textContent, code);
    if (how === "copied") say("Copied", "Copied");
    else say(`Press ${COPY_KEYS}`, `Press ${COPY_KEYS} to copy the code`);
    clearTimeout(timer);
    timer = setTimeout(() => say("Copy", "Copy code"), MOMENT_MS);
  });
  say("Copy", "Copy code");
  return button;
}

/** Puts the header above the code, once. */
export function addHeader(code: Element): void {
  if (code.previousElementSibling) return;
  const language = h("span", { class: "nbchat-language" }, languageOf(code) || "code");
  code.before(h("span", { class: "nbchat-code-header" }, language, copyButton(code)));
}
