// A comparison of models: the question above, and below it a column for each model.
import type { Chat } from "../kernel/chat";
import { keepDrawn } from "../kernel/keep-drawn";
import type { Message } from "../kernel/protocol";
import { isRunning } from "../kernel/unsent";
import { together, type Cleanup } from "../page/cleanup";
import { h, setText } from "../page/dom";
import { AutoScroll } from "../page/scroll";
import { seconds } from "../page/units";
import { hideFallback } from "./fallback";
import { KernelEnded } from "./kernel-ended";
import { AssistantMessage, UserMessage } from "./message";
import { cost, incompleteness, tokenCounts } from "./metadata";

/** "240 ms", "3.2 s": models differ by less than a tenth of a second. */
function exact(value: number): string {
  return value < 1 ? `${Math.round(value * 1000)} ms` : seconds(value);
}

const FIGURES: Record<string, (message: Message) => string> = {
  "First token": ({ first_token_s }) => (first_token_s === null ? "" : exact(first_token_s)),
  Total: ({ duration_s }) => (duration_s === null ? "" : exact(duration_s)),
  Tokens: tokenCounts,
  Cost: cost,
};

/** A model's reply, its figures, and the button that goes on with it. */
export function column(chat: Chat, el: HTMLElement): Cleanup {
  const { store } = chat;
  const name = h("h3", { class: "nbchat-column-name" });
  const body = h("div", { class: "nbchat-log", role: "group", tabindex: 0 });
  const figures = Object.keys(FIGURES).map((term) => {
    const value = h("dd");
    return { term, value, element: h("div", {}, h("dt", {}, term), value) };
  });
  const take = h("button", { type: "button", class: "nbchat-button nbchat-take" }, "Continue with this one");
  const problem = h("p", { class: "nbchat-status", role: "status" });
  const kernelEnded = new KernelEnded(chat);
  const refusal = h("p", { class: "nbchat-refusal", role: "alert", hidden: true });
  // If all columns announced what streams, they would talk at once: each only says that it has ended.
  const ended = h("span", { class: "nbchat-announcer", role: "status" });
  el.classList.add("nbchat-transcript", "nbchat-column");
  el.setAttribute("role", "region");
  el.append(
    name,
    body,
    h("footer", {}, h("dl", {}, ...figures.map(({ element }) => element)), take, refusal),
    kernelEnded.element,
    problem,
    ended,
  );
  const scroll = new AutoScroll(body);

  take.addEventListener("click", () => {
    const stay = focusOnChat(el);
    void store.request({ type: "take" }).then(({ refused }) => {
      setText(refusal, refused ?? "");
      if (refused !== undefined) stay();
    });
  });

  const reply = new AssistantMessage(chat, true);
  let ran = false;
  let follows = false;
  const draw = () => {
    const { model } = store.state;
    setText(name, model);
    el.setAttribute("aria-label", model);
    body.setAttribute("aria-label", `Reply of ${model}`);
    setText(problem, chat.health.problem);
    kernelEnded.update();
    const message = store.lastReply;
    const running = message === undefined || isRunning(message);
    take.disabled = running;
    if (message === undefined) return true;
    const drawn = reply.update(message, false);
    if (reply.element.parentElement !== body) body.append(reply.element);
    for (const { term, value } of figures) value.textContent = FIGURES[term](message) || "–";
    if (ran && !running && !message.error) {
      ended.textContent = `${model}: ${incompleteness(message) || "the reply has ended"}`;
    }
    ran = running;
    // A finished reply is read from its beginning.
    follows ||= running;
    if (follows) scroll.update();
    return drawn;
  };

  return together(hideFallback(el), keepDrawn(store, draw));
}

/** Moves the focus to the chat that a comparison is about to become; returns how to cancel that. */
function focusOnChat(el: HTMLElement): Cleanup {
  const comparison = el.closest(".nbchat-comparison");
  const observer = new MutationObserver(() => {
    const box = comparison?.querySelector<HTMLElement>(".nbchat-composer textarea");
    if (!box) return;
    observer.disconnect();
    box.focus();
  });
  if (comparison) observer.observe(comparison, { childList: true, subtree: true });
  return () => observer.disconnect();
}

/** The question, which all columns answer. */
export function question(chat: Chat, el: HTMLElement): Cleanup {
  const view = new UserMessage(chat, true);
  const kernelEnded = new KernelEnded(chat);
  el.append(view.element, kernelEnded.element);
  const draw = () => {
    kernelEnded.update();
    const message = chat.store.state.messages.find(({ role }) => role === "user");
    if (message) view.update(message, false);
  };
  return keepDrawn(chat.store, draw);
}
