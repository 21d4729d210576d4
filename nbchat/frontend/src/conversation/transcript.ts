import { Announcer } from "./announcer";
import type { Cleanup } from "../kernel/anywidget";
import { takeDrops } from "../attachments/attaching";
import { arrange, h, setText } from "../page/dom";
import { onFailure } from "../page/failures";
import { hideFallback } from "./fallback";
import { keepFocus } from "../page/focus";
import { follow } from "../kernel/keep-drawn";
import { AssistantMessage, isRunning, UserMessage, type MessageView } from "./message";
import { NoticeView } from "./notice";
import type { Message } from "../kernel/protocol";
import { AutoScroll } from "../page/scroll";
import type { Store } from "../kernel/store";
import { Stretches } from "./stretches";
import { Views } from "../page/views";

export function transcript(store: Store, el: HTMLElement): Cleanup {
  const greeting = h("p", { class: "nbchat-greeting" });
  const server = h("p", { class: "nbchat-facts" });
  const empty = h("div", { class: "nbchat-empty" }, greeting, server);
  const status = h("p", { class: "nbchat-status", role: "status" });
  const log = h("div", {
    class: "nbchat-log",
    role: "log",
    "aria-label": "Conversation",
    "aria-live": "off",
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
  const announcer = new Announcer();
  const failure = h("p", { class: "nbchat-status nbchat-refusal", role: "alert", hidden: true });
  el.append(log, h("div", { class: "nbchat-log-end" }, jump), status, failure, announcer.element);
  const cleanups = [hideFallback(el), onFailure((text) => setText(failure, text))];
  takeDrops(store, el);

  const messages = new Views<MessageView>();
  const notices = new Views<NoticeView>();
  const stretches = new Stretches();
  const make = ({ role }: { role: string }) =>
    role === "user" ? new UserMessage(store) : new AssistantMessage(store);

  // Of hundreds of messages one changes at a time: the others are left alone.
  let drawn: readonly Message[] = [];
  let last: MessageView | undefined;
  const behind = new Set<MessageView>();
  const drawMessages = (all: readonly Message[]): MessageView[] => {
    const views = messages.of(all, make);
    const before = new Set(drawn);
    const newLast = views.at(-1);
    views.forEach((view, index) => {
      const moved = newLast !== last && (view === last || view === newLast);
      if (moved || behind.has(view) || !before.has(all[index]) || isRunning(all[index])) {
        behind.delete(view);
        if (!view.update(all[index], view === newLast)) behind.add(view);
      }
    });
    [drawn, last] = [all, newLast];
    return views;
  };

  const draw = () => {
    const { state } = store;
    const shown = drawMessages(state.messages);
    const cards = notices.of(state.notices, () => new NoticeView(store));
    cards.forEach((item, index) => item.update(state.notices[index]));
    setText(greeting, state.model ? `Ask ${state.model} anything` : "Ask anything");
    setText(server, state.server);
    const content = [
      ...stretches.of(shown.map(({ element }) => element)),
      ...cards.map(({ element }) => element),
    ];
    arrange(log, content.length > 0 ? content : [empty]);
    setText(status, store.problem);
    announcer.update(state.messages.at(-1), last);
    scroll.update();
  };

  // A new width or a hidden tab that is shown moves the end.
  const resized = new ResizeObserver(() => scroll.update());
  resized.observe(log);
  const drawAll = () => {
    keepFocus(log, draw);
    return behind.size === 0;
  };
  // Who asks something wants to see the answer, wherever they were reading.
  cleanups.push(follow(store, drawAll), store.onMessageSent(() => scroll.jump()));
  return () => {
    for (const cleanup of cleanups) cleanup();
    resized.disconnect();
  };
}
