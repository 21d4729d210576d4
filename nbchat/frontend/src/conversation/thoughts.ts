// The thoughts of a reply, in the accordion below the conversation.
import type { Chat } from "../kernel/chat";
import { keepDrawn } from "../kernel/keep-drawn";
import type { Message, Snapshot } from "../kernel/protocol";
import { StreamedText } from "../markdown/streamed";
import { together, type Cleanup } from "../page/cleanup";
import { h, setText } from "../page/dom";
import { AutoScroll } from "../page/scroll";
import { elapsed, seconds } from "../page/units";
import { isRunning } from "../kernel/unsent";

const NOT_YET = "Thinking will appear here.";

/** Whether the model of a reply shows no thoughts: the catalogue says so, or it was asked for some in vain. */
function showsNone({ messages, model_info }: Snapshot, model: string): boolean {
  if (model_info?.id === model && model_info.reasoning !== null) return !model_info.reasoning;
  const replies = messages.filter((message) => message.role === "assistant" && message.model === model);
  const asked = replies.some(({ status, asked_to_reason }) => status === "complete" && asked_to_reason);
  return asked && !replies.some(({ reasoning }) => reasoning);
}

function header(state: Snapshot, reply: Message | undefined, since: number): string {
  if (!reply) return NOT_YET;
  if (reply.reasoning) {
    if (reply.reasoning_s !== null) return `Thought for ${seconds(reply.reasoning_s)}`;
    return reply.status === "streaming" ? `Thinking… ${elapsed(since)}` : "Thoughts";
  }
  if (isRunning(reply)) return NOT_YET;
  return reply.model !== null && showsNone(state, reply.model)
    ? "This model does not expose reasoning traces."
    : "This reply came without reasoning.";
}

export function thoughts({ store }: Chat, el: HTMLElement): Cleanup {
  const line = h("p", { class: "nbchat-thoughts-header" });
  const box = h("div", { class: "nbchat-thoughts-text", "aria-live": "off", tabindex: 0 });
  const scroll = new AutoScroll(box);
  el.classList.add("nbchat-thoughts");
  el.append(line, box);

  let shown: { id: string; text: StreamedText; since: number } | undefined;
  const draw = () => {
    const { messages, thoughts: chosen } = store.state;
    let drawn = true;
    const reply = messages.find(({ id }) => id === chosen) ?? store.lastReply;
    if (reply?.id !== shown?.id) {
      shown = reply && { id: reply.id, text: new StreamedText(store), since: 0 };
      box.replaceChildren(...(shown ? [shown.text.element] : []));
      scroll.jump();
    }
    if (reply && shown) {
      if (reply.reasoning) shown.since ||= Date.now();
      // Between tool calls a model may think again.
      const done = reply.content !== "" && reply.tool_calls.length === 0;
      drawn = shown.text.update(reply.reasoning, reply.status !== "streaming" || done);
    }
    box.hidden = !reply?.reasoning;
    setText(line, header(store.state, reply, shown?.since ?? 0));
    scroll.update();
    return drawn;
  };

  // A closed accordion has no height: scrolls to the end when it is opened.
  const resized = new ResizeObserver(() => scroll.update());
  resized.observe(box);
  return together(keepDrawn(store, draw), () => resized.disconnect());
}
