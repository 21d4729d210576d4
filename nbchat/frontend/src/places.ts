// Which part of a chat is drawn where. A chat is one widget, which the kernel puts into several boxes
// (nbchat/_widget/controls.py, nbchat/_compare.py): each further widget would cost the page a message, and the
// user time before they can type.
import { composer } from "./composer/composer";
import { column, question } from "./conversation/comparison";
import { strip } from "./conversation/strip";
import { lastThoughts } from "./conversation/thoughts";
import { transcript } from "./conversation/transcript";
import { header } from "./header/header";
import type { Chat } from "./kernel/chat";
import { modelPanel } from "./models/model-panel";
import { together, type Cleanup } from "./page/cleanup";
import { h } from "./page/dom";

type View = (chat: Chat, el: HTMLElement) => Cleanup;

/** The strip of notices, and the composer. */
function compose(chat: Chat, el: HTMLElement): Cleanup {
  const [above, card] = [h("div"), h("div")];
  el.classList.add("nbchat-contents");
  el.append(above, card);
  return together(strip(chat, above), composer(chat, card));
}

/** The class of a box → what is drawn there. */
const PLACES: Record<string, View> = {
  "nbchat-header": header,
  "nbchat-thoughts-accordion": lastThoughts,
  "nbchat-compose": compose,
  "nbchat-side": modelPanel,
  "nbchat-compared": question,
  "nbchat-columns": column,
};
const BOXES = Object.keys(PLACES)
  .map((name) => `.${name}`)
  .join();

/** Returns what is to be drawn into `el`, which is in the page. */
export function viewAt(el: HTMLElement): View {
  const box = el.closest(BOXES);
  const place = box && Object.keys(PLACES).find((name) => box.classList.contains(name));
  return place ? PLACES[place] : transcript;
}
