// The buttons on a reply's Python code, and the output of code that was run.
import { widgetModel, type WidgetModel, type WidgetView } from "../kernel/anywidget";
import type { Chat } from "../kernel/chat";
import type { Stage } from "../kernel/code-runs";
import type { Message, OutputFile, Ran } from "../kernel/protocol";
import { languageOf } from "../markdown/code-header";
import { COPY_KEYS, copyText } from "../page/clipboard";
import { h, setText } from "../page/dom";
import { icon, iconButton, rename, type IconName } from "../page/icon";
import { inSight } from "../page/in-sight";
import { reveal } from "../page/reveal";
import { seconds } from "../page/units";
import { canChangeCells, insertCell, replaceCell } from "./cells";
import { errorOf, keptOutput } from "./kept-output";
import { Traceback } from "./traceback";
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

/** Has a button act on the user's own click or key alone, on no script's. */
function acting(made: HTMLButtonElement, act: () => void): HTMLButtonElement {
  made.addEventListener("click", ({ isTrusted }) => {
    if (isTrusted) act();
  });
  return made;
}

function button(text: string, act: () => void): HTMLButtonElement {
  return acting(h("button", { type: "button", class: "nbchat-tool" }, text), act);
}

function picture(name: string, shown: IconName, act: () => void): HTMLButtonElement {
  return acting(iconButton(name, shown), act);
}

class CodeBlock {
  #chat: Chat;
  #code: Element;
  #index: number;
  #message!: Message;
  #label = h("span");
  #run = button("", () => this.#toggle());
  #insert = picture("Insert cell", "insert", () => void this.#insertCell());
  #replace = picture("Replace cell", "replace", () => this.#replaceCell());
  #said = h("span", { role: "status", hidden: true });
  #saying: ReturnType<typeof setTimeout> | undefined;
  #problem = h("p", { class: "nbchat-refusal", role: "alert", hidden: true });
  #area = h("div", { class: "nbchat-output-area" });
  #traceback = new Traceback();
  #note = h("span", { class: "nbchat-caption", role: "status", hidden: true });
  #time = h("span", { class: "nbchat-caption", hidden: true });
  #fix = button("Fix this", () => void this.#fixIt());
  #again = button("Run again", () => this.#toggle());
  #attach = button("Attach output", () => void this.#attachOutput());
  #clear = button("Clear output", () => void this.#clearOutput());
  #bar = h(
    "div",
    { class: "nbchat-output-bar" },
    this.#fix,
    this.#again,
    this.#attach,
    this.#clear,
    this.#note,
    this.#time,
  );
  #below = h(
    "div",
    { class: "nbchat-output", hidden: true },
    this.#problem,
    h("div", { role: "group", "aria-label": "Output" }, this.#area, this.#traceback.element),
    this.#bar,
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
    this.#run.append(icon("run"), this.#label);
    const language = code.previousElementSibling?.firstElementChild;
    const { store, runs } = chat;
    language?.after(
      this.#said,
      ...(runs.possible ? [this.#run] : []),
      ...(store.state.shared ? [] : [this.#insert]),
      ...(!store.state.shared && canChangeCells(store.widgets) ? [this.#replace] : []),
    );
    code.parentElement!.after(this.#below);
  }

  update(message: Message): void {
    this.#message = message;
    this.#run.hidden = isRunning(message);
    const { stage, problem } = this.#chat.runs.of(message, this.#index);
    const [shown, name] = NAMES[stage ?? "idle"];
    setText(this.#label, shown);
    rename(this.#run, name);
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

  /** Fetches what was kept as soon as the block is in sight: it may be megabytes of images. */
  async #showKept(id: string): Promise<void> {
    await inSight(this.#below);
    if (this.#shown !== id) return;
    const { file } = await this.#chat.store.request({
      type: "ran",
      id: this.#message.id,
      index: this.#index,
    });
    if (!file || this.#shown !== id) return;
    this.#kept = JSON.parse(await new Blob([file.content]).text()) as Ran;
    // The traceback is folded below.
    const { outputs } = this.#kept;
    const shown = errorOf(outputs.at(-1)) === undefined ? outputs : outputs.slice(0, -1);
    this.#area.replaceChildren(...shown.map(keptOutput));
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
    const { runs, store } = this.#chat;
    const { stage, seconds: took } = runs.of(this.#message, this.#index);
    const running = stage !== undefined;
    const outputs = this.#kept?.outputs ?? (this.#model?.get("outputs") as unknown[] | undefined);
    const fails = this.#traceback.update(outputs?.at(-1));
    // Only JupyterLab's own drawing of the error can be hidden for that.
    this.#area.classList.toggle("nbchat-folded", fails && this.#kept === undefined);
    const idle = !running && outputs !== undefined && !store.state.shared;
    this.#attach.hidden = !idle || outputs.length === 0;
    this.#clear.hidden = !idle;
    this.#again.hidden = !idle || !runs.possible || isRunning(this.#message);
    this.#fix.hidden = !idle || !fails;
    const done = outputs?.length === 0 ? "Done, without output" : "";
    setText(this.#note, running ? "" : this.#kept?.status === "interrupted" ? INTERRUPTED : done);
    setText(this.#time, running || took === undefined ? "" : seconds(took));
    this.#bar.hidden = running;
  };

  #toggle(): void {
    const { stage } = this.#chat.runs.of(this.#message, this.#index);
    if (stage === "running") this.#chat.runs.interrupt();
    if (stage || isRunning(this.#message)) return;
    const log = this.#code.closest<HTMLElement>(".nbchat-log");
    if (log) reveal(log, this.#code.parentElement!, this.#below);
    void this.#chat.runs.run(this.#message, this.#index, this.#code.textContent);
  }

  get #source(): string {
    return this.#code.textContent.replace(/\n$/, "");
  }

  #say(text: string): void {
    setText(this.#said, text);
    clearTimeout(this.#saying);
    this.#saying = setTimeout(() => setText(this.#said, ""), MOMENT_MS);
  }

  #replaceCell(): void {
    const refused = replaceCell(this.#chat.store.widgets, this.#code, this.#source);
    this.#say(refused || "Replaced: undo it in the cell");
  }

  async #insertCell(): Promise<void> {
    const source = this.#source;
    const said = insertCell(this.#chat.store.widgets, this.#code, source)
      ? "Inserted below"
      : (await copyText(source, this.#code)) === "copied"
        ? "Copied: paste it into a cell"
        : `Press ${COPY_KEYS}, then paste it into a cell`;
    this.#say(said);
  }

  async #clearOutput(): Promise<void> {
    const { id } = this.#message;
    this.#run.focus({ preventScroll: true }); // the button goes
    const { refused } = await this.#chat.store.request({ type: "clear_output", id, index: this.#index });
    if (refused !== undefined) setText(this.#note, refused);
  }

  /** Puts a message about the error into the box: the code as text, the traceback as a file. */
  async #fixIt(): Promise<void> {
    const { draft } = this.#chat;
    if (!draft.takesFiles() || !(await this.#attachOutput())) return;
    const fence = "`".repeat(Math.max(3, ...(this.#source.match(/`+/g) ?? []).map((run) => run.length + 1)));
    const text = `Fix the error in this code.\n\n${fence}python\n${this.#source}\n${fence}`;
    draft.suggest(text, this.#code);
  }

  /** Returns whether it is attached. */
  async #attachOutput(): Promise<boolean> {
    const { id } = this.#message;
    const { file, refused } = await this.#chat.store.request({ type: "outputs", id, index: this.#index });
    setText(this.#note, refused ?? "Attached to your next message");
    if (!file) return false;
    const files = JSON.parse(await new Blob([file.content]).text()) as OutputFile[];
    const attached = await this.#chat.draft.attach(
      files.map(({ name, media_type, data }) => {
        const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
        return new File([bytes], name, { type: media_type });
      }),
    );
    return attached.length > 0;
  }
}
