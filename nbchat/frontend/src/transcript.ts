import type { Cleanup } from "./anywidget";
import { arrange, h, setText } from "./dom";
import { keepFocus } from "./focus";
import { onceAFrame } from "./frame";
import { AssistantMessage, UserMessage, type MessageView } from "./message";
import { NoticeView } from "./notice";
import { AutoScroll } from "./scroll";
import type { Store } from "./store";

const CLOCK_MS = 1000;

/** The views of what has an id, made once for each and kept. */
class Views<View> {
  #views = new Map<string, View>();

  of<Item extends { id: string }>(items: Item[], make: (item: Item) => View): View[] {
    const views = items.map((item) => this.#views.get(item.id) ?? make(item));
    this.#views = new Map(items.map((item, index) => [item.id, views[index]]));
    return views;
  }
}

export function transcript(store: Store, el: HTMLElement): Cleanup {
  const greeting = h("p", { class: "nbchat-greeting" });
  const server = h("p", { class: "nbchat-facts" });
  const empty = h("div", { class: "nbchat-empty" }, greeting, server);
  const status = h("p", { class: "nbchat-status", role: "status" });
  const log = h("div", {
    class: "nbchat-log",
    role: "log",
    "aria-label": "Conversation",
    tabindex: 0,
  });
  const jump = h("button", { type: "button", class: "nbchat-jump" }, "Jump to the latest");
  const scroll = new AutoScroll(log, () => (jump.hidden = scroll.following));
  jump.hidden = true;
  jump.addEventListener("click", () => {
    scroll.jump();
    log.focus({ preventScroll: true });
  });
  el.classList.add("nbchat-transcript");
  el.append(log, jump, status);

  const messages = new Views<MessageView>();
  const notices = new Views<NoticeView>();
  const make = ({ role }: { role: string }) =>
    role === "user" ? new UserMessage(store) : new AssistantMessage(store);

  const draw = () => {
    const { state } = store;
    const shown = messages.of(state.messages, make);
    const cards = notices.of(state.notices, () => new NoticeView(store));
    shown.forEach((item, index) => item.update(state.messages[index], index === shown.length - 1));
    cards.forEach((item, index) => item.update(state.notices[index]));
    setText(greeting, state.model ? `Ask ${state.model} anything` : "Ask anything");
    setText(server, state.server);
    const content = [...shown, ...cards].map(({ element }) => element);
    arrange(log, content.length > 0 ? content : [empty]);
    setText(status, store.problem);
    scroll.update();
  };

  const redraw = onceAFrame(() => keepFocus(log, draw));
  const unsubscribe = store.subscribe(redraw);
  const clock = setInterval(() => {
    if (store.state.busy) redraw();
  }, CLOCK_MS);
  // A new width or a hidden tab that is shown moves the end.
  const resized = new ResizeObserver(() => scroll.update());
  resized.observe(log);
  draw();
  return () => {
    unsubscribe();
    clearInterval(clock);
    resized.disconnect();
  };
}
