// All style sheets, as one text: floor by floor from the bottom, so that a view's rules come after those it builds on.
import actions from "./conversation/actions.css";
import attachments from "./attachments/attachments.css";
import blocks from "./conversation/code-blocks.css";
import code from "./markdown/code-header.css";
import column from "./conversation/comparison.css";
import layout from "./places.css";
import markdown from "./markdown/markdown.css";
import math from "./markdown/math.css";
import mentions from "./composer/mentions.css";
import model from "./models/model-panel.css";
import parts from "./conversation/conversation.css";
import theme from "./page/theme.css";
import toolcalls from "./conversation/tool-calls.css";

export const styles = [
  theme, layout, parts, actions, attachments, mentions, toolcalls, markdown, code, blocks, math, model,
  column,
].join("\n");
