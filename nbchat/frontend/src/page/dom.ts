// Makes and changes elements.
type Attributes = Record<string, string | number | boolean>;

/** Makes an element. Strings become text: only sanitize.ts sets HTML. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

/** Joins parts by dots; a line breaks only between them. */
export function dotted(parts: readonly (Node | string)[]): (Node | string)[] {
  return parts.flatMap((part, index) => [
    ...(index > 0 ? [" · "] : []),
    h("span", { class: "nbchat-unbroken" }, part),
  ]);
}

/** Sets the text only if it differs: a screen reader may say every change. Hides what has no text. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = text === "";
}

/** Makes these the children of `parent`, and moves no node that is in its place already. */
export function arrange(parent: Element, children: readonly Element[]): void {
  const wanted = new Set(children);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  children.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
}
