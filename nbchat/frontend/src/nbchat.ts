import { referenced, type Cleanup, type Kind } from "./anywidget";
import { column, prompt } from "./column";
import { composer } from "./composer";
import { download } from "./download";
import { model } from "./model";
import { settle } from "./settle";
import { openStore, storeOf, type Store } from "./store";
import { thoughts } from "./thoughts";
import { transcript } from "./transcript";

type View = (store: Store, el: HTMLElement) => Cleanup;

function shows(view: View): Kind["render"] {
  return async ({ model, el }) => {
    const peer = model.get("transcript") ? await referenced(model, "transcript") : undefined;
    const store = await storeOf(model);
    store.transcript ??= peer;
    settle(el);
    return view(store, el);
  };
}

/** What each widget of the kernel is, by its trait `kind`. */
export const kinds: Record<string, () => Kind> = {
  transcript: () => ({ initialize: ({ model }) => openStore(model), render: shows(transcript) }),
  column: () => ({ initialize: ({ model }) => openStore(model), render: shows(column) }),
  prompt: () => ({ render: shows(prompt) }),
  composer: () => ({ render: shows(composer) }),
  thoughts: () => ({ render: shows(thoughts) }),
  model: () => ({ render: shows(model) }),
  download: () => ({ render: shows(download) }),
};

// For the tests.
export { MarkdownStream, render } from "./markdown";
export { setHTML } from "./sanitize";
