// Shows an attachment in full, above the page.
import { h } from "../page/dom";
import { iconButton } from "../page/icon";
import { size, tokens } from "../page/units";

/** The kernel's estimate: nbchat/_chat/conversation/token_estimate.py. */
const BYTES_PER_TOKEN = 4;
const BINARY = /[\x00-\x08\x0e-\x19\x1c-\x1f\x7f]/;

/** The text that the bytes hold, or undefined if they hold none. */
export function textOf(content: ArrayBuffer, encoding = "utf-8"): string | undefined {
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(content).replace(/\x1a$/, "");
    return BINARY.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Shows a text exactly as it is sent. */
export function openText(
  near: Element,
  name: string,
  text: string,
  bytes: number,
  encoding: string | undefined,
  ...buttons: Element[]
): void {
  const pre = h("pre", { class: "nbchat-viewer-text", tabindex: 0, "aria-label": "What is sent" }, text);
  openViewer(
    near,
    name,
    pre,
    [
      size(bytes),
      `≈ ${tokens(Math.ceil(bytes / BYTES_PER_TOKEN))} tokens`,
      ...(encoding ? [`read as ${encoding}`] : []),
    ],
    ...buttons,
  );
}

/** Shows `content` with its name, a caption and buttons below; `near` says in which part of the page. */
export function openViewer(
  near: Element,
  name: string,
  content: Element,
  caption: readonly string[],
  ...buttons: Element[]
): void {
  const close = iconButton("Close", "remove");
  const dialog = h(
    "dialog",
    { class: "nbchat-viewer", "aria-label": name },
    content,
    h(
      "div",
      { class: "nbchat-viewer-bar" },
      h("span", { class: "nbchat-chip-name" }, name),
      h("span", { class: "nbchat-caption" }, caption.join(" · ")),
      ...buttons,
      close,
    ),
  );
  close.autofocus = true;
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", ({ target }) => {
    if (target === dialog) dialog.close(); // a click beside it
  });
  dialog.addEventListener("close", () => dialog.remove());
  near.closest(".nbchat-part")!.append(dialog);
  dialog.showModal();
}
