// Runs the code of a chat's replies in the notebook's kernel, as a cell would.
import { widgetModel, type WidgetModel } from "./anywidget";
import type { Message } from "./protocol";
import type { Store } from "./store";

/** How far a run has come: the kernel checks the code, the code waits for other cells, it runs. */
export type Stage = "checked" | "queued" | "running";

/** The runs of a chat's code that this page has started. */
export class CodeRuns {
  #store: Store;
  #stages = new Map<string, Stage>();
  #problems = new Map<string, string>();
  #seconds = new Map<string, number>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Whether code can be run here: some hosts keep the kernel to themselves, and strangers run nothing. */
  get possible(): boolean {
    const { kernel, create_view } = this.#store.widgets;
    return !this.#store.state.shared && kernel != null && create_view !== undefined;
  }

  /**
   * The stage of a message's block of Python, undefined if it does not run; why it did not run, or ""; and how many
   * seconds it took, if this page has seen it.
   */
  of(
    { id }: Message,
    index: number,
  ): {
    stage: Stage | undefined;
    problem: string;
    seconds: number | undefined;
  } {
    const key = `${id} ${index}`;
    return {
      stage: this.#stages.get(key),
      problem: this.#problems.get(key) ?? "",
      seconds: this.#seconds.get(key),
    };
  }

  /** Must be called only from the user's own click. */
  async run({ id }: Message, index: number, code: string): Promise<void> {
    const key = `${id} ${index}`;
    const show = (stage?: Stage, problem = "") => {
      if (stage) this.#stages.set(key, stage);
      else this.#stages.delete(key);
      this.#problems.set(key, problem);
      this.#store.redrawMessage(id);
    };
    this.#seconds.delete(key);
    show("checked");
    const { refused } = await this.#store.request({ type: "run", id, index, code });
    const model_id = this.#store.state.messages.find((message) => message.id === id)?.runs[index];
    if (refused !== undefined || !model_id) return show(undefined, refused);
    try {
      const output = await widgetModel(this.#store.widgets, model_id);
      let begun = 0;
      const problem = await this.#execute(output, code, (stage) => {
        if (stage === "running") begun = performance.now();
        show(stage);
      });
      if (begun) this.#seconds.set(key, (performance.now() - begun) / 1000);
      show(undefined, problem);
    } catch {
      show(undefined, "The kernel ended or restarted before the code finished.");
    }
  }

  interrupt(): void {
    void this.#store.widgets.kernel?.interrupt();
  }

  /** Runs `code` like a cell; Jupyter's Output widget shows what it prints. Returns why it did not run, or "". */
  async #execute(output: WidgetModel, code: string, show: (stage: Stage) => void): Promise<string> {
    const future = this.#store.widgets.kernel!.requestExecute({
      code,
      store_history: true,
      stop_on_error: false,
      allow_stdin: false, // there is no box to answer in, and the kernel would wait for ever
    });
    show("queued");
    output.set("msg_id", future.msg.header.msg_id);
    // Called before the widget's own hook, which lets nothing pass.
    future.registerMessageHook(({ header }) => {
      if (header.msg_type === "execute_input") show("running");
      return true;
    });
    const { content } = await future.done.finally(() => {
      output.set("msg_id", "");
      output.save_changes();
    });
    for (const { source, data } of content.payload ?? []) {
      // The answer to `name?` is no output: it comes as a payload.
      if (source === "page")
        output.add?.({ header: { msg_type: "display_data" }, content: { data, metadata: {} } });
    }
    return content.status === "aborted" ? "Not run: a cell before it ended in an error." : "";
  }
}
