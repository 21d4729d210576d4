// Brings errors of the bundle into the notebook: nobody opens the browser's console.
import type { Cleanup } from "./cleanup";

/** Calls `show` with a message for the user when anything in this bundle fails. */
export function onFailure(show: (text: string) => void): Cleanup {
  const life = new AbortController();
  const report = (error: unknown, file = "") => {
    const stack = error instanceof Error ? error.stack : "";
    // Other errors are the page's own, or another widget's.
    if (!`${file} ${stack}`.includes(import.meta.url)) return;
    show(
      `Part of the chat failed in the browser (${error}). Reload the page: the conversation is safe ` +
        "in the kernel.",
    );
  };
  const { signal } = life;
  addEventListener("error", (event) => report(event.error, event.filename), { signal });
  addEventListener("unhandledrejection", (event) => report(event.reason), { signal });
  return () => life.abort();
}
