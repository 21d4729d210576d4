// A reply's text, with the cards of its tool calls where the model made them.
import type { Message } from "../kernel/protocol";
import type { Store } from "../kernel/store";
import { StreamedText } from "../markdown/streamed";
import { arrange, h } from "../page/dom";
import { CallCard } from "./tool-calls";

export class ReplyBody {
  readonly element = h("div", { class: "nbchat-body" });
  #store: Store;
  #texts: StreamedText[] = [];
  #cards: CallCard[] = [];
  #closed = 0;
  #id = "";

  constructor(store: Store) {
    this.#store = store;
  }

  /** The blocks of the text. */
  get blocks(): Element[] {
    return this.#texts.flatMap(({ element }) => [...element.children]);
  }

  /** Returns whether all of the text is shown; else call it again. */
  update({ id, content, tool_calls: calls }: Message, ended: boolean): boolean {
    let drawn = true;
    this.#id = id;
    const cuts = [...new Set(calls.map(({ at }) => at))];
    const order: Element[] = [];
    const waiting = calls.filter(({ status }) => status === "waiting");
    const last = new Map(calls.map((call) => [call.name, call]));
    const { allowed_tools: allowed } = this.#store.state;
    let made = 0;
    for (let at = 0; at <= cuts.length; at++) {
      const text = (this.#texts[at] ??= new StreamedText(this.#store));
      order.push(text.element);
      for (; made < calls.length && calls[made].at === cuts[at]; made++) {
        const card = (this.#cards[made] ??= this.#card(made));
        const call = calls[made];
        card.update(call, {
          all: waiting.length > 1 && call === waiting[0] ? waiting.length : 0,
          allowed: call.status !== "waiting" && last.get(call.name) === call && allowed.includes(call.name),
        });
        order.push(card.element);
      }
      // The text before a call stays as it is, unless the whole reply is replaced by another one.
      const isLast = at === cuts.length;
      if (isLast || at >= this.#closed || ended) {
        drawn = text.update(content.slice(cuts[at - 1] ?? 0, cuts[at]), !isLast || ended) && drawn;
      }
    }
    if (drawn) this.#closed = cuts.length;
    arrange(this.element, order);
    this.element.hidden = content === "" && calls.length === 0;
    return drawn;
  }

  #card(call: number): CallCard {
    const store = this.#store;
    return new CallCard({
      decide: async (allow) => (await store.request({ type: "approve", id: this.#id, call, allow })).refused,
      allowTool: async () => (await store.request({ type: "allow_tool", id: this.#id, call })).refused,
      revokeTool: (name) => void store.request({ type: "revoke_tool", name }),
      allowAll: () => this.#allowAll(),
    });
  }

  /** Allows all calls that wait, if the user has seen each of them; else shows the first that they haven't. */
  #allowAll(): void {
    const waiting = this.#cards.filter((card) => card.waits && card.element.isConnected);
    const unseen = waiting.find((card) => !card.isSeen);
    if (unseen) unseen.show();
    else for (const card of waiting) card.allow();
  }
}
