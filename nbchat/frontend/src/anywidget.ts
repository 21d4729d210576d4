// The parts of anywidget and ipywidgets that are used here.

/** A widget model as the widget manager knows it. */
export interface WidgetModel {
  get(name: string): unknown;
  /** Missing in some hosts' own managers. */
  comm_live?: boolean;
}

/** anywidget's proxy: `initialize` and each `render` get one of their own. */
export interface AnyModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  on(event: string, callback: (...values: never[]) => void): void;
  off(event: string, callback: (...values: never[]) => void): void;
  widget_manager: { get_model(id: string): Promise<WidgetModel | undefined> };
}

export type Cleanup = () => void;

export interface Kind {
  initialize?(context: { model: AnyModel }): Cleanup;
  render(context: { model: AnyModel; el: HTMLElement }): Cleanup | Promise<Cleanup>;
}

/** What the bundle exports. */
export interface Bundle {
  kinds: Record<string, () => Kind>;
}

const TRIES = 50;
const PAUSE_MS = 200;

/**
 * The model that a trait of `model` refers to. On a reloaded page models come in any order, so one that
 * is not there yet is asked for again, for ten seconds.
 */
export async function referenced(model: AnyModel, trait: string): Promise<WidgetModel> {
  const id = String(model.get(trait)).slice("IPY_MODEL_".length);
  for (let attempt = 0; ; attempt++) {
    // ipywidgets 8 throws for an unknown model, 7 has undefined.
    const found = await Promise.resolve(model.widget_manager.get_model(id)).catch(() => undefined);
    if (found) return found;
    if (attempt === TRIES) throw new Error(`the kernel has no widget ${id}`);
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
}
