import type { Cleanup } from "../kernel/anywidget";
import { ModelList } from "./model-list";
import type { Store } from "../kernel/store";

const OPEN = ["Enter", " ", "ArrowDown", "ArrowUp"];

/** What a key on the closed menu types into the search, or undefined if it is none that opens it. */
function opens({ key, altKey, ctrlKey, metaKey }: KeyboardEvent): string | undefined {
  if (ctrlKey || metaKey) return undefined;
  if (OPEN.includes(key)) return "";
  return key.length === 1 && !altKey ? key : undefined;
}

/** The menu that is clicked, or typed into. */
function menuAt({ target }: Event): HTMLSelectElement | undefined {
  return target instanceof HTMLSelectElement && target.closest(".nbchat-model") ? target : undefined;
}

/**
 * Has the native menu of models in `chat` open a list that can be searched, instead of the browser's own. The menu
 * stays what holds the choice: all that is listened to by others goes on to work.
 */
export function picker(
  store: Store,
  el: HTMLElement,
  chat: HTMLElement,
  say: (refusal: string) => void,
): Cleanup {
  if (!("showPopover" in HTMLElement.prototype)) return () => {};
  let list: ModelList | undefined;
  const life = new AbortController();

  const choose = async (menu: HTMLSelectElement, id: string, listed: boolean) => {
    if (listed) {
      say("");
      if (menu.value === id) return;
      menu.value = id;
      menu.dispatchEvent(new Event("change", { bubbles: true }));
    } else {
      const { refused } = await store.request({ type: "model", id });
      say(refused ?? "");
    }
  };
  const close = () => {
    list?.remove();
    list = undefined;
  };
  const open = (menu: HTMLSelectElement, typed: string) => {
    close();
    list = new ModelList(store, menu, {
      choose: (id, listed) => void choose(menu, id, listed),
      close: () => {
        close();
        menu.focus({ preventScroll: true });
      },
    });
    list.open(el, typed);
  };

  // The menu is ipywidgets', who may make it later than this: hence listened to from around it.
  const { signal } = life;
  chat.addEventListener(
    "mousedown",
    (event) => {
      const menu = menuAt(event);
      if (!menu || event.button !== 0) return;
      event.preventDefault();
      if (list) {
        close();
        menu.focus({ preventScroll: true });
      } else open(menu, "");
    },
    { signal },
  );
  chat.addEventListener(
    "keydown",
    (event) => {
      const menu = menuAt(event);
      const typed = menu && opens(event);
      if (typed === undefined) return;
      event.preventDefault();
      open(menu!, typed);
    },
    { signal },
  );
  return () => {
    life.abort();
    close();
  };
}
