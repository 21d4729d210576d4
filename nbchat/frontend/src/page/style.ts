// Puts a style sheet into the page.

/** Puts our rules into a document or a shadow root, once. */
export function putStyle(page: Document | ShadowRoot, rules: string): void {
  const parent = page instanceof Document ? page.head : page;
  let style = parent.querySelector<HTMLStyleElement>(":scope > style[data-nbchat]");
  if (!style) {
    style = document.createElement("style");
    style.dataset.nbchat = "";
    parent.append(style);
  }
  if (style.textContent !== rules) style.textContent = rules;
}
