// Opens a list of models that can be searched: in place of the menu's own, or at a button.
import type { Chat } from "../kernel/chat";
import type { Cleanup } from "../page/cleanup";
import { noteUse } from "./kept-models";
import { ModelList } from "./model-list";

const OPEN = ["Enter", " ", "ArrowDown", "ArrowUp"];
const MENU = ".nbchat-model select";

/** What a key on the closed menu types into the search; undefined: the key does not open the list. */
function opens({ key, altKey, ctrlKey, metaKey }: KeyboardEvent): string | undefined {
  if (ctrlKey || metaKey) return undefined;
  if (OPEN.includes(key)) return "";
  return key.length === 1 && !altKey ? key : undefined;
}

/** The menu that is clicked or typed into. */
function menuAt({ target }: Event): HTMLSelectElement | undefined {
  return target instanceof HTMLSelectElement && target.matches(MENU) ? target : undefined;
}

const opened = new WeakMap<HTMLElement, Cleanup>();

export interface Opening {
  /** Shows why the kernel refuses a model; "": it does not. */
  say: (refusal: string) => void;
  /** What the list becomes a part of. */
  parent?: Element;
  /** What the user has typed to open it. */
  typed?: string;
}

/**
 * Opens the list at `anchor`, anywhere in a chat; closes it if it is open there. The menu in the settings still
 * holds the choice: ipywidgets listens to it as before. Returns how to close the list.
 */
export function openModelList(
  chat: Chat,
  anchor: HTMLElement,
  { say, parent, typed = "" }: Opening,
): Cleanup {
  const close = opened.get(anchor);
  if (close && typed === "") {
    close();
    anchor.focus({ preventScroll: true });
    return () => {};
  }
  close?.();
  const menu = anchor.closest(".nbchat")?.querySelector<HTMLSelectElement>(MENU);
  if (!menu || !("showPopover" in HTMLElement.prototype)) return () => {};

  const choose = async (id: string, listed: boolean) => {
    noteUse(id);
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
  const expand = (expanded: boolean) => {
    if (anchor !== menu) anchor.ariaExpanded = String(expanded);
  };
  const end = () => {
    list.remove();
    opened.delete(anchor);
    expand(false);
  };
  const list = new ModelList(chat, menu, anchor, {
    choose: (id, listed) => void choose(id, listed),
    close: () => {
      end();
      anchor.focus({ preventScroll: true });
    },
  });
  opened.set(anchor, end);
  expand(true);
  list.open(parent ?? anchor.parentElement!, typed);
  return end;
}

/** Has the menu of models in `widget` open our list, in `el`, instead of the browser's own. */
export function picker(
  chat: Chat,
  el: HTMLElement,
  widget: HTMLElement,
  say: (refusal: string) => void,
): Cleanup {
  if (!("showPopover" in HTMLElement.prototype)) return () => {};
  let close: Cleanup = () => {};
  const life = new AbortController();
  const open = (menu: HTMLSelectElement, typed: string) => {
    close = openModelList(chat, menu, { say, parent: el, typed });
  };

  // ipywidgets may make the menu later than this: hence the listeners are on the whole widget.
  const { signal } = life;
  widget.addEventListener(
    "mousedown",
    (event) => {
      const menu = menuAt(event);
      if (!menu || event.button !== 0) return;
      event.preventDefault();
      open(menu, "");
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
  return () => {
    life.abort();
    close();
  };
}
