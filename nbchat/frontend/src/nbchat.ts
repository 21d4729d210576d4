import type { Cleanup, Widget } from "./kernel/anywidget";
import { viewAt } from "./places";
import { onceAttached, settle } from "./page/adopt";
import { Store } from "./kernel/store";

/** What draws one of the kernel's chats, wherever it is shown. */
export function chat(): Widget {
  let store: Store;
  return {
    initialize({ model }): Cleanup {
      store = new Store(model);
      return () => store.close();
    },
    render({ el, fail }): Cleanup {
      let end: Cleanup | undefined;
      const unwait = onceAttached(el, () => {
        try {
          settle(el);
          end = viewAt(el)(store, el);
        } catch (error) {
          fail(error);
        }
      });
      return () => {
        unwait();
        end?.();
      };
    },
  };
}

// For the tests.
export { MarkdownStream, render } from "./markdown/markdown";
export { setHTML } from "./markdown/sanitize";
