// What every widget carries: it fetches the bundle, which the kernel has once for all of them.
import { referenced, type AnyModel, type Bundle, type Cleanup, type Kind } from "./anywidget";
import { importDeflated } from "./deflated";

const page = globalThis as { [key: symbol]: Map<string, Promise<Bundle>> | undefined };
const bundles = (page[Symbol.for("nbchat.bundles")] ??= new Map());

async function load(model: AnyModel): Promise<Kind> {
  const shared = await referenced(model, "bundle");
  const digest = shared.get("digest") as string;
  let bundle = bundles.get(digest);
  if (!bundle) {
    bundle = importDeflated(shared.get("code") as DataView<ArrayBuffer>) as Promise<Bundle>;
    bundles.set(digest, bundle);
  }
  return (await bundle).kinds[model.get("kind") as string]();
}

export default () => {
  let ready: Promise<Kind>;
  return {
    // Returns at once: anywidget gives up a model whose initialize takes two seconds.
    initialize({ model }: { model: AnyModel }): Cleanup {
      let closed = false;
      let cleanup: Cleanup | undefined;
      ready = load(model).then((kind) => {
        if (!closed) cleanup = kind.initialize?.({ model });
        return kind;
      });
      ready.catch(() => {}); // render shows it
      return () => {
        closed = true;
        cleanup?.();
      };
    },
    async render(context: { model: AnyModel; el: HTMLElement }): Promise<Cleanup | void> {
      try {
        return await (await ready).render(context);
      } catch (error) {
        console.error(error);
        context.el.textContent =
          "This part of the chat can't be shown. Run the cell again; if that doesn't help, " +
          `restart the kernel and reload the page. (${error})`;
      }
    },
  };
};
