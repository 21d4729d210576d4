import { widgetModel, type WidgetModel, type WidgetView } from "../kernel/anywidget";
import { attach } from "../attachments/attaching";
import { insertCell } from "./cells";
import { COPY_KEYS, copyText } from "../page/clipboard";
import { languageOf } from "../markdown/code-header";
import { h, setText } from "../page/dom";
import { icon } from "../page/icon";
import { isRunning } from "./message";
import type { Message, OutputFile } from "../kernel/protocol";
import { reveal } from "../page/reveal";
import type { Stage } from "../kernel/code-runs";
import type { Store } from "../kernel/store";

const PYTHON = /^(python3?|py|ipython3?)$/i;
const MOMENT_MS = 3000;

const NAMES: Record<Stage | "idle", [shown: string, name: string]> = {
  idle: ["Run", "Run code"],
  checked: ["Waiting…", "Waiting for the kernel"],
  queued: ["Waiting…", "Waiting for the kernel"],
  running: ["Interrupt", "Interrupt the code"],
};

/** What one can do with a reply's Python: each block of it gets buttons, and its output below. */
export class CodeBlocks {
  #store: Store;
  #root: Element;
  #blocks = new Map<Element, CodeBlock>();

  /** `root` is where the reply's text is shown. */
  constructor(store: Store, root: Element) {
    this.#store = store;
    this.#root = root;
  }

  /** Call after the text has been drawn. */
  update(message: Message): void {
    if (isRunning(message) && this.#blocks.size === 0) return;
    // As the kernel counts them (nbchat/_markdown.py), which does not look into quotations.
    const codes = [...this.#root.querySelectorAll("pre > code")].filter(
      (code) => PYTHON.test(languageOf(code)) && !code.closest("blockquote, .nbchat-output"),
    );
    for (const [code, block] of this.#blocks) {
      if (codes.includes(code)) continue;
      block.close();
      this.#blocks.delete(code);
    }
    codes.forEach((code, index) => {
      const block = this.#blocks.get(code) ?? new CodeBlock(this.#store, code, index);
      this.#blocks.set(code, block);
      block.update(message);
    });
  }
}

function button(text: string, act: () => void, ...before: Node[]): HTMLButtonElement {
  const made = h("button", { type: "button", class: "nbchat-copy" }, ...before, text);
  made.addEventListener("click", ({ isTrusted }) => {
    // A person's own click, or key: no script's.
    if (isTrusted) act();
  });
  return made;
}

class CodeBlock {
  #store: Store;
  #code: Element;
  #index: number;
  #message!: Message;
  #label = h("span");
  #run = button("", () => this.#toggle(), icon("run"), this.#label);
  #insert = button("Insert cell", () => void this.#insertCell());
  #inserted: ReturnType<typeof setTimeout> | undefined;
  #problem = h("p", { class: "nbchat-refusal", role: "alert", hidden: true });
  #area = h("div", { class: "nbchat-output-area", role: "group", "aria-label": "Output" });
  #note = h("span", { class: "nbchat-facts", role: "status", hidden: true });
  #send = button("Send output", () => void this.#sendOutput());
  #below = h(
    "div",
    { class: "nbchat-output", hidden: true },
    this.#problem,
    this.#area,
    h("div", { class: "nbchat-output-bar" }, this.#send, this.#note),
  );
  /** What shows the output. */
  #shown = "";
  #model: WidgetModel | undefined;
  #view: WidgetView | undefined;

  constructor(store: Store, code: Element, index: number) {
    this.#store = store;
    this.#code = code;
    this.#index = index;
    const copy = code.previousElementSibling?.lastElementChild;
    copy?.before(...(store.runs.possible ? [this.#run] : []), this.#insert);
    code.parentElement!.after(this.#below);
  }

  update(message: Message): void {
    this.#message = message;
    this.#run.hidden = isRunning(message);
    const { stage, problem } = this.#store.runs.of(message, this.#index);
    const [shown, name] = NAMES[stage ?? "idle"];
    setText(this.#label, shown);
    this.#run.ariaLabel = name;
    // Not `disabled`, which would drop the focus.
    this.#run.ariaDisabled = String(shown === "Waiting…");
    setText(this.#problem, problem);
    const id = message.runs[this.#index] ?? "";
    this.#below.hidden = !id && !problem;
    // No :has(), by which each block that comes would have all code's style reckoned anew.
    this.#code.parentElement!.classList.toggle("nbchat-has-output", !this.#below.hidden);
    if (this.#store.runs.possible && id !== this.#shown) void this.#show(id);
    this.#follow();
  }

  close(): void {
    this.#below.remove();
    this.#drop();
  }

  #drop(): void {
    this.#view?.remove();
    this.#model?.off("change:outputs", this.#follow);
    this.#model = this.#view = undefined;
  }

  async #show(id: string): Promise<void> {
    this.#shown = id;
    this.#drop();
    if (!id) return;
    const { widgets } = this.#store;
    // It may be gone with its kernel: the text remains.
    const model = await widgetModel(widgets, id).catch(() => undefined);
    const view = model && (await widgets.create_view!(model));
    if (!model || !view) return;
    if (this.#shown !== id) return view.remove();
    [this.#model, this.#view] = [model, view];
    model.on("change:outputs", this.#follow);
    this.#area.replaceChildren(view.el);
    // As Lumino's Widget.attach does it, of which no widget's code can import the page's own.
    const widget = view.luminoWidget ?? view.pWidget;
    widget?.processMessage({ type: "after-attach", isConflatable: false, conflate: () => false });
    this.#follow();
    this.#store.redraw(); // the log may have to scroll
  }

  #follow = (): void => {
    const running = this.#store.runs.of(this.#message, this.#index).stage !== undefined;
    const outputs = (this.#model?.get("outputs") as unknown[] | undefined)?.length;
    this.#send.hidden = running || !outputs;
    setText(this.#note, !running && outputs === 0 ? "Done, without output" : "");
  };

  #toggle(): void {
    const { stage } = this.#store.runs.of(this.#message, this.#index);
    if (stage === "running") this.#store.runs.interrupt();
    if (stage || isRunning(this.#message)) return;
    const log = this.#code.closest<HTMLElement>(".nbchat-log");
    if (log) reveal(log, this.#code.parentElement!, this.#below);
    void this.#store.runs.run(this.#message, this.#index, this.#code.textContent);
  }

  async #insertCell(): Promise<void> {
    const source = this.#code.textContent.replace(/\n$/, "");
    const said = insertCell(this.#store.widgets, this.#code, source)
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
    const { file, refused } = await this.#store.request({ type: "outputs", id, index: this.#index });
    setText(this.#note, refused ?? "Attached to your next message");
    if (!file) return;
    const files = JSON.parse(await new Blob([file.content]).text()) as OutputFile[];
    await attach(
      this.#store,
      files.map(({ name, media_type, data }) => {
        const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
        return new File([bytes], name, { type: media_type });
      }),
    );
  }
}
