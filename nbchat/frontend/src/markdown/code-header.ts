// The header of a code block: its language, and buttons that wrap and copy the code.
import { COPY_KEYS, copyText } from "../page/clipboard";
import { h } from "../page/dom";
import { icon, iconButton, rename } from "../page/icon";

const MOMENT_MS = 2000;

export function languageOf(code: Element): string {
  return code.className.replace(/^language-/, "");
}

function copyButton(code: Element): HTMLElement {
  const button = iconButton("Copy code", "copy");
  button.classList.add("nbchat-copy");
  const say = (name: string, shown: Node | string) => {
    button.replaceChildren(shown);
    rename(button, name);
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  button.addEventListener("click", async () => {
    const how = await copyText(code.textContent, code);
    if (how === "copied") say("Copied", icon("check"));
    else say(`Press ${COPY_KEYS} to copy the code`, `Press ${COPY_KEYS}`);
    clearTimeout(timer);
    timer = setTimeout(() => say("Copy code", icon("copy")), MOMENT_MS);
  });
  return button;
}

/** A toggle, which is there only where a line of the code is too long. */
function wrapButton(code: Element): HTMLElement {
  const button = iconButton("Wrap lines", "wrap");
  const block = code.parentElement!;
  button.hidden = true;
  button.ariaPressed = "false";
  button.addEventListener("click", () => {
    button.ariaPressed = String(block.classList.toggle("nbchat-wrap"));
  });
  new ResizeObserver(() => {
    button.hidden = button.ariaPressed === "false" && code.scrollWidth <= code.clientWidth;
  }).observe(code);
  return button;
}

/** Puts the header above the code, once. */
export function addHeader(code: Element): void {
  if (code.previousElementSibling) return;
  const language = h("span", { class: "nbchat-language" }, languageOf(code) || "code");
  code.before(h("span", { class: "nbchat-code-header" }, language, wrapButton(code), copyButton(code)));
}
