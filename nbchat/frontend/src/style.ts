import actions from "./actions.css";
import attachments from "./attachments.css";
import blocks from "./blocks.css";
import code from "./code.css";
import column from "./column.css";
import layout from "./layout.css";
import markdown from "./markdown.css";
import math from "./math.css";
import mentions from "./mentions.css";
import model from "./model.css";
import parts from "./parts.css";
import theme from "./theme.css";
import toolcalls from "./toolcalls.css";

const texts = [
  theme, layout, parts, actions, attachments, mentions, toolcalls, markdown, code, blocks, math, model,
  column,
];
const text = texts.join("\n");

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
