// Opens a list of models that can be searched, in place of the menu's own.
import type { Chat } from "../kernel/chat";
import { onAskForModel } from "../page/ask-for-model";
import type { Cleanup } from "../page/cleanup";
import { ModelList } from "./model-list";

const OPEN = ["Enter", " ", "ArrowDown", "ArrowUp"];

/** What a key on the closed menu types into the search; undefined: the key does not open the list. */
function opens({ key, altKey, ctrlKey, metaKey }: KeyboardEvent): string | undefined {
  if (ctrlKey || metaKey) return undefined;
  if (OPEN.includes(key)) return "";
  return key.length === 1 && !altKey ? key : undefined;
}

/** The menu that is clicked or typed into. */
function menuAt({ target }: Event): HTMLSelectElement | undefined {
  return target instanceof HTMLSelectElement && target.closest(".nbchat-model") ? target : undefined;
}

/**
 * Has the menu of models in `widget` open our list, in `el`, instead of the browser's own. The menu still holds the
 * choice: ipywidgets listens to it as before. `say` shows why the kernel refuses a model.
 */
export function picker(
  chat: Chat,
  el: HTMLElement,
  widget: HTMLElement,
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
      const { refused } = await chat.store.request({ type: "model", id });
      say(refused ?? "");
    }
  };
  const close = () => {
    list?.remove();
    list = undefined;
  };
  const open = (menu: HTMLSelectElement, typed: string) => {
    close();
    list = new ModelList(chat, menu, {
      choose: (id, listed) => void choose(menu, id, listed),
      close: () => {
        close();
        menu.focus({ preventScroll: true });
      },
    });
    list.open(el, typed);
  };

  // ipywidgets may make the menu later than this: hence the listeners are on the whole widget.
  const { signal } = life;
  widget.addEventListener(
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
  widget.addEventListener(
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
  const ask = () => {
    const menu = widget.querySelector<HTMLSelectElement>(".nbchat-model select");
    if (menu) open(menu, "");
  };
  onAskForModel(widget, ask, signal);
  return () => {
    life.abort();
    close();
  };
}
