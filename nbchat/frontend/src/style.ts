import actions from "./actions.css";
import attachments from "./attachments.css";
import blocks from "./blocks.css";
import code from "./code.css";
import layout from "./layout.css";
import markdown from "./markdown.css";
import math from "./math.css";
import model from "./model.css";
import parts from "./parts.css";
import theme from "./theme.css";

const text = [theme, layout, parts, actions, attachments, markdown, code, blocks, math, model].join("\n");

/** Puts our rules into a document or a shadow root, once. */
export function putStyle(page: Document | ShadowRoot): void {
  const parent = page instanceof Document ? page.head : page;
  let style = parent.querySelector<HTMLStyleElement>(":scope > style[data-nbchat]");
  if (!style) {
    style = document.createElement("style");
    style.dataset.nbchat = "";
    parent.append(style);
  }
  if (style.textContent !== text) style.textContent = text;
}
