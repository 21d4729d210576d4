// A chat is one widget, which the kernel puts into several boxes (nbchat/_controls.py, nbchat/_compare.py):
// each widget more would cost the page a message, and time before one can type.
import type { Cleanup } from "./kernel/anywidget";
import { column, prompt } from "./conversation/comparison";
import { composer } from "./composer/composer";
import { h } from "./page/dom";
import { download } from "./conversation/download";
import { model } from "./models/model-panel";
import type { Store } from "./kernel/store";
import { thoughts } from "./conversation/thoughts";
import { transcript } from "./conversation/transcript";

type View = (store: Store, el: HTMLElement) => Cleanup;

/** What stands beside Stop, and below it beside Clear chat. */
function compose(store: Store, el: HTMLElement): Cleanup {
  const [above, below] = [h("div"), h("div")];
  el.classList.add("nbchat-contents");
  el.append(above, below);
  const ends = [composer(store, above), download(store, below)];
  return () => {
    for (const end of ends) end();
  };
}

/** The class of a box → what of the chat is seen there. */
const PLACES: Record<string, View> = {
  "nbchat-thoughts-accordion": thoughts,
  "nbchat-compose": compose,
  "nbchat-side": model,
  "nbchat-compared": prompt,
  "nbchat-columns": column,
};
const BOXES = Object.keys(PLACES).map((name) => `.${name}`).join();

/** What is to be drawn into `el`, which is in the page. */
export function viewAt(el: HTMLElement): View {
  const box = el.closest(BOXES);
  const place = box && Object.keys(PLACES).find((name) => box.classList.contains(name));
  return place ? PLACES[place] : transcript;
}
