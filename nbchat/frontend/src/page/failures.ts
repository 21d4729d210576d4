// Notices errors of the bundle: nobody opens the browser's console.
import type { Cleanup } from "./cleanup";

/** Calls `tell` when anything in this bundle fails. */
export function onFailure(tell: () => void): Cleanup {
  const life = new AbortController();
  const report = (error: unknown, file = "") => {
    const stack = error instanceof Error ? error.stack : "";
    // Other errors are the page's own, or another widget's.
    if (!`${file} ${stack}`.includes(import.meta.url)) return;
    tell();
  };
  const { signal } = life;
  addEventListener("error", (event) => report(event.error, event.filename), { signal });
  addEventListener("unhandledrejection", (event) => report(event.reason), { signal });
  return () => life.abort();
}
