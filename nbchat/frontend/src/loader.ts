// The script that every chat carries: it loads the bundle, which the kernel keeps once for all chats.
import { referenced, type AnyModel, type Bundle, type Widget } from "./kernel/anywidget";
import type { Cleanup } from "./page/cleanup";
import { importDeflated } from "./page/deflated";

const page = globalThis as { [key: symbol]: Map<string, Promise<Bundle>> | undefined };
const bundles = (page[Symbol.for("nbchat.bundles")] ??= new Map());

/** Thrown if the notebook has saved this chat without its bundle, and there is no kernel to ask for it. */
const SAVED = "Saved conversation. Run the cell to continue.";

async function load(model: AnyModel): Promise<Widget> {
  const shared = await referenced(model, "bundle").catch(() => {
    throw SAVED;
  });
  const digest = shared.get("digest") as string;
  const code = shared.get("value") as DataView<ArrayBuffer> | undefined;
  let bundle = bundles.get(digest);
  if (!bundle) {
    if (!code?.byteLength) throw SAVED;
    bundle = importDeflated(code) as Promise<Bundle>;
    bundles.set(digest, bundle);
    bundle.catch(() => bundles.delete(digest));
  }
  return (await bundle).chat();
}

/** Leaves of the whole chat one line, above the copy of the conversation in the cell's output. */
function showSaved(el: HTMLElement): void {
  const style = document.createElement("style");
  style.textContent =
    ".nbchat-lost{padding:4px 0 10px}.nbchat:has(.nbchat-lost){&::before,*::before," +
    ".nbchat-side,.nbchat-columns,.nbchat-stop,.nbchat-main>:not(.nbchat-lost){display:none!important}}";
  el.classList.add("nbchat-lost");
  el.replaceChildren(SAVED, style);
}

export default () => {
  let ready: Promise<Widget>;
  return {
    // Returns at once: anywidget gives up on a model whose initialize takes two seconds.
    initialize({ model }: { model: AnyModel }): Cleanup {
      let closed = false;
      let cleanup: Cleanup | undefined;
      ready = load(model).then((chat) => {
        if (!closed) cleanup = chat.initialize({ model });
        return chat;
      });
      ready.catch(() => {}); // render shows the error
      return () => {
        closed = true;
        cleanup?.();
      };
    },
    render({ el }: { el: HTMLElement }): Promise<Cleanup | void> {
      const fail = (error: unknown) => {
        if (error === SAVED) return showSaved(el);
        console.error(error);
        el.textContent = "The chat can't be shown here. Run the cell again.";
      };
      return ready.then((chat) => chat.render({ el, fail })).catch(fail);
    },
  };
};
