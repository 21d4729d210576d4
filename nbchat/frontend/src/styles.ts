// All style sheets as one text, floor by floor from the bottom: a view's rules come after those that it builds on.
import attachments from "./attachments/attachments.css";
import viewer from "./attachments/viewer.css";
import composer from "./composer/composer.css";
import mentions from "./composer/mentions.css";
import actions from "./conversation/actions.css";
import tables from "./conversation/tables.css";
import codeBlocks from "./conversation/code-blocks.css";
import comparison from "./conversation/comparison.css";
import connect from "./conversation/connect.css";
import empty from "./conversation/empty.css";
import errorCard from "./conversation/error-card.css";
import message from "./conversation/message.css";
import notice from "./conversation/notice.css";
import thoughts from "./conversation/thoughts.css";
import toolCalls from "./conversation/tool-calls.css";
import transcript from "./conversation/transcript.css";
import header from "./header/header.css";
import more from "./header/more.css";
import codeHeader from "./markdown/code-header.css";
import highlight from "./markdown/highlight.css";
import markdown from "./markdown/markdown.css";
import math from "./markdown/math.css";
import modelList from "./models/model-list.css";
import modelPanel from "./models/model-panel.css";
import common from "./page/common.css";
import layout from "./page/layout.css";
import lists from "./page/lists.css";
import theme from "./page/theme.css";

export const styles = [
  ...[theme, layout, common, lists],
  ...[markdown, codeHeader, highlight, math],
  ...[attachments, viewer],
  ...[composer, mentions, modelPanel, modelList],
  ...[transcript, empty, connect, message, actions, notice, errorCard, toolCalls, codeBlocks, tables],
  ...[thoughts, comparison, header, more],
].join("\n");
