// The lines below the menu of models: where the model runs, what it is, and what the chat has cost.
import type { Chat } from "../kernel/chat";
import type { ChatState, ModelInfo } from "../kernel/protocol";
import { together, type Cleanup } from "../page/cleanup";
import { dotted, h, setText } from "../page/dom";
import { onceAFrame } from "../page/frame";
import { tokens, usd } from "../page/units";
import { abilities, capacity, lastDay, price } from "./model-info";
import { picker } from "./picker";
import { explainDisabled } from "./why-disabled";

/** Percent. */
const NEARLY_FULL = 80;

function about(model: ModelInfo): (Node | string)[] {
  const cost = price(model);
  const perMillion = cost && !model.is_free ? `${cost} per M tokens` : cost;
  const parts: (Node | string)[] = [perMillion, capacity(model), ...abilities(model)].filter(Boolean);
  const last = lastDay(model);
  if (last) parts.push(last.soon ? h("strong", {}, last.text) : last.text);
  return dotted(parts);
}

/** What the conversation has used so far, as far as that is known. */
export function spent({ usage, max_cost }: ChatState): string[] {
  const parts = [];
  const { total_tokens: total = null, cost = null } = usage ?? {};
  if (max_cost !== null)
    parts.push(cost === null ? `limit ${usd(max_cost)}` : `${usd(cost)} of ${usd(max_cost)}`);
  else if (cost !== null) parts.push(cost === 0 ? "free" : usd(cost));
  // Each request sends the conversation again: this is far more than the context holds.
  if (total !== null) parts.push(`${total.toLocaleString("en")} tokens over all requests`);
  return parts;
}

/** How full the model's context is. */
class ContextMeter {
  #text = h("span");
  #fill = h("div");
  #meter = h("div", { class: "nbchat-meter", role: "meter", "aria-label": "Context" }, this.#fill);
  readonly element = h("div", { class: "nbchat-context nbchat-caption" }, this.#text, this.#meter);

  update(context: ChatState["context"]): void {
    const percent = context ? Math.round((100 * context.used) / context.length) : 0;
    this.element.hidden = percent === 0;
    if (!context) return;
    const how = `${percent} % of ${tokens(context.length)}`;
    setText(this.#text, `Context ${how}`);
    this.#fill.style.width = `${Math.min(percent, 100)}%`;
    this.#meter.ariaValueNow = String(Math.min(percent, 100));
    this.#meter.ariaValueText = how;
    this.element.classList.toggle("nbchat-nearly-full", percent >= NEARLY_FULL);
  }
}

export function modelPanel(chat: Chat, el: HTMLElement): Cleanup {
  const { store } = chat;
  const server = h("span", { class: "nbchat-server" });
  const change = h(
    "button",
    { type: "button", class: "nbchat-tool", hidden: store.state.shared },
    "Change server",
  );
  const info = h("p", { class: "nbchat-caption" });
  const listProblem = h("p", { class: "nbchat-caption", role: "status", hidden: true });
  const account = h("p", { class: "nbchat-caption" });
  const money = h("p", { class: "nbchat-caption" });
  const meter = new ContextMeter();
  const refusal = h("p", { class: "nbchat-refusal", role: "alert", hidden: true });
  el.classList.add("nbchat-model-panel");
  el.append(
    h("div", { class: "nbchat-server-line" }, server, change),
    ...[refusal, listProblem, info, account, money, meter.element],
  );

  const say = (text: string) => setText(refusal, text);
  change.addEventListener("click", async () => {
    const { refused } = await store.request({ type: "servers" });
    say(refused ?? "");
  });

  // Draws only what has changed: while a reply streams, a selection in these lines stays.
  let drawn: Partial<ChatState> = {};
  const draw = () => {
    const { state } = store;
    setText(server, state.server || "Not connected");
    if (state.model_info !== drawn.model_info) {
      info.replaceChildren(...(state.model_info ? about(state.model_info) : []));
      info.hidden = info.textContent === "";
    }
    setText(listProblem, state.list_problem && `${state.list_problem} Any model id can be typed.`);
    setText(account, state.account);
    if (state.usage !== drawn.usage || state.max_cost !== drawn.max_cost) {
      const parts = dotted(spent(state));
      money.replaceChildren(...(parts.length > 0 ? ["This chat: ", ...parts] : []));
      money.hidden = parts.length === 0;
    }
    meter.update(state.context);
    drawn = state;
  };
  draw();
  const ends = [store.subscribe(onceAFrame(draw))];
  const widget = el.closest<HTMLElement>(".nbchat");
  if (widget) ends.push(explainDisabled(store, widget));
  if (widget && !store.state.shared) ends.push(picker(chat, el, widget, say));
  return together(...ends);
}
