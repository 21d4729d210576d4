// The parts of anywidget and ipywidgets that are used here.

/** A widget model as the widget manager knows it. */
export interface WidgetModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  on(event: string, callback: () => void): void;
  off(event: string, callback: () => void): void;
  /** Of an Output: shows a message of the kernel's. */
  add?(message: unknown): void;
  /** Missing in some hosts' own managers. */
  comm_live?: boolean;
}

interface Attachable {
  processMessage(message: { type: string; isConflatable: boolean; conflate(): boolean }): void;
}

export interface WidgetView {
  el: Element;
  remove(): void;
  luminoWidget?: Attachable;
  /** As ipywidgets 7 calls it. */
  pWidget?: Attachable;
}

/** The parts that are used here of JupyterLab's `IKernelConnection` and of what `requestExecute` gives. */
interface KernelConnection {
  requestExecute(content: Record<string, unknown>): {
    msg: { header: { msg_id: string } };
    done: Promise<{ content: { status: string; payload?: { source: string; data?: unknown }[] } }>;
    registerMessageHook(hook: (message: { header: { msg_type: string } }) => boolean): void;
  };
  interrupt(): Promise<void>;
}

/** All but `get_model` is missing in some hosts. */
export interface WidgetManager {
  get_model(id: string): Promise<WidgetModel | undefined>;
  create_view?(model: WidgetModel): Promise<WidgetView>;
  kernel?: KernelConnection | null;
  /** The document's, in JupyterLab and Notebook 7. */
  context?: {
    model?: { sharedModel?: { insertCell?(index: number, cell: Record<string, unknown>): void } };
  };
}

/** anywidget's proxy: `initialize` and each `render` get one of their own. */
export interface AnyModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  on(event: string, callback: (...values: never[]) => void): void;
  off(event: string, callback: (...values: never[]) => void): void;
  widget_manager: WidgetManager;
}

export type Cleanup = () => void;

export interface Widget {
  initialize(context: { model: AnyModel }): Cleanup;
  /** Draws as soon as `el` is in the page; calls `fail` where it can't. */
  render(context: { el: HTMLElement; fail: (error: unknown) => void }): Cleanup;
}

/** What the bundle exports. */
export interface Bundle {
  chat(): Widget;
}

const TRIES = 50;
const PAUSE_MS = 200;

/** The model that a trait of `model` refers to. */
export function referenced(model: AnyModel, trait: string): Promise<WidgetModel> {
  return widgetModel(model.widget_manager, String(model.get(trait)).slice("IPY_MODEL_".length));
}

/**
 * The model with this id. On a reloaded page models come in any order, so one that is not there yet is
 * asked for again, for ten seconds.
 */
export async function widgetModel(manager: WidgetManager, id: string): Promise<WidgetModel> {
  for (let attempt = 0; ; attempt++) {
    // ipywidgets 8 throws for an unknown model, 7 has undefined.
    const found = await Promise.resolve(manager.get_model(id)).catch(() => undefined);
    if (found) return found;
    if (attempt === TRIES) throw new Error(`the kernel has no widget ${id}`);
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
}
