// The script that every chat carries: it loads the bundle, which the kernel keeps once for all chats.
import { referenced, type AnyModel, type Bundle, type Widget } from "./kernel/anywidget";
import type { Cleanup } from "./page/cleanup";
import { importDeflated } from "./page/deflated";

const page = globalThis as { [key: symbol]: Map<string, Promise<Bundle>> | undefined };
const bundles = (page[Symbol.for("nbchat.bundles")] ??= new Map());

async function load(model: AnyModel): Promise<Widget> {
  const shared = await referenced(model, "bundle");
  const digest = shared.get("digest") as string;
  let bundle = bundles.get(digest);
  if (!bundle) {
    bundle = importDeflated(shared.get("code") as DataView<ArrayBuffer>) as Promise<Bundle>;
    bundles.set(digest, bundle);
    // The state that JupyterLab saves with a notebook has lost all bytes (ipywidgets 8.1.9; see
    // https://github.com/jupyter-widgets/ipywidgets/pull/3689): a kernel's widgets bring them again.
    bundle.catch(() => bundles.delete(digest));
  }
  return (await bundle).chat();
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
        console.error(error);
        el.textContent = `This can't be shown: run the cell again, or restart the kernel and reload. (${error})`;
      };
      return ready.then((chat) => chat.render({ el, fail })).catch(fail);
    },
  };
};
