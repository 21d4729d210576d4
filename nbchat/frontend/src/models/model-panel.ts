import type { Cleanup } from "../kernel/anywidget";
import { dotted, h, setText } from "../page/dom";
import { abilities, capacity, lastDay, price, tokens, usd } from "../page/units";
import { onceAFrame } from "../page/frame";
import { picker } from "./picker";
import type { ChatState, ModelFacts } from "../kernel/protocol";
import { reasons } from "./why-disabled";
import type { Store } from "../kernel/store";

const NEARLY_FULL = 80;

function about(facts: ModelFacts): (Node | string)[] {
  const cost = price(facts);
  const perMillion = cost && !facts.is_free ? `${cost} per M tokens` : cost;
  const parts: (Node | string)[] = [perMillion, capacity(facts), ...abilities(facts)].filter(Boolean);
  const last = lastDay(facts);
  if (last) parts.push(last.soon ? h("strong", {}, last.text) : last.text);
  return dotted(parts);
}

/** What the conversation has taken so far, as far as that is known. */
function spent({ usage, max_cost }: ChatState): string[] {
  const parts = [];
  const { total_tokens: total = null, cost = null } = usage ?? {};
  if (total !== null) parts.push(`${total.toLocaleString("en")} tokens`);
  if (max_cost !== null) parts.push(cost === null ? `limit ${usd(max_cost)}` : `${usd(cost)} of ${usd(max_cost)}`);
  else if (cost !== null) parts.push(cost === 0 ? "free" : usd(cost));
  return parts;
}

/** How full the model's context is. */
class ContextMeter {
  #text = h("span");
  #fill = h("div");
  #meter = h("div", { class: "nbchat-meter", role: "meter", "aria-label": "Context" }, this.#fill);
  readonly element = h("div", { class: "nbchat-context nbchat-facts" }, this.#text, this.#meter);

  update(context: ChatState["context"]): void {
    this.element.hidden = context === null;
    if (!context) return;
    const percent = Math.round((100 * context.used) / context.length);
    const how = `${percent} % of ${tokens(context.length)}`;
    setText(this.#text, `Context ${how}`);
    this.#fill.style.width = `${Math.min(percent, 100)}%`;
    this.#meter.ariaValueNow = String(Math.min(percent, 100));
    this.#meter.ariaValueText = how;
    this.element.classList.toggle("nbchat-nearly-full", percent >= NEARLY_FULL);
  }
}

/** The lines below the menu of models: where it runs, what it is, and what it has cost. */
export function model(store: Store, el: HTMLElement): Cleanup {
  const server = h("span", { class: "nbchat-server" });
  const change = h("button", { type: "button", class: "nbchat-tool" }, "Change server");
  const facts = h("p", { class: "nbchat-facts" });
  const account = h("p", { class: "nbchat-facts" });
  const money = h("p", { class: "nbchat-facts" });
  const meter = new ContextMeter();
  const refusal = h("p", { class: "nbchat-refusal", role: "alert", hidden: true });
  el.classList.add("nbchat-model-panel");
  el.append(
    h("div", { class: "nbchat-server-line" }, server, change),
    ...[refusal, facts, account, money, meter.element],
  );

  const say = (text: string) => setText(refusal, text);
  change.addEventListener("click", async () => {
    const { refused } = await store.request({ type: "servers" });
    say(refused ?? "");
  });

  // What streams by changes none of it: what someone has selected here stays so.
  let drawn: Partial<ChatState> = {};
  const draw = () => {
    const { state } = store;
    setText(server, state.server ? `on ${state.server}` : "no server yet");
    if (state.facts !== drawn.facts) {
      facts.replaceChildren(...(state.facts ? about(state.facts) : []));
      facts.hidden = facts.textContent === "";
    }
    setText(account, state.account);
    if (state.usage !== drawn.usage || state.max_cost !== drawn.max_cost) {
      const parts = dotted(spent(state));
      money.replaceChildren(...(parts.length > 0 ? ["This chat: ", ...parts] : []));
      money.hidden = parts.length === 0;
    }
    meter.update(state.context);
    drawn = state;
  };
  const ends = [
    store.subscribe(onceAFrame(draw)),
  ];
  const chat = el.closest<HTMLElement>(".nbchat");
  if (chat) ends.push(reasons(store, chat), picker(store, el, chat, say));
  draw();
  return () => {
    for (const end of ends) end();
  };
}
