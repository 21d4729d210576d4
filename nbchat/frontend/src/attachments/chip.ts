// A file as a chip: its name and size, with a small picture and a button.
import { h } from "../page/dom";
import type { IconName } from "../page/icon";
import { size } from "../page/units";

/** Makes a chip; a click on its name calls `open`. */
export function chip(
  name: string,
  bytes: number,
  picture: Element,
  button: Element,
  open?: () => void,
): HTMLElement {
  const parts = [
    h("span", { class: "nbchat-chip-picture" }, picture),
    h("span", { class: "nbchat-chip-name", title: name }, name),
  ];
  const caption = h("span", { class: "nbchat-caption" }, size(bytes));
  if (!open) return h("div", { class: "nbchat-chip" }, ...parts, caption, button);
  const names = { "aria-label": `Preview ${name}`, title: "Preview what is sent" };
  const opens = h("button", { type: "button", class: "nbchat-chip-open", ...names }, ...parts);
  opens.addEventListener("click", open);
  return h("div", { class: "nbchat-chip" }, opens, caption, button);
}

/** The picture for a file that is no image; variables have names like "@df". */
export function symbol(name: string): IconName {
  return name.startsWith("@") ? "variable" : "file";
}
