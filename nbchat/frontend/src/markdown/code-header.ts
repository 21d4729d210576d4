// The header of a code block: its language, and buttons that wrap and copy the code.
import { copyButton } from "../page/copy-button";
import { h } from "../page/dom";
import { iconButton } from "../page/icon";

export function languageOf(code: Element): string {
  return code.className.replace(/^language-/, "");
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
  code.before(
    h(
      "span",
      { class: "nbchat-code-header" },
      language,
      wrapButton(code),
      copyButton("Copy code", code, () => code.textContent),
    ),
  );
}
