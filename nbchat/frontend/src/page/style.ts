import actions from "../conversation/actions.css";
import attachments from "../attachments/attachments.css";
import blocks from "../conversation/code-blocks.css";
import code from "../markdown/code-header.css";
import column from "../conversation/comparison.css";
import layout from "../places.css";
import markdown from "../markdown/markdown.css";
import math from "../markdown/math.css";
import mentions from "../composer/mentions.css";
import model from "../models/model-panel.css";
import parts from "../conversation/conversation.css";
import theme from "./theme.css";
import toolcalls from "../conversation/tool-calls.css";

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
