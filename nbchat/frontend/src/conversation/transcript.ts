// The conversation: its messages in a log, and below it what is wrong with the connection.
import { takeDrops } from "../attachments/drops";
import type { Chat } from "../kernel/chat";
import { keepDrawn } from "../kernel/keep-drawn";
import type { Message } from "../kernel/protocol";
import { isRunning } from "../kernel/unsent";
import { together, type Cleanup } from "../page/cleanup";
import { arrange, h, setText } from "../page/dom";
import { onFailure } from "../page/failures";
import { keepFocus } from "../page/focus";
import { iconButton } from "../page/icon";
import { AutoScroll } from "../page/scroll";
import { Views } from "../page/views";
import { Announcer } from "./announcer";
import { ConnectCard } from "./connect";
import { EmptyChat } from "./empty";
import { watchTyping } from "./cells";
import { hideFallback } from "./fallback";
import { KernelEnded } from "./kernel-ended";
import { AssistantMessage, UserMessage, type MessageView } from "./message";
import { Stretches } from "./stretches";

/** How many messages of a long conversation are drawn in a frame. */
const AT_ONCE = 20;

/** What to say when the page itself fails: without the kernel, a reload would lose what the page shows. */
function crash({ health }: Chat): string {
  const wrong = "Something went wrong in this view.";
  return health.isAlive ? `${wrong} Reload the page. The conversation is in the kernel.` : wrong;
}

export function transcript(chat: Chat, el: HTMLElement): Cleanup {
  const { store } = chat;
  const empty = new EmptyChat(chat);
  const connect = new ConnectCard(chat);
  const status = h("p", { class: "nbchat-status", role: "status" });
  const log = h("div", {
    class: "nbchat-log",
    role: "log",
    "aria-label": "Conversation",
    "aria-live": "off",
    tabindex: 0,
  });
  const jump = iconButton("Scroll to bottom", "down");
  jump.className = "nbchat-jump";
  const scroll = new AutoScroll(log, () => (jump.hidden = !scroll.isFar));
  jump.hidden = true;
  jump.addEventListener("click", () => {
    scroll.jump();
    log.focus({ preventScroll: true });
  });
  el.classList.add("nbchat-transcript");
  const announcer = new Announcer();
  const ended = new KernelEnded(chat);
  const failure = h("p", { class: "nbchat-status nbchat-refusal", role: "alert", hidden: true });
  el.append(
    log,
    h("div", { class: "nbchat-log-end" }, jump),
    ended.element,
    status,
    failure,
    announcer.element,
  );
  takeDrops(chat.draft, el);

  const views = new Views<MessageView>();
  const earlier = h("p", { class: "nbchat-caption", hidden: true });
  const stretches = new Stretches();
  const make = ({ role }: { role: string }) =>
    role === "user" ? new UserMessage(chat) : new AssistantMessage(chat);

  // Only the messages that have changed are drawn: of hundreds, that is mostly one. A long conversation is drawn
  // from its end, some messages in each frame.
  let drawn: readonly Message[] = [];
  let last: MessageView | undefined;
  let first = 0;
  /** Whether a retry can help depends on the model, and what a call offers on the tools that are allowed. */
  let [drawnFor, allowed] = ["", ""];
  let failed = false;
  let announced = new Set(store.state.notices.map(({ id }) => id)); // those of before are no news
  let behind = new Set<MessageView>();
  /** Returns how many of the first messages are left to draw. */
  const left = (all: readonly Message[]): number => {
    const at = drawn.length > 0 ? all.findIndex(({ id }) => id === drawn[0].id) : -1;
    return at >= 0 && behind.size > 0 ? at : Math.max(0, (at < 0 ? all.length : at) - AT_ONCE);
  };
  const drawMessages = (all: readonly Message[]): MessageView[] => {
    const shown = views.of(all, make);
    const before = new Set(drawn);
    const newLast = shown.at(-1);
    const { model } = store.state;
    const tools = store.state.allowed_tools.join();
    const stillBehind = shown.filter((view, index) => {
      const moved = (newLast !== last || model !== drawnFor) && (view === last || view === newLast);
      const isNews = !before.has(all[index]) || isRunning(all[index]) || tools !== allowed;
      const changed = moved || isNews || behind.has(view);
      return changed && !view.update(all[index], view === newLast);
    });
    behind = new Set(stillBehind);
    [drawn, last, drawnFor, allowed] = [all, newLast, model, tools];
    return shown;
  };

  /** The server before the card that connects a model was shown; undefined: there is no such card. */
  let before: string | undefined;
  /** What the user has connected by the card, or "". */
  let connected = "";
  const drawConnect = () => {
    const { state } = store;
    if (state.connect) {
      if (before === undefined) announcer.say(state.connect.title);
      before ??= state.server;
      connect.update(state.connect);
    } else if (before !== undefined && (state.model || state.server === before)) {
      if (state.server !== before) announcer.say((connected = `Connected: ${state.model}`));
      const { activeElement } = el.getRootNode() as Document | ShadowRoot;
      const box = el.closest(".nbchat")?.querySelector<HTMLElement>(".nbchat-box textarea");
      if (connect.element.contains(activeElement)) box?.focus();
      before = undefined;
    }
  };

  const draw = () => {
    const { state } = store;
    first = left(state.messages);
    const messages = state.messages.slice(first);
    const shown = drawMessages(messages);
    drawConnect();
    empty.update(state.suggestions, connected);
    const isCut = state.earlier && chat.health.end !== "";
    setText(earlier, isCut ? "The messages before are not in this page." : "");
    const content = [
      earlier,
      ...(shown.length === 0 && !state.connect ? [empty.element] : []),
      ...stretches.of(shown.map(({ element }) => element)),
      ...(state.connect ? [connect.element] : []),
    ];
    arrange(log, content);
    setText(status, chat.health.problem);
    ended.update();
    setText(failure, failed ? crash(chat) : store.fault);
    for (const { id, text, tone } of state.notices) {
      // An error is an alert, which screen readers say by themselves.
      if (tone === "info" && !announced.has(id)) announcer.say(text);
    }
    announced = new Set(state.notices.map(({ id }) => id));
    // The reply that streams is not the last one if others are queued. First, the one before it is said to its end.
    const said = messages.findIndex(({ id }) => id === announcer.id);
    const streams = messages.findIndex(isRunning);
    for (const at of new Set([said, streams < 0 ? shown.length - 1 : streams]))
      if (at >= 0 || shown.length === 0) announcer.update(messages[at], shown[at]);
    scroll.update();
  };

  // The end of the log moves with its width, and when a hidden tab is shown.
  const resized = new ResizeObserver(() => scroll.update());
  resized.observe(log);
  const drawAll = () => {
    keepFocus(log, draw);
    return behind.size === 0 && first === 0;
  };
  return together(
    hideFallback(el),
    watchTyping(store.widgets, el),
    onFailure(() => {
      failed = true;
      setText(failure, crash(chat));
    }),
    keepDrawn(store, drawAll),
    // Whoever asks something wants to see the answer, wherever they were reading.
    store.onMessageSent(() => scroll.jump()),
    () => resized.disconnect(),
  );
}
