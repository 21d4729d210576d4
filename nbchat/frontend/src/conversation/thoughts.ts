import type { Cleanup } from "../kernel/anywidget";
import { h, setText } from "../page/dom";
import { follow } from "../kernel/keep-drawn";
import { elapsed, seconds } from "../page/units";
import type { Message } from "../kernel/protocol";
import { AutoScroll } from "../page/scroll";
import type { Store } from "../kernel/store";
import { StreamedText } from "../markdown/streamed";

function header(reply: Message | undefined, since: number): string {
  if (!reply) return "No thoughts yet.";
  if (reply.reasoning) {
    if (reply.reasoning_s !== null) return `Thought for ${seconds(reply.reasoning_s)}`;
    return reply.status === "streaming" ? `Thinking… ${elapsed(since)}` : "Thoughts";
  }
  return reply.status === "streaming" || reply.status === "queued"
    ? "No thoughts yet."
    : "This model does not expose reasoning traces.";
}

export function thoughts(store: Store, el: HTMLElement): Cleanup {
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
      // Between calls of tools, a model may think again.
      const done = reply.content !== "" && reply.tool_calls.length === 0;
      drawn = shown.text.update(reply.reasoning, reply.status !== "streaming" || done);
    }
    box.hidden = !reply?.reasoning;
    setText(line, header(reply, shown?.since ?? 0));
    scroll.update();
    return drawn;
  };

  // A closed accordion has no height to scroll in.
  const resized = new ResizeObserver(() => scroll.update());
  resized.observe(box);
  const unfollow = follow(store, draw);
  return () => {
    unfollow();
    resized.disconnect();
  };
}
