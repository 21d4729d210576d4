// Errors of the bundle are to be seen in the notebook, not in a console that nobody opens.
import type { Cleanup } from "../kernel/anywidget";

/** Calls `show` with what to tell a person when anything of this bundle has failed. */
export function onFailure(show: (text: string) => void): Cleanup {
  const life = new AbortController();
  const report = (error: unknown, file = "") => {
    const stack = error instanceof Error ? error.stack : "";
    // The page has errors of its own, and of other widgets.
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
