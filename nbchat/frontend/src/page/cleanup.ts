// How what a function has begun is ended again.

/** Ends what the function that returned it has begun. */
export type Cleanup = () => void;

/** Ends all of these, in this order. */
export function together(...cleanups: readonly Cleanup[]): Cleanup {
  return () => {
    for (const cleanup of cleanups) cleanup();
  };
}
