// A traceback, folded to its last line.
import { h, setText } from "../page/dom";
import { errorOf, textOf } from "./kept-output";

const COLOURS = /\x1b\[[\d;]*m/g;

export class Traceback {
  #line = h("code");
  #text = h("pre", { tabindex: 0, "aria-label": "Traceback" });
  readonly element = h(
    "details",
    { class: "nbchat-traceback", hidden: true },
    h("summary", {}, this.#line),
    this.#text,
  );

  /** Shows the last output of a run if it is an error, as Jupyter has it or as the kernel kept it; returns that. */
  update(output: unknown): boolean {
    const error = errorOf(output);
    this.element.hidden = error === undefined;
    if (error === undefined) {
      this.element.open = false;
      return false;
    }
    setText(this.#line, error);
    setText(this.#text, textOf(output).replace(COLOURS, ""));
    return true;
  }
}
