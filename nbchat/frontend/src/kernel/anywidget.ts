// The parts of anywidget and ipywidgets that the chat uses, as types, and how to find a widget's model.
import type { Cleanup } from "../page/cleanup";

/** A widget model as the widget manager knows it. */
export interface WidgetModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  on(event: string, callback: () => void): void;
  off(event: string, callback: () => void): void;
  /** Of an Output: shows a message from the kernel. */
  add?(message: unknown): void;
  /** Missing in the managers that some hosts write themselves. */
  comm_live?: boolean;
}

interface Attachable {
  processMessage(message: { type: string; isConflatable: boolean; conflate(): boolean }): void;
}

export interface WidgetView {
  el: Element;
  remove(): void;
  luminoWidget?: Attachable;
  /** The same in ipywidgets 7. */
  pWidget?: Attachable;
}

/** Lumino's: calls `slot` with its sender and a value. */
interface Signal<Value> {
  connect(slot: (sender: unknown, value: Value) => void): void;
  disconnect(slot: (sender: unknown, value: Value) => void): void;
}

/** The parts that are used here of JupyterLab's `IKernelConnection` and of what `requestExecute` returns. */
interface KernelConnection {
  requestExecute(content: Record<string, unknown>): {
    msg: { header: { msg_id: string } };
    done: Promise<{ content: { status: string; payload?: { source: string; data?: unknown }[] } }>;
    registerMessageHook(hook: (message: { header: { msg_type: string } }) => boolean): void;
  };
  interrupt(): Promise<void>;
  /** "idle", "busy", "dead" and others. */
  status?: string;
  /** "connected", "connecting" or "disconnected". */
  connectionStatus?: string;
  connectionStatusChanged?: Signal<string>;
}

/** A cell of JupyterLab's shared model. What is set can be undone in the cell. */
export interface SharedCell {
  cell_type: string;
  getSource(): string;
  setSource(source: string): void;
  getMetadata?(key: string): unknown;
  undoManager?: { stopCapturing(): void } | null;
}

interface SharedNotebook {
  cells?: readonly SharedCell[];
  insertCell?(index: number, cell: Record<string, unknown>): SharedCell | undefined;
}

/** All but `get_model` is missing in some hosts. */
export interface WidgetManager {
  get_model(id: string): Promise<WidgetModel | undefined>;
  create_view?(model: WidgetModel): Promise<WidgetView>;
  kernel?: KernelConnection | null;
  /** The document's, in JupyterLab and Notebook 7. */
  context?: { model?: { sharedModel?: SharedNotebook } };
}

/** anywidget's proxy of a model: `initialize` and each `render` get a different one. */
export interface AnyModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  on(event: string, callback: (...values: never[]) => void): void;
  off(event: string, callback: (...values: never[]) => void): void;
  widget_manager: WidgetManager;
}

export interface Widget {
  initialize(context: { model: AnyModel }): Cleanup;
  /** Draws as soon as `el` is in the page; calls `fail` if it can't. */
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
 * The model with this id. On a reloaded page models arrive in any order, so this asks for ten seconds
 * before it gives up.
 */
export async function widgetModel(manager: WidgetManager, id: string): Promise<WidgetModel> {
  for (let attempt = 0; ; attempt++) {
    // For an unknown model ipywidgets 8 rejects, ipywidgets 7 returns undefined.
    const found = await Promise.resolve(manager.get_model(id)).catch(() => undefined);
    if (found) return found;
    if (attempt === TRIES) throw new Error(`the kernel has no widget ${id}`);
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
}
