// Draws at most once an animation frame, and less often when that takes long.

const HIDDEN_MS = 250;
// A list of a thousand items is one open block, drawn as a whole each time: after 10 ms the page rests for 10 ms,
// after 50 ms for five times as long, but never for longer than a second. Drawing new text does not count.
const FREE_MS = 10;
const MAX_REST_MS = 1000;
const FREE_MS_A_CHARACTER = 0.05;

/** Draws; returns false if there is more to draw than one frame has time for. */
export type Draw = () => boolean | void;

/** How many characters all texts together have put on the page. */
export const shown = { characters: 0 };

/** Draws soon; `urgent`: in the next frame, also while the page rests. */
export type Redraw = (urgent?: boolean) => void;

/**
 * Returns a function that runs `draw` at most once an animation frame. A hidden page has no frames: there
 * a timer runs it, so that the text is there when the user returns.
 */
export function onceAFrame(draw: Draw): Redraw {
  let frame = 0;
  let resting: ReturnType<typeof setTimeout> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let restUntil = 0;
  const cancel = () => {
    cancelAnimationFrame(frame);
    clearTimeout(resting);
    clearTimeout(timer);
    timer = undefined;
  };
  const run = () => {
    cancel();
    const [begin, before] = [performance.now(), shown.characters];
    const isBehind = draw() === false;
    const end = performance.now();
    const free = (shown.characters - before) * FREE_MS_A_CHARACTER;
    const rest = Math.min(Math.max(0, end - begin - free) ** 2 / FREE_MS, MAX_REST_MS);
    restUntil = isBehind ? end : end + rest;
    if (isBehind) soon();
  };
  const soon: Redraw = (urgent = false) => {
    if (urgent && restUntil > performance.now()) {
      cancel();
      restUntil = 0;
    }
    if (timer !== undefined) return;
    const rest = Math.max(0, restUntil - performance.now());
    timer = setTimeout(run, rest + HIDDEN_MS);
    // In a frame after a rest as well: what is drawn between frames is laid out twice.
    const next = () => void (frame = requestAnimationFrame(run));
    if (rest > 0) resting = setTimeout(next, rest);
    else next();
  };
  return soon;
}
