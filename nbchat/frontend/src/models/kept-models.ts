// The models that the user has pinned and those used last. The browser keeps them, for all chats of a Jupyter server.
import type { Cleanup } from "../page/cleanup";

const MOST = { pinned: 50, recent: 5 };
const LONGEST_ID = 300;
type Kind = keyof typeof MOST;

/** Where the browser keeps nothing (private windows, some hosts), they last as long as the page. */
const kept = new Map<Kind, readonly string[]>();

function tryTo(act: Cleanup): void {
  try {
    act();
  } catch {
    // No storage, or not what was written here.
  }
}

export function keptModels(kind: Kind): readonly string[] {
  tryTo(() => {
    const saved = localStorage.getItem(`nbchat-${kind}-models`);
    if (saved !== null) kept.set(kind, sound(JSON.parse(saved)).slice(0, MOST[kind]));
  });
  return kept.get(kind) ?? [];
}

function keep(kind: Kind, ids: readonly string[]): void {
  const fewer = ids.slice(0, MOST[kind]);
  kept.set(kind, fewer);
  tryTo(() => localStorage.setItem(`nbchat-${kind}-models`, JSON.stringify(fewer)));
}

/** Any page of the same address may have written it. */
function sound(saved: unknown): string[] {
  const ids: unknown[] = Array.isArray(saved) ? saved : [];
  return ids.filter((id): id is string => typeof id === "string" && id.length <= LONGEST_ID);
}

export function noteUse(id: string): void {
  keep("recent", [id, ...keptModels("recent").filter((other) => other !== id)]);
}

/** Pins a model, or unpins it. */
export function togglePin(id: string): void {
  const pinned = keptModels("pinned");
  const others = pinned.filter((other) => other !== id);
  keep("pinned", others.length < pinned.length ? others : [...pinned, id]);
}
