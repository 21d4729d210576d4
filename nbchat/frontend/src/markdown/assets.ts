// What the bundle is too small for. The first chat of the page that needs it asks its kernel.
import { importDeflated } from "../page/deflated";
import type { Store } from "../kernel/store";

// Long enough for a kernel that is there; another one may have died with the question.
const PATIENCE_MS = 5000;

class Asset<Module> {
  #name: string;
  #module: Module | undefined;
  #waiting = new Set<() => void>();
  #asked = new WeakSet<Store>();
  #askedAt = -Infinity;

  constructor(name: string) {
    this.#name = name;
  }

  /** The module, if it is here; else it is asked for, and `ready` called once it is. */
  get(store: Store, ready: () => void): Module | undefined {
    if (this.#module) return this.#module;
    this.#waiting.add(ready);
    if (!this.#asked.has(store) && Date.now() - this.#askedAt > PATIENCE_MS) {
      this.#asked.add(store);
      this.#askedAt = Date.now();
      void this.#ask(store);
    }
    return undefined;
  }

  async #ask(store: Store): Promise<void> {
    const { file } = await store.request({ type: "asset", name: this.#name });
    if (!file) {
      this.#askedAt = -Infinity;
      return;
    }
    this.#module = (await importDeflated(file.content)) as Module;
    for (const ready of this.#waiting) ready();
    this.#waiting.clear();
  }
}

export const highlighter = new Asset<typeof import("./highlight")>("highlight.js");
export const math = new Asset<typeof import("./math")>("math.js");
