// The buttons on a reply's Python code, and the output of code that was run.
import { widgetModel, type WidgetModel, type WidgetView } from "../kernel/anywidget";
import type { Chat } from "../kernel/chat";
import type { Stage } from "../kernel/code-runs";
import type { Message, OutputFile, Ran } from "../kernel/protocol";
import { languageOf } from "../markdown/code-header";
import { COPY_KEYS, copyText } from "../page/clipboard";
import { h, setText } from "../page/dom";
import { icon } from "../page/icon";
import { reveal } from "../page/reveal";
import { insertCell } from "./cells";
import { keptOutput } from "./kept-output";
import { isRunning } from "../kernel/unsent";

const PYTHON = /^(python3?|py|ipython3?)$/i;
const MOMENT_MS = 3000;
const INTERRUPTED = "Interrupted: the kernel ended, or the chat was cleared, before the end";

const NAMES: Record<Stage | "idle", [shown: string, name: string]> = {
  idle: ["Run", "Run code"],
  checked: ["Waiting…", "Waiting for the kernel"],
  queued: ["Waiting…", "Waiting for the kernel"],
  running: ["Interrupt", "Interrupt the code"],
};

/** The blocks of Python in a reply: each gets buttons, and its output below. */
export class CodeBlocks {
  #chat: Chat;
  #root: Element;
  #blocks = new Map<Element, CodeBlock>();

  /** `root` is where the reply's text is shown. */
  constructor(chat: Chat, root: Element) {
    this.#chat = chat;
    this.#root = root;
  }

  /** Call after the text has been drawn. */
  update(message: Message): void {
    if (isRunning(message) && this.#blocks.size === 0) return;
    // The kernel counts the blocks in the same way, without those in quotations: nbchat/_chat/markdown.py.
    const codes = [...this.#root.querySelectorAll("pre > code")].filter(
      (code) => PYTHON.test(languageOf(code)) && !code.closest("blockquote, .nbchat-output"),
    );
    for (const [code, block] of this.#blocks) {
      if (codes.includes(code)) continue;
      block.close();
      this.#blocks.delete(code);
    }
    codes.forEach((code, index) => {
      const block = this.#blocks.get(code) ?? new CodeBlock(this.#chat, code, index);
      this.#blocks.set(code, block);
      block.update(message);
    });
  }
}

function button(text: string, act: () => void, ...before: Node[]): HTMLButtonElement {
  const made = h("button", { type: "button", class: "nbchat-copy" }, ...before, text);
  made.addEventListener("click", ({ isTrusted }) => {
    // Only the user's own click or key, no script's.
    if (isTrusted) act();
  });
  return made;
}

class CodeBlock {
  #chat: Chat;
  #code: Element;
  #index: number;
  #message!: Message;
  #label = h("span");
  #run = button("", () => this.#toggle(), icon("run"), this.#label);
  #insert = button("Insert cell", () => void this.#insertCell());
  #inserted: ReturnType<typeof setTimeout> | undefined;
  #problem = h("p", { class: "nbchat-refusal", role: "alert", hidden: true });
  #area = h("div", { class: "nbchat-output-area", role: "group", "aria-label": "Output" });
  #note = h("span", { class: "nbchat-caption", role: "status", hidden: true });
  #send = button("Send output", () => void this.#sendOutput());
  #below = h(
    "div",
    { class: "nbchat-output", hidden: true },
    this.#problem,
    this.#area,
    h("div", { class: "nbchat-output-bar" }, this.#send, this.#note),
  );
  /** The id of the Output widget that is shown; "": what the kernel has kept is shown; undefined: nothing. */
  #shown: string | undefined;
  #kept: Ran | undefined;
  #model: WidgetModel | undefined;
  #view: WidgetView | undefined;

  constructor(chat: Chat, code: Element, index: number) {
    this.#chat = chat;
    this.#code = code;
    this.#index = index;
    this.#run.classList.add("nbchat-run");
    const copy = code.previousElementSibling?.lastElementChild;
    copy?.before(
      ...(chat.runs.possible ? [this.#run] : []),
      ...(chat.store.state.shared ? [] : [this.#insert]),
    );
    code.parentElement!.after(this.#below);
  }

  update(message: Message): void {
    this.#message = message;
    this.#run.hidden = isRunning(message);
    const { stage, problem } = this.#chat.runs.of(message, this.#index);
    const [shown, name] = NAMES[stage ?? "idle"];
    setText(this.#label, shown);
    this.#run.ariaLabel = name;
    // The button is not `disabled`, which would drop the focus.
    this.#run.ariaDisabled = String(shown === "Waiting…");
    setText(this.#problem, problem);
    const id: string | undefined = message.runs[this.#index];
    this.#below.hidden = id === undefined && !problem;
    // A class, not :has(): each new block would have the browser compute the style of all code again.
    this.#code.parentElement!.classList.toggle("nbchat-has-output", !this.#below.hidden);
    if ((this.#chat.runs.possible || !id) && id !== this.#shown) void this.#show(id);
    this.#updateBar();
  }

  close(): void {
    this.#below.remove();
    this.#drop();
  }

  #drop(): void {
    this.#view?.remove();
    this.#model?.off("change:outputs", this.#updateBar);
    this.#model = this.#view = this.#kept = undefined;
  }

  async #showKept(id: string): Promise<void> {
    const { file } = await this.#chat.store.request({
      type: "ran",
      id: this.#message.id,
      index: this.#index,
    });
    if (!file || this.#shown !== id) return;
    this.#kept = JSON.parse(await new Blob([file.content]).text()) as Ran;
    this.#area.replaceChildren(...this.#kept.outputs.map(keptOutput));
    this.#updateBar();
    this.#chat.store.redraw(); // the log may have to scroll
  }

  async #show(id: string | undefined): Promise<void> {
    this.#shown = id;
    this.#drop();
    if (id === undefined) return;
    if (id === "") return this.#showKept(id);
    const { store } = this.#chat;
    // The widget may be gone with its kernel.
    const model = await widgetModel(store.widgets, id).catch(() => undefined);
    const view = model && (await store.widgets.create_view!(model));
    if (!model || !view) return this.#showKept(id);
    if (this.#shown !== id) return view.remove();
    [this.#model, this.#view] = [model, view];
    model.on("change:outputs", this.#updateBar);
    this.#area.replaceChildren(view.el);
    // What Lumino's Widget.attach sends: a widget's code cannot import the page's Lumino.
    const widget = view.luminoWidget ?? view.pWidget;
    widget?.processMessage({ type: "after-attach", isConflatable: false, conflate: () => false });
    this.#updateBar();
    store.redraw(); // the log may have to scroll
  }

  #updateBar = (): void => {
    const running = this.#chat.runs.of(this.#message, this.#index).stage !== undefined;
    const outputs = this.#kept?.outputs ?? (this.#model?.get("outputs") as unknown[] | undefined);
    this.#send.hidden = running || !outputs?.length || this.#chat.store.state.shared;
    const done = outputs?.length === 0 ? "Done, without output" : "";
    setText(this.#note, running ? "" : this.#kept?.status === "interrupted" ? INTERRUPTED : done);
  };

  #toggle(): void {
    const { stage } = this.#chat.runs.of(this.#message, this.#index);
    if (stage === "running") this.#chat.runs.interrupt();
    if (stage || isRunning(this.#message)) return;
    const log = this.#code.closest<HTMLElement>(".nbchat-log");
    if (log) reveal(log, this.#code.parentElement!, this.#below);
    void this.#chat.runs.run(this.#message, this.#index, this.#code.textContent);
  }

  async #insertCell(): Promise<void> {
    const source = this.#code.textContent.replace(/\n$/, "");
    const said = insertCell(this.#chat.store.widgets, this.#code, source)
      ? "Inserted below"
      : (await copyText(source, this.#code)) === "copied"
        ? "Copied: paste it into a cell"
        : `Press ${COPY_KEYS}, then paste it into a cell`;
    this.#insert.textContent = said;
    clearTimeout(this.#inserted);
    this.#inserted = setTimeout(() => (this.#insert.textContent = "Insert cell"), MOMENT_MS);
  }

  async #sendOutput(): Promise<void> {
    const { id } = this.#message;
    const { file, refused } = await this.#chat.store.request({ type: "outputs", id, index: this.#index });
    setText(this.#note, refused ?? "Attached to your next message");
    if (!file) return;
    const files = JSON.parse(await new Blob([file.content]).text()) as OutputFile[];
    await this.#chat.draft.attach(
      files.map(({ name, media_type, data }) => {
        const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
        return new File([bytes], name, { type: media_type });
      }),
    );
  }
}
